"""The road of an incident on a real Temporal server, over a small world."""

import asyncio
from datetime import UTC, datetime

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import CancelledError

from autopilot.incident.decision import PersonNote
from autopilot.incident.ports import Failure
from tests.workflow.conftest import Bench, sealed_decision
from tests.workflow.fakes import FakeWorld, alert, quick_playbook
from workflows.incident import IncidentWorkflow


def heals(world: FakeWorld) -> None:
    world.latency = 20.0


def harms(world: FakeWorld) -> None:
    world.latency = 5_000.0


def calms(world: FakeWorld) -> None:
    world.latency = 900.0


async def test_an_approved_option_is_carried_out_and_recovery_is_proven(bench: Bench) -> None:
    bench.world.effects["version.rollback do"] = heals
    handle = await bench.start()
    await bench.decide(handle, option=1)
    result = await handle.result()
    assert (result.outcome, result.verdict) == ("resolved", "fixed")
    assert bench.world.version == "v1"
    assert len(bench.world.writes) == 1
    assert result.report is not None
    assert bench.world.remembered[0].outcome == "resolved"
    assert bench.world.views[0].recent_changes == ("deploy v2",)
    assert bench.world.answers[0].accepted


async def test_worse_is_undone_and_the_next_option_offered(bench: Bench) -> None:
    bench.world.effects |= {"version.rollback do": harms, "version.rollback undo": calms, "capacity.set do": heals}
    handle = await bench.start()
    await bench.decide(handle, option=1)
    state = await bench.until(handle, lambda s: s.plan_revision == 2 and s.request is not None)
    assert bench.world.version == "v2"
    assert [r.status for r in state.undone] == ["done"]
    assert state.plan is not None
    assert [o.title for o in state.plan.options] == ["capacity.set"]
    await bench.decide(handle, option=1)
    result = await handle.result()
    assert (result.outcome, result.verdict) == ("resolved", "fixed")


async def test_still_broken_offers_the_next_option(bench: Bench) -> None:
    bench.world.playbook = quick_playbook(
        verification=bench.world.playbook.verification.model_copy(update={"deadline": 0.6})
    )
    bench.world.effects["capacity.set do"] = heals
    handle = await bench.start()
    await bench.decide(handle, option=1)
    await bench.until(handle, lambda s: s.plan_revision == 2 and s.request is not None)
    await bench.decide(handle, option=1)
    result = await handle.result()
    assert result.verdict == "fixed"
    assert [v.verdict for v in bench.world.reviews[0].verifications] == ["still_broken", "fixed"]


async def test_silence_is_not_health_and_goes_to_a_person_without_undo(bench: Bench) -> None:
    def silence(world: FakeWorld) -> None:
        world.latency = None

    bench.world.effects["version.rollback do"] = silence
    handle = await bench.start()
    await bench.decide(handle, option=1)
    result = await handle.result()
    assert (result.outcome, result.verdict) == ("handed_over", "no_data")
    assert bench.world.version == "v1"
    assert [p.to for p in bench.world.pages] == ["kim"]
    assert bench.world.tickets


async def test_healing_by_itself_closes_the_question(bench: Bench) -> None:
    handle = await bench.start()
    await bench.waiting(handle)
    bench.world.latency = 10.0
    result = await handle.result()
    assert (result.outcome, result.verdict) == ("self_healed", "self_healed")
    assert not bench.world.executed


async def test_manual_watches_until_people_have_fixed_it(bench: Bench) -> None:
    patient = bench.world.playbook.verification.model_copy(update={"manual_watch": 60})
    bench.world.playbook = quick_playbook(verification=patient)
    handle = await bench.start()
    await bench.decide(handle, choice="manual", option=None)
    await bench.until(handle, lambda s: bool(s.tickets))
    bench.world.latency = 10.0
    result = await handle.result()
    assert (result.outcome, result.verdict) == ("handed_over", "fixed")
    assert bench.world.tickets[-1].state == "resolved"


async def test_reanalysis_looks_wider_with_the_hint_and_asks_again(bench: Bench) -> None:
    bench.world.effects["version.rollback do"] = heals
    handle = await bench.start()
    await bench.decide(handle, choice="reanalyse", option=None, comment="check the deploy")
    await bench.until(handle, lambda s: s.rounds == 2 and s.request is not None)
    first, again = bench.world.scopes[0], bench.world.scopes[-1]
    assert again.hint == "check the deploy"
    assert again.baseline.start < first.baseline.start
    await bench.decide(handle, option=1)
    assert (await handle.result()).outcome == "resolved"


async def test_reanalysis_is_bounded_then_handed_over(bench: Bench) -> None:
    bench.world.playbook = quick_playbook(max_analysis_rounds=1)
    handle = await bench.start()
    await bench.decide(handle, choice="reanalyse", option=None, comment="again")
    assert (await handle.result()).outcome == "handed_over"


