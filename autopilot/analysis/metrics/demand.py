"""Demand against what it meets: work per request along each call, and use of provisioned limits.

Traffic that rises makes everything rise. Work per request does not: when it moves, somebody changed what a
request does, whatever the traffic did meanwhile.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.limits import LIMITS, provisioned
from autopilot.analysis.metrics.series import detect, tidy
from autopilot.analysis.metrics.table import SUMS, WORTH_TELLING, SeriesTable
from autopilot.analysis.topology import Graph
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.finding import Provenance

_MOST = 400
"""Quotients looked at: callers times what they use."""
_NEARLY_FULL = 0.9
"""Share of a limit from which requests begin to wait or to be refused."""
_LEAST_FULL = 2
"""Samples at the limit that make it more than a spike."""
_WIDEST = 5 * 60 * MICROS


def work_per_request(table: SeriesTable, graph: Graph) -> list[Clue]:
    """Callers whose requests need more of something than before, with the moment it began."""
    risen = [
        quotient for quotient in quotients(table, graph)
        if quotient.row["score"] >= WORTH_TELLING and quotient.row["observed"] > quotient.row["baseline"]
    ]  # fmt: skip
    return [_quotient_clue(quotient, table.windows) for quotient in risen]


@dataclass(frozen=True)
class Quotient:
    """What the requests of a caller use of something, per request."""

    row: dict[str, Any]
    """How it moved; columns as in `series.COLUMNS`."""
    used: dict[str, Any]
    """The series of what is used."""
    by: dict[str, Any]
    """The series of the requests."""


def quotients(table: SeriesTable, graph: Graph) -> list[Quotient]:
    """Work per request along each call, moved or not; those that moved most come first."""
    pairs = _pairs(table, graph)
    if not pairs:
        return []
    frame = pl.DataFrame(
        pairs, schema={"pid": pl.Int64, "num": pl.Int64, "den": pl.Int64, "width": pl.Int64}, orient="row"
    )
    samples = (
        _binned(table.samples, frame, "num")
        .join(_binned(table.samples, frame, "den"), on=["pid", "bin", "width"], suffix="_den")
        .filter((pl.col("value_den") > 0) & (pl.col("bin") + pl.col("width") <= table.windows.end))
        .select(sid="pid", time="bin", value=pl.col("value") / pl.col("value_den"))
    )
    rows = detect(tidy(samples), table.windows).join(frame, left_on="sid", right_on="pid", how="left")
    identity = {row["sid"]: row for row in table.identity.to_dicts()}
    return [
        Quotient(row, identity[row["num"]], identity[row["den"]])
        for row in rows.sort("score", "sid", descending=[True, False]).to_dicts()
    ]


def _countable(table: SeriesTable) -> pl.DataFrame:
    """Series that add up: sums per period and counter rates, with the sampling step and the total."""
    totals = table.samples.group_by("sid").agg(
        pl.col("value").sum().alias("total"), pl.col("time").diff().median().alias("step")
    )
    kinds = ["traffic", "work", "throttling"]
    return (
        table.identity.filter(
            pl.col("signal").is_in(kinds) & (pl.col("version") == "")
            & (pl.col("statistic").is_in(SUMS) | pl.col("counter"))
        )
        .join(totals, on="sid", how="inner")
        .filter((pl.col("total") > 0) & (pl.col("step") > 0) & (pl.col("step") <= _WIDEST))
        .sort("service", "total", "sid", descending=[False, True, False])
    )  # fmt: skip


def _pairs(table: SeriesTable, graph: Graph) -> list[tuple[int, int, int, int]]:
    """(pair, numerator, denominator, common step) for each caller's requests and what they use."""
    series = _countable(table)
    requests = {r["service"]: r for r in reversed(series.filter(pl.col("signal") == "traffic").to_dicts())}
    used = series.filter(pl.col("signal") != "throttling").to_dicts()
    pairs: list[tuple[int, int, int, int]] = []
    for row in used:
        callers = graph.up.get(row["service"], ())
        own = (row["service"],) if row["signal"] == "work" and not callers else ()
        for caller in (*callers, *own):
            by = requests.get(caller)
            if by is not None and by["sid"] != row["sid"]:
                width = max(int(row["step"]), int(by["step"]))
                pairs.append((len(pairs), row["sid"], by["sid"], width))
    return pairs[:_MOST]


