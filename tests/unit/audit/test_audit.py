"""The audit record: added to only, once per key, each entry bound to the one before."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from autopilot.audit.sqlite import SqliteAudit
from autopilot.incident.audit import Entry, action_key, decision_key, unproven
from autopilot.incident.ports import Failure

T0 = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)


def entry(number: int, **changes: object) -> Entry:
    values: dict[str, object] = {
        "key": f"k{number}", "at": T0 + timedelta(seconds=number), "kind": "action", "actor": "slack:U1",
        "what": "roll back", "outcome": "done", "incident_id": "i1",
    }  # fmt: skip
    return Entry.model_validate(values | changes)


@pytest.fixture
def audit(tmp_path: Path) -> SqliteAudit:
    return SqliteAudit(tmp_path / "deep" / "audit.db")


def test_entries_come_back_in_order_and_stand_once(audit: SqliteAudit) -> None:
    audit.append([entry(1), entry(2, kind="decision", outcome="accepted")])
    audit.append([entry(2, outcome="done"), entry(3, incident_id="i2")])
    assert [e.key for e in audit.entries()] == ["k1", "k2", "k3"]
    assert [e.key for e in audit.entries(incident_id="i1", kind="action")] == ["k1"]
    assert [e.key for e in audit.entries(since=T0 + timedelta(seconds=3))] == ["k3"]
    assert audit.broken() is None


def test_only_what_changed_something_counts_against_limits(audit: SqliteAudit) -> None:
    audit.append([entry(1), entry(2, outcome="refused"), entry(3, kind="query"), entry(4, outcome="already")])
    assert [e.key for e in audit.changed(T0)] == ["k1"]
    assert audit.changed(T0 + timedelta(seconds=2)) == ()


@pytest.mark.parametrize("change", ["DELETE FROM entry", "UPDATE entry SET body = '{}'"])
def test_nothing_is_changed_or_removed(audit: SqliteAudit, tmp_path: Path, change: str) -> None:
    audit.append([entry(1)])
    with (
        sqlite3.connect(tmp_path / "deep" / "audit.db") as db,
        pytest.raises(sqlite3.IntegrityError, match="append"),
    ):
        db.execute(change)


def test_who_forces_a_change_is_found_out(audit: SqliteAudit, tmp_path: Path) -> None:
    audit.append([entry(1), entry(2), entry(3)])
    with sqlite3.connect(tmp_path / "deep" / "audit.db") as db:
        db.execute("DROP TRIGGER entry_stays")
        db.execute("UPDATE entry SET body = replace(body, 'slack:U1', 'slack:U2') WHERE number = 2")
    assert audit.broken() == 2


def test_several_writers_do_not_break_the_chain(audit: SqliteAudit) -> None:
    with ThreadPoolExecutor(4) as pool:
        for number in range(40):
            pool.submit(audit.append, [entry(number), entry(number + 1_000)])
    assert len(list(audit.entries())) == 80
    assert audit.broken() is None


def test_a_file_that_is_none_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "audit.db").write_text("no database, " * 100)
    with pytest.raises(Failure, match="Nothing is changed without it"):
        SqliteAudit(tmp_path / "audit.db")


def test_the_outcomes_under_a_key_are_found_in_order(audit: SqliteAudit) -> None:
    mine, other = decision_key("i1", "d1", proven=True), decision_key("i1", "d1", proven=False)
    audit.append([entry(1, key=f"{other}1", outcome="unproven"), entry(2, key=f"{mine}2", outcome="frozen")])
    audit.append(
        [entry(3, key=f"{mine}1", outcome="duplicate"), entry(4, key=decision_key("i1", "d10", proven=True))]
    )
    assert audit.outcomes(mine) == ("frozen", "duplicate")
    assert audit.outcomes(other) == ("unproven",)
    assert audit.outcomes(action_key("i1/1/1/1/do")) == ()


def test_no_id_passes_for_the_key_of_another_decision() -> None:
    genuine = decision_key("i1", "d1", proven=True)
    assert not decision_key("i1/proven/d1", "x", proven=False).startswith(genuine)
    assert not decision_key("i1", "d1/x", proven=True).startswith(genuine)


def test_a_long_name_does_not_hide_that_nobody_vouches_for_it() -> None:
    assert entry(1, actor=unproven("slack:U1" + "x" * 500)).actor.endswith("(unproven)")
    assert unproven("slack:U1\u200b") == "slack:U1 (unproven)"
