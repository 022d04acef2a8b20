"""Small worlds of traces: a shop of a few services with clocks, chains of calls and lines, written call by call."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import polars as pl

from autopilot.analysis.windows import Windows
from autopilot.case.schema import frame

NOW = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
SPLIT = NOW - timedelta(minutes=5)


@dataclass
class World:
    """Spans and lines under construction. Durations and moments within a trace are in milliseconds."""

    seed: int = 0
    skew: dict[str, float] = field(default_factory=dict[str, float])
    """Milliseconds by which a service's clock is ahead."""
    spans: list[dict[str, object]] = field(default_factory=list[dict[str, object]])
    lines: list[dict[str, object]] = field(default_factory=list[dict[str, object]])

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def about(self, usual: float) -> float:
        """A duration around the usual one."""
        return usual * self.random.uniform(0.9, 1.1)

    def moments(self, before: int, after: int) -> Iterator[tuple[int, datetime, bool]]:
        """Number, start and lateness of traces spread over ten minutes before and five after the split."""
        for i in range(before):
            yield i, SPLIT - timedelta(minutes=10) + timedelta(minutes=10) * (i / before), False
        for i in range(after):
            yield before + i, SPLIT + timedelta(minutes=5) * (i / after), True

    def span(
        self, trace: int, name: str, parent: str, service: str, operation: str, at: datetime, offset: float,
        duration: float, status: str = "ok",
    ) -> None:  # fmt: skip
        """One span; `offset` is its start within the trace by true time."""
        start = at + timedelta(milliseconds=offset + self.skew.get(service, 0.0))
        self.spans.append({
            "trace_id": f"t{trace}", "span_id": f"{trace}-{name}", "service": service, "operation": operation,
            "parent_id": f"{trace}-{parent}" if parent else "", "start": start, "duration": duration / 1_000,
            "status": status,
        })  # fmt: skip

    def line(
        self, trace: int, name: str, service: str, at: datetime, text: str, level: str = "INFO"
    ) -> None:  # fmt: skip
        """A line of a span, or of its trace only when `name` is empty."""
        self.lines.append({
            "time": at, "service": service, "kind": "application", "level": level, "message": text,
            "trace_id": f"t{trace}", "span_id": f"{trace}-{name}" if name else "",
        })  # fmt: skip

    def tables(self) -> tuple[pl.DataFrame, pl.DataFrame, Windows]:
        """Spans, lines and windows."""
        split = int(SPLIT.timestamp() * 1e6)
        windows = Windows(split - 600_000_000, split, int(NOW.timestamp() * 1e6), split + 240_000_000)
        return frame("spans", self.spans), frame("logs", self.lines), windows


def chain(world: World, trace: int, at: datetime, *, way: float = 2.0, work: float = 20.0) -> None:
    """web → api → store by client spans: `way` ms on the way to store, `work` ms inside it."""
    inside = world.about(work)
    across = inside + world.about(way)
    api = across + world.about(10)
    web = api + 2 + world.about(5)
    world.span(trace, "web", "", "web", "GET /buy", at, 0, web)
    world.span(trace, "web-c", "web", "web", "HTTP POST", at, 2, api + 2)
    world.span(trace, "api", "web-c", "api", "buy", at, 3, api)
    world.span(trace, "api-c", "api", "api", "HTTP GET", at, 5, across)
    world.span(trace, "store", "api-c", "store", "read", at, 5 + (across - inside) / 2, inside)
