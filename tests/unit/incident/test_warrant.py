"""What the executor itself demands of a step: sealed decisions about this very plan, by the right people."""

from datetime import datetime

import pytest

from autopilot.incident.alert import Alert
from autopilot.incident.decision import DecisionSignal
from autopilot.incident.ids import idempotency_key
from autopilot.incident.plan import ExecuteStep, Plan
from autopilot.incident.playbook import ApprovalRule, Grant, OnCall, Person, Playbook, Snapshot
from autopilot.incident.seal import Keyring
from autopilot.incident.warrant import Warrant, problem
from tests.unit.incident.worlds import INCIDENT, after, alert, decision, option, plan, prepared

KEYS = Keyring(b"key")
PLAN = plan(option(1, steps=(prepared(),)), option(2))
PLAYBOOK = Playbook()


def rules(playbook: Playbook = PLAYBOOK) -> Snapshot:
    people = (Person(name="kim", slack="U1", git="kim"), Person(name="lee", slack="U2"))
    return Snapshot(playbook=playbook, on_call=OnCall(primary=people[0], secondary=people[1]), people=people)


def approval(of: Plan = PLAN, keys: Keyring = KEYS, **changes: object) -> DecisionSignal:
    values: dict[str, object] = {"plan_digest": of.plan_digest, "at": after(10).isoformat()}
    return keys.sealed(decision(**(values | changes)))


def key(*, undo: bool = False, revision: int = PLAN.revision, option_id: int = 1, number: int = 1) -> str:
    return idempotency_key(INCIDENT, revision, option_id, number, "undo" if undo else "do")


def order(of: Plan = PLAN, *, undo: bool = False, **changes: object) -> ExecuteStep:
    first = of.options[0].steps[0]
    values: dict[str, object] = {
        "incident_id": INCIDENT, "key": key(undo=undo), "step": first.undo if undo else first.step,
        "expects": first.leaves if undo else first.expects, "actor": "kim", "mode": "undo" if undo else "do",
    }  # fmt: skip
    return ExecuteStep.model_validate(values | changes)


def why(
    warrant: Warrant | None, step: ExecuteStep | None = None, playbook: Playbook = PLAYBOOK, seconds: float = 20
) -> str:
    def in_force(_alert: Alert, _at: datetime) -> Snapshot:
        return rules(playbook)

    return problem(warrant, step or order(), KEYS, in_force, after(seconds))


def warrant(*approvals: DecisionSignal, of: Plan = PLAN, number: int = 1) -> Warrant:
    return Warrant(alert=alert(), plan=of, option=number, approvals=approvals)


def test_a_sealed_approval_covers_the_step_and_its_undo() -> None:
    assert why(warrant(approval())) == ""
    assert why(warrant(approval()), order(undo=True)) == ""


