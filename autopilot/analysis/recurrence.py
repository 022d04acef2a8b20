"""Recurrence: past incidents and tickets of the same services that look like this one."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, make_finding
from autopilot.analysis.signatures import signature_of
from autopilot.analysis.windows import Windows, micros, moment
from autopilot.incident.base import TimeWindow, clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Provenance

_ROWS = 500
_SHOWN = 4
_DAYS = 86_400_000_000
_MONTHLY = 3
"""Records on the same day of the month that make a habit."""
_ALIKE: tuple[frozenset[CauseKind], ...] = (
    frozenset({"throttled", "capacity", "quota"}),
    frozenset({"dependency", "network"}),
    frozenset({"crash", "startup", "image"}),
)


def family(cause: CauseKind) -> frozenset[CauseKind]:
    """Cause kinds that describe one and the same trouble from different sides."""
    return next((group for group in _ALIKE if cause in group), frozenset({cause}))


def recurrence_clues(
    records: pl.DataFrame, clues: Sequence[Clue], focus: frozenset[str], windows: Windows
) -> list[Clue]:
    """At most one finding per service and kind of cause, and one for a monthly habit."""
    causes = {kind for c in clues if c.finding.cause_kind and c.adverse for kind in family(c.finding.cause_kind)}
    alike: dict[tuple[str, CauseKind], list[dict[str, Any]]] = {}
    dated = records.filter(pl.col("time").is_not_null() & (pl.col("time").cast(pl.Int64) < windows.alerted))
    for row in (
        dated.unique()
        .sort(
            ["time", "id", "title", "body", "resolution", "service"], descending=[True, *(False for _ in range(5))]
        )
        .head(_ROWS)
        .to_dicts()
    ):
        service = _service(row, focus)
        known = signature_of(f"{row['title']} {row['body']} {row['resolution']}")
        if service and known and known.cause in causes:
            alike.setdefault((service, min(family(known.cause))), []).append(row)
    found = [_clue(service, rows, windows) for (service, _), rows in sorted(alike.items())]
    habit = _habit([row for rows in alike.values() for row in rows], windows)
    return [*found, *([habit] if habit else [])]


def _service(row: dict[str, Any], focus: frozenset[str]) -> str:
    """The service a record is about: its own, or the first of the focus that its text names."""
    if row["service"] in focus:
        return str(row["service"])
    text = f"{row['title']} {row['body']}".lower()
    return next((s for s in sorted(focus) if len(s) > 2 and s.lower() in text), "")


def _clue(service: str, rows: list[dict[str, Any]], windows: Windows) -> Clue:
    known = signature_of(f"{rows[0]['title']} {rows[0]['body']} {rows[0]['resolution']}")
    days = (windows.alerted - micros(rows[-1]["time"])) / _DAYS
    shown = "; ".join(
        f"{row['id']} ({row['time']:%Y-%m-%d}) {clean(row['title'], 60)}"
        + (f", solved by: {clean(row['resolution'], 70)}" if row["resolution"] else "")
        for row in rows[:_SHOWN]
    )
    finding = make_finding(
        "recurrence",
        service=service, window=_span(rows, windows), direction="none", size=float(len(rows)),
        observed=float(len(rows)), unit="records", score=min(0.3 + 0.15 * len(rows), 0.9),
        summary=f"{_counted(len(rows))} of {service} in {days:.0f} days: {shown}",
        cause_kind=known.cause if known else None,
        provenance=Provenance(source="records", query=f"records of {service}", link=rows[0]["link"]),
    )  # fmt: skip
    return Clue(finding, "recurrence")


def _counted(records: int) -> str:
    return "1 earlier record like this" if records == 1 else f"{records} earlier records like this"


def _span(rows: list[dict[str, Any]], windows: Windows) -> TimeWindow:
    return TimeWindow(start=min(row["time"] for row in rows), end=moment(windows.alerted))


def _habit(rows: list[dict[str, Any]], windows: Windows) -> Clue | None:
    """Whether records gather on the day of the month that the incident falls on."""
    today = moment(windows.alerted)
    months = Counter((row["time"].day, row["time"].year, row["time"].month) for row in rows)
    same = [key for key in months if key[0] == today.day]
    if len(same) < _MONTHLY:
        return None
    about = min(rows, key=lambda row: row["id"])
    finding = make_finding(
        "recurrence",
        service=about["service"] or "unknown", window=_span(rows, windows), size=float(len(same)), score=0.7,
        summary=f"Like records fall on day {today.day} of {len(same)} months: look for work scheduled monthly",
        cause_kind="batch_job", provenance=Provenance(source="records", query="records by day of month"),
    )  # fmt: skip
    return Clue(finding, "recurrence")
