"""What is left of a written hypothesis: a change is blamed only at the service that it changed."""

import pytest

from autopilot.incident.investigation import Proposed, Turn
from autopilot.reasoning.investigating.conclusion import Evidence, conclude
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


def concluded(*rounds: tuple[Proposed, ...]) -> tuple[int, int, list[str]]:
    """How many claims were checked and dropped, and what stands of a model's words."""
    turns = [
        Turn(number=n, proposed=said, analyst="built-in analyst of somebody", by_model=True)
        for n, said in enumerate(rounds, start=1)
    ]
    diagnosis = conclude(turns, Evidence(story.dossier(), "checkout-api"))
    return diagnosis.claims, diagnosis.dropped, [h.statement for h in diagnosis.hypotheses]


def test_a_hypothesis_that_falls_in_every_round_is_counted_once() -> None:
    sound = proposed("checkout", story.DEPLOY)
    nowhere = sound.model_copy(update={"service": "zebra-svc", "change_id": ""})
    lie = nowhere.model_copy(
        update={"statement": "Zebras ate 12345 cables (F4).", "service": "checkout", "cause_kind": "disk"}
    )
    once = concluded((sound, nowhere, lie))
    assert once[1] == 2  # the service, and the sentence
    assert concluded((sound, nowhere, lie), (sound, nowhere, lie)) == once
    assert concluded((nowhere, lie), (nowhere, lie), (sound, nowhere, lie)) == once


def test_what_an_earlier_round_said_soundly_is_kept_although_it_fell_later() -> None:
    sound = proposed("checkout", story.DEPLOY)
    lie = sound.model_copy(update={"statement": "Zebras ate 12345 cables (F4)."})
    _, dropped, stands = concluded((sound,), (lie,))
    assert sound.statement in stands
    assert dropped == 1
