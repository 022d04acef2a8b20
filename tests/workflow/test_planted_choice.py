"""Where orders were planted and a model chose otherwise than code, no grant of a playbook decides: people do."""

import uuid

from temporalio.client import Client

from autopilot.incident.plan import PlanDraft
from autopilot.incident.ports import Attempt, ChooseRequest
from starter import Incidents
from tests.workflow.conftest import Bench, make_worker
from tests.workflow.fakes import FakeWorld, quick_playbook


class SwayedWorld(FakeWorld):
    """Its planner's draft says that people have to be asked."""

    def choose(self, request: ChooseRequest, attempt: Attempt) -> PlanDraft:
        return super().choose(request, attempt).model_copy(update={"ask_people": True})


async def test_a_grant_does_not_run_what_a_swayed_model_may_have_chosen(client: Client) -> None:
    grants = [{"tool": "capacity.set", "max_risk": "low"}, {"tool": "version.rollback", "max_risk": "low"}]
    world = SwayedWorld(playbook=quick_playbook(mode="autonomous", grants=grants))
    world.effects["capacity.set do"] = lambda healed: setattr(healed, "latency", 20.0)
    queue = f"test-{uuid.uuid4().hex[:8]}"
    async with make_worker(client, world, queue):
        bench = Bench(client, world, queue, Incidents(client, queue))
        handle = await bench.start()
        state = await bench.waiting(handle)
        assert state.plan is not None
        assert state.plan.ask_people
        assert (world.executed, world.writes, state.judgements) == ([], [], [])
        await bench.decide(handle, option=2)
        result = await handle.result()
    assert (result.outcome, result.verdict) == ("resolved", "fixed")
    assert [j.channel == "policy" for j in world.reviews[0].judgements] == [False]
