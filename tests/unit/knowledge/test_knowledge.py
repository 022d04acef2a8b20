"""What the knowledge base remembers, finds and counts."""

from datetime import timedelta
from multiprocessing import get_context
from pathlib import Path
from threading import Thread

import pytest

from autopilot.case.store import FolderCaseStore
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.incident.ports import Failure
from autopilot.incident.state import IncidentState
from autopilot.knowledge.remembering import Remembering
from autopilot.knowledge.source import KnowledgeSource
from autopilot.knowledge.sqlite import KnowledgeBase
from autopilot.sources.base import Budget, Collected
from tests.unit.knowledge.closed import AIMS, T, explained, explanation, state


@pytest.fixture
def knowledge(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "deep" / "knowledge.db")


def test_remembering_twice_counts_once(knowledge: KnowledgeBase) -> None:
    knowledge.remember(state(1))
    knowledge.remember(state(1))
    assert len(knowledge.similar(["checkout"], "", "capacity")) == 1
    assert knowledge.track_record("checkout", "dynamodb.set_capacity") == (1, 1)


def test_only_the_last_option_is_credited_with_the_fix(knowledge: KnowledgeBase) -> None:
    knowledge.remember(state(1, tried=("lambda.set_concurrency", "dynamodb.set_capacity")))
    assert knowledge.track_record("checkout", "lambda.set_concurrency") == (0, 1)
    assert knowledge.track_record("checkout", "dynamodb.set_capacity") == (1, 1)


def test_what_was_undone_or_did_not_help_never_worked(knowledge: KnowledgeBase) -> None:
    undone = state(1)
    undone.undone = [undone.executed[0].model_copy(update={"key": f"{undone.incident_id}/1/1/1/undo"})]
    knowledge.remember(undone)
    knowledge.remember(state(2, verdict="still_broken"))
    assert knowledge.track_record("checkout", "dynamodb.set_capacity") == (0, 2)


def test_a_self_healed_incident_is_no_credit_for_a_tool(knowledge: KnowledgeBase) -> None:
    knowledge.remember(state(1, verdict="self_healed"))
    assert knowledge.track_record("checkout", "dynamodb.set_capacity") == (0, 1)


def test_what_people_fixed_is_no_credit_for_a_tool(knowledge: KnowledgeBase) -> None:
    handed = state(1)
    handed.outcome = "handed_over"
    by_hand = state(2)
    by_hand.handled_by = "kim"
    knowledge.remember(handed)
    knowledge.remember(by_hand)
    assert knowledge.track_record("checkout", "dynamodb.set_capacity") == (0, 2)


def test_what_worked_is_found_before_what_did_not_help_however_new(knowledge: KnowledgeBase) -> None:
    for number in range(1, 8):
        knowledge.remember(state(number, verdict="still_broken"))
    knowledge.remember(state(8, tried=()))
    knowledge.remember(state(9))
    found = knowledge.similar(["checkout"], "sig-a", "", limit=3)
    assert [s.lesson.incident_id for s in found] == [f"incident-checkout.{n}" for n in (9, 8, 1)]
    assert found[0].score > found[1].score > found[2].score


def test_signature_outranks_service_outranks_words(knowledge: KnowledgeBase) -> None:
    knowledge.remember(
        state(1, service="search", signature="other", statement="the certificate of the search expired")
    )
    knowledge.remember(state(2, service="checkout", signature="other", statement="memory leak"))
    knowledge.remember(state(3, service="basket", signature="sig-x", statement="disk full"))
    found = knowledge.similar(["checkout"], "sig-x", "an expired certificate", limit=3)
    assert [(s.lesson.service, s.why) for s in found] == [
        ("basket", "signature"),
        ("checkout", "service"),
        ("search", "text"),
    ]