def _binned(samples: pl.DataFrame, pairs: pl.DataFrame, side: str) -> pl.DataFrame:
    return (
        samples.join(pairs.select("pid", "width", sid=side), on="sid", how="inner")
        .with_columns(bin=pl.col("time") // pl.col("width") * pl.col("width"))
        .sort("pid", "bin", "value")
        .group_by("pid", "bin", "width", maintain_order=True)
        .agg(pl.col("value").sum())
    )


def _quotient_clue(quotient: Quotient, windows: Windows) -> Clue:
    row, used, by = quotient.row, quotient.used, quotient.by
    size = row["observed"] / row["baseline"] if row["baseline"] else 0.0
    of = f" of {used['service']}" if used["service"] != by["service"] else ""
    finding = make_finding(
        "metric",
        service=by["service"], resource=used["resource"] or used["service"], region=used["region"],
        window=windows.since(row["onset"]), onset=row["onset"], uncertainty=row["uncertainty"], direction="up",
        size=size, baseline=row["baseline"], observed=row["observed"], unit="per request", score=row["score"],
        summary=(
            f"Each request to {by['service']} needs {amount(size)} times as much{of}: {amount(row['observed'])} "
            f"{used['metric']} instead of {amount(row['baseline'])}, since {clock(row['onset'])}"
        ),
        cause_kind="slow_query" if used["signal"] == "work" else None,
        provenance=Provenance(
            source=used["source"] or "metrics",
            query=f"{used['namespace']} {used['metric']} {used['dimensions']} / "
            f"{by['namespace']} {by['metric']} {by['dimensions']}"[:1_000],
            window=windows.whole,
        ),
    )  # fmt: skip
    return Clue(finding, "work_per_request", row["onset"], row["uncertainty"], adverse=True)


def limit_clues(table: SeriesTable, inventory: dict[tuple[str, str], float]) -> list[Clue]:
    """Provisioned limits that consumption reached. `inventory`: (service, setting) → limit per second."""
    clues: list[Clue] = []
    names = [consumed for consumed, _, _ in LIMITS]
    consumed = table.identity.filter(pl.col("metric").is_in(names) & pl.col("statistic").is_in(SUMS)).to_dicts()
    for row in consumed:
        _, limit_name, setting = next(rule for rule in LIMITS if rule[0] == row["metric"])
        limit = provisioned(table, row["service"], row["resource"], row["region"], limit_name)
        limit = limit or inventory.get((row["service"], setting))
        clue = _full(table, row, limit_name, limit) if limit else None
        if clue is not None:
            clues.append(clue)
    return clues


def _full(table: SeriesTable, row: dict[str, Any], limit_name: str, limit: float) -> Clue | None:
    samples = table.samples.filter(pl.col("sid") == row["sid"]).with_columns(gap=pl.col("time").diff())
    step = samples["gap"].median()
    if not isinstance(step, int | float) or step <= 0:
        return None
    shares = samples.with_columns(share=pl.col("value") / (step / MICROS) / limit)
    full = shares.filter((pl.col("share") >= _NEARLY_FULL) & (pl.col("time") >= table.windows.split - _WIDEST))
    if full.height < _LEAST_FULL:
        return None
    usual = shares.filter(pl.col("time") < table.windows.split)["share"].median()
    base = float(usual) if isinstance(usual, int | float) else 0.0
    level = full["share"].median()
    share = float(level) if isinstance(level, int | float) else 0.0
    onset = int(full["time"].to_list()[0])
    finding = make_finding(
        "state",
        service=row["service"], resource=row["resource"], region=row["region"],
        window=table.windows.since(onset), onset=onset, uncertainty=int(step), direction="up",
        size=share / base if base else 0.0, baseline=base * limit, observed=share * limit, unit="units per second",
        score=0.0 if base >= _NEARLY_FULL else min(1.0, 0.5 + share / 2),
        summary=(
            f"{row['service']} uses {amount(100 * share)}% of {limit_name} ({amount(share * limit)} of "
            f"{amount(limit)} per second; usually {amount(100 * base)}%) since {clock(onset)}"
        ),
        cause_kind="capacity",
        provenance=Provenance(
            source=row["source"] or "metrics", query=f"{row['metric']} / {limit_name} {row['dimensions']}"[:1_000],
            window=table.windows.whole,
        ),
    )  # fmt: skip
    return Clue(finding, "utilisation", onset, int(step), adverse=True) if finding.score else None
