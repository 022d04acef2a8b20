"""Every paid request to a model is in the audit record, and nothing of what was said to it."""

from pathlib import Path

import pytest

from autopilot.audit.sqlite import SqliteAudit
from autopilot.incident.audit import Entry
from autopilot.incident.ports import Failure
from autopilot.reasoning.asking.models import Models
from tests.integration.model.asking import CAUSE, INCIDENT, KEY, MESSAGES, cause, model
from tests.integration.model.server import ModelServer, completion, error


@pytest.fixture
def audit(tmp_path: Path) -> SqliteAudit:
    return SqliteAudit(tmp_path / "audit.db")


def calls(audit: SqliteAudit) -> list[Entry]:
    return list(audit.entries(incident_id=INCIDENT, kind="model"))


def test_an_answer_is_recorded_once_with_its_tokens(
    server: ModelServer, audit: SqliteAudit, tmp_path: Path
) -> None:
    server.always(completion(CAUSE))
    models = Models(model(server, name="gpt-4o"), audit=audit)
    cause(models, tmp_path / "cases")
    cause(models, tmp_path / "cases", attempt=2)  # the stored answer: nothing is paid
    [call] = calls(audit)
    assert (call.actor, call.outcome) == ("gpt-4o", "answered")
    assert call.what == f"analysis at {server.base_url}/"
    assert "tokens in" in call.reason
    assert len(call.key.rpartition("/")[2]) == 16
    assert len(server.requests) == 1


def test_a_failure_is_recorded_with_its_reason_and_without_what_the_server_repeats(
    server: ModelServer, audit: SqliteAudit, tmp_path: Path
) -> None:
    server.queue = [error(429, f"not now, you with {KEY} who ask: {MESSAGES[1]['content']}"), completion(CAUSE)]
    models = Models(model(server), audit=audit)
    with pytest.raises(Failure):
        cause(models, tmp_path / "cases")
    cause(models, tmp_path / "cases", attempt=2)
    failed, answered = calls(audit)
    assert (failed.outcome, answered.outcome) == ("failed", "answered")
    assert "answered 429 (retry)" in failed.reason
    written = "".join(entry.model_dump_json() for entry in calls(audit))
    assert KEY not in written
    assert MESSAGES[1]["content"] not in written
    assert CAUSE["service"] not in written


class Full(SqliteAudit):
    """A record on a disk that is full."""

    def append(self, entries: object) -> None:
        raise Failure("no space left", who="operator")


def test_a_paid_answer_is_used_even_when_it_cannot_be_recorded(server: ModelServer, tmp_path: Path) -> None:
    server.always(completion(CAUSE))
    models = Models(model(server), audit=Full(tmp_path / "audit.db"))
    assert cause(models, tmp_path / "cases").service == CAUSE["service"]
