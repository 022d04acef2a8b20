"""Ports that record what they ask of watched systems. A record that cannot be kept stops no reading."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

import structlog

from autopilot.incident.audit import AuditLog, Entry
from autopilot.incident.evidence import QueryRecord, Scope, SourceReport
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.ids import digest
from autopilot.incident.investigation import ProbeResult
from autopilot.incident.metric import Signal
from autopilot.incident.ports import Collector, Failure, ProbeOrder, Prober
from autopilot.incident.verification import Reading

log = structlog.get_logger()


class RecordedCollector:
    """A collector whose queries are recorded."""

    def __init__(self, collector: Collector, audit: AuditLog) -> None:
        self._collector = collector
        self._audit = audit

    @property
    def names(self) -> Sequence[str]:
        """See `Collector`."""
        return self._collector.names

    def collect(self, source: str, revision: int, scope: Scope) -> SourceReport:
        """See `Collector`."""
        report = self._collector.collect(source, revision, scope)
        _record(self._audit, report.queries, scope.incident_id, f"collect {revision}")
        return report

    def recent_changes(self, scope: Scope, limit: int) -> tuple[TimelineEntry, ...]:
        """See `Collector`; the same sources are asked again and recorded when the case is collected."""
        return self._collector.recent_changes(scope, limit)

    def edges(self, services: Sequence[str], environment: str) -> tuple[tuple[str, str], ...]:
        """See `Collector`."""
        return self._collector.edges(services, environment)

    def read(
        self, signals: Sequence[Signal], seconds: float, incident_id: str = "", /
    ) -> tuple[Reading, tuple[QueryRecord, ...]]:
        """See `Collector`."""
        reading, queries = self._collector.read(signals, seconds, incident_id)
        _record(self._audit, queries, incident_id, f"read {reading.at.isoformat()}")
        return reading, queries


class RecordedProber:
    """A prober whose queries are recorded."""

    def __init__(self, prober: Prober, audit: AuditLog) -> None:
        self._prober = prober
        self._audit = audit

    def probe(self, order: ProbeOrder) -> ProbeResult:
        """See `Prober`."""
        result = self._prober.probe(order)
        incident = order.manifest.scope.incident_id
        _record(self._audit, result.queries, incident, f"probe {order.probe.id} {order.dossier.revision}")
        return result


def _record(audit: AuditLog, queries: Iterable[QueryRecord], incident_id: str, why: str) -> None:
    now = datetime.now(UTC)
    entries = [
        Entry(
            key=f"query/{digest(incident_id, why, number, query.source, query.query)}",
            at=now, kind="query", actor=f"source:{query.source}", what=query.query, outcome=f"rows {query.rows}",
            reason=why, incident_id=incident_id,
        )
        for number, query in enumerate(queries)
    ]  # fmt: skip
    try:
        audit.append(entries)
    except Failure as failure:
        log.error("queries not recorded", incident_id=incident_id, count=len(entries), reason=str(failure))