async def test_nobody_decides_and_the_ladder_reminds_pages_and_hands_over(bench: Bench) -> None:
    ladder = bench.world.playbook.ladder.model_copy(update={"remind": 0.5, "page_secondary": 1, "hand_over": 1.5})
    bench.world.playbook = quick_playbook(ladder=ladder)
    handle = await bench.start()
    result = await handle.result()
    assert (result.outcome, result.verdict) == ("handed_over", "still_broken")
    assert any("Reminder" in note for note in bench.world.notes)
    assert [p.to for p in bench.world.pages] == ["lee", "kim"]


async def test_a_claim_stops_the_ladder_and_handled_is_verified(bench: Bench) -> None:
    ladder = bench.world.playbook.ladder.model_copy(update={"remind": 2, "page_secondary": 3, "hand_over": 4})
    bench.world.playbook = quick_playbook(ladder=ladder)
    handle = await bench.start()
    await bench.waiting(handle)
    await handle.signal(IncidentWorkflow.claim, PersonNote(actor_name="kim"))
    await bench.until(handle, lambda s: s.claimed_by == "kim")
    bench.world.latency = 20.0
    await handle.signal(IncidentWorkflow.handled, PersonNote(actor_name="kim", comment="restarted"))
    result = await handle.result()
    assert (result.outcome, result.verdict) == ("resolved", "fixed")
    assert not bench.world.pages


async def test_abort_undoes_what_was_done_last_in_first_out(bench: Bench) -> None:
    handle = await bench.start()
    await bench.decide(handle, option=1)
    await bench.until(handle, lambda s: s.phase == "verify")
    await handle.signal(IncidentWorkflow.abort, PersonNote(actor_name="kim"))
    result = await handle.result()
    assert result.outcome == "aborted"
    assert bench.world.version == "v2"
    assert result.report is not None


async def test_cancel_undoes_too(bench: Bench) -> None:
    handle = await bench.start()
    await bench.decide(handle, option=1)
    await bench.until(handle, lambda s: s.phase == "verify")
    await handle.cancel()
    with pytest.raises(WorkflowFailureError) as failure:
        await handle.result()
    assert isinstance(failure.value.cause, CancelledError)
    assert bench.world.version == "v2"


async def test_refused_decisions_are_answered_and_kept(bench: Bench) -> None:
    bench.world.effects["version.rollback do"] = heals
    handle = await bench.start()
    state = await bench.waiting(handle)
    wrong = [
        sealed_decision(state, option=9),
        sealed_decision(state, plan_digest="stale"),
        sealed_decision(state, actor="slack:U999"),
        sealed_decision(state).model_copy(update={"seal": "forged"}),
        sealed_decision(state, choice="explode"),
        sealed_decision(state, incident_id="other"),
    ]
    for signal in wrong:
        await handle.signal(IncidentWorkflow.decide, signal)
    good = sealed_decision(state)
    await handle.signal(IncidentWorkflow.decide, good)
    await handle.signal(IncidentWorkflow.decide, good)
    await handle.signal(IncidentWorkflow.decide, sealed_decision(state, option=2))
    await handle.result()
    reasons = [j.reason for j in bench.world.reviews[0].judgements]
    assert reasons == [
        "unknown_option", "stale_plan", "not_allowed", "unproven", "unknown_choice", "wrong_incident", "accepted",
        "duplicate", "late",
    ]  # fmt: skip
    assert [a.reason for a in bench.world.answers] == reasons
    late = bench.world.reviews[0].judgements[-1]
    assert (late.actor, late.proven) == ("slack:U1", True), "who came late is known all the same"
    assert len(bench.world.writes) == 1


async def test_an_update_returns_why_it_was_refused(bench: Bench) -> None:
    handle = await bench.start()
    state = await bench.waiting(handle)
    refused = await bench.incidents.decide_checked(handle.id, sealed_decision(state, option=7))
    assert (refused.accepted, refused.reason) == (False, "unknown_option")
    accepted = await bench.incidents.decide_checked(handle.id, sealed_decision(state, choice="manual", option=None))
    assert accepted.accepted
    await handle.result()


async def test_a_changed_world_refuses_the_decision(bench: Bench) -> None:
    handle = await bench.start()
    await bench.waiting(handle)
    bench.world.version = "v3"
    signal = await bench.decision(handle, option=1)
    judgement = await bench.incidents.decide_checked(handle.id, signal)
    assert judgement.reason == "changed_world"
    assert not bench.world.writes
    state = await bench.until(handle, lambda s: s.rounds == 2 and s.request is not None)
    assert "has changed since" in state.feedback[0]
    await handle.signal(IncidentWorkflow.abort, PersonNote(actor_name="kim"))
    await handle.result()


