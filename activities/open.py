"""Opening: rules in force, people on duty, where to look, and whether a neighbour is already on it."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from temporalio import activity
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError, RPCStatusCode

from activities import search_attributes
from activities.edge import guarded
from autopilot.incident.alert import Alert
from autopilot.incident.base import Link, Model, Name, Time
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.messages import HandOver
from autopilot.incident.neighbours import Neighbour, choose_neighbour
from autopilot.incident.playbook import Snapshot
from autopilot.incident.ports import Collector, PlaybookSource
from autopilot.incident.sources import asked
from autopilot.incident.target import MEMO, Holder, target_id


class OpenIncident(Model):
    """An incident is opening for this alert."""

    incident_id: str
    group: str
    alert: Alert


class Opened(Model):
    """What was in force at that moment."""

    snapshot: Snapshot
    sources: tuple[Name, ...]
    links: tuple[Link, ...]


class FindNeighbour(Model):
    """Is a running incident about the same thing?"""

    group: str
    environment: Name
    services: tuple[Name, ...]
    started_at: Time


class Surroundings(Model):
    """What else is known to Temporal about this group and its neighbourhood."""

    neighbour: Neighbour | None = None
    previous_run: str = ""
    """The run id of the group's last closed incident."""


class Opening:
    """Activities of the open phase."""

    def __init__(
        self, playbooks: PlaybookSource, collector: Collector, links: Callable[[str, str], Sequence[Link]]
    ) -> None:
        """`links(incident id, group)` says where a person can look."""
        self._playbooks = playbooks
        self._collector = collector
        self._links = links

    @activity.defn
    @guarded
    def open_incident(self, order: OpenIncident) -> Opened:
        """Snapshot the playbook and the people on duty; list the sources that the playbook wants asked."""
        snapshot = self._playbooks.snapshot(order.alert, datetime.now(UTC))
        return Opened(
            snapshot=snapshot,
            sources=asked(snapshot.playbook.data_sources, self._collector.names),
            links=tuple(self._links(order.incident_id, order.group)),
        )

    @activity.defn
    @guarded
    def recent_changes(self, scope: Scope) -> tuple[TimelineEntry, ...]:
        """The last three changes, within five seconds or not at all."""
        return self._collector.recent_changes(scope, 3)


class Neighbourhood:
    """Activities that look at the other running incidents."""

    def __init__(self, client: Client, collector: Collector, within: timedelta = timedelta(minutes=30)) -> None:
        """`within`: how long after another incident's start an alert can still belong to it."""
        self._client = client
        self._collector = collector
        self._within = within

    @activity.defn
    async def look_around(self, question: FindNeighbour) -> Surroundings:
        """The oldest running incident that topology says is the same one, and this group's last run."""
        return Surroundings(
            neighbour=await self._neighbour(question), previous_run=await self._previous_run(question.group)
        )

    async def _previous_run(self, group: str) -> str:
        query = f"WorkflowId = '{group}' AND ExecutionStatus != 'Running'"
        closed = [e async for e in self._client.list_workflows(query, limit=10)]
        # A run that continued as new is a part of the incident, not an earlier one.
        ended = [e for e in closed if e.status != WorkflowExecutionStatus.CONTINUED_AS_NEW]
        newest = max(ended, key=lambda e: e.start_time, default=None)
        return newest.run_id if newest else ""

    async def _neighbour(self, question: FindNeighbour) -> Neighbour | None:
        running: list[Neighbour] = []
        query = (
            "WorkflowType = 'Incident' AND ExecutionStatus = 'Running' "
            f"AND IncidentEnvironment = '{question.environment.replace(chr(39), '')}' "
            f"AND StartTime >= '{(question.started_at - self._within).isoformat()}'"
        )
        async for execution in self._client.list_workflows(query, limit=200):
            if execution.id == question.group:
                continue
            named = execution.typed_search_attributes.get(search_attributes.SERVICES) or ()
            running.append(Neighbour(group=execution.id, services=tuple(named), started_at=execution.start_time))
        if not running:
            return None
        around = sorted({*question.services, *(s for n in running for s in n.services)})
        edges = await asyncio.to_thread(self._collector.edges, around, question.environment)
        return choose_neighbour(question.group, question.services, question.started_at, running, edges)

    @activity.defn
    async def who_holds(self, target: str) -> Holder:
        """Which incident is changing a target now; nobody's name when it has just let go."""
        try:
            description = await self._client.get_workflow_handle(target_id(target)).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return Holder(target=target)
            raise
        return await description.memo_value(MEMO, default=Holder(target=target), type_hint=Holder)

    @activity.defn
    async def is_open(self, incident_id: str) -> bool:
        """Whether an incident still runs."""
        group, _, opening = incident_id.partition(".")
        try:
            description = await self._client.get_workflow_handle(group).describe()
        except RPCError as error:
            if error.status == RPCStatusCode.NOT_FOUND:
                return False
            raise
        first = description.raw_description.workflow_execution_info.first_run_id.replace("-", "")
        same = not first or first.startswith(opening)
        return same and description.status == WorkflowExecutionStatus.RUNNING

    @activity.defn
    async def hand_over_alerts(self, order: HandOver) -> bool:
        """Give our alerts to the other incident; False when it is closed by now."""
        handle = self._client.get_workflow_handle(order.group)
        try:
            if (await handle.describe()).status != WorkflowExecutionStatus.RUNNING:
                return False
            await handle.signal("adopt", order)
        except RPCError as error:
            if "not found" in str(error) or "already completed" in str(error):
                return False
            raise
        return True
