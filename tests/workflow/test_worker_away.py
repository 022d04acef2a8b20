"""Nobody's decision is lost or late because no worker was there to judge it."""

import asyncio
import uuid
from datetime import UTC, datetime

from temporalio.client import Client

from starter import Incidents
from tests.workflow.conftest import Bench, make_worker, sealed_decision
from tests.workflow.fakes import FakeWorld, quick_playbook
from workflows.incident import IncidentWorkflow


async def test_a_click_made_in_time_counts_although_it_is_judged_after_the_deadline(client: Client) -> None:
    world, queue = FakeWorld(), f"away-{uuid.uuid4().hex[:8]}"

    def heals(healed: FakeWorld) -> None:
        healed.latency = 20.0

    world.effects["version.rollback do"] = heals
    ladder = world.playbook.ladder.model_copy(update={"remind": 1, "page_secondary": 2, "hand_over": 3})
    world.playbook = quick_playbook(ladder=ladder)
    bench = Bench(client, world, queue, Incidents(client, queue))
    async with make_worker(client, world, queue):
        handle = await bench.start()
        state = await bench.waiting(handle)
    clicked = datetime.now(UTC)
    await handle.signal(IncidentWorkflow.decide, sealed_decision(state, at=clicked.isoformat()))
    assert state.request is not None
    assert clicked < state.request.expires_at
    await asyncio.sleep((state.request.expires_at - datetime.now(UTC)).total_seconds() + 0.5)
    async with make_worker(client, world, queue):
        result = await handle.result()
    assert (result.outcome, result.verdict) == ("resolved", "fixed")
