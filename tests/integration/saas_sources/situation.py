"""The incident that the source tests collect for."""

import json
from datetime import UTC, datetime, timedelta

import polars as pl

from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope, Table
from autopilot.sources.base import Budget, Collected

T = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)


def scope(*services: str, hint: str = "") -> Scope:
    """Three hours of baseline, half an hour of incident before T."""
    return Scope(
        incident_id="incident-checkout-1.abc",
        services=services or ("checkout",),
        baseline=TimeWindow(start=T - timedelta(hours=3), end=T - timedelta(minutes=30)),
        incident=TimeWindow(start=T - timedelta(minutes=30), end=T),
        alerted_at=T,
        hint=hint,
    )


def budget(calls: int = 200) -> Budget:
    return Budget(calls=calls, seconds=20)


def table(collected: Collected, name: Table) -> pl.DataFrame:
    """Everything collected for a table."""
    frames = [data for kind, data in collected.frames if kind == name]
    return pl.concat(frames) if frames else pl.DataFrame()


def rows(collected: Collected, name: Table) -> list[dict[str, object]]:
    return table(collected, name).to_dicts()


def listed(value: object) -> list[str]:
    """A JSON list column."""
    return [str(item) for item in json.loads(str(value))]
