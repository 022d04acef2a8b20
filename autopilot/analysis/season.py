"""Seasonality: what a series usually does at this time of the day or of the week.

A profile of medians per part of the period is taken off a series only where there are at least two whole periods of
history and each of them is foretold by the others: what remains must spread clearly less, judged on periods that
had no part in the profile. So a series without habits stays exactly as it is.
"""

import numpy as np
import numpy.typing as npt

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
        The values; unchanged (and not copied) when no series has a habit.
    """
    first = time[start]
    span = np.where(base, time, 0)
    reach = np.maximum.reduceat(span, start) - first
    result = value
    for period, parts in sorted(_PARTS.items(), reverse=True):
        for index in np.flatnonzero(reach >= (_LEAST_PERIODS - 1 + _ENOUGH) * period):
            rows = slice(int(start[index]), int(start[index] + count[index]))
            habit = _habit(time[rows], result[rows], base[rows], period, parts)
            if habit is not None:
                result = result.copy() if result is value else result
                result[rows] = result[rows] - habit
    return result


def _habit(time: Ints, value: Floats, base: Flags, period: int, parts: int) -> Floats | None:
    """How far each sample usually is from the median at its time; None when history does not repeat itself."""
    usual = value[base]
    middle = float(np.median(usual))
    spread = float(np.median(np.abs(usual - middle)))
    if spread == 0 or usual.size < _LEAST_PERIODS * parts // 4:
        return None
    turn = (time[base] - time[0]) // period
    remains = np.empty_like(usual)
    for one in np.unique(turn):
        here = turn == one
        profile = _profile(time[base][~here], usual[~here] - middle, period, parts)
        if profile is None:
            return None
        remains[here] = usual[here] - middle - _at(profile, time[base][here], period)
    if float(np.median(np.abs(remains - np.median(remains)))) > _EXPLAINED * spread:
        return None
    profile = _profile(time[base], usual - middle, period, parts)
    return None if profile is None else _at(profile, time, period)


def _profile(time: Ints, away: Floats, period: int, parts: int) -> Floats | None:
    """Median deviation per part of the period; parts without samples take their neighbours' mean."""
    part = (time % period) * parts // period
    order = np.lexsort((away, part))
    known, first, counts = np.unique(part[order], return_index=True, return_counts=True)
    if known.size < parts // 2:
        return None
    ranked = away[order]
    medians = (ranked[first + (counts - 1) // 2] + ranked[first + counts // 2]) / 2
    return np.interp(np.arange(parts), known, medians, period=parts)


def _at(profile: Floats, time: Ints, period: int) -> Floats:
    """The profile at each time, straight between the middles of its parts."""
    place = (time % period) / period * profile.size - 0.5
    return np.interp(place, np.arange(profile.size), profile, period=profile.size)