async def test_a_dead_source_is_a_gap_not_a_dead_incident(bench: Bench) -> None:
    bench.world.dead_sources = {"logs"}
    bench.world.effects["version.rollback do"] = heals
    handle = await bench.start()
    await bench.decide(handle, option=1)
    assert (await handle.result()).outcome == "resolved"
    manifest = bench.world.reviews[0].manifest
    assert manifest is not None
    assert [gap.source for gap in manifest.gaps] == ["logs"]


async def test_a_refused_step_leads_to_another_plan(bench: Bench) -> None:
    bench.world.fail["version.rollback"] = Failure("no permission lambda:UpdateAlias", who="operator")
    handle = await bench.start()
    await bench.decide(handle, option=1)
    state = await bench.until(handle, lambda s: s.phase in ("handover", "closed"))
    assert state.executed[0].status == "unknown"
    assert (await handle.result()).outcome == "handed_over"


async def test_forty_alerts_at_once_are_one_incident_and_counted(bench: Bench) -> None:
    alerts = [alert(service="storm", external_id=f"s{n}") for n in range(40)]
    started = await asyncio.gather(*(bench.incidents.start(a) for a in alerts), bench.incidents.start(alerts[0]))
    assert len({s.run_id for s in started}) == 1
    handle = bench.client.get_workflow_handle_for(IncidentWorkflow.run, started[0].group)
    state = await bench.until(handle, lambda s: s.alert_count >= 40)
    assert state.alert_count == 40
    await handle.signal(IncidentWorkflow.abort, PersonNote())
    await handle.result()


async def test_neighbours_by_topology_end_as_one_incident(bench: Bench) -> None:
    bench.world.edges = [("web", "api"), ("api", "table")]
    bench.world.effects["version.rollback do"] = heals
    older = await bench.start(alert(service="web"))
    await bench.until(older, lambda s: s.phase != "open")
    younger = [await bench.start(alert(service=s, external_id=s)) for s in ("api", "table")]
    for handle in younger:
        result = await handle.result()
        assert (result.outcome, result.joined_into) == ("joined", older.id)
    state = await bench.until(older, lambda s: s.alert_count == 3)
    assert sorted(state.services) == ["api", "table", "web"]
    await bench.decide(older, option=1)
    assert (await older.result()).outcome == "resolved"


async def test_after_closing_a_group_opens_again_with_a_link_to_the_last_run(bench: Bench) -> None:
    bench.world.effects["version.rollback do"] = heals
    first = await bench.start(alert(service="again"))
    await bench.decide(first, option=1)
    old = await first.result()
    bench.world.latency, bench.world.version = 900.0, "v2"
    second = await bench.start(alert(service="again", external_id="a2"))
    state = await bench.waiting(second)
    assert state.incident_id != old.incident_id
    assert state.previous_run
    await second.signal(IncidentWorkflow.abort, PersonNote())
    await second.result()


async def test_autonomous_mode_runs_what_is_granted_and_asks_for_the_rest(bench: Bench) -> None:
    bench.world.playbook = quick_playbook(mode="autonomous", grants=[{"tool": "capacity.set", "max_risk": "low"}])
    bench.world.effects["capacity.set do"] = heals
    handle = await bench.start()
    result = await handle.result()
    assert result.outcome == "resolved"
    assert bench.world.capacity == 10
    assert bench.world.reviews[0].judgements[0].channel == "policy"


async def test_a_playbook_without_agent_notifies_pages_and_writes_a_ticket_only(bench: Bench) -> None:
    bench.world.playbook = quick_playbook(agent_enabled=False)
    result = await (await bench.start()).result()
    assert (result.outcome, result.verdict) == ("handed_over", "still_broken")
    assert not bench.world.scopes
    assert bench.world.tickets
    assert bench.world.pages


async def test_observe_mode_asks_nothing_and_does_nothing(bench: Bench) -> None:
    bench.world.playbook = quick_playbook(mode="observe")
    result = await (await bench.start()).result()
    assert result.outcome == "observed"
    assert not bench.world.executed
    assert not any(view.decidable for view in bench.world.views)


async def test_a_long_history_continues_as_new_with_everything(bench: Bench) -> None:
    bench.world.effects["version.rollback do"] = heals
    handle = await bench.start(history_limit=60)
    await bench.waiting(handle)
    for n in range(40):
        await handle.signal(IncidentWorkflow.alert, alert(service=handle.id, external_id=f"x{n}"))
    state = await bench.until(handle, lambda s: s.alert_count == 41)
    described = await handle.describe()
    assert described.raw_description.workflow_execution_info.first_run_id != described.run_id
    await bench.decide(handle, option=1)
    result = await handle.result(follow_runs=True)
    assert result.outcome == "resolved"
    assert result.incident_id == state.incident_id
    assert bench.world.reviews[0].opened_at < datetime.now(UTC)
