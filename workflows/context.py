"""Opening an incident and collecting its case: ContextCollector's orchestration."""

import asyncio
from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.collect import Collecting, CollectSource
from activities.open import FindNeighbour, Neighbourhood, OpenIncident, Opening
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Gap, Scope, SourceReport
from autopilot.incident.messages import HandOver
from autopilot.incident.neighbours import Neighbour
from autopilot.incident.state import IncidentState
from workflows.calls import COLLECT, QUICK, call
from workflows.people import People

MAX_PARTS = 400
"""Parts in one manifest: it is workflow state and must stay small."""
WIDER = 2.0
"""Each further round looks this many times further back."""


class Context:
    """What is known about an incident, and how it becomes known."""

    def __init__(self, state: IncidentState, people: People) -> None:
        self._state = state
        self._people = people

    async def open(self) -> None:
        """Take the snapshot of rules and people; they hold for the whole incident."""
        state = self._state
        order = OpenIncident(incident_id=state.incident_id, group=state.group, alert=state.alert)
        opened = await call(Opening.open_incident, order, QUICK, "snapshot playbook and on-call")
        state.snapshot, state.sources, state.links = opened.snapshot, list(opened.sources), list(opened.links)

    async def neighbour(self) -> Neighbour | None:
        """The older incident this one is part of; an unanswered question means none."""
        state = self._state
        question = FindNeighbour(
            group=state.group,
            environment=state.environment,
            services=tuple(state.services),
            started_at=workflow.info().workflow_start_time,
        )
        try:
            around = await call(Neighbourhood.look_around, question, QUICK, "is a neighbour already on it?")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return None
        state.previous_run = state.previous_run or around.previous_run
        return around.neighbour

    async def hand_over_to(self, neighbour: Neighbour) -> bool:
        """Give every alert to the neighbour; False when it has closed meanwhile."""
        state = self._state
        order = HandOver(group=neighbour.group, joining=state.incident_id, alerts=tuple(state.alerts))
        return await call(Neighbourhood.hand_over_alerts, order, QUICK, f"join {neighbour.group}")

    async def recent_changes(self) -> None:
        """Put the last three changes on the timeline for the first message."""
        try:
            changes = await call(Opening.recent_changes, self._scope(1), QUICK, "last three changes")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return
        self._state.timeline = [*changes, *self._state.timeline]

    def _scope(self, revision: int) -> Scope:
        state, now = self._state, workflow.now()
        if state.snapshot is None:
            raise ValueError("an incident has a scope only after it was opened")
        windows = state.snapshot.playbook.windows
        alerted = min(alert.started_at for alert in state.alerts)
        factor = WIDER ** (revision - 1)
        incident_from = alerted - timedelta(seconds=windows.incident)
        baseline_from = incident_from - timedelta(seconds=windows.baseline * factor)
        return Scope(
            incident_id=state.incident_id,
            services=tuple(state.services),
            environment=state.environment,
            regions=tuple(state.regions),
            baseline=TimeWindow(start=baseline_from, end=incident_from),
            incident=TimeWindow(start=incident_from, end=now),
            alerted_at=alerted,
            hint=state.feedback[-1] if state.feedback else "",
        )

    async def collect(self) -> CaseManifest:
        """Ask every source at once; what fails is a listed gap. Returns the sealed revision."""
        state = self._state
        revision = (state.manifest.revision if state.manifest else 0) + 1
        scope = self._scope(revision)
        reports = await asyncio.gather(*(self._ask(source, revision, scope) for source in state.sources))
        parts = tuple(part for report in reports for part in report.parts)
        gaps = [gap for report in reports for gap in report.gaps]
        if len(parts) > MAX_PARTS:
            gaps.append(Gap(source="case", kind="truncated", what=f"{len(parts) - MAX_PARTS} parts left out"))
        manifest = CaseManifest(
            revision=revision,
            scope=scope,
            parts=parts[:MAX_PARTS],
            gaps=tuple(gaps[:100]),
            sources={report.source: report.status for report in reports},
            queries=sum(len(report.queries) for report in reports),
        )
        return await call(Collecting.seal_case, manifest, QUICK, f"seal case revision {revision}")

    async def _ask(self, source: str, revision: int, scope: Scope) -> SourceReport:
        order = CollectSource(source=source, revision=revision, scope=scope)
        try:
            return await call(Collecting.collect_source, order, COLLECT, f"collect from {source}")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            gap = Gap(source=source, kind="failed", what=f"{source} could not be asked: {error.cause}")
            return SourceReport(source=source, status="failed", gaps=(gap,))
