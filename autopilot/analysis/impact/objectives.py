"""Service level objectives that a case carries, and how fast an incident spends their error budget.

The budget is the share of requests that may fail over the objective's window; the burn rate is how many times
faster than that they fail [The Site Reliability Workbook, chapter 5, Alerting on SLOs].
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from autopilot.analysis.state.clues import Item

_SETTINGS = ("slo", "slo_target", "slo_objective", "availability_target", "availability_objective", "objective")
_DAYS = ("slo_days", "slo_window_days", "objective_days")
_WINDOW = 30.0
"""Days, when nobody says otherwise: the usual rolling month."""
_TOLD = re.compile(
    r"\b(?:slo|objective|service level)\b[^\d%]{0,60}(\d{2}(?:\.\d{1,6})?) ?(?:%|percent)", re.IGNORECASE
)
_TOLD_DAYS = re.compile(r"\b(\d{1,3})[ -]?(?:days?|d)\b", re.IGNORECASE)
_ROWS = 500
_LEAST = 0.5
"""An objective below this is a misread number."""
_Z95 = 1.96


@dataclass(frozen=True)
class Objective:
    """A share of requests that must succeed, over a window."""

    share: float
    days: float
    source: str

    @property
    def budget(self) -> float:
        """Share of requests that may fail."""
        return 1 - self.share

    @property
    def name(self) -> str:
        """`99.9% over 30 days`."""
        return f"{100 * self.share:.6g}% over {self.days:g} days"


@dataclass(frozen=True)
class Burn:
    """What an incident takes from an error budget."""

    objective: Objective
    used: float
    """Share of the whole window's budget used since the onset; may exceed 1."""
    pace: float
    """Burn rate: 1 spends the budget exactly within its window."""
    seconds_left: tuple[float, float, float]
    """Until an untouched budget is spent at this pace: estimate, soonest, latest."""


def find_objective(
    services: Sequence[str], items: Sequence[Item], records: pl.DataFrame, alarms: pl.DataFrame
) -> Objective | None:
    """The objective of the first of the services that has one: from settings, else records, else alarms."""
    for service in services:
        own = sorted((i for i in items if i.service == service), key=lambda i: i.resource)
        found = next((o for item in own if (o := _of_settings(item)) is not None), None)
        found = found or _of_texts(records.filter(pl.col("service") == service), ("title", "body"), "records")
        found = found or _of_texts(alarms.filter(pl.col("service") == service), ("name", "reason"), "alarms")
        if found is not None:
            return found
    return None


def _of_settings(item: Item) -> Objective | None:
    days = next((value for name in _DAYS if (value := item.number(name))), _WINDOW)
    for name in _SETTINGS:
        value = item.number(name)
        if value is None:
            match = re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,6})?)\s*%?\s*", str(item.settings.get(name, ""))[:40])
            value = float(match[1]) if match else None
        found = _objective(value, days, item.source or "inventory") if value is not None else None
        if found is not None:
            return found
    return None


def _of_texts(rows: pl.DataFrame, columns: tuple[str, str], source: str) -> Objective | None:
    texts = rows.select(text=pl.concat_str([pl.col(name).str.slice(0, 4_000) for name in columns], separator="\n"))
    telling = texts.filter(pl.col("text").str.contains(r"(?i)slo|objective|service level"))
    for text in telling["text"].unique().sort().head(_ROWS).to_list():
        match = _TOLD.search(text)
        days = _TOLD_DAYS.search(text[match.end() : match.end() + 80]) if match else None
        found = _objective(float(match[1]), float(days[1]) if days else _WINDOW, source) if match else None
        if found is not None:
            return found
    return None


def _objective(value: float, days: float, source: str) -> Objective | None:
    share = value / 100 if value > 1 else value
    sane = math.isfinite(share) and _LEAST < share < 1 and math.isfinite(days) and 0 < days <= 400
    return Objective(share, days, source) if sane else None


def burned(objective: Objective, requests: float, failed: float, usual_per_second: float) -> Burn | None:
    """What `failed` of `requests` since the onset took; None without failures or usual traffic."""
    expected = usual_per_second * objective.days * 86_400
    if requests <= 0 or failed <= 0 or expected <= 0:
        return None
    window = objective.days * 86_400
    share = failed / requests
    low, high = _wilson(share, requests)
    left = tuple(window * objective.budget / max(part, 1e-12) for part in (share, high, low))
    return Burn(
        objective, failed / (expected * objective.budget), share / objective.budget, (left[0], left[1], left[2])
    )


def _wilson(share: float, n: float) -> tuple[float, float]:
    """The 95 % interval of a share [E. B. Wilson, Probable inference, JASA 22, 1927]."""
    centre = (share + _Z95**2 / (2 * n)) / (1 + _Z95**2 / n)
    half = _Z95 * math.sqrt(max(share * (1 - share), 0.0) / n + _Z95**2 / (4 * n * n)) / (1 + _Z95**2 / n)
    return max(centre - half, 1e-12), min(centre + half, 1.0)
