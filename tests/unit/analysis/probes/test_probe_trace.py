"""The trace probe separates a service's own time and failures from those of what it calls."""

from datetime import datetime, timedelta

import polars as pl
import pytest

from autopilot.analysis.probes import trace
from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Scope
from tests.unit.analysis.probes.ask import ask, nothing
from tests.unit.analysis.worlds import NOW, SPLIT, World, chain


def case_of(world: World) -> Case:
    baseline = TimeWindow(start=SPLIT - timedelta(minutes=10), end=SPLIT)
    scope = Scope(
        incident_id="incident-test", services=("web",), baseline=baseline,
        incident=TimeWindow(start=SPLIT, end=NOW), alerted_at=NOW,
    )  # fmt: skip
    return Case(CaseManifest(revision=1, scope=scope), {"spans": frame("spans", world.spans)})


def shop(before: int = 60, after: int = 40, *, work: float = 20, way: float = 2) -> Case:
    """web → api → store; during the incident store works `work` ms and the way to it takes `way` ms."""
    world = World(3)
    for number, at, late in world.moments(before, after):
        chain(world, number, at, work=work if late else 20, way=way if late else 2)
    return case_of(world)


def failing(where: str, share: float = 1.0) -> Case:
    """web → store, in which one of them fails in a share of the calls; who calls fails with whom it calls."""
    world = World(4)
    for number, at, late in world.moments(60, 40):
        bad = late and number % 10 < 10 * share
        store = "error" if bad and where == "store" else "ok"
        world.span(number, "web", "", "web", "GET /buy", at, 0, 30, "error" if bad else "ok")
        world.span(number, "store", "web", "store", "read", at, 5, 20, store)
    return case_of(world)


@pytest.mark.parametrize("service", ["web", "api"])
def test_slow_callee_is_not_the_callers_own_time(service: str) -> None:
    case = shop(work=250)
    own = ask(case, "trace", service=service, operation="", callee="")
    assert own.outcome == "unchanged"
    # Yet the answer says where the time goes, and that finding speaks of the service that takes it.
    assert own.findings[-1].service == "store"
    assert "store 25" in own.findings[-1].summary


def test_slow_service_and_calls_into_it_rose() -> None:
    case = shop(work=250)
    own = ask(case, "trace", service="store", operation="read", callee="")
    into = ask(case, "trace", service="api", operation="", callee="store")
    assert (own.outcome, into.outcome) == ("rose", "rose")
    found = own.findings[0]
    assert found.baseline == pytest.approx(20, rel=0.1)
    assert found.observed == pytest.approx(250, rel=0.1)
    assert found.unit == "ms"
    assert "40 calls, 60 before" in found.summary


def test_faster_calls_fell_and_like_calls_are_unchanged() -> None:
    assert ask(shop(work=4), "trace", service="store", operation="", callee="").outcome == "fell"
    assert ask(shop(), "trace", service="store", operation="", callee="").outcome == "unchanged"


def test_own_failures_rise_and_failures_of_a_callee_do_not_count() -> None:
    own = ask(failing("store", 0.3), "trace", service="store", operation="", callee="")
    caller = ask(failing("store", 0.3), "trace", service="web", operation="", callee="")
    itself = ask(failing("web", 0.3), "trace", service="web", operation="", callee="")
    into = ask(failing("store", 0.3), "trace", service="web", operation="", callee="store")
    assert (own.outcome, caller.outcome, itself.outcome, into.outcome) == ("rose", "unchanged", "rose", "rose")
    assert "12 of 40 calls of store fail, not because of what it calls: 30%" in own.summary


def test_calls_that_are_never_made_are_absent() -> None:
    answer = ask(shop(), "trace", service="store", operation="", callee="web")
    assert answer.outcome == "absent"
    assert "none of them calls web" in answer.summary


def test_spans_that_cannot_be_compared_or_do_not_exist_are_unknown() -> None:
    fresh = shop(before=0, after=40)
    assert ask(fresh, "trace", service="store", operation="", callee="").outcome == "unknown"
    assert ask(nothing(), "trace", service="store", operation="", callee="").missing == ("spans",)
    over = shop(before=60, after=0)
    assert ask(over, "trace", service="store", operation="", callee="").outcome == "unknown"


def test_unknown_names_are_answered_with_what_exists() -> None:
    case = shop()
    for arguments in ({"service": "sore", "callee": ""}, {"service": "api", "callee": "sore"}):
        answer = ask(case, "trace", operation="", **arguments)
        assert answer.outcome == "unknown"
        assert "store" in answer.summary
    operation = ask(case, "trace", service="api", operation="sell", callee="")
    assert operation.outcome == "unknown"
    assert "buy" in operation.summary


def test_broken_spans_do_no_harm() -> None:
    world = World(3)
    for number, at, _ in world.moments(30, 30):
        chain(world, number, at)
    world.span(1, "x", "x", "store", "read", NOW, 0, float("nan"))
    world.span(1, "y", "nobody", "store", "read", datetime(1990, 1, 1, tzinfo=NOW.tzinfo), 0, -5)
    assert ask(case_of(world), "trace", service="store", operation="", callee="").outcome == "unchanged"


def test_of_too_many_traces_early_and_late_ones_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ids that begin with the time must not leave out the incident."""
    monkeypatch.setattr(trace, "_TRACES", 50)
    case = shop(work=250)
    timed = case.table("spans").with_columns(
        trace_id=pl.col("start").dt.timestamp("ms").min().over("trace_id").cast(pl.String)
    )
    assert (
        ask(Case(case.manifest, {"spans": timed}), "trace", service="store", operation="", callee="").outcome
        == "rose"
    )
