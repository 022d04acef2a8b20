"""Turns and probes on a real Temporal server: each an activity of its own, bounded, possible without a model."""

import asyncio

from temporalio.client import WorkflowHistory

from autopilot.incident.investigation import FINDINGS_PER_PROBE, Limits
from tests.workflow.conftest import Bench, Handle
from tests.workflow.fakes import quick_playbook


async def _history(handle: Handle) -> WorkflowHistory:
    return await handle.fetch_history()


def _scheduled(history: WorkflowHistory, *names: str) -> list[str]:
    """The activities of these types in the order in which they were scheduled."""
    types = [
        event.activity_task_scheduled_event_attributes.activity_type.name
        for event in history.events
        if event.HasField("activity_task_scheduled_event_attributes")
    ]
    return [name for name in types if name in names]


async def test_every_turn_and_every_probe_is_an_activity_of_its_own(bench: Bench) -> None:
    bench.world.probes_per_turn = 2
    bench.world.playbook = quick_playbook(investigation=Limits(rounds=2))
    handle = await bench.start()
    state = await bench.waiting(handle)
    order = ["propose", "probe", "probe", "propose", "probe", "probe", "conclude"]
    assert _scheduled(await _history(handle), "propose", "probe", "conclude") == order
    assert state.diagnosis is not None
    assert state.diagnosis.stopped == "the limit of 2 rounds is reached"
    assert state.investigation is not None
    assert [r.probe.id for r in state.investigation.results] == ["P1-0", "P1-1", "P2-0", "P2-1"]


async def test_findings_of_probes_never_share_an_id(bench: Bench) -> None:
    bench.world.probes_per_turn = 3
    handle = await bench.start()
    await bench.waiting(handle)
    firsts = [order.first_finding for order in bench.world.probed]
    assert sorted(firsts) == [2 + FINDINGS_PER_PROBE * n for n in range(6)]


async def test_the_second_turn_sees_what_the_first_asked_and_found(bench: Bench) -> None:
    bench.world.probes_per_turn = 1
    handle = await bench.start()
    await bench.waiting(handle)
    second = bench.world.turns[1].investigation
    assert [t.number for t in second.turns] == [1]
    assert [r.outcome for r in second.results] == ["rose"]


async def test_the_limit_of_probes_holds_over_turns(bench: Bench) -> None:
    bench.world.probes_per_turn = 4
    bench.world.playbook = quick_playbook(investigation=Limits(rounds=3, probes=5))
    handle = await bench.start()
    await bench.waiting(handle)
    assert len(bench.world.probed) == 5


async def test_an_analyst_without_further_tests_ends_the_investigation(bench: Bench) -> None:
    handle = await bench.start()
    state = await bench.waiting(handle)
    assert len(bench.world.turns) == 1
    assert state.diagnosis is not None
    assert state.diagnosis.stopped == "the analyst asked for no further test"


async def test_a_dead_model_is_done_without_in_every_turn(bench: Bench) -> None:
    bench.world.model_fails = True
    bench.world.probes_per_turn = 1
    handle = await bench.start()
    async with asyncio.timeout(15):
        state = await bench.waiting(handle)
    assert state.diagnosis is not None
    assert state.diagnosis.analyst == "built-in analyst (model unavailable)"
    reasons = [request.without_model for request in bench.world.turns]
    assert [bool(reason) for reason in reasons] == [False, True, False, True]
    assert "the model is down" in reasons[1]
    assert state.plan is not None
    assert state.plan.options


async def test_a_probe_that_fails_is_an_unanswered_test(bench: Bench) -> None:
    bench.world.probes_per_turn = 1
    bench.world.probe_fails = True
    handle = await bench.start()
    state = await bench.waiting(handle)
    assert state.investigation is not None
    result = state.investigation.results[0]
    assert result.outcome == "unknown"
    assert "no such table" in result.gaps[0].what


async def test_only_what_can_work_is_offered_and_the_rest_is_shown_with_its_reason(bench: Bench) -> None:
    bench.world.infeasible = {"version.rollback": "v1 does not exist any more"}
    handle = await bench.start()
    state = await bench.waiting(handle)
    assert state.plan is not None
    assert [option.title for option in state.plan.options] == ["capacity.set"]
    assert [option.id for option in state.plan.options] == [1]
    assert [o.infeasible_reason for o in state.plan.infeasible] == ["v1 does not exist any more"]
    # What was inspected for the shortlist is not inspected again.
    assert _scheduled(await _history(handle), "prepare_option") == ["prepare_option"] * 2


async def test_a_probe_may_take_no_longer_than_the_investigation(bench: Bench) -> None:
    bench.world.probes_per_turn = 1
    bench.world.playbook = quick_playbook(investigation=Limits(seconds=8))
    handle = await bench.start()
    await bench.waiting(handle)
    scheduled = [
        event.activity_task_scheduled_event_attributes
        for event in (await _history(handle)).events
        if event.activity_task_scheduled_event_attributes.activity_type.name == "probe"
    ]
    assert scheduled
    assert all(attributes.schedule_to_close_timeout.ToTimedelta().total_seconds() <= 8 for attributes in scheduled)
