"""Impact: requests, failures and users since the onset, from entry traffic and access logs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics import SUMS, SeriesTable
from autopilot.analysis.onset import Onset
from autopilot.analysis.topology import Graph
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.finding import Impact, Provenance

_STATUS = ("$.status", "$.statusCode", "$.status_code", "$.responseStatus")
_USER = ("$.user", "$.user_id", "$.userId", "$.sub", "$.principalId")
_SHOWN = 12


@dataclass(frozen=True)
class _Traffic:
    service: str
    requests: float
    failed: float | None
    query: str
    source: str


@dataclass(frozen=True)
class _Access:
    requests: int
    failed: int
    users: int


def measure_impact(
    table: SeriesTable, logs: pl.DataFrame, clues: Sequence[Clue], graph: Graph, focus: frozenset[str], onset: Onset
) -> tuple[Impact, Clue | None]:
    """The impact, and the finding that carries its figures; None when nothing was measurable or hit."""
    hit = [clue for clue in clues if clue.adverse and clue.score >= 0.3 and clue.service in focus]
    if not hit:
        return Impact(summary="No service in scope shows a clear symptom."), None
    traffic = _entry_traffic(table, graph, focus, onset)
    access = _access(logs, focus, onset, table.windows)
    requests = traffic.requests if traffic else access.requests if access else None
    failed = traffic.failed if traffic and traffic.failed is not None else access.failed if access else None
    if traffic is None and access is not None:
        requests, failed = access.requests, access.failed
    share = failed / requests if requests and failed is not None else None
    # Busier than usual is not yet hurt: such services are told only when nothing else shows.
    hurt = [clue for clue in hit if clue.signal not in ("capacity", "saturation")] or hit
    services = tuple(sorted({clue.service for clue in hurt}))[:_SHOWN]
    impact = Impact(
        requests=None if requests is None else round(requests),
        failed_requests=None if failed is None else round(failed),
        error_share=None if share is None else round(min(share, 1.0), 4),
        users=access.users if access and access.users else None,
        services=services,
        regions=tuple(sorted({clue.finding.region for clue in hit if clue.finding.region}))[:_SHOWN],
    )
    impact = impact.model_copy(update={"summary": _sentence(impact, onset)})
    if requests is None:
        return impact, None
    return impact, _clue(impact, traffic, table.windows, onset)


def _since(table: SeriesTable, rows: pl.DataFrame, onset: Onset) -> dict[int, float]:
    """Total of each series since the onset; rates are multiplied by the time between samples."""
    gap = pl.col("time").diff().over("sid").fill_null(0) / MICROS
    rated = rows.filter(~pl.col("statistic").is_in(SUMS))["sid"].implode()
    late = (
        table.samples.filter(pl.col("sid").is_in(rows["sid"].implode()))
        .with_columns(pl.when(pl.col("sid").is_in(rated)).then(pl.col("value") * gap).otherwise(pl.col("value")))
        .filter(pl.col("time") >= onset.at)
        .sort("sid", "time")
        .group_by("sid", maintain_order=True)
        .agg(pl.col("value").sum())
    )
    return {int(sid): float(total) for sid, total in late.iter_rows()}


def _entry_traffic(table: SeriesTable, graph: Graph, focus: frozenset[str], onset: Onset) -> _Traffic | None:
    series = table.identity.filter(
        pl.col("service").is_in(sorted(focus)) & (pl.col("version") == "")
        & pl.col("signal").is_in(["traffic", "errors"])
    )  # fmt: skip
    counted = series.filter(pl.col("statistic").is_in(SUMS) | pl.col("counter"))
    totals = _since(table, counted, onset)
    requests = [
        row for row in counted.filter(pl.col("signal") == "traffic").to_dicts() if totals.get(row["sid"], 0.0) > 0
    ]
    entry = [row for row in requests if graph.is_entry(row["service"])] or requests
    if not entry:
        return None
    best = max(entry, key=lambda row: (totals[row["sid"]], -row["sid"]))
    total = totals[best["sid"]]
    return _Traffic(
        best["service"], total, _failed(table, series, totals, best, onset),
        f"{best['namespace']} {best['metric']} {best['dimensions']}"[:900], best["source"],
    )  # fmt: skip


def _failed(
    table: SeriesTable, series: pl.DataFrame, totals: dict[int, float], best: dict[str, Any], onset: Onset
) -> float | None:
    """Failed requests of an entry: a count of server errors, or their share times the requests."""
    same = (pl.col("service") == best["service"]) & (pl.col("dimensions") == best["dimensions"])
    server = ~pl.col("metric").str.to_lowercase().str.contains(r"4_?xx|client|user")
    rows = series.filter(same & server & (pl.col("signal") == "errors")).sort("sid").to_dicts()
    counts = [totals[row["sid"]] for row in rows if row["sid"] in totals]
    if counts:
        return min(max(counts), totals[best["sid"]])
    sids = [row["sid"] for row in rows]
    late = table.samples.filter(pl.col("sid").is_in(sids) & (pl.col("time") >= onset.at)).sort(
        "sid", "time", "value"
    )
    level = late["value"].mean()
    if not isinstance(level, int | float):
        return None
    share = level / 100 if level > 1 else level
    return totals[best["sid"]] * min(max(share, 0.0), 1.0)


def _access(logs: pl.DataFrame, focus: frozenset[str], onset: Onset, windows: Windows) -> _Access | None:
    lines = logs.filter(
        (pl.col("kind") == "access") & pl.col("service").is_in(sorted(focus))
        & (pl.col("time").cast(pl.Int64) >= onset.at) & (pl.col("time").cast(pl.Int64) < windows.end)
    )  # fmt: skip
    looks = pl.col("message").str.starts_with("{") & pl.col("message").str.ends_with("}")
    body = pl.when(looks).then(pl.col("message"))
    read = lines.select(
        status=pl.coalesce(body.str.json_path_match(path) for path in _STATUS).cast(pl.Int64, strict=False),
        user=pl.coalesce(body.str.json_path_match(path) for path in _USER),
    ).filter(pl.col("status").is_not_null())
    if read.is_empty():
        return None
    failing = read.filter(pl.col("status") >= 500)
    users = failing.filter(pl.col("user").fill_null("") != "")["user"].n_unique()
    return _Access(read.height, failing.height, users)


def _sentence(impact: Impact, onset: Onset) -> str:
    parts: list[str] = []
    if impact.requests is not None and impact.failed_requests is not None:
        share = f" ({amount(100 * impact.error_share)}%)" if impact.error_share is not None else ""
        parts.append(f"{impact.failed_requests:,} of {impact.requests:,} requests failed{share}")
    elif impact.requests is not None:
        parts.append(f"{impact.requests:,} requests were served meanwhile")
    if impact.users:
        parts.append(f"{impact.users:,} user{'' if impact.users == 1 else 's'} saw errors")
    where = f" in {', '.join(impact.regions)}" if impact.regions else ""
    parts.append(f"affected: {', '.join(impact.services)}{where}")
    return f"Since {clock(onset.at)}: {'; '.join(parts)}."


def _clue(impact: Impact, traffic: _Traffic | None, windows: Windows, onset: Onset) -> Clue:
    share = impact.error_share
    finding = make_finding(
        "impact",
        service=traffic.service if traffic else impact.services[0], window=windows.since(onset.at),
        onset=onset.at, uncertainty=onset.uncertainty, observed=None if share is None else 100 * share,
        unit="Percent", score=min(1.0, (share or 0.0) * 5), summary=impact.summary,
        provenance=Provenance(
            source=traffic.source if traffic else "logs", query=traffic.query if traffic else "access logs",
            window=windows.since(onset.at),
        ),
    )  # fmt: skip
    return Clue(finding, "impact", onset.at, onset.uncertainty)
