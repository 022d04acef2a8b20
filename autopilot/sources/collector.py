"""Runs the sources: each under its budget, whatever happens becomes a report."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import polars as pl
import structlog

from autopilot.case.store import PartStore
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import (
    CasePart,
    Gap,
    GapKind,
    QueryRecord,
    Scope,
    SourceReport,
    SourceStatus,
    Table,
)
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.ports import Failure
from autopilot.incident.verification import Reading
from autopilot.settings import SourceBudget
from autopilot.sources.base import (
    Budget,
    BudgetExceeded,
    Collected,
    ReadsChanges,
    ReadsMetrics,
    ReadsTopology,
    Source,
)
from autopilot.sources.deadline import attempt_all

QUICK_SECONDS = 5.0
"""Cap for what the first message waits for."""
READ_SECONDS = 20.0
"""Cap for one reading of all signals."""
GRACE_SECONDS = 5.0
"""How long after its budget a source may finish the request it is in."""
TOPOLOGY_SECONDS = 300.0
"""How long configured edges stay good."""
MAX_QUERIES, MAX_GAPS = 200, 50
HOPS = 3
"""How far around the services edges are told."""

PastEdges = Callable[[Sequence[str], str], Iterable[tuple[str, str]]]
"""(services, environment) → calls that past cases showed."""

_log = structlog.get_logger()
_HARMFUL: frozenset[GapKind] = frozenset({"failed", "denied", "timeout", "budget", "truncated"})
"""Gaps because of which a source's answer is not whole."""


