"""Causes that something names: throttled, out of memory, a selector that matches nothing …"""

from collections import defaultdict
from collections.abc import Sequence

from autopilot.analysis.clue import Clue
from autopilot.analysis.ranking.blame import Place, blamed, passes_through
from autopilot.analysis.ranking.candidate import CEILING, Candidate, strongest_first, until, weigh
from autopilot.analysis.ranking.located import relevance
from autopilot.analysis.ranking.weights import Weights
from autopilot.incident.cause import CAUSE_MEANING, MECHANISMS, CauseKind, Mechanism, family


def named_causes(clues: Sequence[Clue], place: Place, weights: Weights) -> list[Candidate]:
    """A candidate per service and cause that clues name; clues that name a mechanism stand for themselves."""
    groups: dict[tuple[str, CauseKind, Mechanism | None], list[Clue]] = defaultdict(list)
    for clue in clues:
        cause = clue.finding.cause_kind
        if cause is not None and clue.adverse and cause != "bad_deploy":
            groups[blamed(clue, clues, place), min(family(cause)), clue.finding.mechanism].append(clue)
    ordered = sorted(groups.items(), key=lambda item: (item[0][0], item[0][1], item[0][2] or ""))
    return [
        _candidate(service, mechanism, group, clues, place, weights)
        for (service, _, mechanism), group in ordered
    ]  # fmt: skip


def _candidate(
    service: str,
    mechanism: Mechanism | None,
    group: Sequence[Clue],
    clues: Sequence[Clue],
    place: Place,
    weights: Weights,
) -> Candidate:
    best = strongest_first(group)
    cause, lead = _cause(best), best[0]
    repeats = [c for c in clues if c.signal == "recurrence" and c.service == service
               and c.finding.cause_kind in family(cause)]  # fmt: skip
    hurt = strongest_first(c for c in clues if c.service == service and c.plain_symptom)
    doubt = 1 - weights.own_symptoms * max((c.score for c in hurt), default=0.0)
    score = (1 - (1 - weigh([*group, *repeats], weights.named)) * doubt) * _relevance(service, group, place)
    if _only_fuller(group) and passes_through(service, until(best), clues, place.graph):
        score *= weights.consequence
    seen = next((c.finding.resource for c in best if c.finding.resource and c.service == service), "")
    meaning = MECHANISMS[mechanism][1] if mechanism else CAUSE_MEANING[cause]
    return Candidate(
        service, place.resource(service, seen), cause, min(score, CEILING), (*best, *hurt[:3], *repeats),
        f"{meaning[0].upper()}{meaning[1:]}: {lead.finding.summary}", region=lead.finding.region,
        mechanism=mechanism,
    )  # fmt: skip


def _relevance(service: str, group: Sequence[Clue], place: Place) -> float:
    """That of the service, or of the most relevant one that depends on it."""
    around = frozenset[str]().union(*(c.reach for c in group))
    return max(relevance(s, group, place) for s in {service, *around})


def _only_fuller(group: Sequence[Clue]) -> bool:
    """Whether all there is are gauges that rose: calls that wait for something slow fill every queue above it."""
    return all(c.finding.kind == "metric" and c.signal in ("saturation", "headroom") for c in group)


def _cause(best: Sequence[Clue]) -> CauseKind:
    """The name of a group: a limit seen to be reached says more than the refusals that follow."""
    limits = [c for c in best if c.signal == "utilisation"]
    return (limits or list(best))[0].finding.cause_kind or "unknown"
