"""Shifts: what began with a change, judged at the change itself rather than at the onset of the incident.

A leak or a query over a growing table starts with a deploy and hurts hours later: the level hardly moves at first,
the slope does. Each series of the changed service is compared before and after the change, up to the neighbouring
changes of that service, so that a later change does not inherit what was already under way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.kinds import kind_of
from autopilot.analysis.metrics.table import SeriesTable, reference
from autopilot.analysis.windows import moment
from autopilot.incident.base import TimeWindow
from autopilot.incident.finding import Provenance

_CHANGES = 24
_SERIES = 120
"""Series of one service that are compared."""
_SHOWN = 3
_LEAST = 8
"""Samples needed on either side."""
_PARTS = 6
"""Pieces that either side is cut into: a jump in one of them is no growth."""
_CLEAR = 4.0
"""Spreads that a shift must reach: twice what a median of eight samples strays by chance, with room."""
_STEEPER = 4.0
"""How much faster than before a series must grow to count as newly growing."""
_BAD = ("latency", "errors", "throttling", "saturation", "work", "headroom", "availability")
_COLUMNS = ("service", "resource", "region", "namespace", "metric", "statistic", "dimensions", "unit", "source",
            "signal")  # fmt: skip


@dataclass(frozen=True)
class Moment:
    """A change of a service, in microseconds, between the ones before and after it."""

    service: str
    at: int
    previous: int
    following: int


def shifts(table: SeriesTable, moments: Sequence[Moment]) -> list[list[Clue]]:
    """For each moment the series that began to suffer right then, the clearest first; at most three each."""
    return [_of(table, moment) for moment in moments[:_CHANGES]] + [[] for _ in moments[_CHANGES:]]


def _of(table: SeriesTable, change: Moment) -> list[Clue]:
    own = table.identity.filter((pl.col("service") == change.service) & pl.col("signal").is_in(_BAD)).sort("sid")
    samples = table.samples.filter(
        pl.col("sid").is_in(own["sid"].head(_SERIES).implode())
        & (pl.col("time") >= change.previous) & (pl.col("time") < change.following)
    )  # fmt: skip
    if samples.is_empty():
        return []
    sides = _sides(samples, change.at)
    found = own.select("sid", *_COLUMNS).join(sides, on="sid", how="inner", maintain_order="left").to_dicts()
    clues = [clue for row in found if (clue := _clue(row, change, table)) is not None]
    return sorted(clues, key=lambda c: (-c.score, c.finding.summary))[:_SHOWN]


def _sides(samples: pl.DataFrame, at: int) -> pl.DataFrame:
    """Per series: medians of the sixths before and after, and the spread before."""
    value, rank = pl.col("value"), pl.int_range(pl.len()).over("sid")
    parts: list[pl.DataFrame] = []
    for name, side in (("b", samples.filter(pl.col("time") < at)), ("a", samples.filter(pl.col("time") >= at))):
        cut = side.sort("sid", "time").with_columns(part=rank * _PARTS // pl.len().over("sid"))
        parts.append(
            cut.group_by("sid").agg(
                value.count().alias(f"{name}_n"), value.median().alias(f"{name}_mid"),
                *(value.filter(pl.col("part") == n).median().alias(f"{name}{n}") for n in range(_PARTS)),
                (pl.col("time").max() - pl.col("time").min()).alias(f"{name}_span"),
            )
        )  # fmt: skip
    before, after = parts
    near = samples.filter(pl.col("time") < at).join(before.select("sid", "b_mid"), on="sid")
    spread = near.group_by("sid").agg(spread=1.4826 * (value - pl.col("b_mid")).abs().median())
    whole = samples.group_by("sid").agg(largest=value.abs().max())
    return before.join(after, on="sid").join(spread, on="sid").join(whole, on="sid").filter(
        (pl.col("b_n") >= _LEAST) & (pl.col("a_n") >= _LEAST) & (pl.col("a_span") > 0) & (pl.col("b_span") > 0)
    )  # fmt: skip


def _clue(row: dict[str, Any], change: Moment, table: SeriesTable) -> Clue | None:
    floor = max(row["spread"], 0.05 * abs(row["b_mid"]), 0.01 * row["largest"])
    if floor <= 0:
        return None
    up = row["a_mid"] >= row["b_mid"]
    kind = kind_of(row["metric"], row["unit"])
    if not (kind.adverse("up" if up else "down") or (kind.signal == "work" and up)):
        return None
    side = 1.0 if up else -1.0
    step = min(side * (row["a0"] - row["b5"]), side * 2 * (row["a_mid"] - row["b5"])) / floor
    growth, grown = _growth(row, side, floor)
    if max(step, growth) < _CLEAR:
        return None
    growing = growth >= _CLEAR and growth >= step
    strength = max(step, growth)
    score = min(0.4 + 0.05 * (strength - _CLEAR), 0.85)
    verb = f"began to {'grow' if up else 'fall'}" if growing else ("rose" if up else "fell")
    before, after = row["b5"], row["a5"] if growing else row["a0"]
    statistic = f" ({row['statistic']})" if row["statistic"] else ""
    finding = make_finding(
        "trend" if growing else "metric",
        service=row["service"], resource=row["resource"], region=row["region"], onset=change.at,
        window=TimeWindow(start=moment(change.at), end=moment(max(change.following, change.at + 1))),
        direction="up" if up else "down", size=after / before if before else 0.0, baseline=before, observed=after,
        unit=row["unit"], score=score, metric=reference(row),
        summary=(
            f"{row['metric']}{statistic} of {row['service']} {verb} with the change at {clock(change.at)}: from "
            f"{amount(before, row['unit'])} to {amount(after, row['unit'])}"
            + (f", {grown} before" if growing else "")
        ),
        provenance=Provenance(
            source=row["source"] or "metrics", window=table.windows.whole,
            query=f"{row['namespace']} {row['metric']} {row['dimensions']}: around the change".strip()[:1_000],
        ),
    )  # fmt: skip
    return Clue(finding, row["signal"], change.at, 60_000_000, adverse=True)


def _growth(row: dict[str, Any], side: float, floor: float) -> tuple[float, str]:
    """How far the series moved steadily after the change, in spreads, when it did not do so before."""
    pieces = [row[f"a{n}"] for n in range(_PARTS)]
    risen = side * (pieces[-1] - pieces[0])
    steady = all(side * (later - earlier) > 0.05 * risen for earlier, later in pairwise(pieces))
    before = side * (row["b5"] - row["b0"]) / row["b_span"] * row["a_span"]
    if risen <= 0 or not steady or risen < _STEEPER * before:
        return 0.0, ""
    return risen / floor, "steady" if before < 0.25 * risen / _STEEPER else "slower"
