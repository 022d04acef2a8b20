"""Probe `similar_incidents`: did something like this happen before, and what solved it?"""

from datetime import datetime
from typing import Any

import polars as pl

from autopilot.analysis.changes.relation import identifiers, topics_of
from autopilot.analysis.clue import make_finding
from autopilot.analysis.logs.signatures import signature_of
from autopilot.analysis.probes.places import listed, match, names_in, speaks_of
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.windows import moment
from autopilot.incident.base import Line, TimeWindow, clean
from autopilot.incident.finding import Finding, Provenance
from autopilot.incident.investigation import FINDINGS_PER_PROBE

_ROWS = 1_000
"""Records that are read, the newest ones."""
_READ = 4_000
_ALIKE = 0.3
"""Likeness from which a record counts."""
_DAYS = 86_400


class SimilarIncidentsProbe(ProbeArguments):
    """Records about a service."""

    text: Line
    """Words of the trouble, such as `throttling of orders`; empty for every record of the service."""

    def answer(self, seen: Observed) -> Answer:
        """`present` with the records most alike; `absent` when there are records and none is alike."""
        windows = seen.windows
        records = seen.table("records")
        before = records.filter(pl.col("time").is_null() | (pl.col("time").cast(pl.Int64) < windows.alerted))
        if before.is_empty():
            return Answer(
                "unknown", "The case has no records: no past incidents, tickets or notes", missing=("records",)
            )
        keys = ["time", "id", "kind", "title", "body", "resolution", "service"]
        order = [True, *(False for _ in keys[1:])]
        rows = before.unique().sort(keys, descending=order, nulls_last=True).head(_ROWS).to_dicts()
        own = [row for row in rows if _about(row, self.service)]
        alike = sorted(((-_likeness(self.text, row), n) for n, row in enumerate(own)), key=lambda item: item)
        found = [own[n] for likeness, n in alike if -likeness >= _ALIKE]
        if not found:
            return self._none(rows, len(own), names_in(before["service"]), seen)
        findings = tuple(_finding(row, seen) for row in found[:FINDINGS_PER_PROBE])
        solved = sum(1 for row in found if row["resolution"])
        text = f"{_counted(len(found))} of {clean(self.service, 60)}, {solved} of them with what solved it: "
        return Answer("present", clean(text + "; ".join(f.summary for f in findings), 400), findings)

    def _none(self, rows: list[dict[str, Any]], own: int, services: tuple[str, ...], seen: Observed) -> Answer:
        asked = clean(self.service, 60)
        about = f' like "{clean(self.text, 60)}"' if self.text else ""
        others = f"; they are of {listed(services, self.service)}" if services and not own else ""
        text = f"None of the {own or len(rows)} records speaks of {asked}{about}{others}"
        return seen.absent("record", asked, text, source="records", query=f"records of {asked}{about}")


def _counted(records: int) -> str:
    return "1 record" if records == 1 else f"{records} records"


def _text(row: dict[str, Any]) -> str:
    return f"{row['title']}\n{row['body']}\n{row['resolution']}"[:_READ]


def _about(row: dict[str, Any], service: str) -> bool:
    """Whether a record is about a service: its own, or one that its text names."""
    named = service.strip()
    return bool(match(named, [row["service"]])) or (len(named) > 2 and speaks_of(_text(row), [named]))


def _likeness(text: str, row: dict[str, Any]) -> float:
    """How alike a record is: the share of the words asked for, or the same known failure; 1 without words."""
    if not text:
        return 1.0
    wanted, said = identifiers(text), _text(row)
    shared = len(wanted & identifiers(said)) / len(wanted) if wanted else 0.0
    known, theirs = signature_of(text), signature_of(said)
    same = 0.8 if known is not None and theirs is not None and known.cause == theirs.cause else 0.0
    topic = 0.4 if topics_of(text) & topics_of(said) else 0.0
    return max(shared, same, topic)


def _finding(row: dict[str, Any], seen: Observed) -> Finding:
    """One record; notes have no date that matters."""
    at: datetime | None = row["time"]
    alerted = moment(seen.windows.alerted)
    days = f", {(alerted - at).total_seconds() / _DAYS:.0f} days ago" if at is not None else ""
    outcome = f", outcome {clean(row['outcome'], 40)}" if row["outcome"] else ""
    solved = f"; solved by: {clean(row['resolution'], 120)}" if row["resolution"] else ""
    said = f": {clean(row['body'], 100)}" if row["body"] and not row["resolution"] else ""
    return make_finding(
        "record",
        service=row["service"], window=TimeWindow(start=min(at or alerted, alerted), end=alerted), score=0.4,
        summary=f"{row['kind'] or 'record'} {row['id']}{days}{outcome}: {clean(row['title'], 110)}{said}{solved}",
        provenance=Provenance(source="records", query=f"record {row['id']}"[:1_000], link=row["link"]),
    )  # fmt: skip


PROBE = ProbeKind(
    "Which past incidents, tickets and notes of a service speak of such trouble, and what solved it? `absent` "
    "means that there are records and none speaks of it.",
    SimilarIncidentsProbe,
    ("records",),
    ("present", "absent", "unknown"),
)
