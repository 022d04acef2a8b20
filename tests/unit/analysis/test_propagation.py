"""Patterns of calls and lines: what vanished or fails, and in which service it began."""

from datetime import datetime

import pytest

from autopilot.analysis.clue import Clue
from autopilot.analysis.dossier import analyze
from autopilot.analysis.traces.clues import trace_clues
from autopilot.case.case import Case
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Scope
from tests.unit.analysis.worlds import NOW, SPLIT, World


def shop(world: World, trace: int, at: datetime, *, early: bool = False, status: str = "ok") -> None:
    """web → api → store with lines; `early`: store returns before it reads, and api gives up because of it."""
    world.span(trace, "web", "", "web", "GET /buy", at, 0, 100, status)
    world.span(trace, "api", "web", "api", "buy", at, 3, 90, status)
    world.line(trace, "api", "api", at, f"Api#20 buying {trace}")
    world.span(trace, "store", "api", "store", "read", at, 5, 20, status)
    world.line(trace, "store", "store", at, f"Store#11 asked for {trace}")
    if not early:
        world.line(trace, "store", "store", at, f"Store#14 found row {trace * 7}")
        world.span(trace, "pay", "api", "pay", "charge", at, 40, 20)
        world.line(trace, "api", "api", at, f"Api#31 sold {trace}")


def found(world: World) -> list[Clue]:
    return trace_clues(*world.tables())


def blamed(clues: list[Clue]) -> set[str]:
    return {c.service for c in clues if c.finding.kind == "trace"}


@pytest.mark.parametrize("seed", range(3))
def test_early_return_is_blamed_where_lines_vanish_first_not_on_callers_that_follow(seed: int) -> None:
    world = World(seed)
    for trace, at, late in world.moments(30, 20):
        shop(world, trace, at, early=late)
    clues = found(world)
    assert blamed(clues) == {"store"}
    lead = clues[0]
    assert (lead.signal, lead.finding.direction) == ("pattern", "gone")
    assert lead.score > 0.8
    assert "Store#14 found row" in lead.finding.summary
    assert "in 0 of 20 traces" in lead.finding.summary
    assert "30 of 30 before" in lead.finding.summary


def test_another_mix_of_requests_is_no_change() -> None:
    world = World()
    for trace, at, late in world.moments(60, 60):
        plain = trace % 10 < (8 if late else 2)
        world.span(trace, "web", "", "web", "GET /list" if plain else "GET /buy", at, 0, 50)
        world.span(trace, "api", "web", "api", "prices", at, 2, 40)
        if not plain:
            world.line(trace, "api", "api", at, f"discount for basket {trace}")
            world.span(trace, "pay", "api", "pay", "charge", at, 5, 20)
    assert found(world) == []


def test_many_spans_of_one_odd_trace_are_one_observation() -> None:
    world = World()
    for trace, at, late in world.moments(30, 30):
        world.span(trace, "web", "", "web", "GET", at, 0, 100)
        for i in range(10):
            world.span(trace, f"api{i}", "web", "api", "price", at, 1 + 9 * i, 8)
            if not (late and trace == 40):
                world.line(trace, f"api{i}", "api", at, f"price of item {i} found")
    assert found(world) == []


def test_failures_are_blamed_where_they_begin_and_errors_that_were_usual_are_not_news() -> None:
    world = World()
    for trace, at, late in world.moments(60, 60):
        broken = "error" if late and trace % 3 == 0 else "ok"
        shop(world, trace, at, status=broken)
        if trace % 4 == 0:
            world.line(trace, "pay", "pay", at, "Pay#9 voucher rejected", "ERROR")
    clues = found(world)
    assert blamed(clues) == {"store"}
    assert clues[0].signal == "own_errors"
    assert clues[0].finding.observed == pytest.approx(100 / 3, abs=2)


def test_end_of_an_error_is_good_news() -> None:
    world = World()
    for trace, at, late in world.moments(30, 30):
        shop(world, trace, at)
        if not late:
            world.span(trace, "err", "web", "web", "ErrorController.render", at, 95, 2)
            world.line(trace, "web", "web", at, "Web#7 request failed", "ERROR")
    assert found(world) == []


