"""The course of the symptom, and how closely other series follow it.

What made the symptom comes and goes with it. A series that was unlike its baseline all along, or changed at another
moment, has another reason. This is the pattern similarity of MonitorRank (Kim et al. 2013), on deviations from each
series' own baseline, so that neither units nor levels matter.
"""

import polars as pl

from autopilot.analysis.metrics.kinds import FALLING, RISING
from autopilot.analysis.metrics.series import CLIP
from autopilot.analysis.windows import Windows

_BINS = 60
"""Pieces of time compared at most."""
_LEAST_BINS = 4
_CLEAR = 0.5
"""Standard deviation, in spreads, that the symptom's course needs to mean anything."""
_FAINT = 0.1
"""Score that a series of the symptom counts with at least."""
_ALIKE = 0.8
"""Correlation that is as good as one: sampling and noise take the rest."""


def likeness(samples: pl.DataFrame, scored: pl.DataFrame, scope: frozenset[str], windows: Windows) -> pl.DataFrame:
    """How closely series follow the symptom: correlation over the incident and as much time before it.

    Args:
        samples: sid, time (µs), value.
        scored: The series to compare, with service, signal, about and what `detect` found.
        scope: Services with the symptom.
        windows: Baseline and incident.

    Returns:
        sid and `follows`, 0 to 1; series without enough shared time are left out, all when the symptom has none.
    """
    adverse = pl.when(pl.col("signal").is_in(list(FALLING))).then(-1.0).otherwise(1.0)
    symptom = scored.filter(
        pl.col("service").is_in(sorted(scope))
        & pl.col("signal").is_in([*RISING, *FALLING])
        & (pl.col("about") == "itself")
    ).with_columns(side=adverse)
    others = scored.filter(pl.col("score") > 0).with_columns(side=pl.col("z").sign())
    start = max(windows.start, 2 * windows.split - windows.end)
    step = symptom["step"].max()
    width = max(int(step) if isinstance(step, int | float) else 0, (windows.end - start) // _BINS, 1)
    # The series that speak most clearly draw the course; where none does, all of them together.
    weight = pl.max_horizontal("score", pl.lit(_FAINT))
    course = (
        _binned(samples, symptom, start, width, windows)
        .join(symptom.select("sid", weight=weight * weight), on="sid")
        .group_by("bin", maintain_order=True)
        .agg(course=(pl.col("away") * pl.col("weight")).sum() / pl.col("weight").sum())
    )
    spread = course["course"].std()
    if course.height < _LEAST_BINS or not isinstance(spread, float) or spread < _CLEAR:
        return pl.DataFrame(schema={"sid": pl.Int64, "follows": pl.Float64})
    return (
        _binned(samples, others, start, width, windows)
        .join(course, on="bin")
        .group_by("sid")
        .agg(follows=pl.corr("away", "course"), n=pl.len(), moved=pl.col("away").std())
        .filter(pl.col("n") >= _LEAST_BINS)
        .select(
            "sid", follows=pl.when(pl.col("moved") > 0).then("follows").otherwise(0.0).fill_nan(0.0).clip(0.0, 1.0)
        )
        .sort("sid")
    )


def _binned(samples: pl.DataFrame, series: pl.DataFrame, start: int, width: int, windows: Windows) -> pl.DataFrame:
    """Mean clipped deviation of each series per piece of time, positive to the side that matters."""
    inside = pl.col("time").is_between(start, windows.end, closed="left")
    away = ((pl.col("value") - pl.col("baseline")) / pl.col("scale") * pl.col("side")).clip(-CLIP, CLIP)
    return (
        samples.filter(inside & pl.col("sid").is_in(series["sid"].implode()))
        .join(series.select("sid", "baseline", "scale", "side"), on="sid")
        .with_columns(away=away, bin=(pl.col("time") - start) // width)
        .sort("sid", "time", "value")
        .group_by("sid", "bin", maintain_order=True)
        .agg(pl.col("away").mean())
        .sort("bin", "sid")
    )
