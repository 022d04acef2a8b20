"""What is left of a written hypothesis: a change is blamed only at the service that it changed."""

import pytest

from autopilot.incident.investigation import Proposed
from autopilot.reasoning.investigating.enforcing import Checking
from tests.unit.reasoning import story


def proposed(service: str, change: str) -> Proposed:
    """Somebody blames a change of a service."""
    return Proposed(
        statement="orders ReadThrottleEvents rose from 0 to 240 per minute (F4).",
        cause_kind="bad_deploy",
        service=service,
        change_id=change,
        supporting=("F4",),
    )


def test_a_change_is_blamed_where_it_was_made() -> None:
    checking = Checking(story.dossier())
    kept = checking.proposal(proposed("checkout", story.DEPLOY))
    assert kept is not None
    assert kept.claim.change_id == story.DEPLOY
    assert checking.dropped == []


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (story.DEPLOY, "the change 'github:2' is one of 'checkout', not of 'orders'"),
        ("github:999", "the change 'github:999' occurs in no finding"),
    ],
)
def test_a_change_of_another_service_lends_no_weight(change: str, reason: str) -> None:
    checking = Checking(story.dossier())
    kept = checking.proposal(proposed("orders", change))
    assert kept is not None
    assert kept.claim.change_id == ""
    assert kept.prior < 0.5
    assert [dropped.reason for dropped in checking.dropped] == [reason]
