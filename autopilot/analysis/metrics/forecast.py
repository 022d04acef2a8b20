"""When a quantity reaches its limit: a robust line through one series, with an error band.

The slope is Theil and Sen's (the median of all pairwise slopes), its band Sen's rank interval [P. K. Sen,
Estimates of the regression coefficient based on Kendall's tau, JASA 63, 1968]; whether there is a trend at all is
decided by the Mann-Kendall test with its variance corrected for autocorrelation [S. Yue, C. Wang, The Mann-Kendall
test modified by effective sample size, Water Resources Management 18, 2004]. Everything is relative to the series
itself, so units do not matter.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from autopilot.analysis.metrics.series import NORMAL, Flags, Floats, Ints

_BINS = 48
"""Points a line is drawn through at most: 1,128 pairs."""
_LEAST = 8
"""Points below which nothing is said: Mann-Kendall cannot become significant."""
_PARTS = (1.0, 0.7, 0.5, 0.35, 0.25, 0.17, 0.12)
"""Shares of the series, from its end, that are tried: a trend may have begun lately."""
_SIGNIFICANT = 3.0
"""Normal score of the Mann-Kendall test; 0.3 % of noise passes, and thousands of series are looked at."""
_CLEAR = 4.0
"""Change over the span against the spread around the line."""
_CONTINUES = 0.5
"""Share of the slope that the second half must keep, and of the first half's: what levels off never arrives."""
_ALIKE = 0.6
"""Autocorrelation counted at most: a slow bend of a clear line is no lack of evidence."""
_TURNS = 0.75
"""Share of the slope that the first half may differ by: neither a step nor what stood still before is a line."""
_HORIZON = 3.0
"""A line is trusted this many times as far as it was observed."""
FARTHEST = 30 * 86_400_000_000
"""Nor further than thirty days (µs)."""
_RESET = 0.3
"""Share of the range that is lost at once when something was cleaned up."""
_NEAR_LIMIT = 0.9
"""How full it must have been for a reset to be the limit's own doing."""
_Z95 = 1.96


@dataclass(frozen=True)
class Line:
    """A significant, lasting trend. Times in microseconds, levels in the unit of the series."""

    since: int
    end: int
    slope: float
    """Per microsecond."""
    slowest: float
    """Slope of the smallest size in the 95 % interval; same sign."""
    fastest: float
    start: float
    level: float
    """On the line, at the end."""
    spread: float
    """Around the line: 1.4826 times the median absolute residual."""

    @property
    def change(self) -> float:
        """What the line gained over its span."""
        return self.slope * (self.end - self.since)


@dataclass(frozen=True)
class Forecast:
    """When a line meets its limit, in microseconds since the epoch, with the 95 % band."""

    line: Line
    limit: float
    at: int
    earliest: int
    latest: int


def forecast(time: Ints, value: Floats, limit: float) -> Forecast | None:
    """When a series, sorted by time, reaches `limit`; None without a trend there or beyond the horizon."""
    if time.size < _LEAST or limit == value[-1]:
        return None
    line = trend(time, value, 1.0 if limit > value[-1] else -1.0, limit)
    if line is None:
        return None
    towards = np.sign(line.slope)
    missing = (limit - line.level) * towards
    if missing <= 0:
        return None
    after = missing / abs(line.slope)
    soonest = max(missing - 2 * line.spread, 0.0) / abs(line.fastest)
    furthest = (missing + 2 * line.spread) / abs(line.slowest)
    if after > min(_HORIZON * (line.end - line.since), FARTHEST):
        return None
    latest = int(min(furthest, 10 * FARTHEST))
    return Forecast(line, limit, line.end + int(after), line.end + int(soonest), line.end + latest)


def trend(time: Ints, value: Floats, towards: float, limit: float | None = None) -> Line | None:
    """The longest significant trend up to the end in one direction (1 up, -1 down); None when there is none.

    A series that is cleaned up now and then (garbage collection, log rotation) has a trend only in what is left
    after each cleaning, unless the last cleaning was the limit's own doing.
    """
    time, value = _without_resets(time, value, towards, limit)
    # Shares of the largest value: squares of very large or small numbers would leave the range of floats.
    scale = float(np.max(np.abs(value), initial=0.0))
    if scale == 0:
        return None
    for part in _PARTS:
        begin = int(time[-1] - (time[-1] - time[0]) * part) if time.size else 0
        inside = time >= begin
        if np.count_nonzero(inside) < _LEAST:
            return None
        line = _line(*_binned(time[inside], value[inside] / scale), towards)
        if line is not None:
            return _scaled(line, scale)
    return None


