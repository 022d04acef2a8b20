"""Processes that die in the middle of an incident: a file of its own, to run beside the others."""

import pytest

from tests.e2e.playing import ended, play, writes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@pytest.mark.parametrize(
    ("fault", "effects"),
    [
        ("kill-worker", ["lambda:UpdateAlias"]),
        ("kill-worker-between-steps", ["lambda:UpdateAlias", "dynamodb:UpdateTable"]),
        ("kill-temporal", ["lambda:UpdateAlias"]),
        ("kill-gateway", ["lambda:UpdateAlias"]),
    ],
)
def test_a_death_in_the_middle_loses_nothing_and_repeats_nothing(fault: str, effects: list[str]) -> None:
    result = play("--fault", fault)
    assert ended(result) == ("resolved", "fixed")
    assert writes(result) == [(effect, 1) for effect in effects]


def test_an_answer_that_was_stored_when_the_worker_died_is_not_paid_for_again() -> None:
    result = play("--fault", "kill-worker-thinking")
    assert ended(result) == ("resolved", "fixed")
    assert result["deaths"] == ["worker, with the model's answer just stored"]
    assert result["analyst"] == "gpt-4o"
    assert result["usage"]["calls"] == len(result["model_calls"]) >= 3
    assert [call["count"] for call in result["model_calls"]] == [1] * len(result["model_calls"])