FORGED_PLAN = PLAN.model_copy(update={"options": (option(1, steps=(prepared("t.other"),)),)})
REFUSED: dict[str, tuple[Warrant | None, ExecuteStep, str]] = {
    "none": (None, order(), "no decision"),
    "forged": (warrant(approval(keys=Keyring(b"guessed"))), order(), "not sealed"),
    "unsealed": (warrant(decision(plan_digest=PLAN.plan_digest)), order(), "not sealed"),
    "another name": (warrant(approval().model_copy(update={"actor": "slack:U2"})), order(), "not sealed"),
    "other plan": (warrant(approval(plan(option(3)))), order(), "another plan"),
    "other incident": (warrant(approval(incident_id="another")), order(), "another plan"),
    "plan changed after approval": (warrant(approval(), of=FORGED_PLAN), order(FORGED_PLAN), "another plan"),
    "order for another incident": (warrant(approval()), order(incident_id="another"), "another incident"),
    "step that was not shown": (warrant(approval()), order(FORGED_PLAN), "not the one"),
    "world that was not shown": (warrant(approval()), order(expects="0000"), "not the one"),
    "under a fresh key": (warrant(approval()), order(key=key(revision=9)), "not the one"),
    "under the key of another step": (warrant(approval()), order(key=key(number=2)), "not the one"),
    "do under the key of the undo": (warrant(approval()), order(key=key(undo=True)), "not the one"),
    "undo without the state": (warrant(approval()), order(undo=True, expects="0000"), "not the one"),
    "option that was not approved": (warrant(approval(), number=2), order(key=key(option_id=2)), "another option"),
    "option that is not there": (warrant(approval(option=7), number=7), order(), "another incident or plan"),
    "stranger": (warrant(approval(actor="slack:U9")), order(), "may not approve"),
    "not an option": (warrant(approval(choice="manual")), order(), "another option"),
    "nobody": (warrant(), order(), "does not grant"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_refused(name: str) -> None:
    given, step, said = REFUSED[name]
    assert said in why(given, step)


def test_an_approval_grows_old() -> None:
    assert "older" in why(warrant(approval()), seconds=90_000)


def test_two_people_are_two_people() -> None:
    two = Playbook(approvals=(ApprovalRule(people=2),))
    kim, lee = approval(), approval(actor="slack:U2", decision_id="d2")
    assert "more people" in why(warrant(kim), playbook=two)
    assert "more people" in why(warrant(kim, approval(decision_id="d3")), playbook=two)
    assert why(warrant(kim, lee), playbook=two) == ""


def test_the_author_of_the_change_cannot_approve_alone() -> None:
    blamed = PLAN.model_copy(update={"change_authors": ("kim",)})
    assert "more people" in why(warrant(approval(blamed), of=blamed), order(blamed))
    assert why(warrant(approval(blamed, actor="slack:U2"), of=blamed), order(blamed)) == ""
    # Leaving the author out of the plan changes the digest that was sealed.
    assert "another plan" in why(warrant(approval(blamed)))


def test_unsealed_approvals_count_only_where_the_playbook_says_so_and_as_one_voice() -> None:
    unsealed = decision(plan_digest=PLAN.plan_digest)
    open_door = Playbook(accept_unproven=True)
    assert why(warrant(unsealed), playbook=open_door) == ""
    two = open_door.model_copy(update={"approvals": (ApprovalRule(people=2),)})
    other = unsealed.model_copy(update={"actor": "slack:U2", "decision_id": "d2"})
    assert "not sealed" in why(warrant(unsealed, other), playbook=two)
    # The first person could be the second one as well, and the author anybody.
    assert "not sealed" in why(warrant(unsealed, approval(actor="slack:U2")), playbook=two)
    blamed = PLAN.model_copy(update={"change_authors": ("kim",)})
    mine = decision(plan_digest=blamed.plan_digest)
    assert "not sealed" in why(warrant(mine, of=blamed), order(blamed), playbook=open_door)


def test_the_rules_are_those_for_the_alert_that_opened_the_incident() -> None:
    """The seal covers the plan, and the plan names the alert: another playbook cannot be asked."""
    made = PLAN.model_copy(update={"opened_by": alert().alert_digest})
    signed = warrant(approval(made), of=made)
    assert why(signed, order(made)) == ""
    for changes in ({"service": "toys"}, {"severity": "low"}, {"labels": {"alarm": "other"}}, {"source": "other"}):
        laxer = signed.model_copy(update={"alert": alert(**changes)})
        assert "another alert" in why(laxer, order(made))
    unnamed = signed.model_copy(update={"plan": PLAN, "alert": alert(service="toys")})
    assert "another plan" in why(unnamed, order(made))


def test_a_grant_is_read_from_the_rules_in_force() -> None:
    granting = Playbook(mode="autonomous", grants=(Grant(tool="t.act"),))
    assert why(warrant(), playbook=granting) == ""
    assert why(warrant(), order(undo=True), playbook=granting) == ""
    asked = PLAN.model_copy(update={"ask_people": True})
    assert "does not grant" in why(warrant(of=asked), order(asked), playbook=granting)
    assert "does not grant" in why(warrant(), playbook=granting.model_copy(update={"mode": "advise"}))
