"""Reading a case through the store's port alone: whoever analyses needs neither settings nor a vendor."""

import hashlib
import io

import polars as pl

from autopilot.case.case import Case
from autopilot.case.schema import LABEL, SCHEMAS, conform
from autopilot.incident.evidence import CaseManifest, CasePart, Table
from autopilot.incident.ports import CaseStore, Failure


def load_case(store: CaseStore, manifest: CaseManifest) -> Case:
    """Every part of a case. Rows that an earlier part of the same source already brought are not taken twice.

    Labels become an `Enum` of exactly those that occur: one or two bytes a row instead of four.

    Raises:
        Failure: a part is missing or not what was stored.
    """
    seen: dict[tuple[Table, str], pl.DataFrame] = {}
    for part in manifest.parts:
        rows = _rows(store, part)
        key: tuple[Table, str] = (part.table, part.source)
        if key in seen:
            new = rows.join(seen[key], on=rows.columns, how="anti", nulls_equal=True, maintain_order="left")
            seen[key] = pl.concat([seen[key], new])
        else:
            seen[key] = rows
    tables: dict[Table, list[pl.DataFrame]] = {}
    for (table, _), rows in seen.items():
        tables.setdefault(table, []).append(rows)
    del seen
    return Case(manifest, {table: _together(table, parts) for table, parts in tables.items()})


def _together(table: Table, parts: list[pl.DataFrame]) -> pl.DataFrame:
    """One frame; empties `parts` on the way, so that rows are held once only."""
    labels = [name for name, kind in SCHEMAS[table].items() if kind == LABEL]
    kinds = {
        name: pl.Enum(pl.concat([_occurring(part[name]) for part in parts]).unique().sort()) for name in labels
    }
    narrow: list[pl.DataFrame] = []
    while parts:
        narrow.append(parts.pop(0).with_columns(pl.col(name).cast(kind) for name, kind in kinds.items()))
    return pl.concat(narrow)


def _occurring(labels: pl.Series) -> pl.Series:
    """The texts that occur; of a run of equal neighbours only the first is looked at."""
    return labels.filter((labels != labels.shift(1)).fill_null(True)).unique().cast(pl.String)


def _rows(store: CaseStore, part: CasePart) -> pl.DataFrame:
    content = store.get(part.uri)
    if hashlib.sha256(content).hexdigest() != part.sha256:
        raise Failure(
            f"Case part {part.uri!r} is not what was stored (checksum differs); "
            "restore it from a backup or collect again.",
            who="operator",
        )
    return conform(part.table, pl.read_parquet(io.BytesIO(content)))
