"""Trends: when something fills or runs out, and when nothing can be said."""

import json
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.metrics.forecast import forecast, trend
from autopilot.incident.finding import Finding
from tests.unit.analysis.story import MINUTES, NOW, Story, Values

MINUTE = 60_000_000
START = 1_700_000_000_000_000
GB = 1e9


def times(count: int = MINUTES, step: int = MINUTE) -> npt.NDArray[np.int64]:
    return START + step * np.arange(count, dtype=np.int64)


def noise(seed: int, count: int = MINUTES) -> Values:
    return np.random.default_rng(seed).standard_normal(count)


def trends(story: Story) -> list[Finding]:
    return [f for f in analyze(story.case()).findings if f.kind == "trend"]


@pytest.mark.parametrize("seed", range(20))
def test_line_with_noise_meets_its_limit_within_the_band(seed: int) -> None:
    time = times()
    value = 100 - 0.3 * np.arange(MINUTES) + 1.5 * noise(seed)
    found = forecast(time, value, 0.0)
    assert found is not None
    truth = START + MINUTE * int(100 / 0.3)
    assert found.earliest <= found.at <= found.latest
    assert abs(found.at - truth) <= 25 * MINUTE
    assert found.earliest - 5 * MINUTE <= truth <= found.latest + 5 * MINUTE


def test_band_of_ninety_five_percent_holds_mostly() -> None:
    truth = START + MINUTE * 500
    held = 0
    for seed in range(100):
        found = forecast(times(), 100 - 0.2 * np.arange(MINUTES) + 1.0 * noise(seed), 0.0)
        held += found is not None and found.earliest <= truth <= found.latest
    assert held >= 90


@pytest.mark.parametrize("factor", [1e-300, 1e-9, 1.0, 1024.0, 1e290])
def test_unit_does_not_matter(factor: float) -> None:
    value = 20 + 0.3 * np.arange(MINUTES) + noise(3)
    usual, other = forecast(times(), value, 100.0), forecast(times(), value * factor, 100.0 * factor)
    assert usual is not None
    assert other is not None
    assert abs(other.at - usual.at) <= MINUTE // 60
    assert other.line.slope == pytest.approx(usual.line.slope * factor)


def test_noise_constants_steps_and_saturating_curves_have_no_trend() -> None:
    passed = sum(forecast(times(), 50 + noise(seed), 100.0) is not None for seed in range(200))
    assert passed <= 2
    step = np.where(np.arange(MINUTES) < 90, 20.0, 60.0) + noise(1)
    levelling = 90 * (1 - np.exp(-np.arange(MINUTES) / 40)) + 0.5 * noise(2)
    for value in (np.full(MINUTES, 7.0), np.zeros(MINUTES), step, levelling):
        assert forecast(times(), value, 100.0) is None


def test_growth_that_began_lately_is_found_with_its_own_slope() -> None:
    value = 40 + 0.2 * noise(5)
    value[-24:] += 1.5 * np.arange(24)
    found = forecast(times(), value, 100.0)
    assert found is not None
    assert found.line.slope * MINUTE == pytest.approx(1.5, rel=0.15)
    assert found.at - times()[-1] == pytest.approx(17 * MINUTE, abs=3 * MINUTE)


def test_sawtooth_that_is_cleaned_up_below_the_limit_is_not_forecast() -> None:
    for period in (20, 45, 100, 150):
        saw = 30 + 40 * (np.arange(MINUTES) % period) / period + 0.3 * noise(period)
        assert forecast(times(), saw, 100.0) is None


def test_sawtooth_over_a_leak_is_forecast_by_what_is_left_after_cleaning() -> None:
    left = 20 + 0.25 * np.arange(MINUTES)
    saw = left + 45 * (np.arange(MINUTES) % 15) / 15
    found = forecast(times(), saw, 150.0)
    assert found is not None
    assert found.line.slope * MINUTE == pytest.approx(0.25, rel=0.1)


def test_process_that_was_ended_by_its_limit_is_forecast_again() -> None:
    memory = np.concatenate([20 + 0.9 * np.arange(88), 20 + 0.9 * np.arange(MINUTES - 88 - 40)])
    found = forecast(times(memory.size), memory + 0.3 * noise(7, memory.size), 100.0)
    assert found is not None
    assert found.at - times(memory.size)[-1] == pytest.approx((88 - 51) * MINUTE, abs=6 * MINUTE)


def test_what_lies_beyond_the_horizon_is_not_told() -> None:
    assert forecast(times(), 90 - 0.02 * np.arange(MINUTES) + 0.02 * noise(1), 0.0) is None


@pytest.mark.parametrize("count", [0, 1, 2, 7])
def test_short_series_say_nothing(count: int) -> None:
    assert forecast(times(count), np.arange(count, dtype=np.float64), 10.0) is None
    assert trend(times(count), np.arange(count, dtype=np.float64), 1.0) is None


