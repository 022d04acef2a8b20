"""How sure may we be? Standing and confidence of a hypothesis, computed from what speaks for and against it.

Nothing here looks at words: the same evidence gives the same verdict, whoever proposed the hypothesis.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.incident.diagnosis import Standing, Trial
from autopilot.incident.evidence import Gap, GapKind
from autopilot.incident.finding import Finding

BLINDING: frozenset[GapKind] = frozenset({"failed", "denied", "timeout", "budget"})
"""Gaps behind which contrary evidence may hide; `no_data` and `unsupported` hide nothing that was there."""

CONFIRMED_FROM = 0.75
LIKELY_FROM = 0.45
CEILING = 0.95
"""Nobody who looks from outside is ever certain."""
UNSUPPORTED = 0.20
"""Nothing that was found speaks for it."""
UNTESTED = 0.70
"""No test was passed that could have refuted it; below `CONFIRMED_FROM`, so that nothing untested is confirmed."""
ONE_KIND = 0.60
"""All that speaks for it is of one kind, such as log lines alone."""
ONE_SOURCE = 0.85
"""One system says all of it: should that system be wrong, so are we."""
UNANSWERED = 0.85
"""A test was asked for and could not be made, and none of those that were asked was passed."""
BLIND = 0.90
"""A source failed, was denied, was too slow or over its budget: contrary evidence may hide there."""
THIN = 0.40
"""Analysis itself calls the evidence insufficient, or the hypothesis says that the cause is unknown."""
REFUTED = 0.10
"""A decisive test failed."""


@dataclass(frozen=True)
class Weights:
    """Everything the verdict depends on."""

    prior: float
    """What analysis thought before the tests, 0 to 1."""
    supporting: tuple[Finding, ...]
    contradicting: tuple[Finding, ...]
    trials: tuple[Trial, ...]
    gaps: tuple[Gap, ...] = ()
    insufficient: bool = False


def blind_spots(gaps: Sequence[Gap]) -> int:
    """How many gaps may hide contrary evidence."""
    return sum(1 for gap in gaps if gap.kind in BLINDING)


def _outcomes(trials: Sequence[Trial], outcome: str, *, decisive: bool) -> int:
    return sum(1 for t in trials if t.outcome == outcome and t.decisive is decisive)


def _score(weights: Weights) -> float:
    """The sum of what speaks for and against, before any cap."""
    kinds = {f.kind for f in weights.supporting}
    sources = {f.provenance.source for f in weights.supporting}
    trials = weights.trials
    return (
        0.25
        + 0.35 * weights.prior
        + min(0.05 * len(kinds), 0.15)
        + min(0.03 * len(sources), 0.09)
        + min(0.12 * _outcomes(trials, "held", decisive=True), 0.24)
        + min(0.04 * _outcomes(trials, "held", decisive=False), 0.08)
        - 0.12 * _outcomes(trials, "refuted", decisive=False)
        - 0.05 * min(len(weights.contradicting), 3)
        - min(0.03 * blind_spots(weights.gaps), 0.15)
    )


def _unanswered(trials: Sequence[Trial]) -> bool:
    asked = [t for t in trials if t.probe]
    return any(t.outcome == "silent" for t in asked) and not any(t.outcome == "held" for t in asked)


def _ceiling(weights: Weights) -> float:
    """The strictest cap that applies."""
    support, trials = weights.supporting, weights.trials
    caps = (
        (not support, UNSUPPORTED),
        (len({f.kind for f in support}) == 1, ONE_KIND),
        (len({f.provenance.source for f in support}) == 1, ONE_SOURCE),
        (not _outcomes(trials, "held", decisive=True), UNTESTED),
        (_unanswered(trials), UNANSWERED),
        (blind_spots(weights.gaps) > 0, BLIND),
        (weights.insufficient, THIN),
        (_outcomes(trials, "refuted", decisive=True) > 0, REFUTED),
    )
    return min((cap for applies, cap in caps if applies), default=CEILING)


def verdict(weights: Weights) -> tuple[Standing, float]:
    """Standing and confidence (0 to 1, uncalibrated).

    A decisive test that failed refutes. "confirmed" needs a decisive test that was passed, no test that failed and
    no contradicting finding. The caps are the constants of this module; the strictest one counts. Each hypothesis
    is judged by itself: of two independent faults both may be confirmed. Missing or contrary evidence never raises
    the result.
    """
    confidence = round(max(0.0, min(_score(weights), _ceiling(weights))), 2)
    if _outcomes(weights.trials, "refuted", decisive=True):
        return "refuted", confidence
    if weights.insufficient or not weights.supporting or confidence < LIKELY_FROM:
        return "inconclusive", confidence
    tested = _outcomes(weights.trials, "held", decisive=True) > 0
    doubted = bool(weights.contradicting) or _outcomes(weights.trials, "refuted", decisive=False) > 0
    if tested and not doubted and confidence >= CONFIRMED_FROM:
        return "confirmed", confidence
    return "likely", confidence
