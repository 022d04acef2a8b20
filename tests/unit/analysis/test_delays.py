"""Slow services that wait without working: who lost the time, a pod or a whole node, by delay or by loss."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from autopilot.analysis.clue import Clue
from autopilot.analysis.metrics.delays import delay_clues, hosts_of
from autopilot.analysis.metrics.table import read_series
from autopilot.analysis.topology import Graph
from autopilot.analysis.windows import Windows
from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope

BEGIN = datetime(2026, 1, 10, 16, 0, tzinfo=UTC)
SPLIT, END = BEGIN + timedelta(minutes=5), BEGIN + timedelta(minutes=10)
WINDOWS = Windows.of(
    Scope(
        incident_id="i",
        services=("web",),
        alerted_at=END,
        environment="production",
        hint="",
        baseline=TimeWindow(start=BEGIN, end=SPLIT),
        incident=TimeWindow(start=SPLIT, end=END),
    )
)
CALLS = [("web", "cart"), ("web", "order"), ("cart", "price"), ("order", "price"), ("order", "stock")]
HOSTS = {"web": "n1", "cart": "n1", "order": "n2", "price": "n2", "stock": "n3"}
Levels = Mapping[tuple[str, str], tuple[float, float]]
"""Service and metric → the usual level and that of the incident."""


def clues(levels: Levels, hosts: Mapping[str, str] = HOSTS) -> list[Clue]:
    cpu: Levels = {(s, "cpu"): (0.1, 0.1) for s in hosts}
    rows = [
        {
            "time": BEGIN + timedelta(seconds=10 * step), "service": service, "metric": metric,
            "value": (usual if step < 30 else now) * (1 + 0.01 * (step % 3)),
        }
        for (service, metric), (usual, now) in {**cpu, **levels}.items() for step in range(60)
    ]  # fmt: skip
    places = {service: frozenset({node}) for service, node in hosts.items()}
    return delay_clues(read_series(frame("metrics", rows), WINDOWS), Graph.of(CALLS), places)


def told(found: Sequence[Clue]) -> list[tuple[str, str | None]]:
    return [(c.service, c.finding.mechanism) for c in found]


SLOW_PRICE: Levels = {
    ("price", "p50latency"): (5.0, 2_500.0), ("order", "p50latency"): (20.0, 5_000.0),
    ("cart", "p50latency"): (20.0, 2_600.0), ("web", "p50latency"): (40.0, 7_500.0),
    ("stock", "p50latency"): (5.0, 5.2),
}  # fmt: skip


def test_the_deepest_that_waits_lost_the_time() -> None:
    found = clues(SLOW_PRICE)
    assert told(found) == [("price", "network_delay")]
    assert "works no more than before" in found[0].finding.summary


def test_units_do_not_matter() -> None:
    seconds: Levels = {key: (usual / 1_000, now / 1_000) for key, (usual, now) in SLOW_PRICE.items()}
    assert told(clues(seconds)) == [("price", "network_delay")]


def test_a_few_slow_requests_of_a_callee_do_not_explain_a_slow_caller() -> None:
    echoes: Levels = {
        ("order", "p50latency"): (20.0, 5_000.0), ("web", "p50latency"): (40.0, 5_100.0),
        ("price", "p50latency"): (5.0, 300.0), ("price", "p90latency"): (9.0, 1_900.0),
        ("order", "p90latency"): (30.0, 9_000.0),
    }  # fmt: skip
    assert told(clues(echoes)) == [("order", "network_delay")]


def test_who_works_more_is_not_waiting() -> None:
    assert clues({**SLOW_PRICE, ("price", "cpu"): (0.1, 0.9)}) == []


def test_without_a_measured_processor_nobody_can_tell() -> None:
    assert clues(SLOW_PRICE, {s: n for s, n in HOSTS.items() if s != "price"}) == []


def test_several_that_wait_on_one_node_speak_against_the_node() -> None:
    levels: Levels = {
        ("cart", "p50latency"): (20.0, 2_600.0),
        ("order", "p50latency"): (20.0, 5_000.0),
        ("stock", "p50latency"): (5.0, 5.0),
    }
    together = HOSTS | {"cart": "n2"}
    found = clues(levels, together)
    assert told(found) == [("n2", "node_network_delay")]
    assert found[0].reach == {"cart", "order"}
    assert told(clues(levels)) == [("order", "network_delay")]


@pytest.mark.parametrize(("resent", "expected"), [
    ({"n2": (0.1, 8.0), "n1": (0.1, 1.0)}, ("n2", "node_packet_loss")),
    ({"n2": (0.1, 8.0), "n1": (0.1, 6.0)}, ("price", "network_delay")),
    ({"n2": (0.01, 0.2)}, ("price", "network_delay")),
    ({"n9": (0.1, 8.0)}, ("price", "network_delay")),
    ({"price": (0.1, 8.0)}, ("price", "packet_loss")),
])  # fmt: skip
def test_what_sends_again_far_more_than_the_rest_loses_packets(
    resent: Mapping[str, tuple[float, float]], expected: tuple[str, str]
) -> None:
    retransmissions: Levels = {(name, "tcp_retransmits"): level for name, level in resent.items()}
    assert told(clues({**SLOW_PRICE, **retransmissions})) == [expected]


def test_nothing_is_said_of_what_is_not_slower_or_calls_nobody() -> None:
    assert clues({}) == []
    assert clues({("web", "p50latency"): (40.0, 41.0)}) == []
    assert clues({("alone", "p50latency"): (4.0, 900.0)}, {"alone": "n1"}) == []


def test_hosts_are_read_from_pods_whatever_their_bodies_are() -> None:
    bodies = [json.dumps({"spec": {"nodeName": "n1"}}), '{"spec": {}}', "{not json}", "", json.dumps({"spec": "x"})]
    rows = [{"time": BEGIN, "kind": "k8s_pod", "name": f"p{i}", "service": "web", "body": b}
            for i, b in enumerate(bodies)]  # fmt: skip
    assert hosts_of(frame("state", rows)) == {"web": frozenset({"n1"})}
    assert hosts_of(frame("state")) == {}
