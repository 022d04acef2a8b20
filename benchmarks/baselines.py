"""Published root-cause scorers, written from their papers, as what to compare with.

They see the same metrics and windows as the analysis and nothing else; each gives a component the score of its
best series. Equal scores are put in a random order fixed by the case, so that the order of a list is worth nothing.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.cases import PublicCase
from benchmarks.predictions import Prediction

Values = NDArray[np.float64]
Scores = Mapping[str, float]
_ZERO = 10 * np.finfo(np.float64).eps
"""Spreads below it count as none."""
_BYTES = 1e6
_FEW = 3
"""Fewer samples say nothing about how two series move together."""


@dataclass(frozen=True)
class Matrix:
    """The metrics of a case: a row per time, a column per series; what was not sampled is NaN."""

    public: PublicCase
    values: Values
    during: NDArray[np.bool_]
    """Which rows belong to the incident."""
    components: tuple[str, ...]
    """The candidate each column speaks of, "" for none."""
    metrics: tuple[str, ...]
    """Metric and statistic of each column."""

    @cached_property
    def filled(self) -> Values:
        """Gaps take the last value before them, and zero where there is none."""
        at = np.where(np.isfinite(self.values), np.arange(len(self.values))[:, None], -1)
        latest = np.maximum.accumulate(at, axis=0)
        carried = np.take_along_axis(self.values, np.maximum(latest, 0), axis=0)
        return np.where(latest >= 0, carried, 0.0)

    def best(self, scores: Values) -> dict[str, float]:
        """The best score of each component; NaN counts for nothing."""
        found: dict[str, float] = {}
        for component, score in zip(self.components, scores.tolist(), strict=True):
            if component and np.isfinite(score):
                found[component] = max(found.get(component, -np.inf), score)
        return found


def read_matrix(public: PublicCase) -> Matrix:
    """All series of a case over the union of their times."""
    rows = public.case.table("metrics").filter(pl.col("value").is_finite())
    keys = ["service", "resource", "metric", "statistic"]
    named = rows.select(keys).unique().sort(keys).with_row_index("column")
    long = rows.join(named, on=keys).select("time", "column", "value")
    times = long["time"].unique().sort()
    values = np.full((times.len(), named.height), np.nan)
    at = times.search_sorted(long["time"]).to_numpy()
    values[at, long["column"].to_numpy()] = long["value"].to_numpy()
    split = public.case.scope.incident.start
    return Matrix(
        public, values, (times >= split).to_numpy(),
        tuple(public.candidate(service) for service in named["service"]),
        tuple(f"{m}.{s}" if s else m for m, s in named.select("metric", "statistic").iter_rows()),
    )  # fmt: skip


def _varying(before: Values, after: Values) -> NDArray[np.bool_]:
    """Columns that are not constant in either window, as BARO keeps them."""
    return (before != before[:1]).any(axis=0) & (after != after[:1]).any(axis=0)


def n_sigma(before: Values, after: Values) -> Values:
    """The largest deviation from the baseline's mean, in its standard deviations (Lin et al. 2018, and many).

    Args:
        before: Samples of the normal time, a column per series.
        after: Samples of the incident.

    Returns:
        A score per column, NaN where a window is constant.
    """
    spread = np.std(before, axis=0)
    away = np.max(np.abs(after - np.mean(before, axis=0)), axis=0)
    return np.where(_varying(before, after), away / np.where(spread < _ZERO, 1.0, spread), np.nan)


def robust_scores(before: Values, after: Values) -> Values:
    """The hypothesis test of BARO (Pham et al., FSE 2024): the largest rise above the median, in quartile ranges.

    As in its authors' package: the quartiles are those of the normal time, a range of zero counts as one, series
    that are constant in either window are left out, and only a rise counts.

    Args:
        before: Samples of the normal time, a column per series.
        after: Samples of the incident.

    Returns:
        A score per column, NaN where a window is constant.
    """
    low, middle, high = np.percentile(before, [25, 50, 75], axis=0)
    spread = np.where(high - low < _ZERO, 1.0, high - low)
    return np.where(_varying(before, after), np.max(after - middle, axis=0) / spread, np.nan)


def _windows(matrix: Matrix) -> tuple[Values, Values]:
    return matrix.filled[~matrix.during], matrix.filled[matrix.during]


def _by_sigma(matrix: Matrix) -> Scores:
    return matrix.best(n_sigma(*_windows(matrix)))


def _by_baro(matrix: Matrix) -> Scores:
    """Memory is taken as megabytes, as the authors do: it matters where a range of zero counts as one."""
    memory = np.array([metric.lower().startswith("mem") for metric in matrix.metrics])
    large = memory & (np.median(matrix.filled, axis=0) > _BYTES)
    before, after = _windows(matrix)
    unit = np.where(large, _BYTES, 1.0)
    return matrix.best(robust_scores(before / unit, after / unit))


def correlations(values: Values, symptom: Values) -> Values:
    """The size of Pearson's correlation of each column with a series, over the times that both have."""
    both = np.isfinite(values) & np.isfinite(symptom)[:, None]
    count = both.sum(axis=0)
    each = np.maximum(count, 1)
    a = np.where(both, values, 0.0)
    b = np.where(both, symptom[:, None], 0.0)
    a = np.where(both, a - a.sum(axis=0) / each, 0.0)
    b = np.where(both, b - b.sum(axis=0) / each, 0.0)
    size = np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0))
    enough = (count >= _FEW) & (size > 0)
    return np.where(enough, np.abs((a * b).sum(axis=0)) / np.where(enough, size, 1.0), np.nan)


