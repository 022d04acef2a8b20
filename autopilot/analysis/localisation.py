"""Localisation: services that suffer while nothing names a cause, and which of them the trouble starts in."""

from collections import defaultdict
from collections.abc import Sequence

from autopilot.analysis.blame import Place, passes_through
from autopilot.analysis.candidate import Candidate, strongest_first, until, weigh
from autopilot.analysis.clue import Clue
from autopilot.analysis.weights import Weights
from autopilot.incident.cause import CauseKind


def sufferers(clues: Sequence[Clue], explained: frozenset[str], place: Place, weights: Weights) -> list[Candidate]:
    """Services that suffer without a named cause; those that only hand trouble on count less.

    Args:
        clues: Everything found.
        explained: Services that have a likely named cause already.
        place: The surroundings.
        weights: Of the fusion.
    """
    suffering: dict[str, list[Clue]] = defaultdict(list)
    for clue in clues:
        wordless = clue.adverse and clue.signal == "log" and clue.finding.cause_kind is None
        if (wordless or clue.plain_symptom) and clue.service not in explained:
            suffering[clue.service].append(clue)
    return [_candidate(service, group, clues, place, weights) for service, group in sorted(suffering.items())]


def _candidate(
    service: str, group: Sequence[Clue], clues: Sequence[Clue], place: Place, weights: Weights
) -> Candidate:
    best = strongest_first(group)
    through = passes_through(service, until(best), clues, place.graph)
    called = bool(place.graph.callers(service) & place.focus)
    cause: CauseKind = "dependency" if called else "unknown"
    score = weigh(group, weights.symptoms) * place.relevance(service) * (weights.consequence if through else 1.0)
    return Candidate(
        service, place.resource(service, best[0].finding.resource), cause, score, best,
        f"{service} suffers and nothing it calls explains it: {best[0].finding.summary}" if not through
        else f"{service} suffers as what it calls does: {best[0].finding.summary}",
        region=best[0].finding.region,
    )  # fmt: skip
