"""Change detection over many series at once, on flat arrays; metrics and log rates share it.

The level and spread of the baseline are median and MAD (with floors, so that a quiet series does not turn every
wobble into an alarm). The onset maximises the CUSUM contrast of clipped deviations: clipping keeps one
spike from winning and puts the onset of a ramp, or of the first of two steps, at its beginning. Everything is
relative to the series itself, so units and scale do not matter.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import polars as pl

from autopilot.analysis.windows import Windows

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
_T = TypeVar("_T", bound=np.generic)

CLIP = 6.0
DEVIATION = 3.0
"""Deviations (in spreads) beyond which a sample counts as unusual."""
CONTRAST = 4.0
"""CUSUM contrast that noise alone reaches in a long series."""
_RELATIVE_FLOOR = 0.05
"""A change below a few times 5 % of the level is of no practical interest."""
_ZERO_FLOOR = 0.1
"""Spread of a series whose baseline never moved from zero, as a share of its largest value."""
_LEAST = 3
"""Baseline samples needed; with fewer, the head of the series stands in."""

_MEDIAN = pl.col("value").median()
COLUMNS: dict[str, type[pl.DataType]] = {
    "sid": pl.Int64, "n": pl.Int64, "n_base": pl.Int64, "step": pl.Float64, "baseline": pl.Float64,
    "scale": pl.Float64, "onset": pl.Int64, "uncertainty": pl.Int64, "observed": pl.Float64,
    "z": pl.Float64, "contrast": pl.Float64, "persistence": pl.Float64, "score": pl.Float64,
}  # fmt: skip
"""One row per series. step and uncertainty in microseconds; baseline and observed in the series' own unit."""


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


def tidy(samples: pl.DataFrame) -> pl.DataFrame:
    """Columns sid, time (microseconds), value: finite, unique in time, sorted. Of duplicates the largest stays."""
    return (
        samples.select(
            pl.col("sid").cast(pl.Int64), pl.col("time").cast(pl.Int64), pl.col("value").cast(pl.Float64)
        )
        .filter(pl.col("value").is_not_null() & pl.col("value").is_finite() & pl.col("time").is_not_null())
        .sort("sid", "time", "value")
        .unique(["sid", "time"], keep="last", maintain_order=True)
    )


