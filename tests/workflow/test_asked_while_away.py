"""A question that waits for a worker must not change what an incident decides and when."""

import asyncio
import uuid

import pytest
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.enums.v1 import EventType
from temporalio.api.workflowservice.v1 import ResetStickyTaskQueueRequest
from temporalio.bridge.proto.workflow_activation import WorkflowActivation, WorkflowActivationJob
from temporalio.client import Client

from autopilot.incident.decision import PersonNote
from starter import Incidents
from tests.workflow.conftest import Bench, Handle, make_worker
from tests.workflow.fakes import FakeWorld, quick_playbook
from workflows.cache import Progress
from workflows.incident import IncidentWorkflow

INCIDENTS = 5
"""Server and worker may take question and task in either order; among so many the harmful one occurs."""


async def _dozes(handle: Handle, times: int) -> None:
    """Wait until the incident has lain down to wait for a decision for so many times."""
    async for event in handle.fetch_history_events(wait_new_event=True):
        times -= event.event_type == EventType.EVENT_TYPE_TIMER_STARTED
        if times == 0:
            return


async def _all_doze(handles: list[Handle], times: int) -> None:
    await asyncio.gather(*(_dozes(handle, times) for handle in handles))


async def _forget_worker(client: Client, handle: Handle) -> None:
    """Let the server know that the worker is gone; it would find out by itself after some seconds."""
    execution = WorkflowExecution(workflow_id=handle.id)
    await client.workflow_service.reset_sticky_task_queue(
        ResetStickyTaskQueueRequest(namespace=client.namespace, execution=execution)
    )


async def test_a_question_that_waited_for_a_worker_leaves_what_a_replay_yields(client: Client) -> None:
    world, queue = FakeWorld(), f"asked-{uuid.uuid4().hex[:8]}"
    rules = quick_playbook().verification.model_copy(update={"interval": 60})
    ladder = quick_playbook().ladder.model_copy(update={"remind": 600, "page_secondary": 700, "hand_over": 800})
    world.playbook = quick_playbook(verification=rules, ladder=ladder)
    bench = Bench(client, world, queue, Incidents(client, queue))
    async with make_worker(client, world, queue):
        handles = [await bench.start() for _ in range(INCIDENTS)]
        await _all_doze(handles, 1)
    for handle in handles:
        await _forget_worker(client, handle)
    asked = [asyncio.create_task(handle.query(IncidentWorkflow.state)) for handle in handles]
    for handle in handles:
        await handle.describe()  # the questions have arrived before what follows
    for handle in handles:
        await handle.signal(IncidentWorkflow.claim, PersonNote(actor_name="kim"))
    async with make_worker(client, world, queue):
        await asyncio.gather(*asked)
        await _all_doze(handles, 2)
        kept = [await handle.query(IncidentWorkflow.state) for handle in handles]
    async with make_worker(client, world, queue):
        replayed = [await handle.query(IncidentWorkflow.state) for handle in handles]
    assert {state.claimed_by for state in kept} == {"kim"}
    assert [state.timeline for state in kept] == [state.timeline for state in replayed]
    assert kept == replayed


def _activation(second: int, length: int, *jobs: str) -> WorkflowActivation:
    act = WorkflowActivation(history_length=length)
    act.timestamp.seconds = second
    for name in jobs:
        job = WorkflowActivationJob()
        getattr(job, name).SetInParent()
        act.jobs.append(job)
    return act


@pytest.mark.parametrize(
    ("second", "length", "jobs", "ahead"),
    [
        (20, 9, ["fire_timer"], False),
        (10, 9, ["fire_timer"], True),
        (10, 9, ["signal_workflow", "resolve_activity"], True),
        (10, 3, ["resolve_activity"], False),
        (10, 9, ["query_workflow"], False),
        (10, 9, ["remove_from_cache"], False),
    ],
    ids=["a task", "events without a task", "more of them", "within a task", "a question", "the end"],
)
def test_a_run_is_ahead_when_its_history_grows_while_its_clock_stands_still(
    second: int, length: int, jobs: list[str], ahead: bool
) -> None:
    progress = Progress()
    assert not progress.ahead(_activation(10, 3, "initialize_workflow"))
    assert not progress.ahead(_activation(10, 3, "query_workflow"))
    assert progress.ahead(_activation(second, length, *jobs)) is ahead
