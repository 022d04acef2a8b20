"""How samples become series: identity, counters, mixed steps, silence; and which series become findings."""

from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from autopilot.analysis.metrics.course import likeness
from autopilot.analysis.metrics.kinds import kind_of
from autopilot.analysis.metrics.table import MOST, measured_services, metric_clues, read_series
from autopilot.analysis.windows import MICROS, Windows
from tests.unit.analysis.story import MINUTES, NOW, Story

NAMES = [
    ("PodClientLatencyP95(s)", "latency", "callees"),
    ("http_client_request_duration_seconds", "latency", "callees"),
    ("http_server_request_duration_seconds", "latency", "itself"), ("upstream_response_time", "latency", "callees"),
    ("4XXClientError", "errors", "itself"), ("ClientErrors", "errors", "itself"),
    ("outbound_errors", "errors", "callees"),
    ("NodeCpuUsageRate(%)", "saturation", "host"), ("CpuUsage(m)", "saturation", "itself"),
    ("nodejs_heap_used", "saturation", "itself"), ("SyscallRead", "work", "itself"),
    ("HostCount", "traffic", "host"), ("requests_total", "traffic", "itself"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "signal", "about"), NAMES)
def test_names_tell_what_is_measured_and_of_whom(name: str, signal: str, about: str) -> None:
    kind = kind_of(name, "")
    assert (kind.signal, kind.about) == (signal, about)


def test_what_calls_wait_for_names_no_cause_of_the_caller() -> None:
    assert kind_of("client_errors_throttled", "").cause == "throttled"
    assert kind_of("outbound_timeout_memory", "").cause is None


def busy_story(seed: int = 0) -> Story:
    story = Story(seed)
    for number in range(30):
        jump = ((6, 60.0 + 20 * number),) if number % 3 else ()
        values = story.steps(50, *jump)
        story.metric(f"s{number % 10}", "custom", f"latency_{number}", "Average", "ms", values, Service=f"{number}")
    return story


def windows(story: Story) -> Windows:
    return Windows.of(story.case().scope)


@pytest.mark.parametrize("order", ["as they came", "by time", "shuffled"])
def test_order_of_rows_changes_neither_series_nor_samples(order: str) -> None:
    story = busy_story()
    rows = story.case().table("metrics")
    mixed = {
        "as they came": rows,
        "by time": rows.sort("time"),
        "shuffled": rows.sample(fraction=1, shuffle=True, seed=1),
    }[order]
    usual, other = (read_series(table, windows(story)) for table in (rows, mixed))
    assert other.identity.equals(usual.identity)
    assert other.samples.equals(usual.samples)


def test_series_are_told_apart_by_everything_that_identifies_them() -> None:
    story = Story(1)
    for unit in ("ms", "s"):
        for statistic in ("Average", "p99"):
            story.metric("checkout", "custom", "Latency", statistic, unit, story.steps(50), Service="checkout")
    table = read_series(story.case().table("metrics"), windows(story))
    assert table.identity.height == 4
    assert table.samples.group_by("sid").len()["len"].to_list() == [MINUTES] * 4


def test_counter_that_restarts_is_a_rate_and_a_gauge_that_falls_is_not() -> None:
    story = Story(2)
    counted = np.cumsum(story.steps(60))
    counted[90:] -= counted[90]
    story.metric("checkout", "prom", "requests_total", "", "", counted, job="checkout")
    story.metric("checkout", "prom", "queue_total", "", "", story.steps(60, noise=0.5), job="checkout")
    table = read_series(story.case().table("metrics"), windows(story))
    level = table.samples.group_by("sid").agg(pl.col("value").median()).sort("sid")
    by_name = dict(zip(table.identity["metric"], level["value"], strict=True))
    assert by_name["requests_total"] == pytest.approx(1, rel=0.1)
    assert by_name["queue_total"] == pytest.approx(60, rel=0.2)


def test_many_series_of_one_resource_do_not_hide_the_others() -> None:
    story = Story(3)
    for number in range(MOST + 10):
        story.metric("loud", "custom", f"latency_{number}", "p99", "ms", story.steps(50, (6, 900)), Pod=f"{number}")
    story.metric("quiet", "custom", "latency", "p99", "ms", story.steps(50, (6, 80)), Pod="q")
    table = read_series(story.case().table("metrics"), windows(story))
    clues = metric_clues(table, frozenset({"loud", "quiet"}))
    assert len(clues) == MOST
    assert {clue.service for clue in clues} == {"loud", "quiet"}
    assert measured_services(table) == {"loud", "quiet"}


def test_series_follow_the_symptom_when_they_come_and_go_with_it() -> None:
    story = Story(4)
    shapes = {
        "shop": ((12, 400), (6, 50)), "store": ((12, 90), (6, 20)), "late": ((5, 400),), "long": ((30, 400),),
    }  # fmt: skip
    for service, jumps in shapes.items():
        usual = jumps[-1][1] if len(jumps) > 1 else 50
        values = story.steps(usual, *jumps)
        story.metric(service, "custom", "latency", "Average", "ms", values, Service=service)
    table = read_series(story.case().table("metrics"), windows(story))
    compared = likeness(table.samples, table.scored, frozenset({"shop"}), table.windows)
    follows = dict(table.identity.join(compared, on="sid").select("service", "follows").iter_rows())
    assert follows["shop"] == pytest.approx(1)
    assert follows["store"] > 0.9
    assert max(follows["late"], follows["long"]) < 0.6


def test_a_symptom_without_a_course_compares_nothing() -> None:
    story = Story(5)
    story.metric("shop", "custom", "latency", "Average", "ms", np.full(MINUTES, 50.0), Service="shop")
    story.metric("store", "custom", "latency", "Average", "ms", story.steps(50, (6, 400)), Service="store")
    table = read_series(story.case().table("metrics"), windows(story))
    assert likeness(table.samples, table.scored, frozenset({"shop"}), table.windows).is_empty()
    (clue,) = metric_clues(table, frozenset({"store"}), frozenset({"shop"}))
    assert clue.follows is None


def test_window_of_a_finding_ends_where_its_series_recovered() -> None:
    story = Story(6)
    story.metric("shop", "custom", "latency", "Average", "ms", story.steps(50, (16, 400), (8, 50)), Service="shop")
    story.metric("store", "custom", "latency", "Average", "ms", story.steps(50, (16, 400)), Service="store")
    table = read_series(story.case().table("metrics"), windows(story))
    ends = {clue.service: clue.finding.window.end for clue in metric_clues(table, frozenset())}
    assert ends == {"shop": NOW - timedelta(minutes=8), "store": NOW}


@pytest.mark.parametrize("split", [0, 10**18])
def test_windows_that_meet_no_sample_are_survived(split: int) -> None:
    story = busy_story()
    span = Windows(split, split + MICROS, split + 2 * MICROS, split)
    table = read_series(story.case().table("metrics"), span)
    assert metric_clues(table, frozenset({"s1"}), frozenset({"s1"})) == []
