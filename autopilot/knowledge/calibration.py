"""How often a confidence was right: Platt's map, fitted on the team's own outcomes, kept as two numbers.

J. Platt, "Probabilistic outputs for support vector machines and comparisons to regularized likelihood methods",
1999. Two parameters and smoothed targets hold from some dozens of outcomes on; isotonic regression, which draws
a step wherever the outcomes want one, needs about a thousand before it is the better of the two
(A. Niculescu-Mizil and R. Caruana, "Predicting good probabilities with supervised learning", 2005). A team rarely
has a thousand known outcomes of one kind of cause.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

LEAST_OUTCOMES = 30
"""Known outcomes of one kind of cause from which a map is fitted; below, every confidence is uncalibrated."""
_EDGE = 0.01
"""Confidences and shares are kept this far from 0 and 1, where the log-odds have no end."""
_STEEPEST = 50.0
"""A map that is steeper than this, or negative, comes from no fit of ours."""


@dataclass(frozen=True)
class Mapped:
    """log-odds of being right = slope · log-odds of the confidence + intercept."""

    slope: float
    intercept: float

    @property
    def usable(self) -> bool:
        """Whether it keeps the order of confidences and gives shares: a file from outside may say anything."""
        return 0 <= self.slope <= _STEEPEST and abs(self.intercept) <= _STEEPEST

    def share(self, confidence: float) -> float | None:
        """How often such a confidence was right, 0 to 1; None when either is no usable number."""
        if not self.usable or math.isnan(confidence):
            return None
        odds = self.slope * _log_odds(confidence) + self.intercept
        return round(min(max(1 / (1 + math.exp(-odds)), _EDGE), 1 - _EDGE), 4)


def _log_odds(share: float) -> float:
    inside = min(max(share, _EDGE), 1 - _EDGE)
    return math.log(inside / (1 - inside))


class _Regression(Protocol):
    """What is used of scikit-learn's `LogisticRegression`, which comes without types."""

    coef_: Sequence[Sequence[float]]
    intercept_: Sequence[float]

    def fit(self, X: Sequence[Sequence[float]], y: Sequence[int], *, sample_weight: Sequence[float]) -> object:  # noqa: N803
        ...


def load() -> Callable[..., _Regression]:
    """Load the library: seconds, once per process, and only where something is fitted."""
    return import_module("sklearn.linear_model").LogisticRegression


def fit(confidences: Sequence[float], right: Sequence[bool]) -> Mapped:
    """Platt's map of confidences (0 to 1) to the share of them that was right.

    Outcomes that are worse the more confident we were do not turn the order round: then every confidence gets the
    plain share. Raises ValueError without an outcome.
    """
    n, hits = len(right), sum(right)
    if n == 0:
        raise ValueError("nothing can be fitted without an outcome")
    yes, no = (hits + 1) / (hits + 2), 1 / (n - hits + 2)
    targets = [yes if each else no for each in right]
    odds = [[_log_odds(confidence)] for confidence in confidences]
    # A smoothed target is one outcome of each sort, weighed: the regression takes whole outcomes only.
    model = load()(C=math.inf)
    model.fit(odds * 2, [1] * n + [0] * n, sample_weight=[*targets, *(1 - target for target in targets)])
    fitted = Mapped(float(model.coef_[0][0]), float(model.intercept_[0]))
    return fitted if fitted.usable else Mapped(0.0, _log_odds((hits + 1) / (n + 2)))
