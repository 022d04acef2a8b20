"""Trends: what fills or runs out, and when it gets there.

Thousands of series are screened by eight medians each; what may reach its limit within the horizon is looked at
with `forecast`. Limits that were reached are told as well. A forecast is about what comes: it speaks against
somebody only when the limit is about to be met.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.forecast import Forecast, Line, forecast, trend
from autopilot.analysis.metrics.limits import Limit, byte_factor, limits, unit_of
from autopilot.analysis.metrics.series import Floats, Ints
from autopilot.analysis.metrics.table import WORTH_TELLING, SeriesTable, reference
from autopilot.analysis.state.clues import Item
from autopilot.analysis.windows import MICROS, Windows, moment
from autopilot.incident.cause import Mechanism
from autopilot.incident.finding import Provenance

MOST = 12
"""Trend findings in a dossier."""
_SCREENED = 150
"""Series looked at closely."""
_SLICES = 8
_SLACK = 6.0
"""Change seen in the slices times this may reach the limit: twice the horizon, for the slices are coarse."""
_LEAK = 1.3
"""Growth of memory without a known limit that is worth telling."""
_FULL = 0.97
_USUAL = 0.9
"""Shares of a limit: full from the one, when it usually was below the other."""
_HOUR = 3_600 * MICROS
_DAY = 24 * _HOUR


def trend_clues(table: SeriesTable, items: Sequence[Item], alarms: pl.DataFrame) -> list[Clue]:
    """Forecasts of time to limit, leaks, and limits that were reached; the urgent ones first, at most MOST."""
    known = limits(table, items, alarms)
    rows = _screened(table, known)
    clues: list[Clue] = []
    for row, time, value in rows:
        limit = known.get(row["sid"])
        clue = _told(row, time, value, limit, table.windows)
        if clue is not None:
            clues.append(clue)
    clues += _reached(table, known)
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:MOST]


def _screened(table: SeriesTable, known: dict[int, Limit]) -> list[tuple[dict[str, Any], Ints, Floats]]:
    """Series that may reach their limit, and memory that grows without a known one; nearest to it first."""
    bounds = pl.DataFrame(
        {"sid": list(known), "limit": [limit.value for limit in known.values()]},
        schema={"sid": pl.Int64, "limit": pl.Float64},
    )
    leaking = (
        (pl.col("signal") == "saturation") & (pl.col("cause") == "memory") & (pl.col("version") == "")
        & ~pl.col("sid").is_in(bounds["sid"].implode())
    )  # fmt: skip
    every = pl.concat([bounds, table.identity.filter(leaking).select("sid", limit=pl.lit(None, pl.Float64))])
    samples = (
        table.samples.filter((pl.col("time") >= table.windows.start) & (pl.col("time") < table.windows.end))
        .join(every, on="sid", how="inner", maintain_order="left")
    )  # fmt: skip
    first, span = pl.col("time").min().over("sid"), (pl.col("time").max() - pl.col("time").min()).over("sid")
    sliced = (
        samples.with_columns(slot=(pl.col("time") - first) * _SLICES // (span + 1))
        .group_by("sid", "slot").agg(pl.col("value").median(), pl.col("limit").first(), n=pl.len())
        .sort("sid", "slot")
    )  # fmt: skip
    towards = pl.when(pl.col("limit").first() < pl.col("value").last()).then(-1.0).otherwise(1.0)
    gained = ((pl.col("value").last() - pl.col("value")) * towards).max()
    near = (
        sliced.group_by("sid", maintain_order=True)
        .agg(
            gained=gained, missing=((pl.col("limit").first() - pl.col("value").last()) * towards).fill_null(0.0),
            n=pl.col("n").sum(), least=pl.col("value").abs().min(), limited=pl.col("limit").first().is_not_null(),
        )
        .filter(
            (pl.col("n") >= _SLICES) & (pl.col("gained") > 0)
            & pl.when(pl.col("limited")).then(pl.col("missing") <= _SLACK * pl.col("gained"))
            .otherwise(pl.col("gained") >= (_LEAK - 1) * pl.col("least"))
        )
        .sort(pl.col("missing") / pl.col("gained"), "sid").head(_SCREENED)
    )  # fmt: skip
    chosen = samples.filter(pl.col("sid").is_in(near["sid"].implode())).partition_by("sid", as_dict=True)
    rows = {row["sid"]: row for row in table.identity.filter(pl.col("sid").is_in(near["sid"].implode())).to_dicts()}
    return [
        (rows[sid], chosen[sid,]["time"].to_numpy(), chosen[sid,]["value"].to_numpy())
        for sid in sorted(near["sid"].to_list())
    ]


def _told(row: dict[str, Any], time: Ints, value: Floats, limit: Limit | None, windows: Windows) -> Clue | None:
    if limit is None:
        line = trend(time, value, 1.0)
        grown = line is not None and line.level >= _LEAK * max(line.start, 0.0) and line.level > 0
        return _leak(row, line, windows) if line is not None and grown else None
    met = forecast(time, value, limit.value)
    return _meeting(row, met, limit, windows) if met is not None else None


def _meeting(row: dict[str, Any], met: Forecast, limit: Limit, windows: Windows) -> Clue:
    line, unit = met.line, unit_of(row["metric"], row["unit"])
    rises = line.slope > 0
    end = moment(windows.end)
    about = f"{limit.name} ({_quantity(limit.value, unit)})" if limit.name[-1] not in "0%" else limit.name
    speed = _speed(line, unit, met.at - line.end)
    summary = (
        f"{row['metric']} of {row['service']} {'rises' if rises else 'falls'} by {speed} "
        f"since {_when(line.since, end)}, now {_quantity(line.level, unit)}; it reaches {about} at "
        f"{_when(met.at, end)} ({_when(met.earliest, end)} to {_when(met.latest, end)})"
    )
    span = max(line.end - line.since, 1)
    urgency = 1 - min((met.at - line.end) / (3 * span), 1.0)
    # What meets its limit within the time the incident took so far belongs to it; the rest is yet to come.
    soon = limit.hard and met.earliest - windows.end <= windows.end - windows.split
    return _clue(row, line, windows, summary, 0.3 + 0.6 * urgency, adverse=soon)


def _leak(row: dict[str, Any], line: Line, windows: Windows) -> Clue:
    end, unit = moment(windows.end), unit_of(row["metric"], row["unit"])
    summary = (
        f"{row['metric']} of {row['service']} rises by {_speed(line, unit, line.end - line.since)} since "
        f"{_when(line.since, end)} without an end, from {_quantity(line.start, unit)} to "
        f"{_quantity(line.level, unit)}; its limit is not known"
    )
    return _clue(row, line, windows, summary, 0.4, adverse=False)


def _clue(row: dict[str, Any], line: Line, windows: Windows, summary: str, score: float, *, adverse: bool) -> Clue:
    leak = row["cause"] == "memory" and line.slope > 0 and line.level >= _LEAK * max(line.start, 0.0)
    blur = (line.end - line.since) // 8
    finding = make_finding(
        "trend",
        service=row["service"], resource=row["resource"], region=row["region"], window=windows.since(line.since),
        onset=line.since, uncertainty=blur, direction="up" if line.slope > 0 else "down",
        size=line.level / line.start if line.start > 0 else 0.0, baseline=line.start, observed=line.level,
        unit=row["unit"], score=score, summary=summary, cause_kind=row["cause"],
        mechanism="memory_leak" if leak else None, metric=reference(row),
        provenance=Provenance(
            source=row["source"] or "metrics",
            query=f"{row['namespace']} {row['metric']} {row['dimensions']}".strip()[:1_000], window=windows.whole,
        ),
    )  # fmt: skip
    return Clue(finding, "trend", line.since, blur, adverse)


def _reached(table: SeriesTable, known: dict[int, Limit]) -> list[Clue]:
    """Limits that were met during the incident and usually were not."""
    hard = {sid: limit for sid, limit in known.items() if limit.hard}
    rows = table.scored.filter(pl.col("sid").is_in(sorted(hard)) & (pl.col("score") >= WORTH_TELLING))
    clues: list[Clue] = []
    for row in rows.filter(pl.col("signal").is_in(["saturation", "headroom"])).sort("sid").to_dicts():
        limit = hard[row["sid"]]
        full = 1 - row["observed"] / row["baseline"] if limit.value <= 0 < row["baseline"] else 0.0
        usual = 0.0
        if limit.value > 0:
            full, usual = row["observed"] / limit.value, row["baseline"] / limit.value
        if full >= _FULL and usual < _USUAL:
            clues.append(_reached_clue(row, limit, full, table.windows))
    return clues


def _reached_clue(row: dict[str, Any], limit: Limit, full: float, windows: Windows) -> Clue:
    unit = unit_of(row["metric"], row["unit"])
    used = (
        f"{row['metric']} of {row['service']} is used up: {_quantity(row['observed'], unit)} left of "
        f"usually {_quantity(row['baseline'], unit)}" if limit.value <= 0
        else f"{row['metric']} of {row['service']} stands at {amount(100 * full)}% of {limit.name} "
        f"({_quantity(row['observed'], unit)}; usually {_quantity(row['baseline'], unit)})"
    )  # fmt: skip
    finding = make_finding(
        "state",
        service=row["service"], resource=row["resource"], region=row["region"], window=windows.since(row["onset"]),
        onset=row["onset"], uncertainty=row["uncertainty"], direction="up" if limit.value > 0 else "down",
        size=row["observed"] / row["baseline"] if row["baseline"] else 0.0, baseline=row["baseline"],
        observed=row["observed"], unit=row["unit"], score=row["score"],
        summary=f"{used}, since {clock(row['onset'])}", cause_kind=row["cause"] or "capacity",
        mechanism=_spent(row), metric=reference(row),
        provenance=Provenance(
            source=row["source"] or "metrics",
            query=f"{row['namespace']} {row['metric']} {row['dimensions']}".strip()[:1_000], window=windows.whole,
        ),
    )  # fmt: skip
    return Clue(finding, "utilisation", row["onset"], row["uncertainty"], adverse=True)


def _spent(row: dict[str, Any]) -> Mechanism | None:
    """What a limit that was met means. A disk may be busy rather than full: only its space fills."""
    if row["cause"] == "connection_pool":
        return "connections_exhausted"
    space = re.search(r"free|used|usage|space|filesystem|inode", row["metric"], re.IGNORECASE)
    return "disk_full" if row["cause"] == "disk" and space else None


def _quantity(value: float, unit: str) -> str:
    """Bytes in the largest unit that leaves a number above one; anything else as it is."""
    factor = byte_factor(unit)
    if factor is None:
        return amount(value, unit)
    size = value * factor
    power = next((p for p in (4, 3, 2, 1) if abs(size) >= 1_000**p), 0)
    return f"{amount(size / 1_000**power)} {('B', 'KB', 'MB', 'GB', 'TB')[power]}"


def _speed(line: Line, unit: str, ahead: int) -> str:
    """The slope in the unit of time that suits what lies ahead (µs)."""
    word, width = ("minute", 60 * MICROS) if ahead < 2 * _HOUR else ("hour", _HOUR)
    if ahead > 3 * _DAY:
        word, width = "day", _DAY
    return f"{_quantity(abs(line.slope) * width, unit)} per {word}"


def _when(at: int, end: datetime) -> str:
    """Time of day, with the date when it is another day."""
    when = moment(at).replace(second=0, microsecond=0)
    return clock(when) if when.date() == end.date() else f"{when:%Y-%m-%d} {clock(when)}"
