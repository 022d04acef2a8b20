"""A running worker over the small world."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, fields, replace
from typing import Any

import pytest_asyncio
from pydantic import SecretStr
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from autopilot.incident.alert import Alert
from autopilot.incident.decision import DecisionSignal
from autopilot.incident.messages import IncidentResult, StartIncident
from autopilot.incident.seal import Keyring
from autopilot.incident.state import IncidentState
from autopilot.settings import Settings
from starter import Incidents
from tests.workflow.fakes import SEAL_KEY, FakeCollector, FakeSwitch, FakeWorld, alert
from worker import Ports, build_activities, build_worker
from workflows.incident import IncidentWorkflow

Handle = WorkflowHandle[IncidentWorkflow, IncidentResult]


@dataclass
class Bench:
    """One world, one worker on its own queue, one client."""

    client: Client
    world: FakeWorld
    queue: str
    incidents: Incidents

    async def start(self, first: Alert | None = None, history_limit: int = 0) -> Handle:
        """Start an incident in a group of its own."""
        first = first or alert(service=f"shop-{uuid.uuid4().hex[:8]}")
        started = await self.incidents.start(first, StartIncident(history_limit=history_limit))
        return self.client.get_workflow_handle_for(IncidentWorkflow.run, started.group)

    async def until(
        self, handle: Handle, true: Callable[[IncidentState], bool], seconds: float = 20
    ) -> IncidentState:
        """Poll the state query until something holds."""
        async with asyncio.timeout(seconds):
            while True:
                state = await handle.query(IncidentWorkflow.state)
                if true(state):
                    return state
                await asyncio.sleep(0.05)

    async def waiting(self, handle: Handle) -> IncidentState:
        """Wait until the incident waits for a decision."""
        return await self.until(handle, lambda s: s.request is not None and s.decision is None)

    async def decision(self, handle: Handle, **changes: object) -> DecisionSignal:
        """A sealed decision of kim's on the plan that is shown now."""
        state = await self.waiting(handle)
        return sealed_decision(state, **changes)

    async def decide(self, handle: Handle, **changes: object) -> DecisionSignal:
        """Send it."""
        signal = await self.decision(handle, **changes)
        await handle.signal(IncidentWorkflow.decide, signal)
        return signal


def sealed_decision(state: IncidentState, **changes: object) -> DecisionSignal:
    """A decision as the gateway would send it."""
    assert state.plan is not None
    values: dict[str, object] = {
        "decision_id": uuid.uuid4().hex, "incident_id": state.incident_id, "plan_revision": state.plan.revision,
        "plan_digest": state.plan.plan_digest, "choice": "option", "option": 1, "actor": "slack:U1",
        "actor_name": "kim", "channel": "slack",
    }  # fmt: skip
    signal = DecisionSignal.model_validate(values | changes)
    return Keyring(SEAL_KEY).sealed(signal)


@pytest_asyncio.fixture(loop_scope="session")
async def bench(client: Client) -> AsyncIterator[Bench]:
    """A fresh world with a worker; the worker is gone afterwards."""
    world, queue = FakeWorld(), f"test-{uuid.uuid4().hex[:8]}"
    async with make_worker(client, world, queue):
        yield Bench(client, world, queue, Incidents(client, queue))


def make_worker(client: Client, world: FakeWorld, queue: str, **options: Any) -> Worker:
    """A worker whose every port is the world, but for those among `options`; the rest is the SDK's."""
    ports = Ports(
        playbooks=world, collector=FakeCollector(world), store=world, analyzer=world, analyst=world, prober=world,
        planner=world, toolbox=world, notifier=world, reviewer=world, summariser=world, knowledge=world,
        audit=world,
    )  # fmt: skip
    given = {field.name: options.pop(field.name) for field in fields(Ports) if field.name in options}
    switch = options.pop("switch", FakeSwitch())
    settings = Settings(seal_key=SecretStr(SEAL_KEY.decode()))
    return build_worker(
        client, build_activities(replace(ports, **given), client, settings, switch), queue, **options
    )