def _scaled(line: Line, scale: float) -> Line:
    return Line(
        line.since, line.end, line.slope * scale, line.slowest * scale, line.fastest * scale, line.start * scale,
        line.level * scale, line.spread * scale,
    )  # fmt: skip


def _binned(time: Ints, value: Floats) -> tuple[Floats, Floats]:
    """Medians of at most _BINS slices of the time; the first and last sample decide the slices."""
    if time.size <= _BINS:
        return time.astype(np.float64), value
    slot = ((time - time[0]) * _BINS // max(int(time[-1] - time[0]) + 1, 1)).astype(np.int64)
    start = np.flatnonzero(np.diff(slot, prepend=-1))
    count = np.diff(np.append(start, time.size))
    ordered = value[np.lexsort((value, slot))]
    middle = (ordered[start + (count - 1) // 2] + ordered[start + count // 2]) / 2
    return np.add.reduceat(time.astype(np.float64), start) / count, middle


@lru_cache(maxsize=_BINS + 1)
def _pairs(points: int) -> tuple[Ints, Ints]:
    first, second = np.triu_indices(points, 1)
    return first, second


def _slopes(time: Floats, value: Floats) -> Floats:
    first, second = _pairs(time.size)
    apart = time[second] - time[first]
    return np.sort((value[second] - value[first])[apart > 0] / apart[apart > 0])


def _line(time: Floats, value: Floats, towards: float) -> Line | None:
    slopes = _slopes(time, value)
    if time.size < _LEAST or not slopes.size:
        return None
    slope = float(np.median(slopes))
    if slope * towards <= 0:
        return None
    away = value - slope * (time - time[-1])
    level = float(np.median(away))
    residual = away - level
    spread = NORMAL * float(np.median(np.abs(residual)))
    deviation = _kendall_deviation(time.size, residual)
    if abs(float(np.sum(np.sign(slopes)))) - 1 < _SIGNIFICANT * deviation:
        return None
    span = float(time[-1] - time[0])
    if abs(slope) * span < _CLEAR * spread or not _lasting(time, value, slope):
        return None
    reach = _Z95 * deviation
    low = slopes[max(int((slopes.size - reach) / 2), 0)]
    high = slopes[min(int((slopes.size + reach) / 2), slopes.size - 1)]
    slowest, fastest = (low, high) if towards > 0 else (high, low)
    if slowest * towards <= 0:
        return None
    return Line(
        int(time[0]), int(time[-1]), slope, float(slowest), float(fastest), level - slope * span, level, spread
    )


def _kendall_deviation(points: int, residual: Floats) -> float:
    """Standard deviation of Kendall's S; residuals that depend on their neighbour count as fewer points."""
    centred = residual - residual.mean()
    power = float(np.sum(centred**2))
    alike = float(np.sum(centred[1:] * centred[:-1])) / power if power > 0 else 0.0
    alike = min(max(alike, 0.0), _ALIKE)
    variance = points * (points - 1) * (2 * points + 5) / 18
    return float(np.sqrt(variance * (1 + alike) / (1 - alike)))


def _lasting(time: Floats, value: Floats, slope: float) -> bool:
    """Whether both halves rise alike: neither a step that is over nor a curve that levels off."""
    half = time.size // 2
    early, late = _slopes(time[:half], value[:half]), _slopes(time[half:], value[half:])
    if not early.size or not late.size:
        return False
    first, second = float(np.median(early)) / slope, float(np.median(late)) / slope
    return second >= max(_CONTINUES, _CONTINUES * first) and abs(first - 1) < _TURNS


def _without_resets(time: Ints, value: Floats, towards: float, limit: float | None) -> tuple[Ints, Floats]:
    """The part of a series in which a trend may be looked for; see `trend`."""
    resets = np.flatnonzero(_resets(value, towards)) + 1
    if not resets.size:
        return time, value
    last = int(resets[-1])
    before, start = float(value[last - 1]), float(value[last])
    room = 0.0 if limit is None else (limit - start) * towards
    if room > 0 and (before - start) * towards >= _NEAR_LIMIT * room:
        return time[last:], value[last:]
    troughs = np.concatenate(([0], resets))
    return time[troughs], value[troughs]


def _resets(value: Floats, towards: float) -> Flags:
    """Where at least a third of the range is lost from one sample to the next, far beyond the usual wobble."""
    lost = -towards * np.diff(value)
    if not lost.size:
        return np.zeros(0, dtype=np.bool_)
    wobble = NORMAL * float(np.median(np.abs(lost)))
    return lost > max(_RESET * float(np.ptp(value)), 6 * wobble)
