"""Located causes: services in which, by single traces, the trouble of requests begins."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from autopilot.analysis.clue import LOCATED, Clue
from autopilot.analysis.ranking.blame import Place
from autopilot.analysis.ranking.candidate import Candidate, strongest_first, weigh
from autopilot.analysis.ranking.weights import Weights
from autopilot.incident.cause import CauseKind

_CLEAR = 0.3
"""Score from which a clue of a trace decides where trouble begins."""


def is_located(clues: Sequence[Clue]) -> bool:
    """Whether traces show that the trouble begins here: then nothing below explains it."""
    return any(c.signal in LOCATED and c.score >= _CLEAR for c in clues)


def relevance(service: str, clues: Sequence[Clue], place: Place) -> float:
    """How much a service counts: where single traces lead to it, it does not matter who looks well in between."""
    return (replace(place, support={}) if is_located(clues) else place).relevance(service)


def located_causes(
    clues: Sequence[Clue], explained: frozenset[str], place: Place, weights: Weights
) -> list[Candidate]:
    """Services that traces blame while nothing names the cause; their other symptoms support it.

    Args:
        clues: Everything found.
        explained: Services that have a likely named cause already.
        place: The surroundings.
        weights: Of the fusion.
    """
    symptoms: dict[str, list[Clue]] = defaultdict(list)
    for clue in clues:
        if clue.plain_symptom and clue.service not in explained:
            symptoms[clue.service].append(clue)
    return [
        _candidate(service, group, place, weights)
        for service, group in sorted(symptoms.items()) if is_located(group)
    ]  # fmt: skip


def _candidate(service: str, group: Sequence[Clue], place: Place, weights: Weights) -> Candidate:
    found = strongest_first(c for c in group if c.signal in LOCATED)
    others = strongest_first(c for c in group if c.signal not in LOCATED)
    cause: CauseKind = "dependency" if place.graph.callers(service) & place.focus else "unknown"
    return Candidate(
        service, place.resource(service, found[0].finding.resource), cause,
        weigh([*found, *others], weights.symptoms) * relevance(service, group, place), (*found, *others)[:12],
        f"By single traces the trouble begins in {service}: {found[0].finding.summary}",
        region=found[0].finding.region,
    )  # fmt: skip
