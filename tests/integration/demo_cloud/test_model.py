"""The world's physics alone: the story's numbers, and what heals it."""

import random
from datetime import UTC, datetime

import pytest

from demo.scenarios import load
from demo.world.model import CloudState, Health, equilibrium, traffic
from demo.world.requests import draw_visit
from demo.world.scaling import Scaler, ScalingPolicy

SCENARIO = load("deploy-throttle")
SEEDS = range(25)


def _state(release: str, capacity: int = 400, layout: int = 1) -> CloudState:
    return CloudState({release: 1.0}, {release: "1"}, read_capacity=capacity, write_capacity=60, layout=layout)


def _at(seed: int, state: CloudState, after: float = 0.0, subsided: float = 0.0) -> Health:
    return equilibrium(SCENARIO, state, traffic(SCENARIO.conditions(seed), after, subsided))


def _healthy(health: Health) -> bool:
    return health.api_ms < 930 and health.error_share < 0.01 and health.throttle_rate == 0


@pytest.mark.parametrize("seed", SEEDS)
def test_the_story_has_its_numbers(seed: int) -> None:
    before, deployed, sick = (
        _at(seed, _state("v2.4.0"), -3600),
        _at(seed, _state("v2.4.1"), -400),
        _at(seed, _state("v2.4.1")),
    )
    assert _healthy(before)
    assert _healthy(deployed)
    assert deployed.read_demand > 1.5 * before.read_demand
    assert sick.api_ms > 1150
    assert 0.11 < sick.error_share < 0.2
    assert 0.09 < sick.server_errors < 0.16
    assert 845 < before.lambda_ms < 855
    assert 1150 < sick.lambda_ms < 1270
    assert 290 < sick.table_ms < 400


@pytest.mark.parametrize("seed", SEEDS)
def test_each_good_fix_heals(seed: int) -> None:
    assert _healthy(_at(seed, _state("v2.4.0")))
    assert _healthy(_at(seed, _state("v2.4.1", 800)))
    assert _healthy(_at(seed, _state("v2.4.0", 800)))
    assert _healthy(_at(seed, _state("v2.4.1"), subsided=1.0))


@pytest.mark.parametrize("seed", SEEDS)
def test_auto_scaling_at_seventy_percent_heals_within_three_steps(seed: int) -> None:
    scaler, capacity = Scaler(), 400
    for step in range(3):
        health = _at(seed, _state("v2.4.1", capacity))
        policy = ScalingPolicy(low=400, high=2000, target=0.7)
        capacity = scaler.decide(policy, capacity, health.reads_served, now=step * 2.0) or capacity
    assert _healthy(_at(seed, _state("v2.4.1", capacity)))
    assert capacity < 800


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_data_migration_rolling_back_makes_it_clearly_worse_and_capacity_still_helps(seed: int) -> None:
    layout = SCENARIO.conditions(seed, "wrong-fix").layout
    sick = _at(seed, _state("v2.4.1", layout=layout))
    back = _at(seed, _state("v2.4.0", layout=layout))
    assert back.api_ms > 1.5 * sick.api_ms
    assert back.error_share > 1.5 * sick.error_share
    assert _healthy(_at(seed, _state("v2.4.1", 800, layout=layout)))


def test_a_small_increase_is_not_enough() -> None:
    assert not _healthy(_at(1, _state("v2.4.1", 420)))


def test_half_the_traffic_rolled_back_helps_in_between() -> None:
    mixed = CloudState({"v2.4.1": 0.5, "v2.4.0": 0.5}, {}, read_capacity=300, write_capacity=60)
    errors = [_at(1, state).error_share for state in (_state("v2.4.1", 300), mixed, _state("v2.4.0", 300))]
    assert errors == sorted(errors, reverse=True)


def test_reserved_concurrency_below_need_refuses_requests() -> None:
    throttled = CloudState({"v2.4.0": 1.0}, {}, read_capacity=800, write_capacity=60, reserved_concurrency=20)
    assert _at(1, throttled).lambda_throttled > 0.4
    assert _at(1, throttled).server_errors > 0.4


def test_scale_in_waits_and_respects_the_minimum() -> None:
    policy, scaler = ScalingPolicy(low=300, high=900, target=0.7), Scaler()
    assert scaler.decide(policy, 800, 100.0, now=0.0) is None
    assert scaler.decide(policy, 800, 100.0, now=60.0) is None
    assert scaler.decide(policy, 800, 100.0, now=901.0) == 300


def test_a_scalable_target_alone_only_enforces_its_bounds() -> None:
    assert Scaler().decide(ScalingPolicy(500, 900, None), 400, 390.0, now=0.0) == 500
    assert Scaler().decide(ScalingPolicy(100, 900, None), 400, 390.0, now=0.0) is None
    assert Scaler().decide(None, 400, 390.0, now=0.0) is None


def test_single_requests_average_to_the_model() -> None:
    state, seeded = _state("v2.4.1"), random.Random(7)
    health = _at(1, state)
    at = datetime.now(UTC)
    visits = [draw_visit(SCENARIO, state, health, at, seeded) for _ in range(4000)]
    assert sum(v.lambda_ms for v in visits) / 4000 == pytest.approx(health.lambda_ms, rel=0.05)
    assert sum(v.status >= 500 for v in visits) / 4000 == pytest.approx(health.server_errors, abs=0.03)
    assert sum(v.status == 429 for v in visits) / 4000 == pytest.approx(health.client_errors, abs=0.02)


def test_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(KeyError, match="deploy-throttle"):
        load("nothing")
