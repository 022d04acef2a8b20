"""Limits of quantities that fill or run out: from the unit, a companion series, the inventory, or an alarm.

A stock (memory, disk, connections, queue, budget) accumulates, so a line through it means something; a flow
(processor time, latency, traffic) does not, and has no place here but for consumed against provisioned capacity.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import polars as pl

from autopilot.analysis.metrics.kinds import words
from autopilot.analysis.metrics.table import SUMS, SeriesTable
from autopilot.analysis.state.clues import Item
from autopilot.analysis.windows import MICROS

LIMITS: tuple[tuple[str, str, str], ...] = (
    ("ConsumedReadCapacityUnits", "ProvisionedReadCapacityUnits", "read_capacity"),
    ("ConsumedWriteCapacityUnits", "ProvisionedWriteCapacityUnits", "write_capacity"),
)
"""Consumption metric (a sum per period) → its limit per second as a metric, or as a setting in the inventory."""
_STOCKS = ("memory", "disk", "connection_pool", "capacity")
"""Causes (see `kinds`) of saturation that accumulate."""
_MOST = 5_000
_BOUND = re.compile(r"limits?|quota|max|maximum|capacity|provisioned|size|total|allocated|allocation|ceiling")
_USAGE = re.compile(
    r"used|usage|use|in|current|active|open|count|number|of|avg|average|p9\d|bytes?|[kmg]i?b|percent|pct|"
    r"utili[sz]ation|working|set|rss|resident|spec|by|database|db|container|pod|node|the"
)
_FACTORS: dict[str, float] = {
    "byte": 1.0, "kilobyte": 1e3, "megabyte": 1e6, "gigabyte": 1e9, "terabyte": 1e12,
    "b": 1.0, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12,
    "kib": 2.0**10, "mib": 2.0**20, "gib": 2.0**30, "tib": 2.0**40,
}  # fmt: skip
_THRESHOLD = re.compile(r"threshold\D{0,20}(-?\d{1,18}(?:\.\d{1,9})?)", re.IGNORECASE)


@dataclass(frozen=True)
class Limit:
    """Where a series ends, in the unit of its samples, and how a person calls that."""

    value: float
    name: str
    hard: bool = True
    """False for a threshold that somebody chose: passing it breaks nothing."""


def limits(table: SeriesTable, items: Sequence[Item], alarms: pl.DataFrame) -> dict[int, Limit]:
    """Series (by sid) that fill or run out, with their limit; the surest source wins."""
    stocks = _stocks(table.identity)
    if stocks.is_empty():
        return {}
    found: dict[int, Limit] = {}
    for source in (
        _of_consumption(table, stocks, items), _of_companions(table, stocks), _of_inventory(stocks, items),
        _of_units(table, stocks), _of_alarms(stocks, alarms),
    ):  # fmt: skip
        for sid, limit in source.items():
            found.setdefault(sid, limit)
    return found


def _stocks(identity: pl.DataFrame) -> pl.DataFrame:
    filling = (pl.col("signal") == "saturation") & pl.col("cause").is_in(_STOCKS)
    consumed = pl.col("metric").is_in([name for name, _, _ in LIMITS]) & pl.col("statistic").is_in(SUMS)
    level = ~pl.col("statistic").is_in([*SUMS, "Minimum", "min"])
    kept = identity.filter(
        (pl.col("version") == "") & (((filling | (pl.col("signal") == "headroom")) & level) | consumed)
    )
    return kept.sort("sid").head(_MOST)


def topic(metric: str) -> frozenset[str]:
    """What a metric or setting is about, without words of usage and of limits: `max_connections` → connection."""
    named = (word for word in words(metric).split("_") if word and not word.isdigit())
    return frozenset(
        word.rstrip("s") for word in named if not _USAGE.fullmatch(word) and not _BOUND.fullmatch(word)
    )


def byte_factor(unit: str) -> float | None:
    """Bytes in a unit; None when it does not measure bytes."""
    return _FACTORS.get(unit.lower().removesuffix("s") if len(unit) > 3 else unit.lower())


def unit_of(metric: str, unit: str) -> str:
    """The unit of a series; names such as `memory_usage_bytes` stand in for a missing one."""
    return unit or ("Bytes" if words(metric).endswith("_bytes") else "")


def _ratio(unit: str, other: str) -> float | None:
    """What turns a value in `other` into `unit`; None when they do not measure the same."""
    if unit == other or not unit or not other or {unit, other} <= {"Count", "count", "None", ""}:
        return 1.0
    mine, theirs = byte_factor(unit), byte_factor(other)
    return theirs / mine if mine and theirs else None


def _of_companions(table: SeriesTable, stocks: pl.DataFrame) -> dict[int, Limit]:
    """A series of the same object that tells the limit, such as `memory_limit` beside `memory_usage`."""
    bounds = table.identity.filter((pl.col("version") == "") & ~pl.col("statistic").is_in(SUMS)).filter(
        pl.col("metric").is_in([m for m in table.identity["metric"].unique().to_list() if _bounding(m)])
    )
    filling = stocks.filter((pl.col("signal") == "saturation") & ~pl.col("statistic").is_in(SUMS))
    pairs = [
        (mine, theirs)
        for mine in filling["metric"].unique().sort().to_list()
        for theirs in bounds["metric"].unique().sort().to_list()[:200]
        if mine != theirs and _about(mine, theirs)
    ]
    if not pairs:
        return {}
    key = ["service", "resource", "region"]
    names = pl.DataFrame(pairs, schema={"metric": pl.String, "bound": pl.String}, orient="row")
    joined = filling.join(names, on="metric").join(
        bounds.select(*key, bound="metric", bound_sid="sid", bound_unit="unit", other="dimensions"),
        on=[*key, "bound"],
    )  # fmt: skip
    told = table.samples.filter(pl.col("sid").is_in(joined["bound_sid"].unique().implode()))
    last = told.group_by("sid").agg(limit=pl.col("value").last())
    rows = joined.join(last, left_on="bound_sid", right_on="sid").filter(pl.col("limit") > 0)
    alike = (pl.col("dimensions") == pl.col("other")).cast(pl.Int8)
    ordered = rows.with_columns(alike=alike).sort("sid", "alike", "bound_sid", descending=[False, True, False])
    found: dict[int, Limit] = {}
    for row in ordered.unique("sid", keep="first", maintain_order=True).to_dicts():
        ratio = _ratio(unit_of(row["metric"], row["unit"]), unit_of(row["bound"], row["bound_unit"]))
        if ratio is not None:
            found[row["sid"]] = Limit(row["limit"] * ratio, row["bound"])
    return found


@lru_cache(maxsize=4096)
def _bounding(metric: str) -> bool:
    return any(_BOUND.fullmatch(word) for word in words(metric).split("_"))


def _about(metric: str, bound: str) -> bool:
    return bool(topic(bound)) and topic(bound) <= topic(metric)


def _of_consumption(table: SeriesTable, stocks: pl.DataFrame, items: Sequence[Item]) -> dict[int, Limit]:
    """Provisioned capacity per second, times the sampling period: what one sample may sum up to."""
    settings = {
        (item.service, name): value
        for item in items for _, _, name in LIMITS if (value := item.number(name))
    }  # fmt: skip
    found: dict[int, Limit] = {}
    for row in stocks.filter(pl.col("metric").is_in([name for name, _, _ in LIMITS])).head(200).to_dicts():
        _, bound, setting = next(rule for rule in LIMITS if rule[0] == row["metric"])
        per_second = provisioned(table, row["service"], row["resource"], row["region"], bound)
        per_second = per_second or settings.get((row["service"], setting))
        step = table.samples.filter(pl.col("sid") == row["sid"])["time"].diff().median()
        if per_second and isinstance(step, int | float) and step > 0:
            found[row["sid"]] = Limit(per_second * step / MICROS, bound)
    return found


def provisioned(table: SeriesTable, service: str, resource: str, region: str, metric: str) -> float | None:
    """The last value of a limit's own series for an object; None when there is none above zero."""
    same = (pl.col("metric") == metric) & (pl.col("service") == service)
    sids = table.identity.filter(same & (pl.col("resource") == resource) & (pl.col("region") == region))["sid"]
    values = table.samples.filter(pl.col("sid").is_in(sids.implode())).sort("time", "value")["value"]
    return float(values[-1]) if len(values) and values[-1] > 0 else None


