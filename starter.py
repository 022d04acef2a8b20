"""Start, signal, query and list incidents; and the command line over it.

Programs do `client = await connect(settings)` and `await start_incident(client, alert)`.
"""

import sys
from collections.abc import Awaitable, Mapping
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionStatus,
    WorkflowHandle,
    WorkflowQueryFailedError,
)
from temporalio.common import SearchAttributePair, TypedSearchAttributes
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.service import RPCError, RPCStatusCode

from activities import search_attributes as keys
from autopilot.incident.alert import Alert
from autopilot.incident.decision import DecisionSignal, Judgement, PersonNote
from autopilot.incident.ids import incident_id
from autopilot.incident.messages import IncidentResult, StartIncident
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.incident.wording import headline
from autopilot.settings import Settings
from autopilot.web.incidents import IncidentRow, NotRunning, Started
from workflows.incident import IncidentWorkflow

Handle = WorkflowHandle[IncidentWorkflow, IncidentResult]
R = TypeVar("R")

RPC_TIMEOUT = timedelta(seconds=5)


async def connect(settings: Settings, *, lazy: bool = False) -> Client:
    """A client of the configured Temporal; TEMPORAL_* variables and profiles (TLS, API key) come first.

    A lazy one connects at its first call: the gateway starts while Temporal is down.

    Raises:
        Failure: nothing answers there; the message says where and what to do.
    """
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", settings.temporal.address)
    config.setdefault("namespace", settings.temporal.namespace)
    try:
        return await Client.connect(**config, data_converter=pydantic_data_converter, lazy=lazy)
    except RuntimeError as error:
        raise Failure(
            f"Temporal does not answer at {config.get('target_host')!r}: {error}. Start it, or set "
            "temporal.address (AUTOPILOT_TEMPORAL__ADDRESS) to where it runs.",
            who="operator",
        ) from error


async def start_incident(client: Client, alert: Alert, task_queue: str = "autopilot") -> Started:
    """Durably accept an alert: the group's running incident takes it, or a new one starts."""
    return await Incidents(client, task_queue).start(alert)


class _Absent(Failure):
    """Temporal answered that there is no such workflow."""


async def _reached(call: Awaitable[R], what: str) -> R:
    try:
        return await call
    except RPCError as error:
        if error.status == RPCStatusCode.NOT_FOUND:
            raise _Absent(f"{what}: {error.message}", who="operator") from error
        raise Failure(f"{what}: {error.message}") from error
    except WorkflowQueryFailedError as error:
        raise Failure(f"{what}: {error}") from error
    except RuntimeError as error:
        # A lazy client connects at its first call; until it has, an unreachable server is this error.
        raise Failure(f"{what}: {error}") from error


def _attributes(alert: Alert) -> TypedSearchAttributes:
    """Known at the start, so that neighbours find a run before its first task."""
    return TypedSearchAttributes([
        SearchAttributePair(keys.STATE, "open"),
        SearchAttributePair(keys.SEVERITY, alert.severity),
        SearchAttributePair(keys.SERVICE, alert.service),
        SearchAttributePair(keys.ENVIRONMENT, alert.environment),
        SearchAttributePair(keys.OUTCOME, "open"),
        SearchAttributePair(keys.SERVICES, [alert.service]),
    ])  # fmt: skip


