"""The texts of a case that people outside wrote, whether or not a finding quotes them: where to look for orders."""

from collections.abc import Iterator, Mapping

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.incident.base import clean
from autopilot.incident.evidence import CaseManifest, Table
from autopilot.reasoning.tables import StoredTables

MOST = 3_000
"""Lines that are read of one case; log lines are not among them, findings quote those that matter."""
LONGEST = 2_000
"""Characters that are read of one line."""

_LIST = TypeAdapter(list[str])
_WRITTEN: Mapping[Table, tuple[str, tuple[str, ...]]] = {
    "changes": ("id", ("summary", "review", "diff", "author")),
    "records": ("id", ("title", "body", "resolution")),
    "alarms": ("name", ("name", "reason")),
    "inventory": ("name", ("name", "resource", "service", "health")),
    "topology": ("caller", ("caller", "callee")),
}
"""Table → the column that identifies a row, and the columns that are written by hand."""


def collected_texts(tables: StoredTables, manifest: CaseManifest) -> dict[str, str]:
    """Where a line stands ("review of github:c7, line 1") → the line, of changes, records, alarms and names.

    Raises Failure when a part of the case is missing or not what was stored.
    """
    found: dict[str, str] = {}
    for table in _WRITTEN:
        found |= _lines(table, tables.read(manifest, table))
    return dict(list(found.items())[:MOST])


def _lines(table: Table, rows: pl.DataFrame) -> dict[str, str]:
    key, columns = _WRITTEN[table]
    return {
        f"{column} of {clean(row[key], 60)} ({table}), line {number}": line
        for row in rows.head(MOST).iter_rows(named=True)
        for column in columns
        for number, line in enumerate(_split(str(row[column] or "")), start=1)
    }


def _split(text: str) -> Iterator[str]:
    """Lines without the marks of a diff; a JSON list of texts is taken apart."""
    for piece in _pieces(text):
        for line in piece.splitlines():
            if bare := line.lstrip("+- ").strip():
                yield bare[:LONGEST]


def _pieces(text: str) -> list[str]:
    try:
        return _LIST.validate_json(text) if text.startswith("[") else [text]
    except ValidationError:
        return [text]
