"""Who may approve what, and how many people it takes."""

import pytest

from autopilot.incident.approval import judge_decision
from autopilot.incident.decision import Judgement
from autopilot.incident.playbook import ApprovalRule, OnCall, Person, Playbook, Snapshot
from autopilot.incident.policy import NOBODY, authors, requirement
from tests.unit.incident.worlds import INCIDENT, after, decision, option, plan, prepared, request

KIM, LEE = Person(name="kim", slack="U1", git="kim-git"), Person(name="lee", slack="U2", email="lee@example")
DUTY = OnCall(primary=KIM, secondary=LEE)


def snapshot(*rules: ApprovalRule, **changes: object) -> Snapshot:
    playbook = Playbook.model_validate(({"approvals": rules} if rules else {}) | changes)
    return Snapshot(playbook=playbook, on_call=DUTY, people=(KIM, LEE), groups={"dba": ("slack:U8", "slack:U1")})


def test_a_high_risk_takes_two_people_unless_the_playbook_says_otherwise() -> None:
    high = option(1, risk="high")
    assert requirement(snapshot(), plan(high), high).people == 2
    assert requirement(snapshot(), plan(high), option(2)).people == 1
    assert requirement(snapshot(ApprovalRule()), plan(high), high).people == 1


def test_the_rules_that_fit_decide_together() -> None:
    rules = (
        ApprovalRule(tools=("t.*",), approvers=("dba",)),
        ApprovalRule(services=("shop",), approvers=("on-call",), people=2),
        ApprovalRule(services=("other",), approvers=("slack:U9",), people=5),
    )
    wanted = requirement(snapshot(*rules), plan(), option())
    assert (wanted.approvers, wanted.people) == (("slack:U1",), 2)


def test_rules_that_name_nobody_in_common_let_nobody_approve() -> None:
    rules = (ApprovalRule(approvers=("dba",)), ApprovalRule(approvers=("secondary",)))
    assert requirement(snapshot(*rules), plan(), option()).approvers == (NOBODY,)


def test_anyone_is_anyone_unless_a_rule_names_people() -> None:
    assert requirement(snapshot(approvers=("anyone",)), plan(), option()).approvers == ()
    rule = ApprovalRule(approvers=("dba",))
    wanted = requirement(snapshot(rule, approvers=("anyone",)), plan(), option())
    assert wanted.approvers == ("slack:U8", "slack:U1")


@pytest.mark.parametrize("name", ["kim-git", "KIM-GIT", "kim"])
def test_the_author_of_the_change_is_found_by_the_identity_map(name: str) -> None:
    assert authors(snapshot(), plan().model_copy(update={"change_authors": (name, "stranger")})) == ("slack:U1",)
    assert authors(snapshot(), plan()) == ()


def judged(actor: str, *earlier: Judgement, people: int = 2, by: tuple[str, ...] = ()) -> Judgement:
    made = plan(option(1, steps=(prepared(),))).model_copy(update={"change_authors": by})
    rules = snapshot(ApprovalRule(people=people))
    asked = request(
        made,
        approvers=("slack:U1", "slack:U2"),
        requirements=tuple(requirement(rules, made, one) for one in made.options),
    )
    signal = decision(actor=actor, plan_digest=made.plan_digest)
    return judge_decision(signal, INCIDENT, asked, made, proven=True, now=after(10), approvals=earlier)


def test_the_second_person_decides_and_the_same_one_does_not_count_twice() -> None:
    first = judged("slack:U1")
    assert (first.accepted, first.counted, first.reason) == (False, True, "second_needed")
    again = judged("slack:U1", first)
    assert (again.accepted, again.counted, again.reason) == (False, False, "counted_before")
    second = judged("slack:U2", first)
    assert (second.accepted, second.counted) == (True, True)


def test_an_approval_of_a_former_plan_does_not_count() -> None:
    former = judged("slack:U1").model_copy(update={"plan_revision": 1})
    assert judged("slack:U2", former).reason == "second_needed"


def test_who_made_the_change_is_not_enough_alone() -> None:
    alone = judged("slack:U1", people=1, by=("kim-git",))
    assert (alone.accepted, alone.reason) == (False, "second_needed")
    assert "made the suspected change" in alone.message
    assert judged("slack:U2", alone, people=1, by=("kim-git",)).accepted
    assert judged("slack:U2", people=1, by=("kim-git",)).accepted