def test_storage_that_runs_out_is_told_with_speed_time_and_band() -> None:
    story = Story(1)
    free = 12 * GB - 1.2 * GB / 60 * np.arange(MINUTES) + 0.02 * GB * noise(1)
    story.metric("db", "AWS/RDS", "FreeStorageSpace", "Average", "Bytes", free, DBInstanceIdentifier="db")
    (found,) = trends(story)
    assert (found.service, found.direction, found.cause_kind) == ("db", "down", "disk")
    assert "falls by 1.2 GB per hour" in found.summary
    assert "it reaches 0 at 17:0" in found.summary or "it reaches 0 at 16:5" in found.summary
    assert found.observed == pytest.approx(8.4 * GB, rel=0.02)
    assert found.metric is not None


def test_trend_that_is_far_from_its_limit_blames_nobody() -> None:
    story = Story(1)
    free = 12 * GB - 1.2 * GB / 60 * np.arange(MINUTES) + 0.02 * GB * noise(1)
    story.metric("db", "AWS/RDS", "FreeStorageSpace", "Average", "Bytes", free, DBInstanceIdentifier="db")
    dossier = analyze(story.case())
    assert dossier.insufficient_evidence


def test_memory_that_grows_until_its_limit_is_a_leak() -> None:
    story = Story(2)
    used = 3e8 + 2.5e6 * np.arange(MINUTES) + 2e6 * noise(2)
    story.metric("checkout", "k8s", "container_memory_working_set_bytes", "", "", used, pod="checkout-1")
    story.metric(
        "checkout", "k8s", "container_spec_memory_limit_bytes", "", "", np.full(MINUTES, 8e8), pod="checkout-1"
    )
    (found,) = trends(story)
    assert (found.mechanism, found.cause_kind, found.direction) == ("memory_leak", "memory", "up")
    assert "container_spec_memory_limit_bytes" in found.summary
    assert "per minute" in found.summary


def test_memory_without_a_known_limit_is_told_as_growth_without_an_end() -> None:
    story = Story(3)
    used = 3e8 + 2.5e6 * np.arange(MINUTES) + 2e6 * noise(2)
    story.metric("checkout", "custom", "process_resident_memory", "Average", "Bytes", used, Service="checkout")
    (found,) = trends(story)
    assert found.mechanism == "memory_leak"
    assert "limit is not known" in found.summary


@pytest.mark.parametrize(
    ("settings", "alarm"),
    [({"max_connections": 200}, ""), ({}, "1 datapoint [150.0] was below the threshold (200.0)")],
)
def test_limit_comes_from_the_inventory_or_from_an_alarm(settings: dict[str, int], alarm: str) -> None:
    story = Story(4)
    open_ = 60 + 0.5 * np.arange(MINUTES) + noise(4)
    story.metric("db", "AWS/RDS", "DatabaseConnections", "Average", "Count", open_, DBInstanceIdentifier="db")
    story.add("inventory", {
        "resource": "arn:db", "kind": "rds_instance", "name": "db", "service": "db",
        "settings": json.dumps(settings),
    })  # fmt: skip
    if alarm:
        story.add("alarms", {
            "time": NOW - timedelta(hours=2), "name": "many connections", "service": "db", "state": "resolved",
            "metric": "AWS/RDS DatabaseConnections", "reason": alarm,
        })  # fmt: skip
    (found,) = trends(story)
    assert ("max_connections of db" if settings else "alarm's threshold") in found.summary
    assert "(200)" in found.summary


def test_limit_that_was_reached_is_a_named_cause() -> None:
    story = Story(5, services=("db",))
    open_ = np.minimum(story.steps(60, (10, 240), noise=0.02), 200)
    story.metric("db", "AWS/RDS", "DatabaseConnections", "Average", "Count", open_, DBInstanceIdentifier="db")
    story.metric("db", "custom", "Latency", "Average", "ms", story.steps(20, (9, 400)), Service="db")
    story.add("inventory", {
        "resource": "arn:db", "kind": "rds_instance", "name": "db", "service": "db",
        "settings": json.dumps({"max_connections": 200}),
    })  # fmt: skip
    dossier = analyze(story.case())
    assert dossier.suspects[0].mechanism == "connections_exhausted"
    assert any("100% of max_connections of db" in f.summary for f in dossier.findings)


def test_flows_such_as_processor_time_are_not_forecast() -> None:
    story = Story(6)
    busy = 20 + 0.3 * np.arange(MINUTES) + noise(6)
    story.metric("checkout", "AWS/ECS", "CPUUtilization", "Average", "Percent", busy, ServiceName="checkout")
    assert trends(story) == []


def test_percent_without_further_settings_ends_at_a_hundred() -> None:
    story = Story(7)
    full = 40 + 0.25 * np.arange(MINUTES) + 0.5 * noise(7)
    story.metric("db", "custom", "disk_used_percent", "Average", "Percent", full, host="db-1")
    (found,) = trends(story)
    assert "it reaches 100% at" in found.summary
    assert found.cause_kind == "disk"
