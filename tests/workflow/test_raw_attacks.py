"""Past the incident, straight to the executor: what somebody who may write to Temporal can have carried out.

Mallory runs a worker of her own. Her workflow orders the executor's activity on the product's task queue, with
whatever order and warrant she likes; she has read the history, so she has every sealed decision in it.
"""

import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.execute import CarryOut
from autopilot.incident.decision import DecisionSignal
from autopilot.incident.freeze import Freeze
from autopilot.incident.ids import idempotency_key
from autopilot.incident.messages import StartIncident
from autopilot.incident.plan import ExecuteStep, Plan, StepResult
from autopilot.incident.playbook import Ladder
from autopilot.incident.state import IncidentState
from autopilot.incident.warrant import Warrant
from starter import Incidents
from tests.workflow.conftest import Bench, make_worker, sealed_decision
from tests.workflow.fakes import FakeSwitch, FakeWorld, alert, quick_playbook
from workflows.incident import IncidentWorkflow


@workflow.defn(name="Mallory")
class Mallory:
    """Orders one step."""

    @workflow.run
    async def run(self, queue: str, commission: CarryOut) -> StepResult:
        return await workflow.execute_activity(
            "execute_step", commission, task_queue=queue, result_type=StepResult,
            start_to_close_timeout=timedelta(seconds=20), retry_policy=RetryPolicy(maximum_attempts=1),
        )  # fmt: skip


@dataclass
class Attacked:
    """Two incidents that wait for a decision, and Mallory's worker."""

    bench: Bench
    switch: FakeSwitch
    own_queue: str
    here: IncidentState
    there: IncidentState

    @property
    def plan(self) -> Plan:
        assert self.here.plan is not None
        return self.here.plan

    async def ordered(self, step: ExecuteStep, by: Warrant | None) -> StepResult:
        """What the executor made of it."""
        given = [self.bench.queue, CarryOut(order=step, warrant=by)]
        return await self.bench.client.execute_workflow(
            Mallory.run,
            args=given,
            id=f"mallory-{uuid.uuid4()}",
            task_queue=self.own_queue,
            execution_timeout=timedelta(seconds=30),
        )


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def attacked(temporal: WorkflowEnvironment) -> AsyncIterator[Attacked]:
    client = temporal.client
    patient = quick_playbook(ladder=Ladder(remind=600, page_secondary=700, hand_over=800))
    world, switch = FakeWorld(playbook=patient), FakeSwitch()
    queue, own = f"test-{uuid.uuid4().hex[:8]}", f"mallory-{uuid.uuid4().hex[:8]}"
    async with (
        make_worker(client, world, queue, switch=switch),
        Worker(client, task_queue=own, workflows=[Mallory], workflow_runner=UnsandboxedWorkflowRunner()),
    ):
        bench = Bench(client, world, queue, Incidents(client, queue))
        handles = [await bench.start(), await bench.start()]
        here, there = [await bench.waiting(handle) for handle in handles]
        yield Attacked(bench, switch, own, here, there)
        for handle in handles:
            await handle.terminate()


def approval(it: Attacked, **changes: object) -> DecisionSignal:
    """Kim's click as the gateway seals it."""
    return sealed_decision(it.here, **({"at": datetime.now(UTC).isoformat()} | changes))


def warrant(it: Attacked, *approvals: DecisionSignal, **changes: object) -> Warrant:
    whole = Warrant(alert=it.here.alert, plan=it.plan, option=1, approvals=approvals)
    return whole.model_copy(update=changes)


def order(it: Attacked, *, undo: bool = False, **changes: object) -> ExecuteStep:
    """The first step of option 1, or its undo."""
    prepared = it.plan.options[0].steps[0]
    assert prepared.undo is not None
    right = ExecuteStep(
        incident_id=it.here.incident_id,
        key=idempotency_key(it.here.incident_id, it.plan.revision, 1, 1, "undo" if undo else "do"),
        step=prepared.undo if undo else prepared.step,
        expects=prepared.leaves if undo else prepared.expects,
        actor="slack:U1",
        mode="undo" if undo else "do",
    )
    return right.model_copy(update=changes)