def test_an_outcome_never_lifts_shared_words_above_a_signature(knowledge: KnowledgeBase) -> None:
    knowledge.remember(state(1, service="basket", signature="sig-x", verdict="still_broken"))
    knowledge.remember(explained(state(2, service="search", signature="other"), explanation("certificate")))
    found = knowledge.similar([], "sig-x", "certificate at checkout", limit=3)
    assert [s.why for s in found] == ["signature", "text"]


@pytest.mark.parametrize("text", ['" OR 1=1 --', "NEAR(", "lesson_text : *", "a" * 100_000, "\x00\x01", ""])
def test_hostile_search_text_is_only_words(knowledge: KnowledgeBase, text: str) -> None:
    knowledge.remember(state(1))
    assert knowledge.similar([], "", text) == []


def test_an_incident_that_ended_early_can_be_remembered(knowledge: KnowledgeBase) -> None:
    bare = IncidentState(incident_id="i.1", group="i", opened_at=T, service="checkout", outcome="aborted")
    knowledge.remember(bare)
    assert knowledge.similar(["checkout"], "", "")[0].lesson.outcome == "aborted"


def test_edges_are_kept_per_environment_and_once(knowledge: KnowledgeBase) -> None:
    knowledge.save_edges("production", [("checkout", "orders"), ("checkout", "orders"), ("", "x")])
    knowledge.save_edges("production", [("checkout", "orders")])
    knowledge.save_edges("staging", [("a", "b")])
    assert knowledge.edges("production") == (("checkout", "orders"),)


def _write(path: Path, first: int) -> None:
    own = KnowledgeBase(path)
    for number in range(first, first + 10):
        own.remember(state(number))
        own.save_edges("production", [("checkout", f"s{number}")])


def test_threads_and_processes_share_one_file(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    process = get_context("spawn").Process(target=_write, args=(path, 0))
    threads = [Thread(target=_write, args=(path, start)) for start in (10, 20, 30)]
    for worker in (process, *threads):
        worker.start()
    for worker in (process, *threads):
        worker.join(60)
    assert process.exitcode == 0
    assert len(KnowledgeBase(path).edges("production")) == 40
    assert KnowledgeBase(path).track_record("checkout", "dynamodb.set_capacity") == (40, 40)


def test_a_file_that_is_no_database_is_explained(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    path.write_text("not a database, but long enough to be looked at as one" * 10)
    with pytest.raises(Failure, match="cannot be used") as caught:
        KnowledgeBase(path)
    assert caught.value.who == "operator"


def test_the_source_yields_past_incidents_with_outcome_and_known_calls(knowledge: KnowledgeBase) -> None:
    knowledge.remember(state(1))
    knowledge.remember(state(0))
    knowledge.save_edges("production", [("checkout", "orders"), ("search", "index")])
    scope = Scope(
        incident_id="incident-checkout.0",
        services=("checkout",),
        baseline=TimeWindow(start=T - timedelta(hours=3), end=T),
        incident=TimeWindow(start=T, end=T),
        alerted_at=T,
    )
    into = Collected("knowledge")
    source = KnowledgeSource(knowledge, "production")
    source.collect(scope, Budget(calls=10, seconds=10), into)
    frames = {kind: data.to_dicts() for kind, data in into.frames}
    assert [row["id"] for row in frames["records"]] == ["knowledge:incident-checkout.1"]
    assert frames["records"][0]["outcome"] == "resolved fixed"
    assert "worked: dynamodb.set_capacity on orders" in frames["records"][0]["resolution"]
    assert [(row["caller"], row["callee"]) for row in frames["topology"]] == [("checkout", "orders")]
    assert ("search", "index") in source.edges()


def test_remembering_knows_what_tools_aim_at(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    store = FolderCaseStore(tmp_path / "cases")
    Remembering(knowledge, store, AIMS).remember(explained(state(1), explanation("capacity")))
    assert knowledge.calibrated("capacity", 0.8) == (None, 1)
    Remembering(knowledge, store).remember(explained(state(2), explanation("capacity")))
    assert knowledge.calibrated("capacity", 0.8) == (None, 1), "without aims a fix proves nothing"
