"""Change detection over many series at once, on flat arrays; metrics, traces and log rates share it.

Level and spread of the baseline are median and MAD, with floors, so that a quiet series does not turn every wobble
into an alarm, and with a bounded share of the tails, so that earlier faults in the baseline do not widen what is
usual. Daily and weekly habits are taken off where history proves them. Whether something changed is asked of the
incident window alone: the scan statistic of its clipped deviations from the baseline. When it began is the maximum
of Page's cumulative sum (Biometrika 1954) with half the measured shift as reference value: a change that lasts is
followed back into the baseline, an earlier fault that passed is not, and clipping keeps one spike from deciding.
Everything is relative to the series itself, so units and scale do not matter.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from autopilot.analysis.metrics.season import without_season
from autopilot.analysis.windows import Windows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_T = TypeVar("_T", bound=np.generic)

CLIP = 6.0
DEVIATION = 3.0
"""Deviations (in spreads) beyond which a sample counts as unusual."""
CONTRAST = 4.0
"""Scan statistic that noise alone reaches in a long series."""
_RELATIVE_FLOOR = 0.05
"""A change below a few times 5 % of the level is of no practical interest."""
_ZERO_FLOOR = 0.1
"""Spread of a series whose baseline never moved from zero, as a share of its largest value."""
NORMAL = 1.4826
"""MAD → standard deviation of a normal distribution."""
_TAIL = 0.6
"""90th percentile of absolute deviations → standard deviation of a normal distribution."""
_HEAVIEST = 2.0
"""How far heavy tails may widen the spread; what lies beyond is taken for earlier trouble."""
_LEAST = 3
"""Baseline samples needed; with fewer, the head of the series stands in."""
_CHUNK = 1_000_000
"""Samples looked at together, which bounds the memory on top of the input."""

COLUMNS: dict[str, type[pl.DataType]] = {
    "sid": pl.Int64, "n": pl.Int64, "n_base": pl.Int64, "step": pl.Float64, "baseline": pl.Float64,
    "scale": pl.Float64, "onset": pl.Int64, "uncertainty": pl.Int64, "until": pl.Int64, "observed": pl.Float64,
    "z": pl.Float64, "contrast": pl.Float64, "persistence": pl.Float64, "score": pl.Float64,
}  # fmt: skip
"""One row per series. step, uncertainty, until in microseconds; baseline and observed in the series' own unit."""


@dataclass(frozen=True)
class _Flat:
    """Sorted samples as arrays, with the first index and the length of each series."""

    sid: Ints
    time: Ints
    value: Floats
    start: Ints
    count: Ints

    def spread_out(self, per_series: npt.NDArray[_T]) -> npt.NDArray[_T]:
        """A value per series, repeated for its samples."""
        return np.repeat(per_series, self.count)

    def totals(self, per_sample: Floats) -> Floats:
        """The sum over each series."""
        return np.add.reduceat(per_sample, self.start)

    def suffix_sums(self, per_sample: Floats) -> Floats:
        """For each sample, the sum from it to the end of its series."""
        sums = np.cumsum(per_sample)
        ends = sums[self.start + self.count - 1]
        return self.spread_out(ends) - sums + per_sample

    def first_of_best(self, per_sample: Floats) -> tuple[Ints, Floats]:
        """Per series the first index where a quantity is largest, and that largest value."""
        best = np.maximum.reduceat(per_sample, self.start)
        where = np.flatnonzero(per_sample >= self.spread_out(best))
        _, first = np.unique(self.sid[where], return_index=True)
        return where[first].astype(np.int64), best


def tidy(samples: pl.DataFrame) -> pl.DataFrame:
    """Columns sid, time (microseconds), value: finite, unique in time, sorted. Of duplicates the largest stays."""
    kept = samples.select(
        pl.col("sid").cast(pl.Int64), pl.col("time").cast(pl.Int64), pl.col("value").cast(pl.Float64)
    )
    usable = pl.col("value").is_finite().fill_null(False) & pl.col("time").is_not_null()
    if not kept.select(usable.all()).item():
        kept = kept.filter(usable)
    # Series mostly arrive whole and in order of time: moving them as they are is far cheaper than sorting rows.
    if _is_tidy(kept):
        return kept
    kept = kept.sort("sid", maintain_order=True)
    if _is_tidy(kept):
        return kept
    return kept.sort("sid", "time", "value").unique(["sid", "time"], keep="last", maintain_order=True)


def _is_tidy(samples: pl.DataFrame) -> bool:
    moves, later = pl.col("sid").diff(), pl.col("time").diff() > 0
    return bool(samples.select(((moves > 0) | ((moves == 0) & later)).all()).item())


