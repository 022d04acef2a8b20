"""What keeps changes safe whatever the workflow is told: warrants, the freeze switch, one change at a time."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest_asyncio
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle

from activities.freeze import FreezeSwitch, SwitchReader
from autopilot.incident.decision import PersonNote
from autopilot.incident.freeze import WORKFLOW_ID, Freeze
from autopilot.incident.messages import StartIncident
from autopilot.incident.playbook import ApprovalRule, Ladder, Playbook
from autopilot.incident.target import WORKFLOW, Hold, Holder, target_id
from starter import Incidents
from tests.workflow.conftest import Bench, make_worker, sealed_decision
from tests.workflow.fakes import FakeSwitch, FakeWorld, alert, quick_playbook
from workflows.incident import IncidentWorkflow


@dataclass
class Frozen:
    """A bench whose freeze switch is in the test's hand."""

    bench: Bench
    switch: FakeSwitch


@pytest_asyncio.fixture(loop_scope="session")
async def frozen(client: Client) -> AsyncIterator[Frozen]:
    world, queue, switch = FakeWorld(together=True), f"test-{uuid.uuid4().hex[:8]}", FakeSwitch()
    async with make_worker(client, world, queue, switch=switch):
        yield Frozen(Bench(client, world, queue, Incidents(client, queue)), switch)


async def test_a_freeze_stops_between_two_steps_and_nothing_is_undone(frozen: Frozen) -> None:
    world, switch = frozen.bench.world, frozen.switch

    def freeze(_: FakeWorld) -> None:
        switch.now = Freeze(frozen=True, by="kim", reason="payday")

    world.effects["version.rollback do"] = freeze
    handle = await frozen.bench.start()
    await frozen.bench.decide(handle, option=1)
    state = await frozen.bench.until(handle, lambda s: s.phase == "handover" and not s.held)
    assert [r.status for r in state.executed] == ["done", "frozen"]
    assert "payday" in state.executed[1].detail
    assert (world.version, world.capacity) == ("v1", 5)
    assert state.undone == []
    world.latency = 20.0
    await handle.result()


async def test_while_frozen_no_decision_to_act_counts_and_its_sender_is_told(frozen: Frozen) -> None:
    frozen.switch.now = Freeze(frozen=True, by="kim", reason="payday")
    frozen.bench.world.effects["capacity.set do"] = lambda world: setattr(world, "latency", 20.0)
    handle = await frozen.bench.start()
    refused = await frozen.bench.incidents.decide_checked(handle.id, await frozen.bench.decision(handle, option=1))
    assert (refused.accepted, refused.reason) == (False, "frozen")
    assert "payday" in refused.message
    frozen.switch.now = Freeze()
    await frozen.bench.decide(handle, option=1)
    assert (await handle.result()).outcome == "resolved"


async def test_the_switch_is_one_workflow_that_can_be_read_without_its_worker(client: Client) -> None:
    queue = f"test-{uuid.uuid4().hex[:8]}"
    switch, loop = FreezeSwitch(client, queue), asyncio.get_running_loop()
    reader = SwitchReader(switch, loop)
    unset = await asyncio.to_thread(reader.read)
    assert unset.frozen
    assert "cannot be read" in unset.words
    async with make_worker(client, FakeWorld(), queue):
        await switch.ensure()
        await switch.ensure()
        note = PersonNote(actor="local:kim", actor_name="kim", comment="payday")
        on = await switch.set(note, frozen=True)
        assert (on.frozen, on.by, on.reason) == (True, "kim", "payday")
    try:
        assert (await asyncio.to_thread(reader.read)).words.endswith("by kim: payday")
        async with make_worker(client, FakeWorld(), queue):
            assert not (await switch.set(note, frozen=False)).frozen
            assert not (await asyncio.to_thread(reader.read)).frozen
    finally:
        await client.get_workflow_handle(WORKFLOW_ID).terminate()


def patient() -> Playbook:
    """Rules that let a test look at what happens during verification."""
    rules = quick_playbook()
    return rules.model_copy(update={"verification": rules.verification.model_copy(update={"deadline": 30})})


async def held_by(bench: Bench, incident: str, look_every: float = 60) -> WorkflowHandle[Any, Any]:
    """Another incident changes the shop."""
    hold = Hold(target=bench.world.shop, incident_id=incident, look_every=look_every)
    return await bench.client.start_workflow(WORKFLOW, hold, id=target_id(bench.world.shop), task_queue=bench.queue)


async def test_the_target_says_who_holds_it_and_others_are_free(bench: Bench) -> None:
    bench.world.playbook = patient()
    first, second = await bench.start(), await bench.start()
    await bench.decide(first, option=1)
    await bench.until(first, lambda s: s.phase == "verify")
    decision = await bench.decision(second, option=2)
    await second.signal(IncidentWorkflow.decide, decision)
    holder = await bench.client.get_workflow_handle(target_id(bench.world.shop)).query("holder", result_type=Holder)
    assert holder.incident_id.startswith(first.id)
    assert "option 1" in holder.doing
    # The second one changes something else and may go on at once.
    await bench.until(second, lambda s: bool(s.executed))
    bench.world.latency = 20.0
    assert (await first.result()).outcome == "resolved"
    await second.result()


