"""The metric probe tells rises from falls and from nothing at all, and never takes silence for health."""

import math

import numpy as np
import pytest

from tests.unit.analysis.probes.ask import ask, nothing
from tests.unit.analysis.story import Story, healthy, throttled_checkout


def series(values: object, name: str = "Latency", unit: str = "Milliseconds", **dimensions: str) -> Story:
    story = Story(3)
    story.metric("api", "custom", name, "Average", unit, np.asarray(values), **(dimensions or {"Service": "api"}))
    return story


def test_rise_is_told_with_levels_and_onset() -> None:
    answer = ask(throttled_checkout(1), "metric", service="orders", metric="ReadThrottleEvents", region="")
    assert answer.outcome == "rose"
    first = answer.findings[0]
    assert (first.service, first.direction, first.cause_kind) == ("orders", "up", "throttled")
    assert first.onset is not None
    assert first.metric is not None
    assert first.metric.name == "ReadThrottleEvents"
    assert "since 09:5" in answer.summary


def test_fall_is_told() -> None:
    story = Story(1)
    answer = ask(series(story.steps(200, (10, 20))).case(), "metric", service="api", metric="latency", region="")
    assert (answer.outcome, answer.findings[0].direction) == ("fell", "down")


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_steady_metric_is_unchanged_with_both_levels(seed: int) -> None:
    answer = ask(healthy(seed), "metric", service="checkout", metric="Duration", region="us-east-1")
    assert answer.outcome == "unchanged"
    found = answer.findings[0]
    assert found.baseline == pytest.approx(850, rel=0.05)
    assert found.observed == pytest.approx(850, rel=0.05)
    assert "unchanged at" in found.summary
    assert "usually" in found.summary
    assert found.direction == "none"


def test_part_of_a_name_and_the_kind_of_a_metric_are_understood() -> None:
    case = throttled_checkout(1)
    by_part = ask(case, "metric", service="orders", metric="throttle", region="")
    by_kind = ask(case, "metric", service="checkout", metric="latency", region="")
    by_synonym = ask(case, "metric", service="checkout", metric="requests", region="")
    assert by_part.findings[0].summary.startswith("ReadThrottleEvents")
    assert by_kind.findings[0].summary.startswith("Latency")
    assert (by_kind.outcome, by_synonym.outcome) == ("rose", "rose")


def test_among_several_series_the_one_that_moved_leads_and_the_others_are_named() -> None:
    story = series(Story(1).steps(50), name="PoolWait")
    story.metric("api", "custom", "PoolSize", "Average", "Count", story.steps(5, (12, 50)), Service="api")
    answer = ask(story.case(), "metric", service="api", metric="pool", region="")
    assert answer.outcome == "rose"
    assert answer.findings[0].summary.startswith("PoolSize")
    assert "1 of 2 series moved" in answer.summary
    assert "PoolWait" in answer.summary


def test_unknown_service_metric_and_region_are_answered_with_what_exists() -> None:
    case = throttled_checkout(1)
    service = ask(case, "metric", service="chekout", metric="latency", region="")
    metric = ask(case, "metric", service="search", metric="garbage", region="")
    region = ask(case, "metric", service="search", metric="cpu", region="eu-nowhere-9")
    assert {service.outcome, metric.outcome, region.outcome} == {"unknown"}
    assert '"chekout"' in service.summary
    assert "checkout" in service.summary
    assert "CPUUtilization" in metric.summary
    assert "us-east-1" in region.summary
    assert service.missing == region.missing == ("metrics",)


def test_name_is_met_without_case_and_punctuation_and_by_the_id_of_a_resource() -> None:
    story = Story(1)
    story.metric("Order_Store", "custom", "Latency", "Average", "ms", story.steps(5), Service="arn:x:table/Orders")
    for asked in ("order-store", "arn:x:table/Orders", "orders"):
        answer = ask(story.case(), "metric", service=asked, metric="latency", region="")
        assert (answer.outcome, answer.findings[0].service) == ("unchanged", "Order_Store")


def test_no_data_is_not_health() -> None:
    values = Story(1).steps(50)
    values[-30:] = math.nan
    silent = ask(series(values).case(), "metric", service="api", metric="latency", region="")
    never = ask(series(np.full(180, math.inf)).case(), "metric", service="api", metric="latency", region="")
    empty = ask(nothing(), "metric", service="api", metric="latency", region="")
    assert {silent.outcome, never.outcome, empty.outcome} == {"unknown"}


def test_steady_series_without_history_cannot_be_said_to_be_unchanged() -> None:
    answer = ask(series(Story(1).steps(50)[-25:]).case(), "metric", service="api", metric="latency", region="")
    assert answer.outcome == "unknown"
    assert "too little to say" in answer.summary


def test_few_samples_away_from_the_usual_level_prove_nothing() -> None:
    """Three noisy samples at half or twice the level neither moved for certain nor stayed."""
    rng = Story(4).random
    noisy = 100 * (1 + 0.6 * rng.standard_normal(180)).clip(0.05)
    noisy[-30:] = math.nan
    noisy[-3:] = (190, 30, 185)
    answer = ask(series(noisy).case(), "metric", service="api", metric="latency", region="")
    assert answer.outcome == "unknown"
    assert "3 samples), which is too little to say" in answer.summary
    noisy[-3:] = (95, 30, 105)
    assert ask(series(noisy).case(), "metric", service="api", metric="latency", region="").outcome == "unchanged"
