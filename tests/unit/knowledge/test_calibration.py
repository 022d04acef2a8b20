"""Confidence fitted on known outcomes."""

import math
import random
from pathlib import Path

import pytest

from autopilot.incident.cause import CauseKind
from autopilot.knowledge.calibration import LEAST_OUTCOMES, Mapped, fit
from autopilot.knowledge.sqlite import KnowledgeBase
from tests.unit.knowledge.closed import AIMS, explained, explanation, state

HABITS = (0.55, 0.7, 0.95)
"""Confidences of a source that says more than it knows."""


def boastful(n: int, seed: int = 7) -> tuple[list[float], list[bool]]:
    """Outcomes of a source whose confidence is right only half as often as it says."""
    chance = random.Random(seed)
    said = [HABITS[i % len(HABITS)] for i in range(n)]
    return said, [chance.random() < confidence / 2 for confidence in said]


def error(shares: list[float], right: list[bool]) -> float:
    """Distance of mean share and share of right ones, over groups of equal shares."""
    groups = {share: [hit for s, hit in zip(shares, right, strict=True) if s == share] for share in shares}
    return sum(abs(sum(hits) - share * len(hits)) for share, hits in groups.items()) / len(right)


def test_a_boastful_source_becomes_calibrated_on_outcomes_it_was_not_fitted_on() -> None:
    fitted = fit(*boastful(600))
    said, right = boastful(3_000, seed=8)
    shares = [fitted.share(confidence) or 0.0 for confidence in said]
    assert error(said, right) > 0.3
    assert error(shares, right) < 0.06


def test_thirty_outcomes_already_correct_most_of_the_boasting() -> None:
    fitted = fit(*boastful(LEAST_OUTCOMES))
    said, right = boastful(600, seed=8)
    shares = [fitted.share(confidence) or 0.0 for confidence in said]
    assert error(shares, right) < error(said, right) / 2


def test_order_is_never_turned_round() -> None:
    fitted = fit([0.9] * 20 + [0.5] * 20, [False] * 20 + [True] * 20)
    assert fitted.share(0.9) == fitted.share(0.5) == pytest.approx(0.5)
    rising = fit(*boastful(200))
    shares = [rising.share(c / 10) or 0.0 for c in range(11)]
    assert shares == sorted(shares)


def test_outcomes_that_are_all_alike_leave_room_for_doubt() -> None:
    assert fit([0.9] * 30, [True] * 30).share(0.9) == pytest.approx(31 / 32, abs=1e-4)
    assert fit([0.5, 0.9] * 15, [False] * 30).share(0.9) == pytest.approx(1 / 32, abs=1e-4)


@pytest.mark.parametrize("confidence", [-5.0, 0.0, 1.0, 17.0, math.inf, -math.inf])
def test_any_confidence_gets_a_share(confidence: float) -> None:
    share = fit(*boastful(60)).share(confidence)
    assert share is not None
    assert 0 < share < 1


@pytest.mark.parametrize(
    "stored",
    [
        "", "null", "[]", "{}", "nonsense", "[[0.5]]", "[[0.5, 1.5]]", "[[0.5, NaN]]", "[[0.2, 0.9], [0.8, 0.1]]",
        "[[0.8, 0.1], [0.2, 0.9]]", "[[-1, 0.1]]", '[["0.5", "x"]]', "[" * 10_000,
    ],
)  # fmt: skip
def test_a_map_that_no_fit_gives_is_not_applied(stored: str) -> None:
    assert Mapped.read(stored).share(0.5) is None


def test_a_map_is_kept_whole_and_interpolated() -> None:
    mapped = Mapped(((0.2, 0.1), (0.4, 0.1), (0.6, 0.9)))
    again = Mapped.read(mapped.stored())
    assert again == mapped
    shares = [again.share(confidence) for confidence in (0.0, 0.2, 0.3, 0.5, 0.6, 1.0)]
    assert shares == [0.1, 0.1, 0.1, 0.5, 0.9, 0.9]
    assert again.share(math.nan) is None


def test_without_an_outcome_nothing_is_fitted() -> None:
    with pytest.raises(ValueError, match="without an outcome"):
        fit([], [])


def remember(knowledge: KnowledgeBase, number: int, kind: CauseKind, confidence: float, *, right: bool) -> None:
    """One incident whose fix proved, or whose competitor's remedy refuted, the leading explanation."""
    other: CauseKind = "bad_deploy" if kind == "capacity" else "capacity"
    tools = {"capacity": "dynamodb.set_capacity", "bad_deploy": "lambda.rollback_alias"}
    closed = state(number, tried=(tools[kind if right else other],))
    knowledge.remember(explained(closed, explanation(kind, confidence), explanation(other, 0.5)), AIMS)


@pytest.fixture
def knowledge(tmp_path: Path) -> KnowledgeBase:
    return KnowledgeBase(tmp_path / "knowledge.db")


def test_twenty_nine_outcomes_stay_uncalibrated_and_the_thirtieth_calibrates(knowledge: KnowledgeBase) -> None:
    assert knowledge.calibrated("capacity", 0.9) == (None, 0)
    for number in range(LEAST_OUTCOMES - 1):
        remember(knowledge, number, "capacity", 0.9, right=number % 3 == 0)
    assert knowledge.calibrated("capacity", 0.9) == (None, LEAST_OUTCOMES - 1)
    remember(knowledge, LEAST_OUTCOMES, "capacity", 0.9, right=False)
    share, count = knowledge.calibrated("capacity", 0.9)
    assert count == LEAST_OUTCOMES
    assert share == pytest.approx(10 / 30, abs=0.03)
    assert knowledge.calibrated("bad_deploy", 0.9) == (None, 0), "kinds do not lend each other outcomes"


def test_a_rerun_replaces_its_outcome_and_may_take_the_calibration_away(knowledge: KnowledgeBase) -> None:
    for number in range(LEAST_OUTCOMES):
        remember(knowledge, number, "capacity", 0.9, right=True)
    before, _ = knowledge.calibrated("capacity", 0.9)
    remember(knowledge, 3, "capacity", 0.9, right=False)
    after, count = knowledge.calibrated("capacity", 0.9)
    assert count == LEAST_OUTCOMES
    assert before is not None
    assert after is not None
    assert after < before
    remember(knowledge, 3, "bad_deploy", 0.9, right=True)
    assert knowledge.calibrated("capacity", 0.9) == (None, LEAST_OUTCOMES - 1)
    assert knowledge.calibrated("bad_deploy", 0.9) == (None, 1)


def test_the_map_is_read_by_others_who_open_the_file(knowledge: KnowledgeBase, tmp_path: Path) -> None:
    for number in range(LEAST_OUTCOMES):
        remember(knowledge, number, "capacity", 0.8, right=number % 2 == 0)
    again = KnowledgeBase(tmp_path / "knowledge.db")
    assert again.calibrated("capacity", 0.8) == knowledge.calibrated("capacity", 0.8)
    assert again.calibrated("capacity", 0.8)[0] == pytest.approx(0.5, abs=0.02)
    assert again.calibrated("capacity", math.nan)[0] is None