async def test_a_busy_target_is_told_and_waited_for(bench: Bench) -> None:
    held = await held_by(bench, "other")
    bench.world.effects["version.rollback do"] = lambda world: setattr(world, "latency", 20.0)
    handle = await bench.start()
    await bench.decide(handle, option=1)
    await bench.until(handle, lambda _: any("busy with other" in note for note in bench.world.notes))
    assert bench.world.executed == []
    await held.signal("release", "other")
    assert (await handle.result()).outcome == "resolved"
    assert len(bench.world.writes) == 1
    assert sum("busy with" in note for note in bench.world.notes) == 1


async def test_patience_ends_and_everything_is_looked_at_again(bench: Bench) -> None:
    bench.world.playbook = quick_playbook(
        ladder=Ladder(remind=30, page_secondary=60, hand_over=90, busy=0.5), max_analysis_rounds=1
    )
    held = await held_by(bench, "other")
    handle = await bench.start()
    await bench.decide(handle, option=1)
    state = await bench.until(handle, lambda s: s.phase == "handover")
    assert "busy with other" in state.feedback[-1]
    assert bench.world.executed == []
    await handle.terminate()
    await held.terminate()


async def test_only_the_holder_lets_go(bench: Bench) -> None:
    held = await held_by(bench, "mine")
    await held.signal("release", "not mine")
    assert (await held.query("holder", result_type=Holder)).incident_id == "mine"
    await held.signal("release", "mine")
    await held.result()


async def test_what_a_terminated_incident_held_is_let_go(bench: Bench) -> None:
    handle = await bench.start()
    state = await bench.waiting(handle)
    held = await held_by(bench, state.incident_id, look_every=0.3)
    await asyncio.sleep(0.7)
    assert (await held.query("holder", result_type=Holder)).incident_id == state.incident_id
    assert (await held.describe()).status == WorkflowExecutionStatus.RUNNING
    await handle.terminate()
    async with asyncio.timeout(15):
        await held.result()


async def test_a_run_that_continues_as_new_keeps_its_hold(bench: Bench) -> None:
    bench.world.playbook = patient()
    started = await bench.incidents.start(
        alert(service=f"shop-{uuid.uuid4().hex[:8]}"), StartIncident(history_limit=120)
    )
    handle = bench.client.get_workflow_handle_for(IncidentWorkflow.run, started.group)
    await bench.decide(handle, option=1)
    await bench.until(handle, lambda s: len(s.readings) > 4)
    assert (await handle.describe()).run_id != started.run_id
    held = bench.client.get_workflow_handle(target_id(bench.world.shop))
    assert (await held.query("holder", result_type=Holder)).incident_id == started.incident_id
    bench.world.latency = 20.0
    assert (await handle.result()).outcome == "resolved"
    async with asyncio.timeout(15):
        await held.result()


async def test_two_people_have_to_approve_and_one_does_not_count_twice(bench: Bench) -> None:
    bench.world.playbook = quick_playbook(
        approvers=("slack:U1", "slack:U2"), approvals=(ApprovalRule(tools=("version.*",), people=2),)
    )
    bench.world.effects["version.rollback do"] = lambda world: setattr(world, "latency", 20.0)
    handle = await bench.start()
    first = await bench.decision(handle, option=1)
    assert (await bench.incidents.decide_checked(handle.id, first)).reason == "second_needed"
    again = await bench.decision(handle, option=1)
    assert (await bench.incidents.decide_checked(handle.id, again)).reason == "counted_before"
    await bench.until(handle, lambda _: any("approved by kim" in o.approval for o in bench.world.views[-1].options))
    assert bench.world.executed == []
    second = await bench.decision(handle, option=1, actor="slack:U2", actor_name="lee")
    assert (await bench.incidents.decide_checked(handle.id, second)).accepted
    assert (await handle.result()).outcome == "resolved"
    assert len(bench.world.writes) == 1


async def test_a_forged_state_cannot_make_the_executor_act(bench: Bench) -> None:
    """Access to Temporal can make the workflow say anything; the executor believes seals and its own rules."""
    handle = await bench.start()
    state = await bench.waiting(handle)
    assert state.plan is not None
    forged = sealed_decision(state).model_copy(update={"actor": "slack:U9", "actor_name": "mallory"})
    state.approvals, state.phase = [forged], "execute"
    state.decision = (await bench.incidents.decide_checked(handle.id, forged)).model_copy(
        update={"accepted": True, "choice": "option", "option": 1}
    )
    await handle.terminate()
    again = await bench.incidents.start(alert(service=state.service, external_id="b"), StartIncident(state=state))
    raw = bench.client.get_workflow_handle_for(IncidentWorkflow.run, again.group)
    after = await bench.until(raw, lambda s: bool(s.executed))
    assert after.executed[0].status == "refused"
    assert "not sealed" in after.executed[0].detail
    assert bench.world.executed == []
    await raw.terminate()
