"""What people said of an analysis comes back where the same explanation may come up again."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.knowledge.source import KnowledgeSource
from autopilot.knowledge.sqlite import KnowledgeBase
from autopilot.sources.base import Budget, Collected
from tests.unit.knowledge.closed import AIMS, T, doubted, explained, explanation, state

WRONG = "wrong analysis: it is the certificate"


@pytest.fixture
def knowledge(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "knowledge.db")


def collected(knowledge: KnowledgeBase, incident: str = "incident-checkout.99") -> Collected:
    scope = Scope(
        incident_id=incident,
        services=("checkout", "orders"),
        baseline=TimeWindow(start=T - timedelta(hours=3), end=T),
        incident=TimeWindow(start=T, end=T + timedelta(minutes=5)),
        alerted_at=T,
    )
    into = Collected("knowledge")
    KnowledgeSource(knowledge, "production").collect(scope, Budget(calls=10, seconds=10), into)
    return into


def records(knowledge: KnowledgeBase, incident: str = "incident-checkout.99") -> list[dict[str, object]]:
    frames = collected(knowledge, incident).frames
    return [row for table, data in frames if table == "records" for row in data.to_dicts()]


def test_a_wrong_analysis_is_a_record_of_the_next_incident(knowledge: KnowledgeBase) -> None:
    closed = explained(state(1, tried=()), explanation("certificate"))
    knowledge.remember(doubted(closed, explanation("bad_deploy"), WRONG), AIMS)
    row = next(r for r in records(knowledge) if r["kind"] == "wrong_analysis")
    assert (row["service"], row["outcome"], row["title"]) == ("checkout", "bad_deploy", "bad_deploy at checkout")
    assert (row["body"], row["time"]) == (WRONG, T)
    assert row["id"] == "wrong_analysis:bad_deploy:incident-checkout.1:1"
    assert not [r for r in records(knowledge, "incident-checkout.1") if r["kind"] == "wrong_analysis"]


def test_a_wrong_blame_of_another_service_comes_back_with_the_incident_that_resembles_this_one(
    knowledge: KnowledgeBase,
) -> None:
    closed = explained(state(1, tried=()), explanation("certificate"))
    for _ in range(2):
        closed = doubted(closed, explanation("network", service="gateway"), WRONG)
    knowledge.remember(closed, AIMS)
    told = [r for r in records(knowledge) if r["kind"] == "wrong_analysis"]
    assert [(r["service"], r["outcome"]) for r in told] == [("gateway", "network")]


def test_findings_of_the_past_incident_are_not_cited_in_the_present_one(knowledge: KnowledgeBase) -> None:
    cited = explanation("bad_deploy").model_copy(
        update={"statement": "v2 caused this: reads rose 3x (F4); errors (F7, F9)."}
    )
    knowledge.remember(doubted(explained(state(1, tried=()), explanation("certificate")), cited, WRONG), AIMS)
    knowledge.remember(explained(state(2), cited), AIMS)
    told = {str(r["kind"]): f"{r['title']} {r['body']}" for r in records(knowledge)}
    assert told["wrong_analysis"].startswith("v2 caused this: reads rose 3x; errors.")
    assert all("(F" not in text for text in told.values())


def test_ids_of_past_findings_are_told_as_past_wherever_they_stand(knowledge: KnowledgeBase) -> None:
    idea = "F4 and [F7; F9] point at the certificate"
    tested = explanation("certificate", 0.1, standing="refuted").model_copy(
        update={"asked_by": idea, "statement": "the certificate expired [F2 and F3]."}
    )
    knowledge.remember(doubted(explained(state(1), explanation("capacity"), tested), tested, idea), AIMS)
    nothing = state(2).model_copy(update={"diagnosis": None, "feedback": ["see F5"]})
    knowledge.remember(nothing, AIMS)
    moved = explained(state(3, tried=()), explanation("network"))
    knowledge.remember(doubted(moved, tested, f"{WRONG}, F6 shows it"), AIMS)
    told = [f"{r['title']} {r['body']} {r['resolution']}" for r in records(knowledge)]
    assert not [text for text in told if re.search(r"\bF\d", text)]
    assert any(
        "said then: finding 4 of then and point at the certificate (refuted: the certificate expired.)" in text
        for text in told
    )
    assert any("see finding 5 of then" in text for text in told)
    assert any("finding 6 of then shows it" in text for text in told)


def test_what_was_found_wrong_is_counted_once(knowledge: KnowledgeBase) -> None:
    closed = explained(state(1, tried=()), explanation("certificate"))
    knowledge.remember(doubted(closed, explanation("bad_deploy"), WRONG), AIMS)
    into = collected(knowledge)
    assert [q.rows for q in into.queries if "turned out wrong" in q.query] == [1]


def test_a_hint_that_proved_nothing_is_kept_without_lowering_anything(knowledge: KnowledgeBase) -> None:
    closed = explained(state(1, tried=()), explanation("bad_deploy", 0.3, standing="inconclusive"))
    knowledge.remember(doubted(closed, explanation("bad_deploy"), "look at the certificate"), AIMS)
    kept = knowledge.feedback(["checkout"])
    assert [(f.said, f.wrong, f.by) for f in kept] == [("look at the certificate", False, "kim")]
    assert not [r for r in records(knowledge) if r["kind"] == "wrong_analysis"]


def test_what_came_of_the_test_of_an_idea_is_told_with_the_incident(knowledge: KnowledgeBase) -> None:
    idea = "look at the certificate"
    tested = explanation("certificate", 0.1, standing="refuted").model_copy(update={"asked_by": idea})
    closed = explained(state(1, tried=()), explanation("bad_deploy"), tested)
    knowledge.remember(doubted(closed, explanation("bad_deploy"), idea), AIMS)
    assert knowledge.feedback(["checkout"])[0].came_of == "refuted: certificate at checkout"
    row = next(r for r in records(knowledge) if r["kind"] == "incident")
    assert "said then: look at the certificate (refuted: certificate at checkout)" in str(row["body"])


def test_taking_over_with_a_plain_word_is_feedback_too(knowledge: KnowledgeBase) -> None:
    closed = explained(state(1), explanation("capacity"))
    closed.executed = []
    closed.judgements = [closed.judgements[0].model_copy(update={"choice": "manual", "comment": WRONG})]
    knowledge.remember(closed, AIMS)
    assert [(f.cause_kind, f.wrong) for f in knowledge.feedback(["checkout"])] == [("capacity", True)]


def test_remembering_again_replaces_feedback_and_the_newest_comes_first(knowledge: KnowledgeBase) -> None:
    for number in (1, 2):
        closed = explained(state(number, tried=()), explanation("certificate"))
        closed = doubted(closed, explanation("bad_deploy"), f"{WRONG} {number}")
        closed.doubted = [closed.doubted[0].model_copy(update={"at": T - timedelta(days=number)})]
        knowledge.remember(closed, AIMS)
        knowledge.remember(closed, AIMS)
    assert [f.said[-1] for f in knowledge.feedback(["orders", "checkout"])] == ["1", "2"]
    assert [f.said[-1] for f in knowledge.feedback(["checkout"], limit=1)] == ["1"]
    assert knowledge.feedback(["search"]) == []


def test_hostile_feedback_is_cleaned_and_bounded(knowledge: KnowledgeBase) -> None:
    said = "wrong analysis\u202e\x00 " + "x" * 10_000
    closed = doubted(explained(state(1, tried=()), explanation("certificate")), explanation("bad_deploy"), said)
    knowledge.remember(closed, AIMS)
    row = next(r for r in records(knowledge) if r["kind"] == "wrong_analysis")
    assert len(str(row["body"])) <= 400
    assert "\u202e" not in str(row["body"])


def test_which_tools_helped_is_told_first(knowledge: KnowledgeBase) -> None:
    knowledge.remember(state(1, tried=("lambda.rollback_alias", "dynamodb.set_capacity")), AIMS)
    row = next(r for r in records(knowledge) if r["kind"] == "incident")
    assert str(row["resolution"]).startswith(
        "worked: dynamodb.set_capacity on orders; did not help: lambda.rollback_alias on orders"
    )
