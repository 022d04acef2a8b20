"""The same roads on a worker that keeps nothing between tasks: every task replays the whole history first."""

import pytest
from temporalio.client import Client, WorkflowHandle

from autopilot.incident.messages import IncidentResult
from starter import Incidents
from tests.replay import scenarios
from tests.workflow.conftest import Bench, make_worker
from tests.workflow.fakes import FakeWorld
from workflows.incident import IncidentWorkflow

ENDS: dict[scenarios.Scenario, tuple[str, str | None]] = {
    scenarios.approved: ("resolved", "fixed"),
    scenarios.undone: ("resolved", "fixed"),
    scenarios.aborted: ("aborted", None),
    scenarios.continued: ("resolved", "fixed"),
}


@pytest.mark.parametrize("scenario", ENDS, ids=lambda scenario: scenario.__name__)
async def test_an_incident_survives_a_replay_at_every_task(scenario: scenarios.Scenario, client: Client) -> None:
    queue, world = f"uncached-{scenario.__name__}", FakeWorld()
    async with make_worker(client, world, queue, max_cached_workflows=0, max_concurrent_workflow_tasks=4):
        handles = await scenario(Bench(client, world, queue, Incidents(client, queue)))
        main: WorkflowHandle[IncidentWorkflow, IncidentResult] = handles[0]
        result = await main.result()
    assert (result.outcome, result.verdict) == ENDS[scenario]
    assert len(world.writes) == len(set(world.writes))
