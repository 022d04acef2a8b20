"""The plain summary in the review: told with its author, never in the place of the rule-based one."""

from pathlib import Path

import pytest

from autopilot.case.of_record import plan_of_record
from autopilot.case.store import FolderCaseStore
from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.state import Summary
from autopilot.review import ReviewWriter
from tests.unit.review.incidents import PLAN, resolved
from tests.unit.review.shop import ID

LOST = DroppedClaim(claim="Zephyr broke.", reason="nothing is cited")


@pytest.fixture
def store(tmp_path: Path) -> FolderCaseStore:
    return FolderCaseStore(tmp_path)


def review(store: FolderCaseStore, summary: Summary | None) -> tuple[str, str]:
    """HTML and Markdown."""
    state = resolved(store)
    state.summary = summary
    document = ReviewWriter(store).write(state)
    return store.get(document.uri).decode(), store.get(f"{ID}/documents/review.md").decode()


def test_a_written_summary_stands_beside_the_rules_own_with_its_author_and_what_was_dropped(
    store: FolderCaseStore,
) -> None:
    summary = Summary(text="Orders were slow <b>today</b>.", analyst="gpt-4o", dropped_claims=(LOST, LOST))
    for text in review(store, summary):
        assert "Orders were slow" in text
        assert "<b>today</b>" not in text
        assert "Written by gpt-4o from the record alone. 2 of its sentences were dropped" in text
        assert "about 1,310 users were hit" in text
        assert "Zephyr broke" not in text


def test_a_summary_of_which_nothing_is_left_is_told_as_such(store: FolderCaseStore) -> None:
    for text in review(store, Summary(analyst="gpt-4o", dropped_claims=(LOST,))):
        assert "All of its sentences were dropped" in text


@pytest.mark.parametrize("summary", [None, Summary(analyst="no model configured")])
def test_without_a_model_the_rules_own_stands_alone(store: FolderCaseStore, summary: Summary | None) -> None:
    for text in review(store, summary):
        assert "Written by" not in text
        assert "about 1,310 users were hit" in text


def test_the_last_plan_is_kept_with_the_case(store: FolderCaseStore) -> None:
    review(store, None)
    assert plan_of_record(store, ID) == PLAN