def evil(it: Attacked) -> ExecuteStep:
    """The step with another argument."""
    step = order(it).step
    return order(it, step=step.model_copy(update={"arguments": {"version": "evil"}}))


def second_option(it: Attacked) -> ExecuteStep:
    """The step of an option that nobody chose."""
    prepared, key = it.plan.options[1].steps[0], idempotency_key(it.here.incident_id, it.plan.revision, 2, 1)
    return order(it, step=prepared.step, expects=prepared.expects, key=key)


def forged_plan(it: Attacked) -> Plan:
    """A plan that shows the step with another argument."""
    first = it.plan.options[0]
    step = first.steps[0].model_copy(update={"step": evil(it).step})
    return it.plan.model_copy(update={"options": (first.model_copy(update={"steps": (step,)}),)})


def renamed(it: Attacked) -> DecisionSignal:
    return approval(it).model_copy(update={"actor": "slack:U2", "actor_name": "lee"})


def unsealed(it: Attacked) -> DecisionSignal:
    return approval(it).model_copy(update={"seal": f"{approval(it).seal[:9]}{'0' * 64}"})


def elsewhere(it: Attacked) -> DecisionSignal:
    return sealed_decision(it.there, at=datetime.now(UTC).isoformat())


def old(it: Attacked) -> DecisionSignal:
    return approval(it, at=(datetime.now(UTC) - timedelta(hours=25)).isoformat())


Made = tuple[ExecuteStep, Warrant | None]
ATTACKS: dict[str, tuple[Callable[[Attacked], Made], str]] = {
    "no decision at all": (lambda it: (order(it), None), "no decision covers"),
    "a grant that does not exist": (lambda it: (order(it), warrant(it)), "does not grant"),
    "a seal that was made up": (lambda it: (order(it), warrant(it, unsealed(it))), "not sealed by us"),
    "a seal under another name": (lambda it: (order(it), warrant(it, renamed(it))), "not sealed by us"),
    "somebody who may not": (
        lambda it: (order(it), warrant(it, approval(it, actor="slack:U9"))), "may not approve"),
    "an approval of another incident": (lambda it: (order(it), warrant(it, elsewhere(it))), "of another plan"),
    "an order for another incident": (
        lambda it: (order(it, incident_id=it.there.incident_id), warrant(it, approval(it))), "another incident"),
    "a forged plan": (
        lambda it: (evil(it), warrant(it, approval(it), plan=forged_plan(it))), "of another plan"),
    "a step swapped": (lambda it: (evil(it), warrant(it, approval(it))), "not the one that option 1 shows"),
    "an option that nobody chose": (
        lambda it: (second_option(it), warrant(it, approval(it), option=2)), "of another option"),
    "another decision as an approval": (
        lambda it: (order(it), warrant(it, approval(it, choice="reanalyse"))), "of another option"),
    "a world that was not shown": (
        lambda it: (order(it, expects="0" * 16), warrant(it, approval(it))), "not the one"),
    "a key of its own": (
        lambda it: (order(it, key=f"{order(it).key}/again"), warrant(it, approval(it))), "not the one"),
    "an undo of another state": (
        lambda it: (order(it, undo=True, expects=order(it).expects), warrant(it, approval(it))), "not the one"),
    "an approval of the day before": (lambda it: (order(it), warrant(it, old(it))), "older than"),
    "rules of another alert": (
        lambda it: (order(it), warrant(it, approval(it), alert=alert("toys"))), "another alert"),
}  # fmt: skip


