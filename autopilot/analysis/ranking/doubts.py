"""Doubts: what speaks against the obvious reading, and why a change that came at the right time is not blamed."""

from collections.abc import Sequence

from autopilot.analysis.changes.diffs import NATURE_TOLD
from autopilot.analysis.changes.placing import Placed
from autopilot.analysis.clue import Clue, amount
from autopilot.analysis.ranking.candidate import Candidate
from autopilot.analysis.ranking.culprits import CLEARS, tied
from autopilot.incident.cause import MECHANISMS
from autopilot.incident.finding import VersionHealth

_MOST = 6
_LATE = 3
_NEAR = 0.3
"""Closeness from which a change is near enough that somebody will ask about it: about an hour."""
_LACK = "no change brings this about"
_CLEAR = 0.35
"""Score of a cause that counts as an explanation."""


def doubts(
    placed: Sequence[Placed],
    candidates: Sequence[Candidate],
    versions: Sequence[tuple[VersionHealth, Clue]],
    clues: Sequence[Clue],
) -> tuple[str, ...]:
    """At most six lines: changes that are not blamed and why, then what speaks against the first suspect."""
    late = [
        f"{p.clue.finding.summary} It is recorded after the onset, so it is not taken for the cause."
        for p in placed if p.after_onset and not tied(p, clues)
    ]  # fmt: skip
    best = candidates[0] if candidates else None
    told = late[:_LATE]
    if best is not None:
        told += _against(best, candidates, versions) + _cleared(placed, best)
    return tuple(told[:_MOST])


def _against(
    best: Candidate, candidates: Sequence[Candidate], versions: Sequence[tuple[VersionHealth, Clue]]
) -> list[str]:
    """What speaks against a change that leads the suspects."""
    change = best.change
    if change is None:
        return []
    healthy = [h for h, _ in versions if h.healthy and h.version == change.version and h.service == change.service]
    told = [f"Against the first suspect: {h.evidence}" for h in healthy[:1]]
    surge = next((c for c in candidates if c.cause == "traffic_surge" and c.score >= _CLEAR), None)
    if surge is not None:
        told.append(f"Demand moved as well and explains a part: {surge.clues[0].finding.summary}")
    return told


def _cleared(placed: Sequence[Placed], best: Candidate) -> list[str]:
    """Near changes that lead to nothing, with what clears them."""
    told: list[str] = []
    for p in placed:
        change = p.change
        blamed = best.change is not None and best.change.id == change.id
        if blamed or p.after_onset or p.closeness < _NEAR or p.near < 0.5 or best.score < _CLEAR:
            continue
        why = _why(p, best)
        if why:
            name = f"{change.kind} {change.version}".strip()
            minutes = amount((1 / p.closeness - 1) * 30)
            told.append(
                f"The {name} of {change.service} came {minutes} min before the onset, yet {why}: not blamed."
            )
    return told


def _why(p: Placed, best: Candidate) -> str:
    if p.relation.nature in NATURE_TOLD:
        return f"it {NATURE_TOLD[p.relation.nature]}"
    if best.mechanism is not None and best.mechanism in CLEARS:
        return f"{_LACK}: {MECHANISMS[best.mechanism][1]}"
    if p.relation.nature != "unknown" and p.relation.meets < 0.2 and not p.shifts:
        return "nothing that it edits is known for what went wrong"
    return ""