def _of_inventory(stocks: pl.DataFrame, items: Sequence[Item]) -> dict[int, Limit]:
    """Settings such as `memory_mb` or `max_connections` of the service's only item, or of the very resource."""
    found: dict[int, Limit] = {}
    own: dict[str, list[Item]] = {}
    for item in items:
        own.setdefault(item.service, []).append(item)
    for row in stocks.filter(pl.col("signal") == "saturation").to_dicts():
        near = own.get(row["service"], [])
        exact = [i for i in near if row["resource"] in (i.resource, i.name)]
        for item in exact or (near if len(near) == 1 else []):
            limit = _setting(item, row["metric"], unit_of(row["metric"], row["unit"]))
            if limit is not None:
                found.setdefault(row["sid"], limit)
    return found


def _setting(item: Item, metric: str, unit: str) -> Limit | None:
    for name in sorted(item.settings)[:100]:
        value = item.number(name)
        if not value or value < 0 or not _about(metric, name):
            continue
        size = byte_factor(words(name).rsplit("_", 1)[-1])
        # 512 "mb" of a function's memory are mebibytes, as clouds count; a few percent do not matter to a forecast.
        if size is not None:
            mine = byte_factor(unit)
            if mine:
                return Limit(value * size / mine, f"{name} of {item.name}")
        elif _bounding(name) and unit in ("Count", "count", "None", ""):
            return Limit(value, f"{name} of {item.name}")
    return None


