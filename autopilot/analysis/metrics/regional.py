"""What logs and traces tell per region, as series: error lines, failed spans and their duration."""

import polars as pl

from autopilot.analysis.metrics.series import detect, tidy
from autopilot.analysis.windows import MICROS, Windows
from autopilot.case.schema import FAILED_STATUSES, SEVERE_LEVELS

IDENTITY = ["service", "region", "namespace", "metric", "statistic", "unit", "dimensions", "source", "signal"]
_BINS = 120
_LEAST_BIN = 30 * MICROS
_SERIES = 400
"""Pairs of service and region looked at."""


def regional_series(logs: pl.DataFrame, spans: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Changes of what services in two or more regions logged and traced: IDENTITY with the columns of `detect`."""
    width = max(_LEAST_BIN, (windows.end - windows.start) // _BINS)
    binned = (pl.col("at") // width * width).alias("time")
    lines = logs.with_columns(at=pl.col("time").cast(pl.Int64)).filter(
        (pl.col("at") >= windows.start) & (pl.col("at") < windows.end) & (pl.col("kind") != "audit")
    )
    calls = spans.with_columns(at=pl.col("start").cast(pl.Int64)).filter(
        (pl.col("at") >= windows.start) & (pl.col("at") < windows.end)
        & pl.col("duration").is_finite() & (pl.col("duration") >= 0)
    )  # fmt: skip
    heard, traced = _several(lines), _several(calls)
    errors = heard.filter(pl.col("level").str.to_uppercase().is_in(SEVERE_LEVELS))
    place = ("service", "region", binned)
    counted = errors.group_by(*place).agg(value=pl.len().cast(pl.Float64))
    failed = traced.group_by(*place).agg(value=pl.col("status").is_in(FAILED_STATUSES).mean())
    lasted = traced.group_by(*place).agg(value=pl.col("duration").median())
    return pl.concat([
        _found(_silent_is_zero(counted, heard, windows, width), "error lines", "logs", "errors", windows),
        _found(failed, "share of failed spans", "traces", "errors", windows),
        _found(lasted, "duration of spans", "traces", "latency", windows),
    ])  # fmt: skip


def _several(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of services that were seen in several regions."""
    told = rows.filter(pl.col("region") != "")
    many = told.group_by("service").agg(n=pl.col("region").n_unique()).filter(pl.col("n") > 1)
    return told.join(many.select("service"), on="service", how="semi")


def _silent_is_zero(counts: pl.DataFrame, every: pl.DataFrame, windows: Windows, width: int) -> pl.DataFrame:
    """Counts on a grid: a region that logged something but no error had none."""
    bins = pl.DataFrame(
        {"time": range(windows.start // width * width, windows.end, width)}, schema={"time": pl.Int64}
    )
    places = every.select("service", "region").unique().sort("service", "region").head(_SERIES)
    grid = places.join(bins, how="cross").join(counts, on=["service", "region", "time"], how="left")
    return grid.with_columns(pl.col("value").fill_null(0.0))


def _found(samples: pl.DataFrame, metric: str, source: str, signal: str, windows: Windows) -> pl.DataFrame:
    places = (
        samples.select("service", "region").unique().sort("service", "region").head(_SERIES)
        .with_row_index("sid").with_columns(pl.col("sid").cast(pl.Int64))
    )  # fmt: skip
    rows = samples.join(places, on=["service", "region"], how="inner").select("sid", "time", "value")
    named = places.with_columns(
        namespace=pl.lit(""), metric=pl.lit(metric), statistic=pl.lit(""), unit=pl.lit(""), dimensions=pl.lit("{}"),
        source=pl.lit(source), signal=pl.lit(signal),
    )  # fmt: skip
    return named.join(detect(tidy(rows), windows), on="sid", how="inner").sort("sid").drop("sid")
