"""Samples of metrics as flat series: one id per series, counters as rates, one sampling step, silence as zero.

Wide text never reaches the rows: series are told apart once, then a row is an id, a time and a value.
"""

import polars as pl

from autopilot.analysis.metrics.series import tidy
from autopilot.analysis.windows import MICROS, Windows

KEY = ["source", "namespace", "metric", "statistic", "dimensions", "service", "resource", "region", "unit"]
"""What tells one series from another."""
SUMS = ("Sum", "SampleCount", "sum", "count")
"""Statistics that add up over time."""
_LEAST_STEP = 10 * MICROS
_MOST_ZEROS = 2_000
"""Zeros put into one silent series at most."""
_DIMENSIONS_LIMIT = 4_000
_RUNS = 20
"""Rows per run from which runs are worth more than hashes: series stored one after the other."""


def split_series(metrics: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The series of a metrics table.

    Returns:
        Who they are (`sid` and the columns of KEY, in the order of the latter), and their samples (`sid`, `time` in
        microseconds, `value`), tidy. Series with dimensions of absurd length are left out.
    """
    runs, place = _runs(metrics) or _hashed(metrics)
    known = runs.select(pl.col(KEY).cast(pl.String))
    keys = (
        known.unique().filter(pl.col("dimensions").str.len_chars() <= _DIMENSIONS_LIMIT)
        .sort(KEY).with_row_index("sid").with_columns(pl.col("sid").cast(pl.Int64))
    )  # fmt: skip
    owner = known.join(keys, on=KEY, how="left", maintain_order="left")["sid"]
    rows = pl.DataFrame({"sid": owner.gather(place), "time": metrics["time"], "value": metrics["value"]})
    return keys, tidy(rows.filter(pl.col("sid").is_not_null()) if owner.null_count() else rows)


def _runs(metrics: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series] | None:
    """Rows grouped by neighbours of the same series; None when the rows of series are mixed."""
    if metrics.is_empty():
        return None
    # One column after the other, compared with itself in place: text is never copied.
    differs = pl.repeat(False, metrics.height - 1, dtype=pl.Boolean, eager=True)
    for name in KEY:
        column = metrics[name]
        differs |= column.slice(1) != column.slice(0, metrics.height - 1)
    begins = pl.concat([pl.Series([True]), differs])
    known = metrics.select(KEY).filter(begins)
    if known.height * _RUNS > metrics.height + 100_000:
        return None
    return known, begins.cast(pl.UInt32).cum_sum() - 1


def _hashed(metrics: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
    """Rows grouped by the hash of what tells series apart: 64 bits, so that chance never makes two of them one."""
    hashes = pl.DataFrame({"hash": metrics.select(KEY).hash_rows()}).with_row_index("row")
    firsts = hashes.group_by("hash").agg(pl.col("row").first()).sort("row").with_row_index("place")
    place = hashes.join(firsts.select("hash", "place"), on="hash", how="left", maintain_order="left")["place"]
    return metrics.select(KEY)[firsts["row"]], place


def regular(samples: pl.DataFrame, identity: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Samples with counters as rates, sums at one step and zeros where failures were silent; tidy again."""
    rates = _rates(samples, identity)
    stepped = _one_step(rates, identity, windows)
    zeros = _zeros(stepped, identity, windows)
    return stepped if zeros.is_empty() else pl.concat([stepped, zeros]).sort("sid", "time")


def _without(samples: pl.DataFrame, sids: pl.Series) -> pl.DataFrame:
    """The samples of the other series."""
    return samples.filter(~pl.col("sid").is_in(sids.implode()))


def _rates(samples: pl.DataFrame, identity: pl.DataFrame) -> pl.DataFrame:
    """Cumulative counters (by name, and never falling but for a restart) become rates per second."""
    named = identity.filter(pl.col("counter") & ~pl.col("statistic").is_in([*SUMS, "Average"]))["sid"]
    counted = samples.filter(pl.col("sid").is_in(named.implode()))
    if counted.is_empty():
        return samples
    steps = counted.with_columns(
        rise=pl.col("value").diff().over("sid"), gap=pl.col("time").diff().over("sid") / MICROS
    )
    monotone = steps.group_by("sid").agg(
        steady=(pl.col("rise") >= 0).mean(),
        moved=(pl.col("rise") > 0).mean(),
        n=pl.len(),
        rises=(pl.col("rise") > 0).sum(),
    )
    # A counter of failures stands still until something fails; a level that was raised once is no counter.
    moving = (pl.col("moved") >= 0.3) | (pl.col("rises") >= 5)
    real = monotone.filter((pl.col("steady") >= 0.95) & moving & (pl.col("n") >= 5))["sid"]
    if real.is_empty():
        return samples
    grown = steps.filter(pl.col("sid").is_in(real.implode()) & (pl.col("rise") >= 0) & (pl.col("gap") > 0))
    rates = grown.select("sid", "time", value=pl.col("rise") / pl.col("gap"))
    return pl.concat([_without(samples, real), rates]).sort("sid", "time")


def _one_step(samples: pl.DataFrame, identity: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Sums collected at different periods are summed to the longest; an unfinished last period is left out."""
    added_up = identity.filter(pl.col("statistic").is_in(SUMS))["sid"]
    sums = samples.filter(pl.col("sid").is_in(added_up.implode()))
    gaps = (
        sums.select("sid", gap=pl.col("time").diff().over("sid"))
        .group_by("sid")
        .agg(
            wide=pl.col("gap").quantile(0.9, "lower").cast(pl.Int64),
            narrow=pl.col("gap").quantile(0.1, "lower").cast(pl.Int64),
        )
    )
    joined = sums.join(gaps, on="sid", how="left", maintain_order="left")
    mixed = (pl.col("wide") > pl.col("narrow") * 1.5).fill_null(False)
    # Sorted values make the sum of a period independent of the order in which its parts arrived.
    binned = (
        joined.filter(mixed)
        .with_columns(time=pl.col("time") // pl.col("wide") * pl.col("wide"))
        .sort("sid", "time", "value")
        .group_by("sid", "time", maintain_order=True)
        .agg(pl.col("value").sum(), pl.col("wide").first())
    )
    even = joined.filter(~mixed).select(binned.columns)
    finished = (pl.col("time") + pl.col("wide") <= windows.end).fill_null(True)
    kept = [part.filter(finished).select(samples.columns) for part in (even, binned)]
    if binned.is_empty() and kept[0].height == sums.height:
        return samples
    return pl.concat([_without(samples, added_up), *kept]).sort("sid", "time")


def _zeros(samples: pl.DataFrame, identity: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Counts of failures are often sent only when there are any: where their source was heard, silence is zero."""
    # A version that was silent may not have served at all.
    rare = identity.filter(
        pl.col("statistic").is_in(SUMS)
        & pl.col("signal").is_in(["errors", "throttling"])
        & (pl.col("version") == "")
    )
    told = samples.filter(pl.col("sid").is_in(rare["sid"].implode()))
    if told.is_empty():
        return samples.clear()
    heard = (
        samples.group_by("sid").agg(since=pl.col("time").min(), until=pl.col("time").max())
        .join(identity.select("sid", "source"), on="sid").group_by("source")
        .agg(pl.col("since").min(), pl.col("until").max())
    )  # fmt: skip
    least = max(_LEAST_STEP, (windows.end - windows.start) // _MOST_ZEROS)
    spans = (
        told.join(rare.select("sid", "source"), on="sid")
        .group_by("sid", "source")
        .agg(first=pl.col("time").min(), step=pl.col("time").sort().diff().median())
        .join(heard, on="source")
        .with_columns(step=pl.max_horizontal(pl.col("step").fill_null(0).cast(pl.Int64), pl.lit(least)))
        .sort("sid")
    )
    phase = pl.col("first") % pl.col("step")
    start = (pl.max_horizontal("since", pl.lit(windows.start)) - phase) // pl.col("step") * pl.col("step") + phase
    until = pl.min_horizontal("until", pl.lit(windows.end))
    grid = spans.select(
        "sid", "step", "first", time=pl.int_ranges(start, until, pl.col("step"))
    ).explode("time")  # fmt: skip
    slot = (pl.col("time") - pl.col("first")) // pl.col("step")
    taken = told.join(spans.select("sid", "step", "first"), on="sid").select("sid", slot=slot)
    silent = grid.filter(pl.col("time").is_not_null()).with_columns(slot=slot)
    return silent.join(taken, on=["sid", "slot"], how="anti").select("sid", "time", value=pl.lit(0.0))
