"""Collecting: one activity per source, in parallel; the case travels by reference."""

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.base import Model, Name
from autopilot.incident.evidence import CaseManifest, Scope, SourceReport
from autopilot.incident.ports import CaseStore, Collector


class CollectSource(Model):
    """Ask one source everything about the scope."""

    source: Name
    revision: int
    scope: Scope


class Collecting:
    """ContextCollector's activities."""

    def __init__(self, collector: Collector, store: CaseStore) -> None:
        self._collector = collector
        self._store = store

    @activity.defn
    @guarded
    def collect_source(self, order: CollectSource) -> SourceReport:
        """Collect and store; a dead source is a report with a gap."""
        return self._collector.collect(order.source, order.revision, order.scope)

    @activity.defn
    @guarded
    def seal_case(self, manifest: CaseManifest) -> CaseManifest:
        """Write the manifest of a case revision once."""
        return self._store.seal(manifest)
