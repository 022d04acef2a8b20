"""What counts as a known outcome of a diagnosis."""

import pytest

from autopilot.incident.diagnosis import Doubted
from autopilot.incident.plan import DryRun, Option, Plan, PreparedStep, Step, TargetState
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verdict
from autopilot.knowledge.outcomes import denies, outcomes
from tests.unit.knowledge.closed import AIMS, T, doubted, explained, explanation, state

WRONG = "wrong analysis: it is the certificate"


def told(closed: IncidentState) -> list[tuple[str, bool, str]]:
    return [(o.cause_kind, o.right, o.why) for o in outcomes(closed, AIMS)]


def planned_at(closed: IncidentState, service: str) -> IncidentState:
    """The incident with the plan that tells at which service its steps acted."""
    steps = tuple(
        PreparedStep(
            step=Step(tool=done.tool, target=done.target, service=service),
            before=TargetState(target=done.target, observed_at=T),
            expects="",
            dry_run=DryRun(feasible=True),
        )
        for done in closed.executed
    )
    option = Option(id=1, title="t", why="w", steps=steps, risk="low", reversibility="reversible")
    closed.plan = Plan(incident_id=closed.incident_id, revision=1, options=(option,))
    return closed


def test_a_fix_that_aimed_at_the_leading_cause_proves_it() -> None:
    assert told(explained(state(1), explanation("capacity", 0.7))) == [("capacity", True, "fixed")]
    assert outcomes(explained(state(1), explanation("capacity", 0.7)), AIMS)[0].confidence == 0.7


def test_a_fix_at_another_service_proves_nothing() -> None:
    closed = planned_at(explained(state(1), explanation("capacity")), "search")
    assert told(closed) == []
    assert told(planned_at(closed, "checkout")) == [("capacity", True, "fixed")]


def test_a_fix_at_a_callee_proves_a_cause_that_spreads() -> None:
    closed = planned_at(explained(state(1), explanation("traffic_surge")), "orders")
    assert told(closed) == [("traffic_surge", True, "fixed")]


def test_the_remedy_of_a_standing_competitor_refutes_the_leading_cause() -> None:
    closed = explained(state(1), explanation("bad_deploy"), explanation("capacity", 0.6))
    assert told(closed) == [("bad_deploy", False, "another_fix")]


def test_a_remedy_that_aims_at_no_standing_explanation_tells_nothing() -> None:
    assert told(explained(state(1), explanation("bad_deploy"))) == []
    refuted = explanation("capacity", 0.1, standing="refuted")
    assert told(explained(state(1), explanation("bad_deploy"), refuted)) == []


def test_only_the_option_that_brought_the_recovery_counts() -> None:
    closed = state(1, tried=("lambda.rollback_alias", "dynamodb.set_capacity"))
    closed = explained(closed, explanation("bad_deploy"), explanation("capacity", 0.6))
    assert told(closed) == [("bad_deploy", False, "another_fix")]


def test_after_an_undo_nothing_is_known() -> None:
    closed = explained(state(1, tried=("lambda.rollback_alias", "dynamodb.set_capacity")), explanation("capacity"))
    closed.undone = [closed.executed[0].model_copy(update={"key": f"{closed.incident_id}/1/1/1/undo"})]
    assert told(closed) == []


@pytest.mark.parametrize("verdict", ["self_healed", "still_broken", "worse", "no_data", None])
def test_without_a_fix_nothing_is_known(verdict: Verdict | None) -> None:
    closed = explained(state(1), explanation("capacity"))
    closed.verdict = verdict
    assert told(closed) == []


def test_what_people_fixed_by_hand_shows_no_cause() -> None:
    closed = explained(state(1), explanation("capacity"))
    closed.handled_by = "kim"
    assert told(closed) == []
    closed.handled_by, closed.outcome = "", "handed_over"
    assert told(closed) == []


def test_an_unknown_cause_and_an_unknown_tool_tell_nothing() -> None:
    assert told(explained(state(1), explanation("unknown"))) == []
    assert told(explained(state(1, tried=("nobody.knows",)), explanation("capacity"))) == []
    assert told(explained(state(1, tried=("jira.create_ticket",)), explanation("capacity"))) == []
    assert told(IncidentState(incident_id="i", group="g", opened_at=T)) == []


def test_a_reanalysis_that_ends_elsewhere_shows_the_earlier_one_wrong() -> None:
    closed = explained(state(1, tried=()), explanation("capacity"))
    assert told(doubted(closed, explanation("bad_deploy", 0.9), "look at the table")) == [
        ("bad_deploy", False, "reanalysed")
    ]