def _of_units(table: SeriesTable, stocks: pl.DataFrame) -> dict[int, Limit]:
    """Percent end at 100, shares at one, and what is left ends at nothing."""
    mine = table.samples.filter(pl.col("sid").is_in(stocks["sid"].implode()))
    spread = mine.group_by("sid").agg(largest=pl.col("value").max(), least=pl.col("value").min())
    rows = stocks.join(spread, on="sid").filter(~pl.col("statistic").is_in(SUMS))
    found: dict[int, Limit] = {}
    for row in rows.to_dicts():
        name, unit = words(row["metric"]), row["unit"].lower()
        part = unit in ("percent", "%", "share", "ratio", "fraction") or re.search(
            r"percent|pct|utili[sz]ation|ratio|share|fraction", name
        )
        if row["signal"] == "headroom":
            if row["least"] >= 0:
                found[row["sid"]] = Limit(0.0, "0")
        elif part and row["least"] >= 0 and row["largest"] <= 100:
            whole = unit in ("percent", "%") or "percent" in name or "pct" in name or row["largest"] > 1
            found[row["sid"]] = Limit(100.0 if whole else 1.0, "100%")
    return found


def _of_alarms(stocks: pl.DataFrame, alarms: pl.DataFrame) -> dict[int, Limit]:
    """The threshold in an alarm's reason, for the metric and service that the alarm watches."""
    told = alarms.filter((pl.col("metric") != "") & pl.col("reason").str.contains("(?i)threshold")).select(
        "service", "metric", "reason", "name"
    )
    thresholds: dict[tuple[str, str], float] = {}
    for row in told.unique().sort("service", "metric", "name", "reason").head(500).to_dicts():
        match = _THRESHOLD.search(row["reason"][:2_000])
        if match:
            # Some sources write the namespace before the name.
            thresholds.setdefault((row["service"], row["metric"].split(" ")[-1]), float(match[1]))
    rows = stocks.select("sid", "service", "metric").iter_rows() if thresholds else ()
    return {
        int(sid): Limit(thresholds[service, metric], "its alarm's threshold", hard=False)
        for sid, service, metric in rows if (service, metric) in thresholds
    }  # fmt: skip
