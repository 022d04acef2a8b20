"""Localisation: of all services that suffer, the one in which the trouble starts."""

import json
from collections.abc import Mapping
from datetime import timedelta

import numpy as np
import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.ranking.blame import support
from autopilot.analysis.ranking.trouble import Span
from autopilot.analysis.topology import Graph
from autopilot.incident.finding import Dossier
from tests.unit.analysis.story import NOW, Story

CALLS = (
    ("web", "cart"), ("web", "search"), ("web", "ads"), ("web", "pay"), ("cart", "stock"), ("search", "stock"),
    ("stock", "stock-db"), ("pay", "mail"), ("pay", "bank"),
)  # fmt: skip
SERVICES = ("web", "cart", "search", "ads", "pay", "stock", "stock-db", "mail", "bank")
Jumps = tuple[tuple[int, float], ...]
"""(minutes before now, times the usual)."""


class Shop(Story):
    """A small shop, alarmed at `web`, whose services are measured in the same ways."""

    def __init__(self, seed: int = 0, calls: tuple[tuple[str, str], ...] = CALLS) -> None:
        super().__init__(seed, services=("web",))
        for caller, callee in calls:
            self.add("topology", {"caller": caller, "callee": callee, "weight": 1.0, "source": "trace"})
        self.add("alarms", {
            "time": NOW - timedelta(minutes=5), "name": "web is slow", "service": "web", "state": "firing",
            "metric": "latency",
        })  # fmt: skip

    def measure(self, name: str, usual: float, jumps: Mapping[str, Jumps], statistic: str = "Average") -> None:
        """One series of every service; those that jump change to so many times the usual."""
        for service in SERVICES:
            steps = tuple((before, usual * times) for before, times in jumps.get(service, ()))
            self.metric(service, "custom", name, statistic, "", self.steps(usual, *steps), Service=service)

    def answer(self) -> Dossier:
        return analyze(self.case())


def ranking(dossier: Dossier) -> list[str]:
    return list(dict.fromkeys(s.service for s in dossier.suspects))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("root", ["cart", "stock", "stock-db", "pay", "bank", "ads"])
def test_the_deepest_that_suffers_is_first_wherever_it_stands(root: str, seed: int) -> None:
    shop = Shop(seed)
    graph = Graph.of(CALLS)
    slow = dict.fromkeys(graph.callers(root), ((8, 3.0),)) | {root: ((8, 12.0),)}
    shop.measure("latency", 50, slow)
    suspects = shop.answer().suspects
    assert suspects[0].service == root
    assert "nothing it calls explains it" in suspects[0].reason
    assert all("as what it calls does" in s.reason for s in suspects[1:] if s.service in graph.callers(root))


def test_trouble_that_reaches_nobody_in_between_stands_below() -> None:
    shop = Shop()
    shop.measure("latency", 50, {"web": ((8, 3),), "search": ((8, 6),), "bank": ((8, 12),)})
    assert ranking(shop.answer())[0] == "search"


def test_trouble_that_was_there_long_before_stands_below_what_came_with_the_symptom() -> None:
    shop = Shop()
    shop.measure("latency", 50, {"web": ((6, 3),), "search": ((6, 4),), "ads": ((28, 20),)})
    assert ranking(shop.answer())[0] == "search"


def test_trouble_that_begins_later_is_a_consequence() -> None:
    shop = Shop()
    shop.measure("latency", 50, {"web": ((10, 3),), "search": ((10, 4),), "stock": ((3, 8),)})
    assert ranking(shop.answer())[0] == "search"


def test_errors_are_sought_for_a_symptom_of_errors() -> None:
    shop = Shop()
    shop.measure("latency", 50, {"ads": ((8, 2.5),)})
    shop.measure("error_rate", 1, {"web": ((8, 20),), "pay": ((8, 30),)})
    assert ranking(shop.answer())[0] == "pay"


def test_callers_that_wait_without_a_slow_callee_point_at_what_they_share() -> None:
    shop = Shop(calls=(*CALLS, ("ads", "stock-db")))
    shop.measure("latency", 50, {"web": ((8, 2),), "cart": ((8, 4),), "search": ((8, 4),)})
    shop.measure("client_latency", 30, {"cart": ((8, 9),), "search": ((8, 9),)})
    dossier = shop.answer()
    assert ranking(dossier)[0] == "stock"
    assert "waits for or fails on what it calls, most likely stock" in dossier.suspects[0].reason


def test_a_slow_callee_explains_why_its_caller_waits() -> None:
    shop = Shop()
    shop.measure("latency", 50, {"web": ((8, 2),), "search": ((8, 6),)})
    shop.measure("client_latency", 30, {"web": ((8, 9),)})
    assert ranking(shop.answer())[0] == "search"


def test_a_service_that_gives_up_is_found_by_what_it_calls_no_more() -> None:
    shop = Shop(3)
    shop.measure("latency", 50, {})
    shop.measure("success_rate", 99.9, {"web": ((8, 0.9),)})
    shop.measure("requests", 400, {"mail": ((8, 0.0),), "bank": ((8, 0.0),)})
    dossier = shop.answer()
    assert ranking(dossier)[0] == "pay"
    assert "although it is asked as before" in dossier.suspects[0].reason


