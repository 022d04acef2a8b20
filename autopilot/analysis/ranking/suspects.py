"""Suspects: one ranking of (service, resource, cause kind, change or none) over everything that was found.

Each candidate gathers independent kinds of evidence by noisy-or: a kind of evidence counts once, by its strongest
clue, so that twenty series of one resource are not twenty witnesses. Changes earn little by standing close to
the onset and the rest by effects that began with them. What a cause explains ranks below it: a supported
change above the limits it exhausted, a failing callee above its callers.
"""

from collections.abc import Sequence
from dataclasses import replace

from autopilot.analysis.changes.placing import Placed
from autopilot.analysis.clue import Clue
from autopilot.analysis.onset import Onset
from autopilot.analysis.ranking.blame import Place
from autopilot.analysis.ranking.candidate import Candidate, strongest_first, until
from autopilot.analysis.ranking.culprits import CLEARS, change_candidates
from autopilot.analysis.ranking.localisation import sufferers
from autopilot.analysis.ranking.located import is_located, located_causes
from autopilot.analysis.ranking.named import named_causes
from autopilot.analysis.ranking.weights import WEIGHTS, Weights
from autopilot.incident.cause import CAUSE_MEANING

MOST = 8
"""Suspects in a dossier."""
ENOUGH = 0.35
"""Score that the best suspect needs; below it the evidence is insufficient."""
_LEAST = 0.05
"""Below it a name would be a guess; between it and ENOUGH the order alone is worth something."""
_LEAST_CHANGE = 0.15
"""The same for a change: somebody made it, so that naming it accuses."""


def rank(
    clues: Sequence[Clue], placed: Sequence[Placed], onset: Onset, place: Place, weights: Weights = WEIGHTS
) -> list[Candidate]:
    """The candidates worth naming, best first."""
    named = named_causes(clues, place, weights)
    explained = frozenset(c.service for c in named if c.score >= ENOUGH)
    changes = change_candidates(placed, clues, place, weights, named)
    located = located_causes(clues, explained, place, weights)
    explained |= {c.service for c in located}
    candidates = [
        *named, *located, *sufferers(clues, explained, place, weights), *_surges(clues, onset, place, weights)
    ]  # fmt: skip
    ordered = _explained(candidates, changes, place, weights)
    kept = [c for c in ordered if c.score >= (_LEAST if c.change is None else _LEAST_CHANGE)]
    return sorted(kept, key=_order)[:MOST]


def _order(candidate: Candidate) -> tuple[float, str, str, str, str]:
    change = candidate.change.id if candidate.change else ""
    return (-round(candidate.score, 4), candidate.service, candidate.cause, candidate.mechanism or "", change)


def _surges(clues: Sequence[Clue], onset: Onset, place: Place, weights: Weights) -> list[Candidate]:
    """Demand that rose where users enter; a rise that came after the onset is rather a consequence."""
    risen = [
        c for c in clues
        if c.signal == "traffic" and c.finding.direction == "up" and c.service in place.focus
    ]  # fmt: skip
    # Elsewhere it is not demand: callers that are not asked more themselves ask otherwise than before.
    entry = [c for c in risen if place.graph.is_entry(c.service) or c.service in place.scope]
    if not entry:
        return []
    best = strongest_first(entry)
    slack = onset.uncertainty + 60_000_000
    timely = any(c.moved_by(onset.at, slack) for c in entry)
    score = weights.traffic * best[0].score * (1.0 if timely else 0.4)
    lead = best[0].finding
    return [
        Candidate(
            lead.service, place.resource(lead.service, lead.resource), "traffic_surge", score, best,
            f"{CAUSE_MEANING['traffic_surge'].capitalize()}: {lead.summary}", region=lead.region,
        )
    ]  # fmt: skip


def _explained(
    candidates: Sequence[Candidate], changes: Sequence[Candidate], place: Place, weights: Weights
) -> list[Candidate]:
    """Candidates below what explains them; the clues of a change's own service count for the change."""
    strong = [c for c in changes if c.change is not None and c.score >= 0.5]
    kept: list[Candidate] = []
    for candidate in candidates:
        by = next((c for c in strong if _explains(c, candidate, place)), None)
        if by is None:
            kept.append(_below_callee(candidate, candidates, place, weights))
        elif candidate.service != by.service or candidate.cause not in ("unknown", "dependency", "slow_query"):
            kept.append(replace(candidate, score=min(candidate.score, weights.below * by.score)))
    return [*kept, *changes]


def _below_callee(
    candidate: Candidate, candidates: Sequence[Candidate], place: Place, weights: Weights
) -> Candidate:
    """A service without a cause of its own stands below a likely cause in what it calls."""
    if candidate.cause not in ("dependency", "unknown") or is_located(candidate.clues):
        return candidate
    callees = place.graph.callees(candidate.service)
    limit = max(
        (m.score * weights.passed_on for m in candidates if m.score >= 0.5 and m.service in callees), default=1.0
    )
    return replace(candidate, score=min(candidate.score, limit))


def _explains(change: Candidate, other: Candidate, place: Place) -> bool:
    if change.change is None or other.cause == "traffic_surge" or other.mechanism in CLEARS or other.onset is None:
        return False
    reach = {change.service} | place.graph.callees(change.service) | place.graph.callers(change.service)
    return other.service in reach and until(other.clues) >= change.change.first