def detect(samples: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Score tidy samples; one row per series in the order of sid, columns as in COLUMNS."""
    kept = samples.filter((pl.col("time") >= windows.start) & (pl.col("time") < windows.end))
    if kept.is_empty():
        return pl.DataFrame(schema=COLUMNS)
    flat = _flatten(kept)
    base = _in_baseline(flat, windows)
    level = _levels(flat, base)
    usual: Floats = level["baseline"].to_numpy()
    scale: Floats = level["scale"].to_numpy()
    deviation = (flat.value - flat.spread_out(usual)) / flat.spread_out(scale)
    onset, contrast, reach = _change_points(flat, np.clip(deviation, -CLIP, CLIP), windows)
    after = np.arange(flat.time.size) >= flat.spread_out(onset)
    result = level.with_columns(
        pl.Series("onset", flat.time[onset]),
        pl.Series("contrast", contrast),
        pl.max_horizontal(pl.Series(reach), pl.col("step")).cast(pl.Int64).alias("uncertainty"),
    ).join(_aftermath(flat, deviation, after), on="sid", how="left", maintain_order="left")
    return _scored(result).select(pl.col(name).cast(kind) for name, kind in COLUMNS.items())


def _flatten(kept: pl.DataFrame) -> _Flat:
    sid: Ints = kept["sid"].to_numpy()
    edges = np.flatnonzero(np.diff(sid, prepend=sid[0] - 1)).astype(np.int64)
    count = np.diff(np.append(edges, sid.size)).astype(np.int64)
    return _Flat(sid, kept["time"].to_numpy(), kept["value"].to_numpy(), edges, count)


def _in_baseline(flat: _Flat, windows: Windows) -> Flags:
    """Which samples tell the usual level. Where the baseline is bare, the first two fifths of the series do."""
    base = flat.time < windows.split
    enough = np.add.reduceat(base.astype(np.int64), flat.start) >= _LEAST
    position = np.arange(flat.time.size) - flat.spread_out(flat.start)
    head = position < np.maximum(flat.spread_out(flat.count) * 0.4, 1)
    return np.where(flat.spread_out(enough), base, head).astype(np.bool_)


def _levels(flat: _Flat, base: Flags) -> pl.DataFrame:
    every = pl.DataFrame({"sid": flat.sid, "value": flat.value, "gap": np.diff(flat.time, prepend=flat.time[0])})
    first = np.zeros(flat.time.size, dtype=np.bool_)
    first[flat.start] = True
    whole = every.group_by("sid", maintain_order=True).agg(
        pl.len().alias("n"), pl.col("value").abs().max().alias("largest")
    )
    steps = every.filter(~first).group_by("sid").agg(pl.col("gap").median().alias("step"))
    usual = every.filter(base)
    middle = usual.group_by("sid").agg(pl.len().alias("n_base"), _MEDIAN.alias("baseline"))
    spread = (
        usual.join(middle, on="sid", how="left", maintain_order="left")
        .select("sid", away=(pl.col("value") - pl.col("baseline")).abs())
        .group_by("sid")
        .agg(pl.col("away").median().alias("mad"), pl.col("away").quantile(0.9).alias("tail"))
    )
    joined = whole
    for part in (steps, middle, spread):
        joined = joined.join(part, on="sid", how="left", maintain_order="left")
    floor = pl.max_horizontal(_RELATIVE_FLOOR * pl.col("baseline").abs(), 0.02 * pl.col("largest"))
    return joined.with_columns(
        pl.col("step").fill_null(0.0),
        scale=pl.max_horizontal(
            1.4826 * pl.col("mad"),
            0.6 * pl.col("tail"),
            floor,
            pl.when(pl.max_horizontal("mad", "tail") + pl.col("baseline").abs() == 0)
            .then(_ZERO_FLOOR * pl.col("largest"))
            .otherwise(0.0),
        ),
    ).with_columns(pl.when(pl.col("scale") > 0).then(pl.col("scale")).otherwise(1.0).alias("scale"))


def _change_points(flat: _Flat, clipped: Floats, windows: Windows) -> tuple[Ints, Floats, Ints]:
    """Per series: index of the onset, its contrast, and how far (µs) nearly equal candidates reach."""
    sums = np.cumsum(clipped)
    before_all = np.concatenate(([0.0], sums))[flat.start]
    total = np.add.reduceat(clipped, flat.start)
    position = np.arange(flat.time.size) - flat.spread_out(flat.start)
    count = flat.spread_out(flat.count).astype(np.float64)
    left = position.astype(np.float64)
    right = count - left
    head = sums - clipped - flat.spread_out(before_all)
    with np.errstate(divide="ignore", invalid="ignore"):
        contrast = np.abs((flat.spread_out(total) - head) / right - head / left) * np.sqrt(left * right / count)
    earliest = windows.start + (windows.split - windows.start) // 2
    contrast = np.where((position >= 1) & (flat.time >= earliest), contrast, 0.0)
    best = np.maximum.reduceat(contrast, flat.start)
    at_best = np.flatnonzero(contrast >= flat.spread_out(best))
    onset = at_best[np.unique(flat.sid[at_best], return_index=True)[1]]
    near = np.where(contrast >= 0.9 * flat.spread_out(best), flat.time, flat.time[flat.spread_out(onset)])
    first, last = np.minimum.reduceat(near, flat.start), np.maximum.reduceat(near, flat.start)
    reach = np.maximum(last - flat.time[onset], flat.time[onset] - first) // 2
    return onset.astype(np.int64), best, reach.astype(np.int64)


def _aftermath(flat: _Flat, deviation: Floats, after: Flags) -> pl.DataFrame:
    """Level after the onset: the median of what is unusual there, and which share that is."""
    frame = pl.DataFrame({"sid": flat.sid[after], "value": flat.value[after], "z": deviation[after]})
    side = frame.group_by("sid").agg(pl.col("z").clip(-CLIP, CLIP).sum().sign().alias("side"))
    frame = frame.join(side, on="sid", how="left", maintain_order="left").with_columns(
        odd=pl.col("z") * pl.col("side") > DEVIATION
    )
    return frame.group_by("sid").agg(
        pl.when(pl.col("odd").any())
        .then(pl.col("value").filter(pl.col("odd")).median())
        .otherwise(_MEDIAN)
        .alias("observed"),
        pl.when(pl.col("odd").any())
        .then(pl.col("z").filter(pl.col("odd")).median())
        .otherwise(pl.col("z").median())
        .alias("z"),
        pl.col("odd").mean().alias("persistence"),
    )


def _scored(result: pl.DataFrame) -> pl.DataFrame:
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