def test_callee_that_outlives_its_caller_is_not_blamed_for_the_callers_deadline() -> None:
    world = World()
    for trace, at, late in world.moments(30, 30):
        status = "error" if late else "ok"
        world.span(trace, "web", "", "web", "GET", at, 0, 310 if late else 460, status)
        world.span(trace, "api", "web", "api", "buy", at, 2, 300 if late else 450, status)
        world.span(trace, "call", "api", "api", "store (client)", at, 4, 290 if late else 410, status)
        world.span(trace, "store", "call", "store", "read", at, 5, 400, status)
    assert blamed(found(world)) == {"api"}


def test_calls_that_are_no_longer_answered_speak_against_the_silent_service() -> None:
    world = World()
    for trace, at, late in world.moments(30, 30):
        broken = late and trace % 2 == 0
        status = "error" if broken else "ok"
        world.span(trace, "web", "", "web", "GET", at, 0, 100, status)
        world.span(trace, "call", "web", "web", "HTTP GET", at, 2, 90, status)
        if not broken:
            world.span(trace, "api", "call", "api", "buy", at, 3, 80)
    clues = found(world)
    assert blamed(clues) == {"api"}
    assert clues[0].signal == "own_errors"
    assert "no answer: in 15 of 30" in clues[0].finding.summary
    assert "api does not answer" in clues[0].finding.summary


def test_many_more_calls_for_the_same_request_are_told() -> None:
    world = World()
    for trace, at, late in world.moments(30, 30):
        calls = 24 if late else 2 + trace % 2
        world.span(trace, "web", "", "web", "GET", at, 0, 10 + 4 * calls)
        for i in range(calls):
            world.span(trace, f"read{i}", "web", "store", "read", at, 4 + 4 * i, 3)
    clues = found(world)
    assert blamed(clues) == {"web"}
    assert "more than 2 times the usual calls of store read: in 30 of 30" in clues[0].finding.summary


@pytest.mark.parametrize("examples", [1, 6])
def test_few_example_traces_tell_where_failures_begin(examples: int) -> None:
    world = World()
    for trace, at, _ in world.moments(0, examples):
        shop(world, trace, at, status="error")
    (clue,) = (c for c in found(world) if c.finding.kind == "trace")
    assert (clue.service, clue.signal) == ("store", "own_errors")
    assert f"{examples} of {examples} failing traces" in clue.finding.summary


def test_line_that_marks_the_failing_traces_is_told_with_their_number() -> None:
    world = World()
    for trace, at, late in world.moments(40, 60):
        broken = late and trace % 3 == 0
        shop(world, trace, at, status="error" if broken else "ok")
        if broken:
            world.line(trace, "", "store", at, f"row {trace} is locked by a writer", "ERROR")
    told = [c for c in found(world) if c.finding.kind == "log"]
    assert len(told) == 1
    assert told[0].service == "store"
    assert told[0].adverse
    assert "occurs in 20 of 20 traces in trouble" in told[0].finding.summary
    assert "in 0 of 40 others and 0 of 40 before" in told[0].finding.summary


def test_dossier_suspects_the_service_where_traces_show_the_trouble_to_begin() -> None:
    world = World()
    for trace, at, late in world.moments(30, 30):
        shop(world, trace, at, early=late)
        if late:
            world.line(trace, "web", "web", at, f"Web#50 order {trace} is incomplete", "ERROR")
    spans, logs, windows = world.tables()
    scope = Scope(
        incident_id="incident-world", services=("web",), alerted_at=NOW,
        baseline=TimeWindow(start=SPLIT - (NOW - SPLIT) * 2, end=SPLIT),
        incident=TimeWindow(start=SPLIT, end=NOW),
    )  # fmt: skip
    dossier = analyze(Case(CaseManifest(revision=1, scope=scope), {"spans": spans, "logs": logs}))
    first = dossier.suspects[0]
    assert (first.service, first.cause_kind) == ("store", "dependency")
    assert "trouble begins in store" in first.reason
    assert windows.split == int(SPLIT.timestamp() * 1e6)
    assert not dossier.insufficient_evidence