def detect(samples: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Score tidy samples; one row per series in the order of sid, columns as in COLUMNS.

    Args:
        samples: As `tidy` gives them.
        windows: Baseline and incident; samples outside both are ignored.
    """
    inside = pl.col("time").is_between(windows.start, windows.end, closed="left")
    kept = samples if samples.select(inside.all()).item() else samples.filter(inside)
    found = [_detect(flat, windows) for flat in _chunks(kept)]
    return pl.concat(found) if found else pl.DataFrame(schema=COLUMNS)


def _chunks(kept: pl.DataFrame) -> Iterator[_Flat]:
    """Whole series, about _CHUNK samples at a time."""
    if kept.is_empty():
        return
    sid: Ints = kept["sid"].to_numpy()
    edges = np.flatnonzero(np.diff(sid, prepend=sid[0] - 1)).astype(np.int64)
    bounds = np.append(edges, sid.size)
    cuts = np.unique(np.searchsorted(edges, np.arange(0, sid.size, _CHUNK)))
    for low, high in zip(cuts, [*cuts[1:], edges.size], strict=True):
        part = kept.slice(int(bounds[low]), int(bounds[high] - bounds[low]))
        yield _Flat(
            sid[bounds[low] : bounds[high]], part["time"].to_numpy(), part["value"].to_numpy(),
            edges[low:high] - edges[low], np.diff(bounds[low : high + 1]),
        )  # fmt: skip


def _detect(flat: _Flat, windows: Windows) -> pl.DataFrame:
    base = _in_baseline(flat, windows)
    value = without_season(flat.time, flat.value, base, flat.start, flat.count)
    level = _levels(flat, value, base)
    deviation = _deviations(flat, value, level["baseline"].to_numpy(), level["scale"].to_numpy())
    last = _last_unusual(flat, deviation, base)
    onset, contrast, reach = _change_points(flat, np.clip(deviation, -CLIP, CLIP), base, last, windows)
    after = np.arange(flat.time.size) >= flat.spread_out(onset)
    result = level.with_columns(
        pl.Series("onset", flat.time[onset]),
        pl.Series("until", flat.time[last]),
        pl.Series("contrast", contrast),
        pl.max_horizontal(pl.Series(reach), pl.col("step")).cast(pl.Int64).alias("uncertainty"),
    ).join(_aftermath(flat, value, deviation, after), on="sid", how="left", maintain_order="left")
    return _scored(result).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())


def _in_baseline(flat: _Flat, windows: Windows) -> Flags:
    """Which samples tell the usual level. Where the baseline is bare, the first two fifths of the series do."""
    base = flat.time < windows.split
    enough = np.add.reduceat(base.astype(np.int64), flat.start) >= _LEAST
    position = np.arange(flat.time.size) - flat.spread_out(flat.start)
    head = position < np.maximum(flat.spread_out(flat.count) * 0.4, 1)
    return np.where(flat.spread_out(enough), base, head).astype(np.bool_)


def _levels(flat: _Flat, value: Floats, base: Flags) -> pl.DataFrame:
    """Per series: samples, sampling step, usual level and spread."""
    gap = np.diff(flat.time, prepend=flat.time[0])
    inner = np.ones(flat.time.size, dtype=np.bool_)
    inner[flat.start] = False
    steps = (
        pl.DataFrame({"sid": flat.sid[inner], "gap": gap[inner]}).group_by("sid").agg(step=pl.col("gap").median())
    )
    usual = pl.DataFrame({"sid": flat.sid[base], "value": value[base]})
    middle = usual.group_by("sid", maintain_order=True).agg(n_base=pl.len(), baseline=pl.col("value").median())
    away = np.abs(usual["value"].to_numpy() - np.repeat(middle["baseline"].to_numpy(), middle["n_base"].to_numpy()))
    spread = (
        usual.select("sid").with_columns(away=pl.Series(away)).group_by("sid")
        .agg(mad=pl.col("away").median(), tail=pl.col("away").quantile(0.9))
    )  # fmt: skip
    joined = pl.DataFrame({
        "sid": flat.sid[flat.start], "n": flat.count, "largest": np.maximum.reduceat(np.abs(value), flat.start),
    })  # fmt: skip
    for part in (steps, middle, spread):
        joined = joined.join(part, on="sid", how="left", maintain_order="left")
    normal, tail = NORMAL * pl.col("mad"), _TAIL * pl.col("tail")
    scale = pl.max_horizontal(
        normal,
        pl.when(pl.col("mad") > 0).then(pl.min_horizontal(tail, _HEAVIEST * normal)).otherwise(tail),
        _RELATIVE_FLOOR * pl.col("baseline").abs(),
        0.02 * pl.col("largest"),
        pl.when(pl.max_horizontal("mad", "tail") + pl.col("baseline").abs() == 0)
        .then(_ZERO_FLOOR * pl.col("largest"))
        .otherwise(0.0),
    )
    return joined.with_columns(
        pl.col("step").fill_null(0.0), pl.when(scale > 0).then(scale).otherwise(1.0).alias("scale")
    )


def _deviations(flat: _Flat, value: Floats, baseline: Floats, scale: Floats) -> Floats:
    """Deviations in spreads. A fall of what cannot be negative is measured on the scale of roots, as counts are:
    it can lose no more than everything, so that the straight scale would never call it far."""
    usual, spread = flat.spread_out(baseline), flat.spread_out(scale)
    positive = (np.minimum.reduceat(value, flat.start) >= 0) & (baseline > 0)
    fallen = flat.spread_out(positive) & (value < usual)
    away = value - usual
    away[fallen] = -2 * (usual[fallen] - np.sqrt(usual[fallen] * value[fallen]))
    return away / spread


def _last_unusual(flat: _Flat, deviation: Floats, base: Flags) -> Ints:
    """Per series the index of its last unusual sample outside the baseline, else of its last sample."""
    index = np.arange(flat.time.size)
    unusual = np.where((np.abs(deviation) > DEVIATION) & ~base, index, -1)
    last = np.maximum.reduceat(unusual, flat.start)
    return np.where(last >= 0, last, flat.start + flat.count - 1).astype(np.int64)


def _change_points(
    flat: _Flat, clipped: Floats, base: Flags, last: Ints, windows: Windows
) -> tuple[Ints, Floats, Ints]:
    """Per series: index of the onset, the scan statistic, and how far (µs) nearly equal onsets reach.

    What has recovered by the end is judged up to its last unusual sample.
    """
    counted = np.arange(flat.time.size) <= flat.spread_out(last)
    clipped = np.where(counted, clipped, 0.0)
    left = flat.suffix_sums(counted.astype(np.float64))
    ahead = flat.suffix_sums(clipped)
    scan, contrast = flat.first_of_best(np.where(base, 0.0, np.abs(ahead) / np.sqrt(np.maximum(left, 1.0))))
    shift = ahead[scan] / np.maximum(left[scan], 1.0)
    # Half the shift as reference: a sample speaks for the change when nearer to the new level than to the old.
    allowance = flat.spread_out(np.maximum(np.abs(shift) / 2, 0.5))
    gain = clipped * flat.spread_out(np.sign(shift)) - np.where(counted, allowance, 0.0)
    sums = flat.suffix_sums(gain)
    position = np.arange(flat.time.size) - flat.spread_out(flat.start)
    earliest = windows.start + (windows.split - windows.start) // 2
    allowed = np.where(flat.time >= windows.split, ~base, flat.time >= earliest) & (position >= 1)
    allowed[scan] = True
    onset, best = flat.first_of_best(np.where(allowed, sums, -np.inf))
    near = np.where(
        allowed & (sums >= 0.9 * flat.spread_out(np.maximum(best, 0.0))) & flat.spread_out(best > 0),
        flat.time, flat.time[flat.spread_out(onset)],
    )  # fmt: skip
    first, last = np.minimum.reduceat(near, flat.start), np.maximum.reduceat(near, flat.start)
    reach = np.maximum(last - flat.time[onset], flat.time[onset] - first) // 2
    return onset, contrast, reach.astype(np.int64)


def _aftermath(flat: _Flat, value: Floats, deviation: Floats, after: Flags) -> pl.DataFrame:
    """Level after the onset: the median of what is unusual there, and which share that is."""
    frame = pl.DataFrame({"sid": flat.sid[after], "value": value[after], "z": deviation[after]})
    side = frame.group_by("sid").agg(pl.col("z").clip(-CLIP, CLIP).sum().sign().alias("side"))
    frame = frame.join(side, on="sid", how="left", maintain_order="left").with_columns(
        odd=pl.col("z") * pl.col("side") > DEVIATION
    )
    found = frame.group_by("sid").agg(
        pl.col("value").median(), pl.col("z").median(), persistence=pl.col("odd").mean()
    )
    odd = frame.filter("odd").group_by("sid").agg(observed=pl.col("value").median(), far=pl.col("z").median())
    return found.join(odd, on="sid", how="left").select(
        "sid", "persistence", observed=pl.coalesce("observed", "value"), z=pl.coalesce("far", "z")
    )


def _scored(result: pl.DataFrame) -> pl.DataFrame:
    """The score: strength of the deviation, times evidence that it is no accident, times how steadily it lasts."""
    strength = 1 - (-(pl.col("z").abs() - DEVIATION + 0.5).clip(0) / 5).exp()
    evidence = 1 - (-(pl.col("contrast") - CONTRAST).clip(0) / 5).exp()
    unusual = (pl.col("z").abs() > DEVIATION) & (pl.col("n_base") >= _LEAST - 1)
    return result.with_columns(
        pl.when(unusual)
        .then(strength * evidence * pl.col("persistence").sqrt())
        .otherwise(0.0)
        .fill_null(0.0)
        .round(6)
        .alias("score")
    )
