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


def _ceiling(weights: Weights) -> float:
    """The strictest cap that applies."""
    caps = [CEILING]
    if not weights.supporting:
        caps.append(0.20)
    if len({f.kind for f in weights.supporting}) == 1:
        caps.append(0.60)
    if not _outcomes(weights.trials, "held", decisive=True):
        caps.append(0.70)
    if blind_spots(weights.gaps):
        caps.append(0.90)
    if weights.insufficient:
        caps.append(0.40)
    if _outcomes(weights.trials, "refuted", decisive=True):
        caps.append(0.10)
    return min(caps)


def verdict(weights: Weights) -> tuple[Standing, float]:
    """Standing and confidence (0 to 1, uncalibrated).

    A decisive test that failed refutes. "confirmed" needs a decisive test that was passed, no test that failed and
    no contradicting finding. Missing evidence can only lower the result.
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
