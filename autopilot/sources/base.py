"""What every source is: read-only, budgeted, exact about what it asked."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import polars as pl

from autopilot.incident.base import Time, TimeWindow
from autopilot.incident.evidence import Gap, GapKind, QueryRecord, Scope, Table
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.metric import MetricRef


class BudgetExceeded(Exception):
    """The source used up its calls or its time; what was collected so far is kept."""


@dataclass
class Budget:
    """How much one source may ask of the watched system in one collection."""

    calls: int
    seconds: float
    started: float = field(default_factory=time.monotonic)
    used: int = 0

    def spend(self) -> None:
        """Call before each request. Raises BudgetExceeded."""
        if self.used >= self.calls or time.monotonic() - self.started > self.seconds:
            raise BudgetExceeded
        self.used += 1


@dataclass
class Collected:
    """What a source gathered. A source appends as it goes, so that an interruption keeps what is there."""

    source: str
    frames: list[tuple[Table, pl.DataFrame]] = field(default_factory=list["tuple[Table, pl.DataFrame]"])
    queries: list[QueryRecord] = field(default_factory=list[QueryRecord])
    gaps: list[Gap] = field(default_factory=list[Gap])

    def add(self, table: Table, data: pl.DataFrame) -> None:
        """Keep rows; empty frames are ignored."""
        if data.height:
            self.frames.append((table, data))

    def asked(self, query: str, window: TimeWindow | None, rows: int, seconds: float = 0.0, link: str = "") -> None:
        """Record one question exactly as asked."""
        self.queries.append(
            QueryRecord(
                source=self.source, query=query[:2_000], window=window, rows=rows, seconds=seconds, link=link
            )
        )

    def miss(self, kind: GapKind, what: str, remedy: str = "") -> None:
        """Record something we wanted to know and do not."""
        self.gaps.append(Gap(source=self.source, kind=kind, what=what, remedy=remedy))


class Source(Protocol):
    """One system we read from. Optional abilities are the Protocols below."""

    name: str

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """Gather everything about the scope. May raise anything; the collector turns it into a gap."""
        ...


class ReadsMetrics(Protocol):
    """A source that can read one series now, for verification."""

    name: str

    def read_metric(self, metric: MetricRef, window: TimeWindow) -> Sequence[tuple[Time, float]]:
        """The samples of the series in the window, oldest first; empty means no data."""
        ...


class ReadsChanges(Protocol):
    """A source that can list the last changes quickly, for the first message."""

    name: str

    def recent_changes(self, scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        """The newest changes in the scope."""
        ...


class ReadsTopology(Protocol):
    """A source that knows from configuration who calls whom."""

    name: str

    def edges(self) -> Sequence[tuple[str, str]]:
        """(caller service, callee service) pairs."""
        ...
