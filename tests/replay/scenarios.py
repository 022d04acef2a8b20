"""The roads whose histories are kept: each drives one incident to its end and names the runs to keep."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio.client import WorkflowHistory

from autopilot.incident.decision import PersonNote
from autopilot.incident.playbook import Ladder
from tests.workflow.conftest import Bench, Handle, sealed_decision
from tests.workflow.fakes import FakeWorld, alert, quick_playbook
from workflows.incident import IncidentWorkflow

Scenario = Callable[[Bench], Awaitable[list[Handle]]]
"""Returns handles of the runs to keep, in order."""


def _heals(world: FakeWorld) -> None:
    world.latency = 20.0


def _harms(world: FakeWorld) -> None:
    world.latency = 5_000.0


def _calms(world: FakeWorld) -> None:
    world.latency = 900.0


async def approved(bench: Bench) -> list[Handle]:
    """A refused and a duplicate click around the accepted one; a dead source; then fixed."""
    bench.world.dead_sources = {"logs"}
    bench.world.effects["version.rollback do"] = _heals
    handle = await bench.start(alert(service="approved"))
    state = await bench.waiting(handle)
    await handle.signal(IncidentWorkflow.alert, alert(service="approved", external_id="a2"))
    refused = await bench.incidents.decide_checked(handle.id, sealed_decision(state, option=7))
    assert refused.reason == "unknown_option"
    good = sealed_decision(state, option=1)
    await handle.signal(IncidentWorkflow.decide, good)
    await handle.signal(IncidentWorkflow.decide, good)
    await handle.result()
    return [handle]


async def manual(bench: Bench) -> list[Handle]:
    """Handled by people, seen by the watch."""
    handle = await bench.start(alert(service="manual"))
    await bench.decide(handle, choice="manual", option=None)
    await bench.until(handle, lambda s: bool(s.tickets))
    bench.world.latency = 20.0
    await handle.result()
    return [handle]


async def reanalysed(bench: Bench) -> list[Handle]:
    """A hint, a second round, then an option."""
    bench.world.effects["version.rollback do"] = _heals
    handle = await bench.start(alert(service="reanalysed"))
    await bench.decide(handle, choice="reanalyse", option=None, comment="check the deploy")
    await bench.until(handle, lambda s: s.rounds == 2 and s.request is not None)
    await bench.decide(handle, option=1)
    await handle.result()
    return [handle]


async def undone(bench: Bench) -> list[Handle]:
    """Worse, undone, the next option fixes it."""
    bench.world.effects |= {
        "version.rollback do": _harms,
        "version.rollback undo": _calms,
        "capacity.set do": _heals,
    }
    handle = await bench.start(alert(service="undone"))
    await bench.decide(handle, option=1)
    await bench.until(handle, lambda s: s.plan_revision == 2 and s.request is not None)
    await bench.decide(handle, option=1)
    await handle.result()
    return [handle]


async def timed_out(bench: Bench) -> list[Handle]:
    """Nobody decides: reminded, paged, handed over."""
    bench.world.playbook = quick_playbook(ladder=Ladder(remind=0.3, page_secondary=0.6, hand_over=0.9))
    handle = await bench.start(alert(service="timed-out"))
    await handle.result()
    return [handle]


async def claimed(bench: Bench) -> list[Handle]:
    """Claimed, snoozed, and fixed by hand."""
    handle = await bench.start(alert(service="claimed"))
    await bench.waiting(handle)
    await handle.signal(IncidentWorkflow.claim, PersonNote(actor_name="kim"))
    await handle.signal(IncidentWorkflow.snooze, PersonNote(actor_name="kim", minutes=5))
    await bench.until(handle, lambda s: s.snoozed_until is not None)
    bench.world.latency = 20.0
    await handle.signal(IncidentWorkflow.handled, PersonNote(actor_name="kim", comment="restarted"))
    await handle.result()
    return [handle]


async def aborted(bench: Bench) -> list[Handle]:
    """Stopped while verifying: what was done is undone."""
    handle = await bench.start(alert(service="aborted"))
    await bench.decide(handle, option=1)
    await bench.until(handle, lambda s: s.phase == "verify")
    await handle.signal(IncidentWorkflow.abort, PersonNote(actor_name="kim"))
    await handle.result()
    return [handle]


async def self_healed(bench: Bench) -> list[Handle]:
    """The symptom goes away while people decide."""
    handle = await bench.start(alert(service="self-healed"))
    await bench.waiting(handle)
    bench.world.latency = 20.0
    await handle.result()
    return [handle]


async def joined(bench: Bench) -> list[Handle]:
    """Two groups of one cause: the younger joins the older."""
    bench.world.edges = [("joined-web", "joined-api")]
    bench.world.effects["version.rollback do"] = _heals
    older = await bench.start(alert(service="joined-web"))
    await bench.until(older, lambda s: s.phase != "open")
    younger = await bench.start(alert(service="joined-api", external_id="b1"))
    await younger.result()
    await bench.decide(older, option=1)
    await older.result()
    return [older, younger]


async def continued(bench: Bench) -> list[Handle]:
    """A long history goes on in a fresh one while people decide."""
    bench.world.effects["version.rollback do"] = _heals
    handle = await bench.start(alert(service="continued"), history_limit=60)
    await bench.waiting(handle)
    for number in range(25):
        await handle.signal(IncidentWorkflow.alert, alert(service="continued", external_id=f"x{number}"))
    await bench.until(handle, lambda s: s.alert_count == 26)
    await bench.decide(handle, option=1)
    await handle.result(follow_runs=True)
    return await _runs(bench, handle)


async def investigated(bench: Bench) -> list[Handle]:
    """Two turns with probes, one of them unanswered; a model that is away; an offer that cannot work."""
    bench.world.probes_per_turn, bench.world.probe_fails, bench.world.model_fails = 2, True, True
    bench.world.infeasible = {"version.rollback": "v1 does not exist any more"}
    bench.world.effects["capacity.set do"] = _heals
    handle = await bench.start(alert(service="investigated"))
    await bench.decide(handle, option=1)
    await handle.result()
    return [handle]


async def _runs(bench: Bench, handle: Handle) -> list[Handle]:
    """Every run of the incident, the first one first; the list of workflows follows with a delay."""
    for _ in range(50):
        listed = bench.client.list_workflows(f"WorkflowId = '{handle.id}'")
        found = sorted([e async for e in listed], key=lambda e: e.start_time)
        if len(found) > 1 and all(e.close_time for e in found):
            of_run = bench.client.get_workflow_handle_for
            return [of_run(IncidentWorkflow.run, handle.id, run_id=e.run_id) for e in found]
        await asyncio.sleep(0.1)
    raise TimeoutError("the incident did not continue as new")


SCENARIOS: tuple[Scenario, ...] = (
    approved, manual, reanalysed, undone, timed_out, claimed, aborted, self_healed, joined, continued,
    investigated,
)  # fmt: skip


async def histories(scenario: Scenario, bench: Bench) -> list[WorkflowHistory]:
    """Run a scenario and fetch what it left."""
    return [await handle.fetch_history() for handle in await scenario(bench)]
