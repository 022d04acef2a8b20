"""The likelihood of suspects."""

import itertools

import pytest

from autopilot.analysis.ranking.calibration import leads, likelihoods


def test_a_lead_is_counted_from_the_second_and_everything_else_from_the_first() -> None:
    assert leads([0.8, 0.5, 0.2]) == pytest.approx([0.3, -0.3, -0.6])
    assert leads([0.4]) == [0.4]
    assert leads([]) == []


def test_the_order_of_suspects_stays_and_every_likelihood_is_a_share() -> None:
    for scores in itertools.product((0.0, 0.15, 0.4, 0.95), repeat=3):
        told = likelihoods(sorted(scores, reverse=True))
        assert told == sorted(told, reverse=True)
        assert all(0 <= share <= 1 for share in told)


def test_a_clear_lead_makes_the_same_score_likelier() -> None:
    assert likelihoods([0.5, 0.1])[0] > likelihoods([0.5, 0.45])[0]