def _symptom(matrix: Matrix) -> int | None:
    """The column of the symptom: the metric that the alarm names, else the one of its service that moved most."""
    case = matrix.public.case
    scope = {matrix.public.candidate(service) for service in case.scope.services} - {""}
    own = [n for n, component in enumerate(matrix.components) if component in scope]
    alarms = case.table("alarms")
    words = {*alarms["name"].to_list(), *alarms["metric"].to_list()} - {""}
    named = [n for n in own if matrix.metrics[n] in words]
    loose = [n for n in own if matrix.metrics[n].partition(".")[0] in words]
    moved = np.nan_to_num(n_sigma(*_windows(matrix)), nan=-1.0)
    return max(named or loose or own, key=lambda n: (moved[n], -n), default=None)


def _like_symptom(matrix: Matrix, symptom: int) -> NDArray[np.bool_]:
    """The series of the symptom's metric; of components without it, all they have."""
    same = np.array([metric == matrix.metrics[symptom] for metric in matrix.metrics])
    having = {c for c, is_same in zip(matrix.components, same, strict=True) if is_same}
    return same | np.array([component not in having for component in matrix.components])


def _by_correlation(matrix: Matrix) -> Scores:
    """Ranked correlation (Hardt et al., CLeaR 2024): how closely a component follows the symptom in the incident.

    The same metric is compared. The symptom's own component follows itself perfectly, which says nothing: it comes
    last.
    """
    symptom = _symptom(matrix)
    if symptom is None:
        return {}
    found = correlations(matrix.values[matrix.during], matrix.values[matrix.during][:, symptom])
    usable = _like_symptom(matrix, symptom)
    own = np.array([component == matrix.components[symptom] for component in matrix.components])
    return matrix.best(np.where(own | ~usable, np.nan, found))


def _by_symptom(matrix: Matrix) -> Scores:
    """Blame whatever complains."""
    return {matrix.public.candidate(service): 1.0 for service in matrix.public.case.scope.services}


BASELINES: dict[str, Callable[[Matrix], Scores]] = {
    "random": lambda _: {},
    "symptom's service": _by_symptom,
    "N-sigma": _by_sigma,
    "BARO robust scorer": _by_baro,
    "ranked correlation": _by_correlation,
}
"""Name → scores of components."""
_WITHOUT_METRICS = ("random", "symptom's service")


def baselines(public: PublicCase) -> dict[str, Prediction]:
    """The answers of all baselines; those that need metrics are absent when the case has none."""
    matrix = read_matrix(public)
    bare = not matrix.during.any() or matrix.during.all()
    return {
        name: _answer(name, public, score(matrix))
        for name, score in BASELINES.items() if not bare or name in _WITHOUT_METRICS
    }  # fmt: skip


def _answer(name: str, public: PublicCase, scores: Scores) -> Prediction:
    order = list(public.candidates)
    random.Random(f"{name}/{public.id}").shuffle(order)
    ranking = sorted(order, key=lambda candidate: -scores.get(candidate, -np.inf))
    return Prediction(public.id, public.dataset, tuple(ranking))
