"""What people wrote down: notes about a service, and analyses of earlier incidents that turned out wrong.

Both become findings that can be cited. Neither is a symptom or makes a suspect: they enter after the ranking, so
that text from outside cannot move it.
"""

from collections.abc import Sequence
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, make_finding
from autopilot.analysis.history.invariants import not_kept
from autopilot.analysis.windows import Windows
from autopilot.incident.base import clean
from autopilot.incident.cause import CAUSE_KINDS
from autopilot.incident.evidence import NOTE, WRONG_ANALYSIS
from autopilot.incident.finding import Provenance

MOST = 16
"""Findings of this kind in a dossier."""
_MOST_NOTES = 6
"""Of one service."""
_MOST_DENIALS = 2
"""Of one kind of cause at one service; the newest."""
_WORDS = {"owners": "owner", "invariants": "invariant", "quirks": "known quirk", "links": "link"}
_ORDER = ("invariants", "quirks", "owners", "links")


def told_clues(records: pl.DataFrame, facts: Sequence[Clue], windows: Windows) -> list[Clue]:
    """Every note and every wrong analysis of the records, bounded per service; which matter is chosen later."""
    rows = records.filter(pl.col("kind").is_in([NOTE, WRONG_ANALYSIS])).unique().sort("service", "id").to_dicts()
    notes = [row for row in rows if row["kind"] == NOTE and row["title"]]
    denied = [
        row for row in rows if row["kind"] == WRONG_ANALYSIS and row["outcome"] in CAUSE_KINDS and row["time"]
    ]
    kept: dict[tuple[str, str], list[Clue]] = {}
    for row in sorted(notes, key=_place):
        broken = not_kept(row["title"], row["service"], facts) if row["outcome"] == "invariants" else ""
        kept.setdefault((row["service"], ""), []).append(_note(row, broken, windows))
    for row in sorted(denied, key=lambda r: r["time"], reverse=True):
        kept.setdefault((row["service"], row["outcome"]), []).append(_denial(row, windows))
    return [
        clue
        for (_, cause), clues in kept.items()
        for clue in sorted(clues, key=lambda c: -c.score)[: _MOST_DENIALS if cause else _MOST_NOTES]
    ]


def chosen(told: Sequence[Clue], services: Sequence[str]) -> list[Clue]:
    """What concerns these services, the foremost service first; at most so many as a dossier has room for."""
    places = {service: place for place, service in reversed(list(enumerate(services)))}
    own = [clue for clue in told if clue.service in places]
    return sorted(own, key=lambda clue: (-clue.score, places[clue.service]))[:MOST]


def _place(row: dict[str, Any]) -> tuple[int, int, str]:
    """Kind first, then the number at the end of the id: the order of the file."""
    number = str(row["id"]).rpartition(":")[2]
    kind = _ORDER.index(row["outcome"]) if row["outcome"] in _ORDER else len(_ORDER)
    return kind, int(number) if number.isdecimal() and len(number) < 10 else 0, str(row["id"])


def _note(row: dict[str, Any], broken: str, windows: Windows) -> Clue:
    where = f" ({clean(row['body'], 80)})" if row["body"] else ""
    said = clean(row["title"], 150 if broken else 250)
    text = f"Note on {clean(row['service'], 60)}, {_WORDS.get(row['outcome'], 'note')}: {said}{where}"
    return _clue(row, f"{text}; {broken}" if broken else text, "notes", 0.5 if broken else 0.1, windows)


def _denial(row: dict[str, Any], windows: Windows) -> Clue:
    said = f" (they said: {clean(row['body'], 120)})" if row["body"] else ""
    text = f"On {row['time']:%Y-%m-%d} people said this analysis was wrong: {clean(row['title'], 180)}{said}"
    return _clue(row, text, "knowledge", 0.3, windows)


def _clue(row: dict[str, Any], summary: str, source: str, score: float, windows: Windows) -> Clue:
    # No kind of cause: a note names none, and a wrong analysis must never count as support of what it denies.
    finding = make_finding(
        "record",
        service=row["service"], window=windows.whole, score=score, summary=summary,
        provenance=Provenance(source=source, query=row["id"], link=row["link"]),
    )  # fmt: skip
    return Clue(finding, "record")
