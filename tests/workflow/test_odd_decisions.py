"""Decisions of odd shapes and under other people's ids: each is judged, and none takes anybody's word away."""

import uuid
from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import Payload
from temporalio.common import RawValue
from temporalio.testing import WorkflowEnvironment

from autopilot.incident.decision import PersonNote
from autopilot.incident.playbook import Ladder
from starter import Incidents
from tests.workflow.conftest import Bench, Handle, make_worker, sealed_decision
from tests.workflow.fakes import FakeWorld, quick_playbook
from workflows.incident import IncidentWorkflow


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def believing(temporal: WorkflowEnvironment) -> AsyncIterator[Bench]:
    """One world for all: a playbook that believes anybody."""
    patient = quick_playbook(accept_unproven=True, ladder=Ladder(remind=600, page_secondary=700, hand_over=800))
    world, queue = FakeWorld(playbook=patient), f"test-{uuid.uuid4().hex[:8]}"
    async with make_worker(temporal.client, world, queue):
        yield Bench(temporal.client, world, queue, Incidents(temporal.client, queue))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def handle(believing: Bench) -> AsyncIterator[Handle]:
    handle = await believing.start()
    await believing.waiting(handle)
    yield handle
    await handle.terminate()


ODD: dict[str, tuple[Mapping[str, object], str]] = {
    "true for one": ({"choice": "option", "option": True}, "unknown_option"),
    "one point nothing": ({"choice": "option", "option": 1.0}, "unknown_option"),
    "a list with one": ({"choice": "option", "option": [1]}, "unknown_option"),
    "a number beyond all": ({"choice": "option", "option": 10**40}, "unknown_option"),
    "below nothing": ({"choice": "option", "option": -1}, "unknown_option"),
    "no text anywhere": (
        dict.fromkeys(("choice", "comment", "actor", "actor_name", "at", "seal")),
        "unknown_choice",
    ),
    "objects for texts": (dict.fromkeys(("choice", "comment", "actor", "channel"), ("a", 1)), "unknown_choice"),
    "numbers for texts": ({"decision_id": 7, "choice": 1, "actor": 2.5, "plan_revision": {}}, "unknown_choice"),
    "megabytes": ({"choice": "x" * 900_000, "comment": "y" * 900_000, "actor": "z" * 100_000}, "unknown_choice"),
    "another alphabet": ({"choice": "\u043eption", "option": 1, "actor": "slack:\u00dc1"}, "unknown_choice"),
    "marks that nobody sees": (
        {"choice": "option\u200b", "option": 1, "actor": "slack:U1\u200b"},
        "unknown_choice",
    ),
    "nothing at all": ({}, "unknown_choice"),
}


@pytest.mark.parametrize("name", ODD)
async def test_every_shape_is_judged_and_bounded(believing: Bench, handle: Handle, name: str) -> None:
    fields, reason = ODD[name]
    before = len((await handle.query(IncidentWorkflow.state)).judgements)
    await handle.signal("decide", fields)
    state = await believing.until(handle, lambda s: len(s.judgements) > before)
    judgement = state.judgements[-1]
    assert (judgement.accepted, judgement.reason) == (False, reason)
    assert len(judgement.model_dump_json()) < 12_000
    entry = believing.world.audit[-1]
    assert (entry.kind, entry.outcome) == ("decision", reason)
    assert entry.actor.endswith("(unproven)")
    assert len(entry.model_dump_json()) < 12_000


async def test_what_is_no_decision_at_all_does_not_stop_the_incident(believing: Bench, handle: Handle) -> None:
    """Temporal drops what cannot be decoded; the incident goes on judging."""
    for data in (b'{"choice": "\\ud800"}', b"[1, 2]", b'"option"', b"no json"):
        payload = Payload(metadata={"encoding": b"json/plain"}, data=data)
        await handle.signal("decide", RawValue(payload))
    answer = await believing.incidents.decide_checked(
        handle.id, sealed_decision(await believing.waiting(handle), actor="slack:U9")
    )
    assert answer.reason == "not_allowed"


@pytest.mark.parametrize("minutes", ["inf", "1e300", "nan", "-inf", "a while"])
async def test_no_number_of_minutes_stops_the_incident(believing: Bench, handle: Handle, minutes: str) -> None:
    said = len((await believing.waiting(handle)).timeline)
    await handle.signal(IncidentWorkflow.snooze, PersonNote(actor="slack:U9", minutes=minutes))
    await believing.until(handle, lambda s: len(s.timeline) > said)


async def test_an_unproven_decision_under_somebodys_id_does_not_take_his_word(bench: Bench) -> None:
    bench.world.effects["version.rollback do"] = lambda world: setattr(world, "latency", 20.0)
    handle = await bench.start()
    genuine = await bench.decision(handle, option=1)
    squatting = genuine.model_copy(update={"seal": "", "actor": "slack:U9", "choice": "manual"})
    assert (await bench.incidents.decide_checked(handle.id, squatting)).reason == "unproven"
    await handle.signal(IncidentWorkflow.decide, genuine)
    assert (await handle.result()).outcome == "resolved"
    reasons = [j.reason for j in bench.world.reviews[-1].judgements]
    assert reasons == ["unproven", "accepted"]
    assert len(bench.world.writes) == 1
