"""A knowledge base that an older version wrote."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from autopilot.incident.ports import Failure
from autopilot.incident.track_record import Move
from autopilot.knowledge.base import lesson_of
from autopilot.knowledge.sqlite import KnowledgeBase
from tests.unit.knowledge.closed import T, state

VERSION_1 = """
CREATE TABLE lesson (
    incident_id TEXT PRIMARY KEY, at REAL NOT NULL, service TEXT NOT NULL, signature TEXT NOT NULL,
    body TEXT NOT NULL
);
CREATE INDEX lesson_service ON lesson (service, at);
CREATE INDEX lesson_signature ON lesson (signature, at);
CREATE TABLE tool_outcome (
    incident_id TEXT NOT NULL, service TEXT NOT NULL, tool TEXT NOT NULL, target TEXT NOT NULL,
    worked INTEGER NOT NULL
);
CREATE INDEX tool_outcome_of ON tool_outcome (service, tool);
CREATE TABLE edge (
    environment TEXT NOT NULL, caller TEXT NOT NULL, callee TEXT NOT NULL, seen REAL NOT NULL,
    PRIMARY KEY (environment, caller, callee)
);
CREATE VIRTUAL TABLE lesson_text USING fts5 (incident_id UNINDEXED, words, tokenize = 'porter unicode61');
PRAGMA user_version = 1;
"""
VERSION_2 = """
CREATE TABLE cause_outcome (
    incident_id TEXT NOT NULL, kind TEXT NOT NULL, confidence REAL NOT NULL, correct INTEGER NOT NULL,
    reason TEXT NOT NULL
);
CREATE INDEX cause_outcome_of ON cause_outcome (kind);
CREATE INDEX cause_outcome_in ON cause_outcome (incident_id);
CREATE TABLE calibration (
    kind TEXT PRIMARY KEY, points TEXT NOT NULL, outcomes INTEGER NOT NULL
);
CREATE TABLE feedback (
    incident_id TEXT NOT NULL, at REAL NOT NULL, service TEXT NOT NULL, body TEXT NOT NULL
);
CREATE INDEX feedback_about ON feedback (service, at);
CREATE INDEX feedback_in ON feedback (incident_id);
PRAGMA user_version = 2;
"""
CAPACITY = Move(service="checkout", tool="dynamodb.set_capacity")
SCALE = Move(service="checkout", tool="ecs.scale")


def old_file(path: Path) -> None:
    """What version 1 left behind: one lesson without the fields that came later, one tool outcome, one call."""
    lesson = lesson_of(state(1)).model_dump_json(exclude={"feedback"})
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1)
        row = ("incident-checkout.1", T.timestamp(), "checkout", "sig-a", lesson)
        db.execute("INSERT INTO lesson VALUES (?, ?, ?, ?, ?)", row)
        outcome = ("incident-checkout.1", "checkout", "dynamodb.set_capacity", "orders", 1)
        db.execute("INSERT INTO tool_outcome VALUES (?, ?, ?, ?, ?)", outcome)
        db.execute("INSERT INTO edge VALUES ('production', 'checkout', 'orders', 1.0)")
        db.execute("INSERT INTO lesson_text VALUES ('incident-checkout.1', 'latency capacity')")
        db.commit()


def version(path: Path) -> int:
    with closing(sqlite3.connect(path)) as db:
        return int(db.execute("PRAGMA user_version").fetchone()[0])


def test_a_file_of_version_1_keeps_what_it_knows_and_learns_the_new(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    old_file(path)
    knowledge = KnowledgeBase(path)
    assert version(path) == 3
    assert knowledge.track_record("checkout", "dynamodb.set_capacity") == (1, 1)
    assert [s.lesson.incident_id for s in knowledge.similar(["checkout"], "sig-a", "capacity")] == [
        "incident-checkout.1"
    ]
    assert knowledge.edges("production") == (("checkout", "orders"),)
    assert knowledge.calibrated("capacity", 0.5) == (None, 0)
    knowledge.remember(state(2))
    assert len(KnowledgeBase(path).similar(["checkout"], "", "")) == 2


def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    KnowledgeBase(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    with pytest.raises(Failure, match="newer version") as caught:
        KnowledgeBase(path)
    assert caught.value.who == "operator"
    assert version(path) == 99


def test_a_file_of_version_2_knows_which_tools_failed_and_which_did_not(tmp_path: Path) -> None:
    path = tmp_path / "knowledge.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(VERSION_1.replace("PRAGMA user_version = 1;", "") + VERSION_2)
        cases = [("resolved", 1), ("resolved", 0), ("handed_over", 0), ("aborted", 0)]
        for number, (ended, worked) in enumerate(cases, start=1):
            lesson = lesson_of(state(number)).model_copy(update={"outcome": ended})
            row = (lesson.incident_id, lesson.at.timestamp(), "checkout", "sig-a", lesson.model_dump_json())
            db.execute("INSERT INTO lesson VALUES (?, ?, ?, ?, ?)", row)
            for tool in ("dynamodb.set_capacity", "ticket.create"):
                outcome = (lesson.incident_id, "checkout", tool, "orders", worked)
                db.execute("INSERT INTO tool_outcome VALUES (?, ?, ?, ?, ?)", outcome)
        # The same tool on two targets, of which one did not help.
        db.execute("INSERT INTO tool_outcome VALUES ('incident-checkout.1', 'checkout', 'ecs.scale', 'a', 1)")
        db.execute("INSERT INTO tool_outcome VALUES ('incident-checkout.1', 'checkout', 'ecs.scale', 'b', 0)")
        db.commit()
    knowledge = KnowledgeBase(path)
    assert version(path) == 3
    found = knowledge.experiences("production", CAPACITY)
    assert [(e.incident_id, e.verdict) for e in found] == [
        ("incident-checkout.4", None),
        ("incident-checkout.3", "still_broken"),
        ("incident-checkout.2", "still_broken"),
        ("incident-checkout.1", "fixed"),
    ]
    assert all(e.at.utcoffset() is not None and e.agreed is None and not e.approved for e in found)
    assert found[-1].at == state(1).alerts[0].started_at
    assert [e.verdict for e in knowledge.experiences("production", SCALE)] == ["still_broken"]
    assert knowledge.experiences("production", Move(service="checkout", tool="ticket.create")) == ()
    assert knowledge.experiences("staging", CAPACITY) == ()
    assert len(knowledge.all_experiences("production")) == 5
    knowledge.remember(state(2))
    assert knowledge.experiences("production", CAPACITY)[-2].incident_id == "incident-checkout.2"
    assert len(KnowledgeBase(path).all_experiences("production")) == 5
