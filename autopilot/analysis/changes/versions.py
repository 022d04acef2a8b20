"""Versions: how each deployed version behaved while it served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import polars as pl

from autopilot.analysis.changes.change import Change
from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.table import SUMS, SeriesTable
from autopilot.analysis.state.clues import Item
from autopilot.analysis.windows import MICROS, Windows, moment
from autopilot.case.schema import FAILED_STATUSES
from autopilot.incident.base import TimeWindow
from autopilot.incident.finding import Provenance, VersionHealth

_LEAST = 3
"""Samples a version needs before anything is said about it."""
_SLOWER = 1.25
"""Upper-quartile latency against the best version, beyond which a version counts as unhealthy."""
_FAILING = 0.02
"""Error share that is tolerated even when other versions have none."""
_MOST = 12
_GROUPS = 100
"""Services times versions that traces are asked for."""
_MINUTE = 60 * MICROS


@dataclass(frozen=True)
class _Served:
    """What one version did: latency samples in time order, requests and errors."""

    service: str
    resource: str
    version: str
    window: TimeWindow
    latency: pl.DataFrame
    """time (µs), value."""
    unit: str
    error_share: float | None
    query: str
    source: str
    labelled: bool = True
    """Whether its series carry the version themselves, rather than being cut at the deploys."""

    @property
    def slow_end(self) -> float | None:
        """Upper quartile of latency."""
        level = self.latency["value"].quantile(0.75, "higher") if self.latency.height >= _LEAST else None
        return float(level) if level is not None else None


def version_health(
    table: SeriesTable, spans: pl.DataFrame, items: Sequence[Item], changes: Sequence[Change], focus: frozenset[str]
) -> list[tuple[VersionHealth, Clue]]:
    """Verdicts on versions from series that carry a version, else from spans that do, else between deploys."""
    labelled = table.identity.filter((pl.col("version") != "") & pl.col("service").is_in(sorted(focus)))
    names = {
        (item.service, str(v.get("version"))): str(v.get("description"))
        for item in items for v in item.versions if v.get("description")
    }  # fmt: skip
    served = [
        _of_label(table, labelled, str(service), str(version), names.get((service, version), str(version)))
        for service, version in labelled.select("service", "version")
        .unique()
        .sort("service", "version")
        .iter_rows()
    ]
    served += _of_spans(spans, names, focus - {s.service for s in served if s is not None}, table.windows)
    known = {s.service for s in served if s is not None}
    for service in sorted({c.service for c in changes if c.kind == "deploy"} & focus - known):
        deploys = [c for c in changes if c.kind == "deploy" and c.service == service]
        served += _between_deploys(table, service, deploys, items)
    verdicts: list[tuple[VersionHealth, Clue]] = []
    present = [s for s in served if s is not None]
    for service in sorted({s.service for s in present}):
        verdicts += _judge([s for s in present if s.service == service], table.windows)
    return verdicts[:_MOST]


def _of_label(table: SeriesTable, labelled: pl.DataFrame, service: str, version: str, name: str) -> _Served | None:
    rows = labelled.filter((pl.col("service") == service) & (pl.col("version") == version))
    latency = rows.filter(pl.col("signal") == "latency").sort("sid")
    samples = table.samples.filter(pl.col("sid").is_in(latency["sid"].head(1).implode())).select("time", "value")
    errors, requests = _total(table, rows, "errors", None), _total(table, rows, "traffic", None)
    every = table.samples.filter(pl.col("sid").is_in(rows["sid"].implode()))["time"].to_list()
    if not every:
        return None
    first = rows.to_dicts()[0]
    return _Served(
        service, first["resource"], name, TimeWindow(start=moment(min(every)), end=moment(max(every) + 1)), samples,
        latency["unit"].to_list()[0] if latency.height else "", errors / requests if requests and errors is not None
        else None, f"{first['namespace']} by version {version}", first["source"],
    )  # fmt: skip


def _of_spans(
    spans: pl.DataFrame, names: Mapping[tuple[str, str], str], services: frozenset[str], windows: Windows
) -> list[_Served | None]:
    """Versions as traces saw them, by the operation that two of them or more served most often."""
    at = pl.col("start").cast(pl.Int64)
    told = spans.filter(
        (pl.col("version") != "") & pl.col("service").is_in(sorted(services)) & pl.col("duration").is_finite()
        & (pl.col("duration") >= 0) & (at >= windows.start) & (at < windows.end)
    )  # fmt: skip
    shared = told.group_by("service", "operation").agg(n=pl.len(), versions=pl.col("version").n_unique())
    most = (
        shared.filter(pl.col("versions") > 1).sort("service", "n", "operation", descending=[False, True, False])
        .unique("service", keep="first", maintain_order=True)
    )  # fmt: skip
    rows = told.join(most.select("service", "operation"), on=["service", "operation"], how="semi").with_columns(
        time=at // _MINUTE * _MINUTE, failed=pl.col("status").is_in(FAILED_STATUSES)
    )
    served: list[_Served | None] = []
    groups = rows.select("service", "operation", "version").unique().sort("service", "operation", "version")
    for service, operation, version in groups.head(_GROUPS).iter_rows():
        own = rows.filter((pl.col("service") == service) & (pl.col("version") == version))
        times = own["time"].to_list()
        minutes = own.group_by("time").agg(value=1_000 * pl.col("duration").median()).sort("time")
        failed = own["failed"].mean()
        served.append(_Served(
            service, "", names.get((service, version), version),
            TimeWindow(start=moment(min(times)), end=moment(max(times) + _MINUTE)), minutes, "Milliseconds",
            float(failed) if isinstance(failed, int | float) else None,
            f"spans of {service} {operation} by version {version}", "traces",
        ))  # fmt: skip
    return served


def _total(table: SeriesTable, rows: pl.DataFrame, signal: str, window: tuple[int, int] | None) -> float | None:
    """Largest sum among the series of a kind; None when there is no such series."""
    sids = rows.filter((pl.col("signal") == signal) & pl.col("statistic").is_in(SUMS))["sid"]
    samples = table.samples.filter(pl.col("sid").is_in(sids.implode()))
    if window is not None:
        samples = samples.filter((pl.col("time") >= window[0]) & (pl.col("time") < window[1]))
    sums = samples.sort("sid", "time").group_by("sid", maintain_order=True).agg(pl.col("value").sum())["value"]
    return max((float(v) for v in sums.to_list()), default=None)


def _between_deploys(
    table: SeriesTable, service: str, deploys: Sequence[Change], items: Sequence[Item]
) -> list[_Served | None]:
    """Service-wide series cut at the deploys; the first piece belongs to the version before."""
    rows = table.identity.filter((pl.col("service") == service) & (pl.col("version") == ""))
    latency = rows.filter(pl.col("signal") == "latency").sort("sid")
    if latency.is_empty():
        return []
    # Many deploys ask for few series each: all of a service are looked for once.
    table = replace(table, samples=table.samples.filter(pl.col("sid").is_in(rows["sid"].implode())))
    samples = table.samples.filter(pl.col("sid") == latency["sid"].to_list()[0]).select("time", "value")
    cuts = [d.first for d in deploys if table.windows.start < d.first < table.windows.end][-3:]
    names = [_before(service, deploys, items), *(d.version for d in deploys[-len(cuts) :])] if cuts else []
    edges = [table.windows.start, *cuts, table.windows.end]
    first = latency.to_dicts()[0]
    served: list[_Served | None] = []
    for name, start, end in zip(names, edges, edges[1:], strict=False):
        errors, requests = _total(table, rows, "errors", (start, end)), _total(table, rows, "traffic", (start, end))
        inside = samples.filter((pl.col("time") >= start) & (pl.col("time") < end))
        served.append(_Served(
            service, first["resource"], name, TimeWindow(start=moment(start), end=moment(end)), inside,
            first["unit"], errors / requests if requests and errors is not None else None,
            f"{first['namespace']} {first['metric']} between deploys", first["source"], labelled=False,
        ))  # fmt: skip
    return served


def _before(service: str, deploys: Sequence[Change], items: Sequence[Item]) -> str:
    """The version that served before the first of the deploys, as far as the inventory tells."""
    for item in items:
        names = [str(v.get("description") or v.get("version") or "") for v in item.versions]
        if item.service == service and deploys[0].version in names[:-1]:
            return names[names.index(deploys[0].version) + 1]
    return ""


def _judge(served: Sequence[_Served], windows: Windows) -> list[tuple[VersionHealth, Clue]]:
    """A verdict on each version that has a name; what served before the first known one is only compared with."""
    told = [s for s in served if s.slow_end is not None or s.error_share is not None]
    if len(told) < 2:
        return []
    verdicts: list[tuple[VersionHealth, Clue]] = []
    for s in told:
        # Pieces of one series are judged by what came before: failing fast later makes nobody slow in hindsight.
        others = [o for o in told if s.labelled or o.window.start <= s.window.start]
        best = min((level for o in others if (level := o.slow_end) is not None), default=0.0)
        least = min((o.error_share for o in others if o.error_share is not None), default=0.0)
        if s.version:
            verdicts.append(_verdict(s, best, least, windows))
    return verdicts


def _verdict(s: _Served, best: float, least: float, windows: Windows) -> tuple[VersionHealth, Clue]:
    slow = s.slow_end is not None and s.slow_end > _SLOWER * best
    failing = s.error_share is not None and s.error_share > max(_FAILING, 2 * least)
    healthy = not slow and not failing
    parts: list[str] = []
    if s.slow_end is not None:
        parts.append(f"upper-quartile latency {amount(s.slow_end, s.unit)} (best version {amount(best, s.unit)})")
    if s.error_share is not None:
        parts.append(f"{amount(100 * s.error_share)}% of requests failed")
    evidence = (
        f"{s.service} {s.version} served {clock(s.window.start)} to {clock(s.window.end)}: {', '.join(parts)}: "
        f"{'healthy' if healthy else 'unhealthy'}"
    )
    bad = s.latency.filter(pl.col("value") > 1.15 * best)["time"].to_list() if slow else []
    onset = int(bad[0]) if bad else None
    step = s.latency["time"].diff().median() if s.latency.height > 1 else None
    finding = make_finding(
        "version",
        service=s.service, resource=s.resource, window=s.window, onset=onset, direction="none" if healthy else "up",
        baseline=best or None, observed=s.slow_end, unit=s.unit,
        size=s.slow_end / best if s.slow_end and best else 0.0, score=0.2 if healthy else 0.75, summary=evidence,
        provenance=Provenance(source=s.source or "metrics", query=s.query, window=windows.whole),
    )  # fmt: skip
    health = VersionHealth(
        service=s.service, resource=s.resource, version=s.version, window=s.window, healthy=healthy, finding_id="",
        evidence=evidence,
    )  # fmt: skip
    uncertainty = int(step) if isinstance(step, int | float) else 0
    return health, Clue(
        finding, "version", onset, uncertainty, adverse=False, mentions=s.version if s.labelled else ""
    )