@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_executor_refuses_says_why_and_records_it(attacked: Attacked, attack: str) -> None:
    make, said = ATTACKS[attack]
    world = attacked.bench.world
    result = await attacked.ordered(*make(attacked))
    assert (result.status, said in result.detail) == ("refused", True), result.detail
    last = world.audit[-1]
    assert (last.kind, last.outcome, last.actor) == ("action", "refused", "slack:U1 (unproven)")
    assert said in last.reason
    assert (world.executed, world.writes) == ([], [])


async def test_an_undo_without_its_step_changes_nothing(attacked: Attacked) -> None:
    """The approval covers it, so it is looked at: but the target is not as the step would have left it."""
    by = warrant(attacked, approval(attacked))
    result = await attacked.ordered(order(attacked, undo=True), by)
    assert result.status == "already"
    attacked.bench.world.version = "v3"
    try:
        assert (await attacked.ordered(order(attacked, undo=True), by)).status == "changed_world"
    finally:
        attacked.bench.world.version = "v2"
        attacked.bench.world.executed.clear()
    assert attacked.bench.world.writes == []


async def test_while_frozen_a_whole_warrant_does_nothing(attacked: Attacked) -> None:
    attacked.switch.now = Freeze(frozen=True, by="kim", reason="payday")
    try:
        result = await attacked.ordered(order(attacked), warrant(attacked, approval(attacked)))
    finally:
        attacked.switch.now = Freeze()
    assert (result.status, "payday" in result.detail) == ("frozen", True)
    assert attacked.bench.world.writes == []


async def test_a_decision_that_was_refused_is_not_carried_out_later(attacked: Attacked) -> None:
    """Kim was told that it does not count while changes are frozen; nobody can use it once they are allowed."""
    clicked = approval(attacked)
    attacked.switch.now = Freeze(frozen=True, by="kim", reason="payday")
    try:
        assert (await attacked.bench.incidents.decide_checked(attacked.here.group, clicked)).reason == "frozen"
    finally:
        attacked.switch.now = Freeze()
    result = await attacked.ordered(order(attacked), warrant(attacked, clicked))
    assert (result.status, "was answered frozen" in result.detail) == ("refused", True)
    assert attacked.bench.world.writes == []


async def test_a_whole_state_with_a_forged_plan_starts_nothing(attacked: Attacked) -> None:
    """A raw start of the product's own workflow, as if it stood just before acting."""
    bench, state = attacked.bench, attacked.here.model_copy(deep=True)
    clicked = approval(attacked)
    state.plan, state.approvals, state.phase, state.group = forged_plan(attacked), [clicked], "execute", "forged"
    accepted = (await bench.incidents.decide_checked(attacked.there.group, clicked)).model_copy(
        update={"accepted": True, "reason": "accepted", "choice": "option", "option": 1}
    )
    state.decision = accepted
    started = await bench.incidents.start(alert(f"raw-{uuid.uuid4().hex[:6]}"), StartIncident(state=state))
    handle = bench.client.get_workflow_handle_for(IncidentWorkflow.run, started.group)
    after = await bench.until(handle, lambda s: bool(s.executed))
    await handle.terminate()
    assert after.executed[0].status == "refused"
    assert bench.world.writes == []


async def test_a_decision_is_for_one_effect(attacked: Attacked) -> None:
    """Kim's approval is whole: it is carried out, in her name alone. Neither step nor undo comes a second time."""
    world, whole = attacked.bench.world, warrant(attacked, approval(attacked))

    async def ends(*, undo: bool) -> str:
        return (await attacked.ordered(order(attacked, undo=undo, actor="slack:U2"), whole)).status

    assert [await ends(undo=undo) for undo in (False, False, True, True, False)] == [
        "done", "already", "done", "already", "refused",
    ]  # fmt: skip
    assert "changed back since" in world.audit[-1].reason
    world.version = "v1"  # by hand, as the step had left it
    assert await ends(undo=True) == "refused"
    assert {e.actor for e in world.audit if e.outcome == "done"} == {"slack:U1"}
    assert (len(world.writes), world.version) == (2, "v1")
