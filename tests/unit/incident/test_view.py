"""What people are told."""

from datetime import datetime

import pytest

from autopilot.incident.decision import Judgement
from autopilot.incident.intake import take_alert
from autopilot.incident.plan import StepResult
from autopilot.incident.state import IncidentState
from autopilot.incident.view import incident_view, ticket_text
from tests.unit.incident.worlds import INCIDENT, T0, after, alert, plan, request


def waiting() -> IncidentState:
    shown = plan()
    state = IncidentState(
        incident_id=INCIDENT, group="incident-shop-0123456789", opened_at=T0, plan=shown, plan_revision=2,
        request=request(shown), phase="decide",
    )  # fmt: skip
    take_alert(state, alert(title="shop latency high"))
    return state


def judgement(at: datetime, **changes: object) -> Judgement:
    values: dict[str, object] = {
        "decision_id": "d1", "accepted": True, "reason": "accepted", "message": "ok", "choice": "option",
        "option": 1, "actor": "slack:U1", "actor_name": "kim", "proven": True, "plan_revision": 2, "at": at,
    }  # fmt: skip
    return Judgement.model_validate(values | changes)


def test_buttons_are_open_only_while_a_decision_is_waited_for() -> None:
    state = waiting()
    assert incident_view(state).decidable
    assert incident_view(state).plan_digest == plan().plan_digest
    assert [o.id for o in incident_view(state).options] == [1, 2]
    state.decision = judgement(after(5))
    assert not incident_view(state).decidable
    state.decision, state.request = None, None
    assert not incident_view(state).decidable


def test_telling_changes_nothing_and_the_same_state_reads_the_same() -> None:
    state = waiting()
    before = state.model_dump_json()
    assert incident_view(state) == incident_view(state)
    assert state.model_dump_json() == before


@pytest.mark.parametrize("proven", [True, False])
def test_who_decided_is_told_with_the_proof_of_identity(proven: bool) -> None:
    state = waiting()
    state.decision = judgement(after(5), proven=proven)
    told = incident_view(state).decision
    assert "kim" in told
    assert ("not proven" in told) == (not proven)


def test_the_ticket_tells_what_was_done_and_how_it_stands() -> None:
    state = waiting()
    state.decision = judgement(after(5))
    state.executed = [StepResult(key="k", tool="t.act", target="target", status="done", at=after(9))]
    open_text = ticket_text(state)
    assert "shop latency high" in open_text
    assert "kim" in open_text
    assert "target" in open_text
    state.verdict = "fixed"
    assert ticket_text(state) != open_text