class Incidents:
    """The running and past incidents, over a Temporal client. Failures of Temporal are `Failure`."""

    def __init__(self, client: Client, task_queue: str) -> None:
        self._client = client
        self._queue = task_queue

    async def start(self, alert: Alert, start: StartIncident | None = None) -> Started:
        """Signal-with-start; a resolved alert without a running incident starts nothing."""
        if alert.status == "resolved":
            return await self._resolved(alert)
        handle = await _reached(
            self._client.start_workflow(
                IncidentWorkflow.run,
                start or StartIncident(),
                id=alert.group,
                task_queue=self._queue,
                start_signal="alert",
                start_signal_args=[alert],
                search_attributes=_attributes(alert),
                static_summary=f"{alert.severity}: {headline(alert)}"[:180],
                memo={"title": headline(alert)},
                rpc_timeout=RPC_TIMEOUT,
            ),
            f"the alert {alert.external_id!r} was not accepted by Temporal",
        )
        run = handle.result_run_id or ""
        opening = incident_id(alert.group, handle.first_execution_run_id or run)
        return Started(group=alert.group, run_id=run, incident_id=opening)

    async def _resolved(self, alert: Alert) -> Started:
        handle = self._client.get_workflow_handle(alert.group)
        signal = handle.signal("alert", alert, rpc_timeout=RPC_TIMEOUT)
        try:
            await _reached(signal, "Temporal did not take the resolved alert")
        except _Absent:
            return Started(group=alert.group)
        return Started(group=alert.group, run_id=handle.run_id or "", joined=True)

    async def decide(self, group: str, signal: DecisionSignal) -> None:
        """Store a decision; it is judged by the incident."""
        await self._signal(group, "decide", signal)

    async def decide_checked(self, group: str, signal: DecisionSignal) -> Judgement:
        """Decide and wait for the judgement; needs a live worker."""
        handle: WorkflowHandle[Any, Any] = self._client.get_workflow_handle(group)
        update = handle.execute_update(  # pyright: ignore[reportUnknownMemberType] - open in the SDK
            "decide_checked", signal, id=signal.decision_id or None, result_type=Judgement
        )
        return await _reached(update, f"the decision did not reach {group}")

    async def claim(self, group: str, note: PersonNote) -> None:
        """Somebody has it."""
        await self._signal(group, "claim", note)

    async def handled(self, group: str, note: PersonNote) -> None:
        """Somebody fixed it by hand."""
        await self._signal(group, "handled", note)

    async def snooze(self, group: str, note: PersonNote) -> None:
        """Move the ladder."""
        await self._signal(group, "snooze", note)

    async def abort(self, group: str, note: PersonNote) -> None:
        """Stop the incident: undo, review, close."""
        await self._signal(group, "abort", note)

    async def _signal(self, group: str, name: str, message: DecisionSignal | PersonNote) -> None:
        signal = self._handle(group).signal(name, message, rpc_timeout=RPC_TIMEOUT)
        try:
            await _reached(signal, f"{name} did not reach {group}")
        except _Absent as error:
            raise NotRunning(f"No incident {group!r} is open; `list` shows the open ones.") from error

    def _handle(self, group: str, run_id: str | None = None) -> Handle:
        return self._client.get_workflow_handle_for(IncidentWorkflow.run, group, run_id=run_id)

    async def list(self, limit: int = 100) -> tuple[IncidentRow, ...]:
        """The newest incidents first."""
        query = "WorkflowType = 'Incident' AND ExecutionStatus != 'ContinuedAsNew'"
        return await _reached(self._rows(query, limit), "the incidents cannot be listed")

    async def _rows(self, query: str, limit: int) -> tuple[IncidentRow, ...]:
        found = self._client.list_workflows(query, limit=limit)
        return tuple([_row(execution, await execution.memo()) async for execution in found])

    async def show(self, incident: str) -> IncidentState | None:
        """The state of an incident by group (its newest run) or by incident id; None when there is none."""
        group, _, opening = incident.partition(".")
        run_id = await _reached(self._run_of(group, opening), f"{incident} cannot be looked up")
        if run_id is None:
            return None
        query = self._handle(group, run_id).query(IncidentWorkflow.state, rpc_timeout=RPC_TIMEOUT)
        return await _reached(query, f"no worker answers for {group}; is one running?")

    async def _run_of(self, group: str, opening: str) -> str | None:
        """The last run of an opening; of the newest opening when none is named."""
        query = "WorkflowType = 'Incident' AND WorkflowId = '" + group.replace("'", "") + "'"
        runs = sorted([e async for e in self._client.list_workflows(query)], key=lambda e: e.start_time)
        if not opening:
            return runs[-1].run_id if runs else None
        first = next((n for n, e in enumerate(runs) if incident_id(group, e.run_id).endswith(f".{opening}")), None)
        if first is None:
            return None
        for execution in runs[first:]:
            if execution.status != WorkflowExecutionStatus.CONTINUED_AS_NEW:
                return execution.run_id
        return None


def _row(execution: WorkflowExecution, memo: Mapping[str, object]) -> IncidentRow:
    found = execution.typed_search_attributes
    return IncidentRow(
        group=execution.id,
        run_id=execution.run_id,
        incident_id=incident_id(execution.id, execution.run_id),
        title=str(memo.get("title", "")),
        service=found.get(keys.SERVICE) or "",
        environment=found.get(keys.ENVIRONMENT) or "",
        severity=found.get(keys.SEVERITY) or "",
        phase=found.get(keys.STATE) or "",
        status=execution.status.name.lower() if execution.status else "unknown",
        outcome=found.get(keys.OUTCOME) or "",
        opened_at=execution.start_time,
        closed_at=execution.close_time,
    )


if __name__ == "__main__":
    from cli.main import main

    main(sys.argv[1:])
