"""Seasonality: what a series usually does at this time of the day or of the week.

A profile of clipped means per part of the period is taken off a series only where there are at least two whole
periods of history and every other one foretells the rest: what remains must spread clearly less, judged on periods
that had no part in the profile. So a series without habits stays as it is.
"""

import numpy as np
import numpy.typing as npt
import polars as pl

from autopilot.analysis.windows import MICROS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

DAY = 24 * 3600 * MICROS
_PARTS = {DAY: 24, 7 * DAY: 168}
"""Period (µs) → parts of its profile: an hour each."""
_LEAST_PERIODS = 2
_ENOUGH = 0.75
"""Whole periods may lack a bit at either end of a baseline; this share of the last one suffices."""
_FAR = 4.0
"""Median deviations beyond which a sample is no habit."""
_EXPLAINED = 0.7
"""Least shrinking of the spread (median absolute deviation) that makes a profile worth using."""


def without_season(time: Ints, value: Floats, base: Flags, start: Ints, count: Ints) -> Floats:
    """The values of flat series with the daily or weekly habits of their baselines taken off, where they have any.

    Args:
        time: Microseconds, sorted within each series.
        value: One value per sample.
        base: Which samples tell the usual level.
        start: First index of each series.
        count: Samples of each series.

    Returns:
        The values; the same array when no series has enough history.
    """
    reach = np.maximum.reduceat(np.where(base, time, 0), start) - time[start]
    result = value
    for period, parts in sorted(_PARTS.items(), reverse=True):
        long = reach >= (_LEAST_PERIODS - 1 + _ENOUGH) * period
        if long.any():
            rows = np.repeat(long, count)
            number = np.repeat(np.arange(int(long.sum())), count[long])
            turn = (time[rows] - np.repeat(time[start[long]], count[long])) // period
            habit = _habits(result[rows], base[rows], number, turn % 2, _place(time[rows], period, parts), parts)
            result = result.copy()
            result[rows] -= habit
    return result


def _place(time: Ints, period: int, parts: int) -> Floats:
    """Where in the period a time lies, counted in parts."""
    return time % period / period * parts


def _habits(value: Floats, base: Flags, number: Ints, fold: Ints, place: Floats, parts: int) -> Floats:
    """How far each sample usually is from the middle at its time; zero for series that do not repeat themselves."""
    series = int(number[-1]) + 1
    away = value - _medians(value[base], number[base], series)[number]
    spread = _medians(np.abs(away[base]), number[base], series)
    clipped = np.clip(away, -_FAR * spread[number], _FAR * spread[number])
    cell = (number * 2 + fold) * parts + place.astype(np.int64)
    shape = (series, 2, parts)
    sums = np.bincount(cell[base], clipped[base], minlength=series * 2 * parts).reshape(shape)
    counts = np.bincount(cell[base], minlength=series * 2 * parts).reshape(shape)
    with np.errstate(invalid="ignore", divide="ignore"):
        profile, whole = sums / counts, sums.sum(axis=1) / counts.sum(axis=1)
    foretold = np.nan_to_num(profile[number, 1 - fold, place.astype(np.int64)])
    left = _medians(np.abs(away - foretold)[base], number[base], series)
    covered = ((counts > 0).sum(axis=2) >= parts // 2).all(axis=1)
    repeats = covered & (left <= _EXPLAINED * spread)
    whole = np.where(repeats[:, None], whole, 0.0)
    return _between(np.where(np.isnan(whole), 0.0, whole), number, place)


def _medians(value: Floats, number: Ints, series: int) -> Floats:
    """The median of each series; zero for a series without samples."""
    found = pl.DataFrame({"series": number, "value": value}).group_by("series").agg(pl.col("value").median())
    result = np.zeros(series)
    result[found["series"].to_numpy()] = found["value"].to_numpy()
    return result


def _between(profile: Floats, number: Ints, place: Floats) -> Floats:
    """The profile at each place, straight between the middles of its parts."""
    low = np.floor(place - 0.5).astype(np.int64)
    share = place - 0.5 - low
    parts = profile.shape[1]
    return profile[number, low % parts] * (1 - share) + profile[number, (low + 1) % parts] * share