def test_a_reanalysis_that_ends_in_doubt_or_at_the_same_place_tells_nothing() -> None:
    unsure = explained(state(1, tried=()), explanation("capacity", 0.3, standing="inconclusive"))
    assert told(doubted(unsure, explanation("bad_deploy"), "look at the table")) == []
    again = explained(state(1, tried=()), explanation("capacity"))
    assert told(doubted(again, explanation("capacity"), "look at the table")) == []


def test_a_person_who_says_wrong_is_believed_unless_the_fix_says_otherwise() -> None:
    same = explained(state(1, tried=()), explanation("capacity"))
    assert told(doubted(same, explanation("capacity"), WRONG)) == [("capacity", False, "said")]
    proven = explained(state(1), explanation("capacity"))
    assert told(doubted(proven, explanation("capacity"), WRONG)) == [("capacity", True, "fixed")]


def test_what_was_said_when_taking_over_is_about_the_last_analysis() -> None:
    closed = explained(state(1), explanation("capacity"))
    closed.executed = []
    closed.judgements = [closed.judgements[0].model_copy(update={"choice": "manual", "comment": WRONG})]
    assert told(closed) == [("capacity", False, "said")]
    refused = closed.model_copy(
        update={"judgements": [closed.judgements[0].model_copy(update={"accepted": False})]}
    )
    assert told(refused) == [], "somebody who may not decide cannot spoil the outcomes"


def test_a_comment_of_before_the_last_analysis_is_not_about_it() -> None:
    closed = explained(state(1), explanation("capacity"))
    said = closed.judgements[0].model_copy(update={"choice": "option", "comment": WRONG})
    again = said.model_copy(update={"choice": "reanalyse", "comment": WRONG, "decision_id": "2"})
    closed.executed, closed.judgements = [], [said, again]
    assert told(closed) == []


def test_one_explanation_counts_once_however_often_it_was_doubted() -> None:
    closed = explained(state(1, tried=()), explanation("capacity"))
    for _ in range(3):
        closed = doubted(closed, explanation("bad_deploy"), WRONG)
    assert told(closed) == [("bad_deploy", False, "reanalysed")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Wrong analysis, look at the certificate", True),
        ("the diagnosis is wrong", True),
        ("this was not the cause", True),
        ("it wasn't a root cause", True),
        ("원인이 틀렸습니다", True),
        ("배포는 원인이 아닙니다", True),
        ("잘못된 분석입니다", True),
        ("원인이 배포인가요?", False),
        ("what is wrong with the database?", False),
        ("is it the 03:00 deploy?", False),
        ("", False),
        ("wrong " * 10_000, False),
        ("not wrong analysis " * 1_000, False),
        ("wrong analysis?", False),
        ("So the diagnosis is wrong?", False),
        ("wasn't the cause the deploy?", False),
        ("원인이 틀렸나요", False),
        ("분석이 잘못된 건가요?", False),
        ("The table is fine. Wrong analysis!", True),
        ("did the rollback help? the diagnosis is wrong", True),
        ("It is not that the analysis was wrong.", False),
        ("I don't think the diagnosis is wrong", False),
        ("nobody says the cause is wrong", False),
        ("if the diagnosis is wrong, look at the certificate", False),
        ("maybe a wrong diagnosis", False),
        ("잘못된 분석이 아닙니다", False),
        ("분석이 틀렸다고 생각하지 않습니다", False),
        ("no wrong analysis here", False),
        ("No, wrong analysis", True),
        ("no the diagnosis is wrong", True),
        ("분석이 틀렸으니까 다시", True),
        ("do not roll back because the diagnosis is wrong", True),
        ("not the table - the diagnosis is wrong", True),
        ("분석이 잘못되었습니다, 배포가 아닙니다", True),
    ],
)
def test_only_plain_words_deny(text: str, expected: bool) -> None:
    assert denies(text) is expected


def test_the_state_keeps_what_led_only_when_a_person_asked() -> None:
    closed = explained(state(1), explanation("bad_deploy", 0.9))
    closed.keep_feedback("the world changed")
    assert (closed.feedback, closed.doubted) == (["the world changed"], [])
    closed.decision = closed.judgements[0].model_copy(
        update={"choice": "reanalyse", "comment": WRONG, "actor": "slack:U1", "actor_name": "Kim"}
    )
    closed.keep_feedback(WRONG)
    assert closed.doubted == [
        Doubted(hypothesis=explanation("bad_deploy", 0.9), said=WRONG, by="Kim", at=closed.decision.at)
    ]
