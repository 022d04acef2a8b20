"""The columns of a case: one normalised format for live incidents, benchmarks and tests.

Times are UTC microsecond datetimes. Text columns are never null (empty string instead); numbers may be null. The
texts of metrics repeat on millions of rows: they are `LABEL`s, text that is kept once and referred to.
"""

from collections.abc import Iterable, Mapping

import polars as pl

from autopilot.incident.evidence import Table

UTC = pl.Datetime("us", "UTC")
TEXT = pl.String
LABEL = pl.Categorical

SEVERE_LEVELS = ("ERROR", "ERR", "FATAL", "CRITICAL", "CRIT", "SEVERE", "EMERG", "EMERGENCY", "ALERT", "PANIC")
"""Log levels, in capitals, that tell of a failure."""
FAILED_STATUSES = ("error", "throttled", "fault")
"""What the status of a span is when its call failed."""

SCHEMAS: dict[Table, dict[str, pl.DataType | type[pl.DataType]]] = {
    # One sample. `dimensions` is JSON with sorted keys; `version` and `region` are split out when known.
    "metrics": {
        "time": UTC, "service": LABEL, "resource": LABEL, "region": LABEL, "namespace": LABEL, "metric": LABEL,
        "statistic": LABEL, "dimensions": LABEL, "value": pl.Float64, "unit": LABEL, "source": LABEL,
    },
    # kind: application | access | audit
    "logs": {
        "time": UTC, "service": TEXT, "resource": TEXT, "region": TEXT, "kind": TEXT, "level": TEXT,
        "message": TEXT, "trace_id": TEXT, "span_id": TEXT,
    },
    # duration in seconds; status: ok | error | throttled; version: what served, when known
    "spans": {
        "trace_id": TEXT, "span_id": TEXT, "parent_id": TEXT, "service": TEXT, "operation": TEXT, "region": TEXT,
        "start": UTC, "duration": pl.Float64, "status": TEXT, "version": TEXT,
    },
    # kind: deploy | commit | config | flag | scaling | maintenance. files and review: JSON lists of text.
    "changes": {
        "time": UTC, "id": TEXT, "kind": TEXT, "service": TEXT, "resource": TEXT, "region": TEXT, "version": TEXT,
        "author": TEXT, "summary": TEXT, "link": TEXT, "files": TEXT, "diff": TEXT, "review": TEXT,
    },
    # state: firing | resolved
    "alarms": {
        "time": UTC, "name": TEXT, "service": TEXT, "resource": TEXT, "region": TEXT, "state": TEXT,
        "reason": TEXT, "metric": TEXT, "link": TEXT,
    },
    # caller calls callee; source: trace | configuration | catalogue
    "topology": {"caller": TEXT, "callee": TEXT, "weight": pl.Float64, "source": TEXT},
    # Observed objects and events: kind such as ecs_service, event; body is JSON.
    "state": {
        "time": UTC, "kind": TEXT, "name": TEXT, "service": TEXT, "region": TEXT, "body": TEXT,
    },
    # Resources that tools may touch. settings, versions: JSON. See docs/contract.md for the kinds.
    "inventory": {
        "resource": TEXT, "kind": TEXT, "name": TEXT, "service": TEXT, "region": TEXT, "settings": TEXT,
        "versions": TEXT, "health": TEXT, "source": TEXT,
    },
    # Past incidents, tickets, documents, service notes.
    "records": {
        "time": UTC, "id": TEXT, "kind": TEXT, "service": TEXT, "title": TEXT, "body": TEXT, "resolution": TEXT,
        "outcome": TEXT, "link": TEXT,
    },
}  # fmt: skip


def frame(table: Table, rows: Iterable[Mapping[str, object]] | None = None) -> pl.DataFrame:
    """A frame of a table from dict rows; missing text becomes "", unknown keys are ignored."""
    return conform(table, pl.DataFrame(list(rows or ()), infer_schema_length=None))


def conform(table: Table, data: pl.DataFrame) -> pl.DataFrame:
    """Bring any frame to the table's columns, order and types. Raises polars errors on impossible types."""
    columns: list[pl.Expr] = []
    for name, kind in SCHEMAS[table].items():
        column = pl.col(name) if name in data.columns else pl.lit(None).alias(name)
        if kind != LABEL:
            column = column.cast(kind)
        elif name not in data.columns or data.schema[name] != LABEL:
            column = column.cast(TEXT).cast(LABEL)
        columns.append(column.fill_null("") if kind in (TEXT, LABEL) else column)
    return data.select(columns) if data.height else pl.DataFrame(schema=SCHEMAS[table])
