"""Synthetic telemetry at any size, written as a case of the product: what `benchmarks.analysis` measures on.

A fleet of services, a day of metrics by the minute, three hours of logs and traces; the incident is the last half
hour, in which one service in twenty slows down and fails.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from autopilot.case.store import FolderCaseStore
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, CasePart, Scope, Table
from benchmarks.log_lines import draw_lines

END = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
SPLIT = END - timedelta(minutes=30)
_METRICS = (
    ("latency_p99", "ms", "Average"), ("http_errors", "Count", "Sum"), ("requests", "Count", "Sum"),
    ("cpu_utilization", "Percent", "Average"), ("memory_usage_bytes", "Bytes", "Average"),
    ("gc_pause", "ms", "Average"),
    ("connections_open", "Count", "Average"), ("queue_depth", "Count", "Average"),
    ("disk_free", "Bytes", "Average"),
    ("retries", "Count", "Sum"), ("cache_hits", "Count", "Sum"), ("threads", "Count", "Average"),
)  # fmt: skip
Values = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
_SOURCES = ("cloudwatch", "prometheus", "otel", "statsd")
_SICK = 20
"""One service in so many is hurt."""
_DEPTH = 5
"""Spans of a trace: a chain of calls."""
_LATE = 25
"""Minutes for which it has been failing."""


@dataclass(frozen=True)
class Size:
    """How much telemetry a case holds."""

    services: int
    series: int
    points: int
    lines: int
    templates: int
    spans: int


FULL = Size(services=200, series=10_000, points=1_440, lines=1_000_000, templates=2_500, spans=500_000)
LIVE = Size(services=20, series=400, points=180, lines=20_000, templates=300, spans=10_000)
"""A typical live incident."""


def write_case(folder: Path, size: Size, seed: int = 1) -> CaseManifest:
    """Write a case of that size into a folder store, one part per source and table as collectors do."""
    store = FolderCaseStore(folder)
    parts: list[CasePart] = []
    for source, table, rows in _parts(size, np.random.default_rng(seed)):
        parts.append(store.put_part("speed", 1, source, table, rows))
    scope = Scope(
        incident_id="speed",
        services=(_service(0),),
        baseline=TimeWindow(start=END - timedelta(minutes=max(size.points, 180)), end=SPLIT),
        incident=TimeWindow(start=SPLIT, end=END),
        alerted_at=END - timedelta(minutes=1),
    )
    return store.seal(CaseManifest(revision=1, scope=scope, parts=tuple(parts)))


def _parts(size: Size, random: np.random.Generator) -> Iterator[tuple[str, Table, pl.DataFrame]]:
    for number, source in enumerate(_SOURCES):
        series = range(number, size.series, len(_SOURCES))
        if series:
            yield source, "metrics", _metrics(series, size, source, random)
    traces = _draw_traces(size, random)
    if size.lines:
        yield "logs", "logs", _logs(size, traces, random)
    if size.spans:
        yield "traces", "spans", _spans(size, traces, random)


@dataclass(frozen=True)
class _Traces:
    """When each trace began (microseconds) and in which service; then it goes through the next ones."""

    begun: Numbers
    first: Numbers

    def of_services(self, services: Numbers, random: np.random.Generator) -> Numbers:
        """A trace for each service that passes through it, where there is one."""
        order: Numbers = np.argsort(self.first, kind="stable").astype(np.int64)
        begins = np.searchsorted(self.first[order], np.arange(int(services.max()) + 2))
        low, high = begins[services], begins[services + 1]
        within: Numbers = np.floor(random.random(size=len(services)) * (high - low)).astype(np.int64)
        return order[np.minimum(low + within, len(order) - 1)]


def _draw_traces(size: Size, random: np.random.Generator) -> _Traces:
    count = max(size.spans // _DEPTH, 1)
    start = _micros(END) - 180 * 60_000_000
    begun = np.sort(random.integers(start, _micros(END), size=count))
    return _Traces(begun, random.integers(size.services, size=count))


def _trace_id(trace: str) -> pl.Expr:
    return pl.format("{}{}", pl.lit("7f3a9c52e1"), pl.col(trace).cast(pl.String).str.zfill(12))


def _service(number: int) -> str:
    return f"service-{number:03d}"


def _micros(at: datetime) -> int:
    return int(at.timestamp()) * 1_000_000


def series_values(count: int, points: int, random: np.random.Generator) -> Values:
    """A matrix of series by minutes: levels over five orders of size, daily waves, noise."""
    level = 10.0 ** random.uniform(0, 5, size=(count, 1))
    wave = 0.2 * np.sin(np.linspace(0, 2 * np.pi, points) + random.uniform(0, 6, size=(count, 1)))
    return level * (1 + wave + 0.05 * random.standard_normal((count, points)))


def _metrics(series: range, size: Size, source: str, random: np.random.Generator) -> pl.DataFrame:
    values = series_values(len(series), size.points, random)
    numbers = np.array(series)
    service = numbers // len(_METRICS) % size.services
    sick = service % _SICK == 0
    values[sick, -_LATE:] *= 3
    identity = pl.DataFrame(
        [
            {
                "service": _service(int(at)), "resource": f"pod-{number}", "region": "eu-1", "namespace": source,
                "metric": (kind := _METRICS[number % len(_METRICS)])[0], "unit": kind[1], "statistic": kind[2],
                "dimensions": json.dumps({"instance": f"i-{number:06d}", "service": _service(int(at))}),
                "source": source,
            }
            for number, at in zip(series, service, strict=True)
        ]
    )  # fmt: skip
    row = np.repeat(np.arange(len(series)), size.points)
    times = _micros(END) - 60_000_000 * np.arange(size.points, 0, -1)
    return identity[row].with_columns(
        time=pl.Series(np.tile(times, len(series))).cast(pl.Datetime("us", "UTC")), value=values.ravel()
    )


def _logs(size: Size, traces: _Traces, random: np.random.Generator) -> pl.DataFrame:
    """Lines of requests: each within a trace, where there are traces, else at any time."""
    lines = draw_lines(random, size.lines, size.templates)
    service = lines.truth.to_numpy().astype(np.int64) % size.services
    start = _micros(END) - 180 * 60_000_000
    times = random.integers(start, _micros(END), size=size.lines)
    trace = np.arange(size.lines)
    if size.spans:
        depth = random.integers(_DEPTH, size=size.lines)
        trace = traces.of_services((service - depth) % size.services, random)
        times = traces.begun[trace] + 1_000 * depth + random.integers(900, size=size.lines)
    late = (times >= _micros(END) - _LATE * 60_000_000) & (service % _SICK == 0)
    failing = late & (random.random(size.lines) < 0.3)
    number = pl.Series(random.integers(1, 90_000, size=size.lines)).cast(pl.String)
    frame = pl.DataFrame({
        "time": pl.Series(times).cast(pl.Datetime("us", "UTC")), "level": lines.level, "message": lines.message,
        "service": pl.Series([_service(n) for n in range(size.services)]).gather(service),
        "trace": trace, "failing": failing,
    })  # fmt: skip
    refused = pl.format("connection refused by store {} after {} ms", pl.col("service"), number)
    return frame.with_columns(
        message=pl.when("failing").then(refused).otherwise("message"),
        level=pl.when("failing").then(pl.lit("ERROR")).otherwise("level"),
        resource=pl.concat_str(pl.lit("/logs/"), "service"), kind=pl.lit("application"), region=pl.lit("eu-1"),
    ).drop("failing", "trace").sort("time")  # fmt: skip


def _spans(size: Size, drawn: _Traces, random: np.random.Generator) -> pl.DataFrame:
    traces, begun = len(drawn.begun), drawn.begun
    own = random.lognormal(-4, 0.3, size=(traces, _DEPTH))
    service = (drawn.first[:, None] + np.arange(_DEPTH)) % size.services
    late = (begun >= _micros(END) - _LATE * 60_000_000)[:, None] & (service % _SICK == 0)
    own[late] *= 8
    failed: npt.NDArray[np.bool_] = late & (random.random(size=(traces, _DEPTH)) < 0.4)
    duration = np.cumsum(own[:, ::-1], axis=1)[:, ::-1]
    trace = np.repeat(np.arange(traces), _DEPTH)
    depth = np.tile(np.arange(_DEPTH), traces)
    names = pl.Series([_service(n) for n in range(size.services)])
    caller = pl.format("{}-{}", "trace", pl.col("depth") - 1)
    parent = pl.when(pl.col("depth") > 0).then(caller).otherwise(pl.lit(""))
    return pl.DataFrame({"trace": trace, "depth": depth}).select(
        trace_id=_trace_id("trace"),
        span_id=pl.format("{}-{}", "trace", "depth"),
        parent_id=parent,
        service=names.gather(service.ravel()),
        operation=pl.format("GET /v1/{}", pl.Series(service.ravel() % 40)),
        region=pl.lit("eu-1"),
        start=pl.Series(np.repeat(begun, _DEPTH) + 1_000 * depth).cast(pl.Datetime("us", "UTC")),
        duration=duration.ravel(),
        status=pl.Series(["ok", "error"]).gather(failed.ravel().astype(np.int64)),
        version=pl.lit("v1"),
    )  # fmt: skip
