"""Published root-cause scorers, written from their papers, as what to compare with.

They see the same metrics and windows as the analysis and nothing else; each gives a component the score of its
best series. Equal scores are put in a random order fixed by the case, so that the order of a list is worth nothing.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.cases import PublicCase
from benchmarks.predictions import Prediction

Values = NDArray[np.float64]
_FLOOR = 1e-9
_BYTES = 1e6
_FEW = 2
"""Fewer samples on either side say nothing."""


@dataclass(frozen=True)
class Series:
    """One series of a component, cut where the incident begins."""

    component: str
    before: Values
    after: Values
    times: Values
    """Times of all samples, seconds."""
    is_symptom: bool
    unit: float = 1.0
    """What one stands for: a million where values are bytes of memory."""


def n_sigma(series: Series) -> float:
    """The largest deviation from the baseline's mean, in its standard deviations (Lin et al. 2018, and many)."""
    spread = float(np.std(series.before))
    return float(np.max(np.abs(series.after - np.mean(series.before)))) / max(spread, _FLOOR) if spread > 0 else 0.0


def robust_scorer(series: Series) -> float:
    """The hypothesis test of BARO (Pham et al., FSE 2024): largest deviation from the median, in quartile ranges.

    As its authors do: constant series are left out, a range of zero counts as one, bytes are taken as megabytes.
    """
    low, middle, high = np.percentile(series.before, [25, 50, 75]) / series.unit
    if np.ptp(series.before) == 0:
        return 0.0
    spread = float(high - low)
    return float(np.max(np.abs(series.after / series.unit - middle))) / (spread if spread > 0 else 1.0)


def ranked_correlation(series: Series, symptom: Series) -> float:
    """How closely the ranks of a series follow the symptom's (Spearman), as in the PetShop paper's baseline."""
    recent = 2 * len(symptom.after)  # the incident and as much time before it: days of quiet would drown both
    shared, mine, theirs = np.intersect1d(series.times, symptom.times[-recent:], return_indices=True)
    if len(shared) <= _FEW:
        return 0.0
    a = _ranks(np.concatenate([series.before, series.after])[mine])
    b = _ranks(np.concatenate([symptom.before, symptom.after])[-recent:][theirs])
    return abs(float(np.corrcoef(a, b)[0, 1])) if np.std(a) > 0 and np.std(b) > 0 else 0.0


def _ranks(values: Values) -> Values:
    """Ranks with the mean for ties."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[inverse]


def _series(public: PublicCase) -> Iterator[Series]:
    """The case's series that have samples on both sides."""
    keys = ["service", "resource", "metric", "statistic"]
    scope = public.case.scope
    alarms = public.case.table("alarms")
    named = set(alarms["metric"].to_list()) - {""}
    split = scope.incident.start.timestamp()
    rows = public.case.table("metrics").filter(pl.col("value").is_finite()).sort("time")
    for key, group in rows.group_by(keys, maintain_order=True):
        times = group["time"].dt.timestamp("us").to_numpy().astype(np.float64) / 1e6
        values = group["value"].to_numpy().astype(np.float64)
        before = times < split
        if before.sum() < _FEW or (~before).sum() < 1:
            continue
        service, _, metric, _ = (str(part) for part in key)
        wanted = service in scope.services and (not named or metric in named)
        unit = _BYTES if metric.lower().startswith("mem") and np.median(values) > _BYTES else 1.0
        yield Series(public.candidate(service), values[before], values[~before], times, wanted, unit)


def _best(public: PublicCase, score: Callable[[Series], float]) -> dict[str, float]:
    found: dict[str, float] = {}
    for series in _series(public):
        if series.component:
            found[series.component] = max(found.get(series.component, 0.0), score(series))
    return found


def _by_correlation(public: PublicCase) -> dict[str, float]:
    """The symptom is the series the alarm names, else the one of the symptom's service that moved most."""
    symptoms = [series for series in _series(public) if series.is_symptom]
    if not symptoms:
        return {}
    symptom = max(symptoms, key=robust_scorer)
    return _best(public, lambda series: ranked_correlation(series, symptom))


BASELINES: dict[str, Callable[[PublicCase], dict[str, float]]] = {
    "random": lambda _: {},
    "N-sigma": lambda public: _best(public, n_sigma),
    "BARO robust scorer": lambda public: _best(public, robust_scorer),
    "ranked correlation": _by_correlation,
}
"""Name → scores of components."""


def baseline(name: str, public: PublicCase) -> Prediction | None:
    """The answer of one baseline; None when it needs metrics and the case has none."""
    if name != "random" and public.case.table("metrics").is_empty():
        return None
    scores = BASELINES[name](public)
    order = list(public.candidates)
    random.Random(f"{name}/{public.id}").shuffle(order)
    return Prediction(public.id, public.dataset, tuple(sorted(order, key=lambda c: -scores.get(c, 0.0))))
