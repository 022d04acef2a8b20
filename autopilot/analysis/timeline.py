"""Timeline: the moments that tell the story, in order."""

from collections.abc import Mapping, Sequence

from autopilot.analysis.changes.placing import Placed
from autopilot.analysis.clue import Clue
from autopilot.analysis.onset import Onset
from autopilot.analysis.windows import moment
from autopilot.incident.finding import TimelineEntry

MOST = 80
_MOVES = 25
_LINES = 15
_TELLING: dict[str, int] = {"onset": 0, "change": 1, "alarm": 2, "log": 3}
"""Which kinds of moments stay when there are too many; the rest comes after."""


def tell(
    clues: Sequence[Clue], placed: Sequence[Placed], onset: Onset, ids: Mapping[int, str]
) -> tuple[TimelineEntry, ...]:
    """Changes, alarms, failures in logs, what moved, and the onset. `ids`: identity of a clue → finding id."""
    entries: list[TimelineEntry] = []
    if onset.measured:
        entries.append(TimelineEntry(
            at=moment(onset.at), kind="onset",
            text=f"First clear symptom (give or take {onset.uncertainty / 1e6:.0f} s)",
        ))  # fmt: skip
    entries += [_entry(p.clue, "change", ids, late=p.after_onset) for p in placed]
    entries += [_entry(c, "alarm", ids) for c in clues if c.signal == "alarm"]
    failures = [c for c in clues if c.signal == "log" and c.adverse and c.onset is not None]
    entries += [_entry(c, "log", ids) for c in _best(failures, _LINES)]
    moves = [c for c in clues if c.onset is not None and c.finding.kind in ("metric", "state", "trace")]
    entries += [_entry(c, "note", ids) for c in _best(moves, _MOVES)]
    ordered = sorted(entries, key=lambda e: (e.at, e.kind, e.text))
    return tuple(ordered[-MOST:])


def most_telling(entries: Sequence[TimelineEntry], most: int) -> tuple[TimelineEntry, ...]:
    """At most so many moments, in their order; of one kind those that stand next to the onset stay."""
    begun = next((e.at for e in entries if e.kind == "onset"), None)
    distances = [abs((e.at - begun).total_seconds()) if begun else 0.0 for e in entries]
    weights = [_TELLING.get(e.kind, len(_TELLING)) for e in entries]
    ranked = sorted(range(len(entries)), key=lambda n: (weights[n], distances[n], n))
    return tuple(entries[n] for n in sorted(ranked[:most]))


def _best(clues: Sequence[Clue], most: int) -> list[Clue]:
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:most]


def _entry(clue: Clue, kind: str, ids: Mapping[int, str], *, late: bool = False) -> TimelineEntry:
    values = {
        "at": moment(clue.onset or 0), "kind": kind, "text": clue.finding.summary,
        "finding_id": ids.get(id(clue), ""), "after_onset": late,
    }  # fmt: skip
    return TimelineEntry.model_validate(values)
