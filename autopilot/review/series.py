"""The samples behind a metric finding, read from the case when they are needed."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from polars.exceptions import PolarsError

from autopilot.case.schema import conform
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, CasePart
from autopilot.incident.metric import MetricRef
from autopilot.incident.ports import CaseStore, Failure

LOW, HIGH = 0.05, 0.95
"""Quantiles of the baseline that make its band."""
MIN_BASELINE = 5


@dataclass(frozen=True)
class Series:
    """Samples, oldest first, and the usual range before the incident."""

    times: list[datetime]
    values: list[float]
    band: tuple[float, float] | None
    """None when there are too few samples before the incident."""
    usual: float | None = None
    """The median of the baseline."""


class CaseSeries:
    """Reads the parts of one case lazily; each part at most once."""

    def __init__(self, store: CaseStore, manifest: CaseManifest | None) -> None:
        """Nothing is read yet."""
        self._store = store
        self._manifest = manifest
        self._frames: dict[str, pl.DataFrame] = {}
        self.problems: list[str] = []
        """Parts that could not be read, in words."""

    def _frame(self, part: CasePart) -> pl.DataFrame:
        if part.uri not in self._frames:
            try:
                rows = conform("metrics", pl.read_parquet(io.BytesIO(self._store.get(part.uri))))
            except (Failure, PolarsError, OSError) as error:
                self.problems.append(f"The metrics of {part.source} could not be read again: {error}")
                rows = conform("metrics", pl.DataFrame())
            self._frames[part.uri] = rows
        return self._frames[part.uri]

    def of(self, metric: MetricRef) -> Series | None:
        """The series of a metric; None when the case does not hold it."""
        if self._manifest is None:
            return None
        parts = [p for p in self._manifest.parts if p.table == "metrics" and p.source == metric.source]
        found = [chosen for part in parts if (chosen := _rows(self._frame(part), metric)).height]
        if not found:
            return None
        rows = pl.concat(found).unique("time", keep="last").sort("time")
        times: list[datetime] = rows["time"].to_list()
        values: list[float] = rows["value"].to_list()
        return _with_band(times, values, self._manifest.scope.baseline)


def _rows(rows: pl.DataFrame, metric: MetricRef) -> pl.DataFrame:
    """Time and value of the rows that are samples of the metric."""
    fits = (
        (pl.col("metric") == metric.name) & (pl.col("statistic") == metric.statistic) & pl.col("value").is_finite()
    )
    if metric.namespace:
        fits &= pl.col("namespace") == metric.namespace
    if metric.region:
        fits &= pl.col("region").is_in([metric.region, ""])
    named = rows.filter(fits)
    texts: list[str] = named["dimensions"].unique().to_list()
    same = [text for text in texts if _dimensions(text) == metric.dimensions]
    return named.filter(pl.col("dimensions").is_in(same)).select("time", "value")


def _dimensions(text: str) -> dict[str, str]:
    try:
        value: object = json.loads(text or "{}")
    except ValueError:
        return {}
    return {str(k): str(v) for k, v in value.items()} if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]


def _with_band(times: Sequence[datetime], values: Sequence[float], baseline: TimeWindow) -> Series:
    usual = pl.Series([v for t, v in zip(times, values, strict=True) if baseline.contains(t)], dtype=pl.Float64)
    if len(usual) < MIN_BASELINE:
        return Series(list(times), list(values), None)
    low, high, middle = usual.quantile(LOW), usual.quantile(HIGH), usual.quantile(0.5)
    band = (low, high) if low is not None and high is not None else None
    return Series(list(times), list(values), band, middle)
