"""Requests where users enter, and how many of them failed: each counted once.

A request is seen by its gateway, by the function behind it and by whatever that calls. It is counted where nobody
known calls the service, and there by one metric only, summed over the labels (regions, routes) that cut it.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.metrics.kinds import words
from autopilot.analysis.metrics.table import SUMS, SeriesTable
from autopilot.analysis.onset import Onset
from autopilot.analysis.topology import Graph
from autopilot.analysis.windows import MICROS, Windows
from autopilot.case.schema import FAILED_STATUSES
from autopilot.incident.base import Scalar

_LABELS = TypeAdapter(dict[str, Scalar])
_VOLUME = re.compile(r"byte|packet|network|connection|receive|transmit|\bsent\b|size")
"""Traffic that does not count requests."""
_RATE = re.compile(r"\b(rps|qps|tps|throughput)\b|per_sec|per_s$|_rate$")
_RATE_UNITS = ("count/second", "requests/s", "request/s", "1/s", "reqps", "requests/second")
_NO_REQUEST = re.compile(r"restart|oom|retr(y|ies)|packet|4_?xx|client|user")
"""Errors that are no failed requests, or the caller's own."""
_STATUS = ("status", "status_code", "statusCode", "code", "http_status_code", "response_code")
_MOST = 1e15
"""Requests beyond this were never counted by anybody: the samples are broken."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Traffic:
    """Requests of the entries since the onset."""

    services: tuple[str, ...]
    requests: float
    failed: float | None
    usual_per_second: float
    """In the baseline; 0 when it holds none."""
    query: str
    source: str
    traced: bool = False
    """Counted from traces, which may be sampled."""


@dataclass(frozen=True)
class _Totals:
    since: Mapping[int, float]
    before: Mapping[int, float]


def entry_traffic(
    table: SeriesTable, graph: Graph, focus: frozenset[str], hit: frozenset[str], onset: Onset
) -> Traffic | None:
    """Requests at the entries that lead to the services that are hit; None when no series counts them."""
    series = table.identity.filter(
        pl.col("service").is_in(sorted(focus)) & (pl.col("version") == "")
        & pl.col("signal").is_in(["traffic", "errors", "availability"])
    )  # fmt: skip
    rows = [row for row in series.sort("sid").to_dicts() if _counts(row)]
    totals = _totals(table, rows, onset)
    served = [
        row for row in rows
        if row["signal"] == "traffic" and 0 < totals.since.get(row["sid"], 0.0) <= _MOST
        and not _VOLUME.search(words(row["metric"])) and "byte" not in row["unit"].lower()
    ]  # fmt: skip
    entries = _entries(served, graph, hit, totals)
    if not entries:
        return None
    flows = [_flow(service, served, rows, series, table, totals, onset) for service in entries]
    failed = [flow.failed for flow in flows if flow.failed is not None]
    return Traffic(
        entries, sum(f.requests for f in flows), sum(failed) if failed else None,
        sum(f.usual_per_second for f in flows), "; ".join(f.query for f in flows)[:900], flows[0].source,
    )  # fmt: skip


def _counts(row: Row) -> bool:
    """Whether a series counts something or tells how often it happens."""
    name = words(row["metric"])
    rate = _RATE.search(name) is not None or row["unit"].lower() in _RATE_UNITS
    return row["statistic"] in SUMS or bool(row["counter"]) or (row["signal"] == "traffic" and rate)


def _totals(table: SeriesTable, rows: Sequence[Row], onset: Onset) -> _Totals:
    """Sums of each series since the onset and in the baseline; rates are multiplied by the time between samples."""
    rated = [row["sid"] for row in rows if row["statistic"] not in SUMS]
    gap = pl.col("time").diff().over("sid").fill_null(0) / MICROS
    summed = (
        table.samples.filter(pl.col("sid").is_in([row["sid"] for row in rows]))
        .sort("sid", "time")
        .with_columns(pl.when(pl.col("sid").is_in(rated)).then(pl.col("value") * gap).otherwise(pl.col("value")))
        .group_by("sid", maintain_order=True)
        .agg(
            since=pl.col("value").filter(pl.col("time") >= onset.at).sum(),
            before=pl.col("value").filter(pl.col("time") < table.windows.split).sum(),
        )
    )
    return _Totals(
        {int(sid): float(value) for sid, value in summed.select("sid", "since").iter_rows()},
        {int(sid): float(value) for sid, value in summed.select("sid", "before").iter_rows()},
    )


def _entries(served: Sequence[Row], graph: Graph, hit: frozenset[str], totals: _Totals) -> tuple[str, ...]:
    """Services at which users enter; where calls are not known, the busiest stands for all."""
    services = sorted({row["service"] for row in served})
    known = tuple(s for s in services if graph.is_entry(s) and hit & (graph.callees(s) | {s}) and graph.callees(s))
    if known:
        return known
    free = [s for s in services if graph.is_entry(s)] or services
    busiest = max(
        free, default=None, key=lambda s: max(totals.since[r["sid"]] for r in served if r["service"] == s)
    )
    return (busiest,) if busiest is not None else ()


def _flow(
    service: str, served: Sequence[Row], rows: Sequence[Row], series: pl.DataFrame, table: SeriesTable,
    totals: _Totals, onset: Onset,
) -> Traffic:  # fmt: skip
    best = _largest([row for row in served if row["service"] == service], totals)
    requests = sum(totals.since[row["sid"]] for row in best)
    failures = [
        r for r in rows
        if r["service"] == service and r["signal"] == "errors" and not _NO_REQUEST.search(words(r["metric"]))
    ]  # fmt: skip
    counted = sum(totals.since.get(row["sid"], 0.0) for row in _largest(failures, totals)) if failures else None
    coded = _by_status(best, totals)
    failed = max((n for n in (counted, coded) if n is not None), default=None)
    if failed is None:
        failed = _by_share(service, series, table, onset, requests)
    baseline = (table.windows.split - table.windows.start) / MICROS
    first = best[0]
    return Traffic(
        (service,), requests, None if failed is None else min(max(failed, 0.0), requests),
        sum(totals.before[row["sid"]] for row in best) / baseline if baseline > 0 else 0.0,
        f"{first['namespace']} {first['metric']} {first['dimensions']}", first["source"],
    )  # fmt: skip


def _largest(rows: Sequence[Row], totals: _Totals) -> list[Row]:
    """The series of one metric with the same labels that count most; other cuts of it count the same again."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        names = ",".join(sorted(_labels(row["dimensions"])))
        groups[row["source"], row["namespace"], row["metric"], row["statistic"], names].append(row)
    return max(
        sorted(groups.items()), key=lambda item: sum(totals.since.get(r["sid"], 0.0) for r in item[1])
    )[1]  # fmt: skip


