"""Recurrence: past incidents and tickets of the same services that look like this one."""

from collections.abc import Sequence
from typing import Any

import polars as pl

from autopilot.analysis.changes.change import Change
from autopilot.analysis.changes.relation import symptoms, topics_of
from autopilot.analysis.clue import Clue, make_finding
from autopilot.analysis.history.habits import habit_clues
from autopilot.analysis.logs.signatures import signature_of
from autopilot.analysis.windows import Windows, micros, moment
from autopilot.incident.base import TimeWindow, clean
from autopilot.incident.cause import CauseKind, family
from autopilot.incident.evidence import NOTE, WRONG_ANALYSIS
from autopilot.incident.finding import Provenance

_ROWS = 500
_SHOWN = 4
_DAYS = 86_400_000_000
_RELEASES = ("deploy", "deployment", "release", "change")
"""Kinds of records that tell of a change, not of trouble."""
_NO_TROUBLE = (*_RELEASES, NOTE, WRONG_ANALYSIS)
"""Kinds of records that are no earlier incident."""


def recurrence_clues(
    records: pl.DataFrame,
    clues: Sequence[Clue],
    focus: frozenset[str],
    windows: Windows,
    changes: Sequence[Change] = (),
) -> list[Clue]:
    """At most one finding per service and kind of cause, and one for a rhythm that the records keep."""
    causes = {kind for c in clues if c.finding.cause_kind and c.adverse for kind in family(c.finding.cause_kind)}
    spoken = frozenset(topic for said in symptoms(clues) for topic in topics_of(said.text))
    alike: dict[tuple[str, CauseKind], list[dict[str, Any]]] = {}
    related: list[dict[str, Any]] = []
    rows = _dated(records, windows)
    for row in rows:
        service = _service(row, focus)
        text = f"{row['title']} {row['body']} {row['resolution']}"
        known = signature_of(text)
        if not service or row["kind"] in _NO_TROUBLE:
            continue
        if known and known.cause in causes:
            alike.setdefault((service, min(family(known.cause))), []).append(row)
        if (known and known.cause in causes) or spoken & topics_of(text):
            related.append(row | {"service": service})
    released = [row["time"] for row in rows if row["kind"] in _RELEASES and _service(row, focus)]
    deployed = [moment(c.first) for c in changes if c.kind == "deploy" and c.service in focus]
    return [
        *(_clue(service, own, windows) for (service, _), own in sorted(alike.items())),
        *habit_clues(related, [*released, *deployed], moment(windows.alerted)),
    ]


def _dated(records: pl.DataFrame, windows: Windows) -> list[dict[str, Any]]:
    """The records of before the alarm, newest first; at most _ROWS."""
    dated = records.filter(pl.col("time").is_not_null() & (pl.col("time").cast(pl.Int64) < windows.alerted))
    keys = ["time", "id", "title", "body", "resolution", "service"]
    return dated.unique().sort(keys, descending=[True, *(False for _ in keys[1:])]).head(_ROWS).to_dicts()


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
