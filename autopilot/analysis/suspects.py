"""Suspects: one ranking of (service, resource, cause kind, change or none) over everything that was found.

Each candidate gathers independent kinds of evidence by noisy-or: a kind of evidence counts once, by its strongest
clue, so that twenty series of one resource are not twenty witnesses. Changes earn little by standing close to
the onset and the rest by effects that began with them. What a cause explains ranks below it: a supported
change above the limits it exhausted, a failing callee above its callers.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from autopilot.analysis.blame import Place, blamed, passes_through
from autopilot.analysis.candidate import CEILING, Candidate, strongest_first, weigh
from autopilot.analysis.changes import Placed
from autopilot.analysis.clue import SYMPTOMS, Clue
from autopilot.analysis.culprits import change_candidates
from autopilot.analysis.onset import Onset
from autopilot.analysis.recurrence import family
from autopilot.incident.cause import CAUSE_MEANING, CauseKind

MOST = 8
"""Suspects in a dossier."""
ENOUGH = 0.35
"""Score that the best suspect needs; below it the evidence is insufficient."""
_LEAST = 0.15
_WEIGHTS = {"metric": 0.5, "log": 0.55, "trace": 0.5, "state": 0.6, "utilisation": 0.65, "recurrence": 0.15}
_SYMPTOM_WEIGHTS = {"metric": 0.45, "log": 0.35, "trace": 0.5, "state": 0.3}
_TRAFFIC = 0.6
_BELOW = 0.92
"""A candidate that another one explains stands at most this far below it."""
_PASSED_ON = 0.85
_CONSEQUENCE = 0.5
"""What a candidate counts that only hands on the trouble of something it calls."""
_OWN_SYMPTOMS = 0.3
"""What symptoms of the same service add to a cause that something else names."""


def rank(clues: Sequence[Clue], placed: Sequence[Placed], onset: Onset, place: Place) -> list[Candidate]:
    """The candidates worth naming, best first."""
    mechanisms = _mechanisms(clues, place)
    changes = change_candidates(placed, clues, place)
    candidates = [*mechanisms, *_unexplained(clues, mechanisms, place), *_surges(clues, onset, place)]
    ordered = _explained(candidates, changes, place)
    kept = [c for c in ordered if c.score >= _LEAST]
    return sorted(kept, key=lambda c: (-round(c.score, 4), c.service, c.cause, c.change.id if c.change else ""))[
        :MOST
    ]


def _mechanisms(clues: Sequence[Clue], place: Place) -> list[Candidate]:
    """Services with clues that name a cause: throttled, out of memory, pool exhausted …"""
    groups: dict[tuple[str, CauseKind], list[Clue]] = defaultdict(list)
    for clue in clues:
        cause = clue.finding.cause_kind
        if cause is not None and clue.adverse and cause != "bad_deploy":
            groups[blamed(clue, clues, place), min(family(cause))].append(clue)
    found: list[Candidate] = []
    for (service, head), group in sorted(groups.items()):
        repeats = [c for c in clues if c.signal == "recurrence" and c.service == service
                   and c.finding.cause_kind in family(head)]  # fmt: skip
        best = strongest_first(group)
        cause = _cause(best)
        lead = best[0]
        hurt = strongest_first(c for c in clues if c.service == service and _plain_symptom(c))
        doubt = 1 - _OWN_SYMPTOMS * max((c.score for c in hurt), default=0.0)
        score = (1 - (1 - weigh([*group, *repeats], _WEIGHTS)) * doubt) * place.relevance(service)
        if _only_fuller(group) and passes_through(service, _until(best), clues, place.graph):
            score *= _CONSEQUENCE
        seen = next((c.finding.resource for c in best if c.finding.resource and c.service == service), "")
        found.append(Candidate(
            service, place.resource(service, seen), cause, min(score, CEILING),
            (*best, *hurt[:3], *repeats),
            f"{CAUSE_MEANING[cause].capitalize()}: {lead.finding.summary}", region=lead.finding.region,
        ))  # fmt: skip
    return found


def _only_fuller(group: Sequence[Clue]) -> bool:
    """Whether all there is are gauges that rose: calls that wait for something slow fill every queue above it."""
    return all(c.finding.kind == "metric" and c.signal in ("saturation", "headroom") for c in group)


def _until(clues: Sequence[Clue]) -> int:
    """The latest moment at which the clues may have begun."""
    return max((c.onset + c.uncertainty for c in clues if c.onset is not None), default=0)


def _plain_symptom(clue: Clue) -> bool:
    """A symptom that names no cause: it says where it hurts, not why."""
    return clue.adverse and clue.signal in SYMPTOMS and clue.finding.cause_kind is None


def _cause(best: Sequence[Clue]) -> CauseKind:
    """The name of a group: a limit seen to be reached says more than the refusals that follow."""
    limits = [c for c in best if c.signal == "utilisation"]
    return (limits or list(best))[0].finding.cause_kind or "unknown"


def _unexplained(clues: Sequence[Clue], mechanisms: Sequence[Candidate], place: Place) -> list[Candidate]:
    """Services that suffer without a named cause; those that only hand trouble on count half."""
    named = {m.service for m in mechanisms if m.score >= ENOUGH}
    suffering: dict[str, list[Clue]] = defaultdict(list)
    for clue in clues:
        wordless = clue.adverse and clue.signal == "log" and clue.finding.cause_kind is None
        if (wordless or _plain_symptom(clue)) and clue.service not in named:
            suffering[clue.service].append(clue)
    found: list[Candidate] = []
    for service, group in sorted(suffering.items()):
        best = strongest_first(group)
        through = passes_through(service, _until(best), clues, place.graph)
        called = bool(place.graph.callers(service) & place.focus)
        cause: CauseKind = "dependency" if called else "unknown"
        score = weigh(group, _SYMPTOM_WEIGHTS) * place.relevance(service) * (_CONSEQUENCE if through else 1.0)
        found.append(Candidate(
            service, place.resource(service, best[0].finding.resource), cause, score, best,
            f"{service} suffers and nothing it calls explains it: {best[0].finding.summary}" if not through
            else f"{service} suffers as what it calls does: {best[0].finding.summary}",
            region=best[0].finding.region,
        ))  # fmt: skip
    return found


def _surges(clues: Sequence[Clue], onset: Onset, place: Place) -> list[Candidate]:
    """Demand that rose where users enter; a rise that came after the onset is rather a consequence."""
    risen = [
        c for c in clues
        if c.signal == "traffic" and c.finding.direction == "up" and c.service in place.focus
    ]  # fmt: skip
    entry = [c for c in risen if place.graph.is_entry(c.service)] or [
        c for c in risen if not place.graph.callers(c.service) & {r.service for r in risen}
    ]
    if not entry:
        return []
    best = strongest_first(entry)
    slack = onset.uncertainty + 60_000_000
    timely = any(c.moved_by(onset.at, slack) for c in entry)
    score = _TRAFFIC * best[0].score * (1.0 if timely else 0.4)
    lead = best[0].finding
    return [
        Candidate(
            lead.service, place.resource(lead.service, lead.resource), "traffic_surge", score, best,
            f"{CAUSE_MEANING['traffic_surge'].capitalize()}: {lead.summary}", region=lead.region,
        )
    ]  # fmt: skip


def _explained(candidates: Sequence[Candidate], changes: Sequence[Candidate], place: Place) -> list[Candidate]:
    """Candidates below what explains them; the clues of a change's own service count for the change."""
    strong = [c for c in changes if c.change is not None and c.score >= 0.5]
    kept: list[Candidate] = []
    for candidate in candidates:
        by = next((c for c in strong if _explains(c, candidate, place)), None)
        if by is None:
            kept.append(_below_callee(candidate, candidates, place))
        elif candidate.service != by.service or candidate.cause not in ("unknown", "dependency", "slow_query"):
            kept.append(replace(candidate, score=min(candidate.score, _BELOW * by.score)))
    return [*kept, *changes]


def _below_callee(candidate: Candidate, candidates: Sequence[Candidate], place: Place) -> Candidate:
    """A service without a cause of its own stands below a likely cause in what it calls."""
    if candidate.cause not in ("dependency", "unknown"):
        return candidate
    callees = place.graph.callees(candidate.service)
    limit = max((m.score * _PASSED_ON for m in candidates if m.score >= 0.5 and m.service in callees), default=1.0)
    return replace(candidate, score=min(candidate.score, limit))


def _explains(change: Candidate, other: Candidate, place: Place) -> bool:
    if change.change is None or other.cause == "traffic_surge" or other.onset is None:
        return False
    reach = {change.service} | place.graph.callees(change.service) | place.graph.callers(change.service)
    return other.service in reach and _until(other.clues) >= change.change.first
