"""How often a confidence was right: isotonic regression on the team's own outcomes, kept as a few points.

B. Zadrozny and C. Elkan, "Transforming classifier scores into accurate multiclass probability estimates", 2002. It
assumes only that more confidence is never less often right. Platt's sigmoid, which is the usual choice for few
outcomes (A. Niculescu-Mizil and R. Caruana, "Predicting good probabilities with supervised learning", 2005), also
assumes a shape, and confidence made of rules and caps does not have it: `benchmarks.calibration` compares both from
30 outcomes on. What few outcomes must not do is to promise certainty: shares stay between 1/(n+2) and (n+1)/(n+2),
the rule of succession for n outcomes that are all alike.
"""

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Protocol

from pydantic import TypeAdapter, ValidationError

LEAST_OUTCOMES = 30
"""Known outcomes of one kind of cause from which a map is fitted; below, every confidence is uncalibrated."""
_POINTS = TypeAdapter(tuple[tuple[float, float], ...])


@dataclass(frozen=True)
class Mapped:
    """Points (confidence, share that was right), both rising; between two of them the map is a straight line."""

    points: tuple[tuple[float, float], ...]

    @classmethod
    def read(cls, stored: str) -> "Mapped":
        """A map out of the database; one that is not ours has no points and maps nothing."""
        try:
            return cls(_POINTS.validate_json(stored))
        except ValidationError:
            return cls(())

    def stored(self) -> str:
        """The map as it is kept."""
        return _POINTS.dump_json(self.points).decode()

    @property
    def usable(self) -> bool:
        """Whether it keeps the order of confidences and gives shares: a file from outside may say anything."""
        inside = all(0 <= value <= 1 for point in self.points for value in point)
        rising = all(a[0] <= b[0] and a[1] <= b[1] for a, b in pairwise(self.points))
        return bool(self.points) and inside and rising

    def share(self, confidence: float) -> float | None:
        """How often such a confidence was right, 0 to 1; None when either is no usable number."""
        if math.isnan(confidence) or not self.usable:
            return None
        place = bisect_right(self.points, confidence, key=lambda point: point[0])
        if place == 0:
            return round(self.points[0][1], 4)
        (x, y), after = self.points[place - 1], self.points[place : place + 1]
        for later_x, later_y in after:
            y += (later_y - y) * (confidence - x) / (later_x - x)
        return round(y, 4)


class _Isotonic(Protocol):
    """What is used of scikit-learn's `IsotonicRegression`, which comes without types."""

    X_thresholds_: Sequence[float]
    y_thresholds_: Sequence[float]

    def fit(self, X: Sequence[float], y: Sequence[float]) -> object:  # noqa: N803
        ...


def load() -> Callable[..., _Isotonic]:
    """Load the library: seconds, once per process, and only where something is fitted."""
    return import_module("sklearn.isotonic").IsotonicRegression


def fit(confidences: Sequence[float], right: Sequence[bool]) -> Mapped:
    """The map of confidences (0 to 1) to the share of them that was right.

    Outcomes that are worse the more confident we were do not turn the order round: then every confidence gets the
    plain share. Raises ValueError without an outcome.
    """
    n = len(right)
    if n == 0:
        raise ValueError("nothing can be fitted without an outcome")
    model = load()(y_min=1 / (n + 2), y_max=(n + 1) / (n + 2))
    model.fit(confidences, [float(each) for each in right])
    pairs = zip(model.X_thresholds_, model.y_thresholds_, strict=True)
    return Mapped(tuple((float(x), float(y)) for x, y in pairs))