def _labels(dimensions: str) -> dict[str, Scalar]:
    try:
        return _LABELS.validate_json(dimensions or "{}")
    except ValidationError:
        return {}


def _by_status(rows: Sequence[Row], totals: _Totals) -> float | None:
    """Failures among requests that are cut by their status."""
    coded = [
        (str(labels[name]), totals.since.get(row["sid"], 0.0))
        for row in rows for labels in [_labels(row["dimensions"])] for name in _STATUS if name in labels
    ]  # fmt: skip
    return sum(n for code, n in coded if code.startswith("5")) if coded else None


def _by_share(
    service: str, series: pl.DataFrame, table: SeriesTable, onset: Onset, requests: float
) -> float | None:
    """Failures from an error rate or an availability, in percent or as a share."""
    rows = series.filter((pl.col("service") == service) & (pl.col("signal") != "traffic")).sort("sid").to_dicts()
    levels: list[float] = []
    for row in rows:
        if _NO_REQUEST.search(words(row["metric"])) or row["statistic"] in SUMS or row["counter"]:
            continue
        values = table.samples.filter((pl.col("sid") == row["sid"]) & (pl.col("time") >= onset.at))["value"]
        level, largest = values.mean(), values.max()
        if not isinstance(level, int | float) or not isinstance(largest, int | float):
            continue
        percent = row["unit"].lower() in ("percent", "%") or largest > 1
        share = level / 100 if percent else float(level)
        levels.append(1 - share if row["signal"] == "availability" else share)
    return requests * min(max(levels[0], 0.0), 1.0) if levels else None


def traced_traffic(spans: pl.DataFrame, focus: frozenset[str], onset: Onset, windows: Windows) -> Traffic | None:
    """Requests as traces show them: spans that nobody known called; None when there are none."""
    at = pl.col("start").cast(pl.Int64)
    roots = spans.filter((pl.col("parent_id") == "") & pl.col("service").is_in(sorted(focus)) & (at < windows.end))
    late = roots.filter(at >= onset.at)
    if late.is_empty():
        return None
    baseline = (windows.split - windows.start) / MICROS
    before = roots.filter((at >= windows.start) & (at < windows.split)).height
    return Traffic(
        tuple(late["service"].unique().sort().to_list()), late.height,
        late.filter(pl.col("status").is_in(FAILED_STATUSES)).height, before / baseline if baseline > 0 else 0.0,
        "spans without a parent", "traces", traced=True,
    )  # fmt: skip