class SourceCollector:
    """The configured sources behind the `Collector` port. Knows no vendor."""

    def __init__(
        self,
        sources: Sequence[Source],
        store: PartStore,
        budgets: Mapping[str, SourceBudget] | None = None,
        past_edges: PastEdges | None = None,
    ) -> None:
        """`budgets` by source name; a source without one gets the default."""
        self._sources = {source.name: source for source in sources}
        self._store = store
        self._budgets = budgets or {}
        self._past_edges = past_edges
        self._edges: dict[str, tuple[float, tuple[tuple[str, str], ...]]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """See the port."""
        return tuple(self._sources)

    def collect(self, source: str, revision: int, scope: Scope) -> SourceReport:
        """See the port. Only a store that cannot be written raises: then nothing was collected for anybody."""
        started = time.monotonic()
        into = Collected(source)
        if source not in self._sources:
            into.miss("failed", f"source {source!r} is not configured here", "Configure it on this worker.")
        else:
            self._run(self._sources[source], scope, into)
        frames, queries, gaps = list(into.frames), list(into.queries), list(into.gaps)
        parts = self._keep(scope.incident_id, revision, source, frames)
        if not parts and not gaps:
            gaps.append(Gap(source=source, kind="no_data", what="nothing found for the scope"))
        report = SourceReport(
            source=source,
            status=_status(bool(parts), gaps),
            parts=parts,
            queries=_bounded_queries(source, queries),
            gaps=_bounded_gaps(source, gaps),
            seconds=round(time.monotonic() - started, 3),
        )
        _log.info("source collected", source=source, status=report.status, parts=len(parts), gaps=len(report.gaps))
        return report

    def _run(self, source: Source, scope: Scope, into: Collected) -> None:
        """One source against the clock. A source that hangs is left behind with what it gathered so far."""
        limits = self._budgets.get(source.name, SourceBudget())
        budget = Budget(calls=limits.calls, seconds=limits.seconds)
        outcome = attempt_all(
            {source.name: lambda: source.collect(scope, budget, into)}, limits.seconds + GRACE_SECONDS
        )[source.name]
        if isinstance(outcome, Exception):
            kind, what, remedy = _explain(outcome, limits)
            into.miss(kind, what, remedy)
            if kind == "failed":
                _log.warning("source failed", source=source.name, error=type(outcome).__name__, what=what)

    def _keep(
        self, incident_id: str, revision: int, source: str, frames: Iterable[tuple[Table, pl.DataFrame]]
    ) -> tuple[CasePart, ...]:
        """Store one part per table."""
        tables: dict[Table, list[pl.DataFrame]] = {}
        for table, rows in frames:
            tables.setdefault(table, []).append(rows)
        return tuple(
            self._store.put_part(incident_id, revision, source, table, pl.concat(rows, how="diagonal_relaxed"))
            for table, rows in tables.items()
        )

    def recent_changes(self, scope: Scope, limit: int) -> tuple[TimelineEntry, ...]:
        """See the port."""
        able = {n: cast("ReadsChanges", s) for n, s in self._sources.items() if hasattr(s, "recent_changes")}
        outcomes = attempt_all(
            {name: lambda s=s: tuple(s.recent_changes(scope, limit)) for name, s in able.items()}, QUICK_SECONDS
        )
        entries: dict[tuple[datetime, str], TimelineEntry] = {}
        for name, outcome in outcomes.items():
            if isinstance(outcome, Exception):
                _log.warning("recent changes not read", source=name, error=type(outcome).__name__)
            else:
                entries |= {(entry.at, entry.text): entry for entry in outcome}
        return tuple(sorted(entries.values(), key=lambda entry: entry.at, reverse=True)[:limit])

    def edges(self, services: Sequence[str], environment: str) -> tuple[tuple[str, str], ...]:
        """See the port. A source that fails or is late keeps its last known edges."""
        now = time.monotonic()
        stale = {
            name: cast("ReadsTopology", source)
            for name, source in self._sources.items()
            if hasattr(source, "edges")
            and now - self._edges.get(name, (-TOPOLOGY_SECONDS, ()))[0] >= TOPOLOGY_SECONDS
        }
        tasks: dict[str, Callable[[], tuple[tuple[str, str], ...]]] = {
            name: lambda n=name, s=source: self._fresh(n, s) for name, source in stale.items()
        }
        past = self._past_edges
        if past is not None:
            tasks["past cases"] = lambda: tuple(past(services, environment))
        known: set[tuple[str, str]] = set()
        for name, outcome in attempt_all(tasks, QUICK_SECONDS).items():
            if isinstance(outcome, Exception):
                _log.warning("topology not read", source=name, error=type(outcome).__name__)
            else:
                known |= set(outcome)
        for _, edges in list(self._edges.values()):
            known |= set(edges)
        return _around(services, known)

    def _fresh(self, name: str, source: ReadsTopology) -> tuple[tuple[str, str], ...]:
        """Ask a source and remember its answer, also when it comes too late for whoever asked."""
        found = tuple(source.edges())
        self._edges[name] = (time.monotonic(), found)
        return found

    def read(
        self, signals: Sequence[Signal], seconds: float, _incident_id: str = "", /
    ) -> tuple[Reading, tuple[QueryRecord, ...]]:
        """See the port.

        Raises:
            Failure: nothing could be read, or a signal whose silence counts as health could not be read:
                then None would be taken for health.
        """
        now = datetime.now(UTC)
        window = TimeWindow(start=now - timedelta(seconds=seconds), end=now)
        outcomes = attempt_all(
            {str(n): lambda s=s: self._mean(s.metric, window) for n, s in enumerate(signals)}, READ_SECONDS
        )
        values: list[float | None] = []
        queries: list[QueryRecord] = []
        failed: list[tuple[Signal, Exception]] = []
        for n, signal in enumerate(signals):
            outcome = outcomes[str(n)]
            if isinstance(outcome, Exception):
                failed.append((signal, outcome))
                _log.warning("signal not read", metric=signal.metric.label, error=str(outcome)[:300])
                outcome = (None, 0)
            values.append(outcome[0])
            queries.append(_asked(signal.metric, window, outcome[1]))
        misleading = [item for item in failed if item[0].missing == "healthy"]
        if failed and (misleading or len(failed) == len(signals)):
            signal, error = (misleading or failed)[0]
            raise (
                error if isinstance(error, Failure) else Failure(f"Reading {signal.metric.label!r} failed: {error}")
            )
        return Reading(at=now, values=tuple(values)), tuple(queries)

    def _mean(self, metric: MetricRef, window: TimeWindow) -> tuple[float | None, int]:
        source = self._sources.get(metric.source)
        if source is None or not hasattr(source, "read_metric"):
            return None, 0
        samples = cast("ReadsMetrics", source).read_metric(metric, window)
        return (sum(value for _, value in samples) / len(samples) if samples else None), len(samples)


def _asked(metric: MetricRef, window: TimeWindow, rows: int) -> QueryRecord:
    dimensions = ",".join(f"{key}={value}" for key, value in sorted(metric.dimensions.items()))
    query = f"{metric.source} {metric.namespace} {metric.name} {{{dimensions}}} {metric.statistic} latest"
    return QueryRecord(source=metric.source, query=query[:2_000], window=window, rows=rows)


def _explain(error: Exception, limits: SourceBudget) -> tuple[GapKind, str, str]:
    """An interruption as a gap: kind, what, remedy."""
    if isinstance(error, BudgetExceeded):
        what = f"stopped at its budget of {limits.calls} calls or {limits.seconds:g} s"
        return "budget", what, "Raise the source's budget in the settings, or narrow the scope."
    if isinstance(error, TimeoutError):
        what = f"no end after {limits.seconds + GRACE_SECONDS:g} s"
        return "timeout", what, "Check the system and the network to it."
    if isinstance(error, Failure):
        return ("denied" if error.who == "operator" else "failed"), str(error), ""
    return "failed", f"{type(error).__name__}: {error}", "Report it with this message."


def _status(rows: bool, gaps: Sequence[Gap]) -> SourceStatus:
    harmed = any(gap.kind in _HARMFUL for gap in gaps)
    if rows:
        return "partial" if harmed else "ok"
    return "failed" if harmed else "no_data"


def _bounded_queries(source: str, queries: Sequence[QueryRecord]) -> tuple[QueryRecord, ...]:
    if len(queries) <= MAX_QUERIES:
        return tuple(queries)
    rest = queries[MAX_QUERIES - 1 :]
    more = QueryRecord(source=source, query=f"and {len(rest)} more questions", rows=sum(q.rows for q in rest))
    return (*queries[: MAX_QUERIES - 1], more)


def _bounded_gaps(source: str, gaps: Sequence[Gap]) -> tuple[Gap, ...]:
    distinct = list(dict.fromkeys(gaps))
    if len(distinct) <= MAX_GAPS:
        return tuple(distinct)
    more = Gap(source=source, kind="truncated", what=f"and {len(distinct) - MAX_GAPS + 1} more gaps")
    return (*distinct[: MAX_GAPS - 1], more)


def _around(services: Sequence[str], edges: set[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The edges within some hops of the services, in either direction, in a stable order."""
    near, reached = set(services), set[tuple[str, str]]()
    for _ in range(HOPS):
        reached |= {(a, b) for a, b in edges if a != b and (a in near or b in near)}
        near |= {service for edge in reached for service in edge}
    return tuple(sorted(reached))