def test_less_traffic_everywhere_accuses_nobody_of_giving_up() -> None:
    shop = Shop(4)
    shop.measure("latency", 50, {"web": ((8, 4),), "search": ((8, 8),)})
    shop.measure("requests", 400, dict.fromkeys(SERVICES, ((8, 0.3),)))
    dossier = shop.answer()
    assert ranking(dossier)[0] == "search"
    assert not any("gives up" in s.reason or "asked as before" in s.reason for s in dossier.suspects)


def test_a_load_balancer_beside_the_service_it_serves_is_not_taken_for_it() -> None:
    shop = Shop(calls=(*CALLS, ("web", "search.elb.example.com")))
    shop.measure("latency", 50, {"web": ((8, 2),), "search": ((8, 9),)})
    beside = shop.steps(52, (8, 468))
    shop.metric("search.elb.example.com", "custom", "latency", "Average", "", beside, Service="lb")
    assert ranking(shop.answer())[:2] == ["search", "search.elb.example.com"]


def test_more_work_behind_an_unchanged_service_is_no_surge_of_demand() -> None:
    shop = Shop()
    shop.measure("latency", 50, {"web": ((8, 3),), "search": ((8, 6),)})
    shop.measure("requests", 100, {"stock": ((8, 9),)}, statistic="Sum")
    assert all(s.cause_kind != "traffic_surge" for s in shop.answer().suspects)


def test_own_saturation_names_the_service_itself_not_its_callers() -> None:
    shop = Shop()
    shop.measure("latency", 50, {"web": ((8, 3),), "cart": ((8, 3),), "search": ((8, 3),), "stock": ((8, 9),)})
    shop.measure("cpu_usage", 20, {"stock": ((8, 4),)})
    suspects = shop.answer().suspects
    assert suspects[0].service == "stock"
    assert [s.service for s in suspects if s.cause_kind == "cpu"] == ["stock"]


def test_without_a_graph_the_service_that_suffers_most_clearly_leads() -> None:
    shop = Shop(calls=())
    shop.measure("latency", 50, {"web": ((8, 1.3),), "stock": ((8, 20),)})
    dossier = shop.answer()
    assert ranking(dossier)[0] == "stock"
    assert dossier.suspects[0].score < 0.5


def test_quiet_shop_has_no_suspect_and_says_so() -> None:
    shop = Shop(5)
    shop.measure("latency", 50, {})
    shop.measure("requests", 100, {})
    dossier = shop.answer()
    assert dossier.suspects == ()
    assert dossier.insufficient_evidence


@pytest.mark.parametrize("factor", [1e-6, 1e9])
def test_units_of_single_services_do_not_matter(factor: float) -> None:
    def told(scale: float) -> list[str]:
        shop = Shop(6)
        shop.measure("latency", 50, {"web": ((8, 3),), "search": ((8, 3),), "stock": ((8, 9),)})
        for row in shop.tables["metrics"]:
            if row["service"] in ("stock", "web"):
                row["value"] = float(str(row["value"])) * scale
        return ranking(shop.answer())

    assert told(factor) == told(1)


def test_support_is_as_good_as_the_weakest_service_in_between() -> None:
    graph = Graph.of([("a", "b"), ("b", "c"), ("c", "d"), ("a", "e"), ("e", "d")])
    scope = frozenset({"a"})
    assert support((), graph, scope, frozenset()) == dict.fromkeys("abcde", 1.0)
    well = support((), graph, scope, frozenset("abc"))
    assert (well["b"], well["c"], well["d"]) == (1.0, 0.5, 1.0)
    assert support((), graph, scope, frozenset("abce"))["d"] == 0.5
    assert "z" not in support((), Graph.of([("z", "a")]), scope, frozenset())


def test_times_are_alike_as_far_as_they_overlap() -> None:
    minute = 60_000_000
    symptom = Span(20 * minute, 30 * minute, minute)
    assert symptom.likeness(Span(19 * minute, 31 * minute, minute)) == 1
    assert symptom.likeness(Span(0, 30 * minute, minute)) == pytest.approx(1 / 3)
    assert symptom.likeness(Span(0, 30 * minute, minute), older=True) == 1
    assert symptom.likeness(Span(0, 5 * minute, minute)) < 0.1
    assert Span(0, 1, 0).before(symptom) == 1
    assert Span(21 * minute, 30 * minute, 0).before(symptom) == 0.5
    assert Span(25 * minute, 30 * minute, 0).before(symptom) == 0


def test_hostile_graphs_end() -> None:
    shop = Shop(calls=(("web", "web"), ("web", ""), ("a", "b"), ("b", "a"), ("web", "a"), ("b", "web")))
    shop.measure("latency", 50, {"web": ((8, 3),)})
    shop.metric("a", "custom", "latency", "Average", "", np.full(4, np.nan), Service=json.dumps({"x": 1}))
    assert shop.answer().suspects[0].service == "web"
