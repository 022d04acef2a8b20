"""What people read about approvals that an option still needs."""

from autopilot.incident.approval import judge_decision
from autopilot.incident.decision import DecisionRequest, Judgement
from autopilot.incident.offering import approvals_needed
from autopilot.incident.playbook import ApprovalRule, OnCall, Person, Playbook, Snapshot
from autopilot.incident.policy import requirement
from tests.unit.incident.worlds import INCIDENT, after, decision, plan, request

PLAN = plan()


def asked(people: int) -> DecisionRequest:
    duty = OnCall(primary=Person(name="kim", slack="U1"), secondary=Person(name="lee", slack="U2"))
    rules = Snapshot(playbook=Playbook(approvals=(ApprovalRule(people=people),)), on_call=duty)
    return request(PLAN, requirements=tuple(requirement(rules, PLAN, o) for o in PLAN.options))


def approved(of: DecisionRequest) -> Judgement:
    signal = decision(plan_digest=PLAN.plan_digest)
    return judge_decision(signal, INCIDENT, of, PLAN, proven=True, now=after(10))


def test_where_the_first_one_decides_nothing_is_said() -> None:
    assert approvals_needed(None, (), 1) == ""
    assert approvals_needed(asked(1), (), 1) == ""


def test_who_has_approved_is_told_to_the_next_one() -> None:
    two = asked(2)
    assert approvals_needed(two, (), 1) == "takes 2 people"
    assert approvals_needed(two, (approved(two),), 1) == "takes 2 people; approved by kim"
    assert approvals_needed(two, (approved(two),), 2) == "takes 2 people"
