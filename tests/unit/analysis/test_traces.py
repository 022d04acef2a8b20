"""Traces: slow ways and slow work, blamed where they are; what a case's findings say of them."""

import time
import tracemalloc
from datetime import timedelta

import polars as pl
import pytest

from autopilot.analysis.clue import Clue
from autopilot.analysis.traces.call_tree import Cover, read_tree
from autopilot.analysis.traces.clues import trace_clues
from autopilot.analysis.traces.slowness import slow_services
from autopilot.analysis.windows import Windows
from autopilot.case.schema import frame
from tests.unit.analysis.worlds import SPLIT, World, chain


def clues(world: World) -> list[Clue]:
    return trace_clues(*world.tables())


def named(found: list[Clue]) -> list[tuple[str, str, str | None]]:
    return [(c.service, c.signal, c.finding.mechanism) for c in found]


def own_of(world: World) -> dict[str, float]:
    """Own milliseconds of each span of the first trace."""
    spans, _, windows = world.tables()
    tree = read_tree(spans, windows)
    return dict(zip(tree.ids["span_id"].to_list(), (tree.own / 1_000).tolist(), strict=True))


def test_parallel_children_count_once_and_longer_children_never_make_time_negative() -> None:
    world = World()
    world.span(0, "root", "", "web", "GET", SPLIT, 0, 100)
    world.span(0, "a", "root", "web", "a", SPLIT, 10, 40)
    world.span(0, "b", "root", "web", "b", SPLIT, 30, 40)
    world.span(0, "late", "a", "web", "fire and forget", SPLIT, 20, 500)
    assert own_of(world) == {"0-root": 40, "0-a": 10, "0-b": 40, "0-late": 500}


@pytest.mark.parametrize("skew", [0.0, -400.0, 3.0, 700.0])
def test_skewed_clocks_do_not_make_a_caller_look_busy(skew: float) -> None:
    world = World(skew={"api": skew})
    world.span(0, "web", "", "web", "GET", SPLIT, 0, 100)
    world.span(0, "api", "web", "api", "buy", SPLIT, 5, 90)
    assert own_of(world) == {"0-web": 10, "0-api": 90}


def test_wrapper_that_stays_open_while_a_sibling_calls_does_not_work() -> None:
    world = World()
    world.span(0, "root", "", "gate", "/*", SPLIT, 0, 100)
    world.span(0, "handler", "root", "gate", "handle", SPLIT, 1, 98)
    world.span(0, "call", "root", "gate", "HTTP POST", SPLIT, 3, 94)
    world.span(0, "api", "call", "api", "buy", SPLIT, 4, 90)
    assert own_of(world)["0-handler"] == 4


def test_cover_measures_unions_by_group() -> None:
    def ints(*values: int) -> pl.Series:
        return pl.Series(values, dtype=pl.Int64)

    cover = Cover(ints(0, 0, 2, 0).to_numpy(), ints(0, 5, 7, 20).to_numpy(), ints(10, 12, 9, 21).to_numpy())
    assert cover.total(3).tolist() == [13, 0, 2]
    asked = cover.within(ints(0, 0, 1, 2).to_numpy(), ints(8, 12, 0, 8).to_numpy(), ints(21, 20, 99, 50).to_numpy())
    assert asked.tolist() == [5, 0, 0, 1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("skew", [0.0, 5_000.0])
def test_late_packets_are_blamed_on_the_service_that_is_called_not_on_those_that_wait(
    seed: int, skew: float
) -> None:
    world = World(seed, skew={"store": skew})
    for trace, at, late in world.moments(60, 40):
        chain(world, trace, at, way=800 if late else 2)
    (found,) = clues(world)
    assert named([found]) == [("store", "self_time", "network_delay")]
    assert found.finding.cause_kind == "network"
    assert found.score > 0.8
    assert found.onset is not None
    assert abs(found.onset - int(SPLIT.timestamp() * 1e6)) <= 20_000_000
    assert "on the way" in found.finding.summary


def test_slow_work_is_blamed_on_who_does_it_without_naming_the_network() -> None:
    world = World()
    for trace, at, late in world.moments(60, 40):
        chain(world, trace, at, work=600 if late else 20)
    (found,) = clues(world)
    assert (found.service, found.signal, found.finding.mechanism) == ("store", "self_time", None)
    assert found.finding.observed == pytest.approx(600, rel=0.1)
    assert found.finding.baseline == pytest.approx(20, rel=0.1)


def test_starved_process_is_slow_at_its_work_and_at_its_calls() -> None:
    world = World()
    for trace, at, late in world.moments(60, 40):
        chain(world, trace, at, way=60 if late else 2, work=300 if late else 20)
    assert named(clues(world)) == [("store", "self_time", "cpu_overload")]


def test_service_that_is_slow_at_all_calls_it_makes_explains_its_callees() -> None:
    world = World()
    for trace, at, late in world.moments(60, 40):
        ways = [world.about(300 if late else 2) for _ in range(3)]
        whole = sum(ways) + 30 + 12
        world.span(trace, "web", "", "web", "GET /buy", at, 0, whole + 8)
        world.span(trace, "web-c", "web", "web", "HTTP POST", at, 2, whole + 2)
        world.span(trace, "api", "web-c", "api", "buy", at, 3, whole)
        begin = 5.0
        for i, way in enumerate(ways):
            world.span(trace, f"c{i}", "api", "api", "HTTP GET", at, begin, way + 10)
            world.span(trace, f"s{i}", f"c{i}", f"part{i}", "read", at, begin + way / 2, 10)
            begin += way + 11
    found = clues(world)
    assert found[0].service == "api"
    assert all(c.score < 0.3 for c in found[1:])


def test_only_the_later_part_of_a_long_window_is_slow() -> None:
    world = World()
    for trace, at, late in world.moments(120, 200):
        moved = at if not late else SPLIT + (at - SPLIT) * 8
        chain(world, trace, moved, way=500 if moved >= SPLIT + timedelta(minutes=33) else 2)
    spans, logs, windows = world.tables()
    longer = Windows(windows.start, windows.split, windows.split + 2_400_000_000, windows.alerted)
    (found,) = trace_clues(spans, logs, longer)
    assert (found.service, found.finding.mechanism) == ("store", "network_delay")
    assert found.onset is not None
    assert found.onset - windows.split == pytest.approx(33 * 60e6, abs=90e6)


def test_steady_traces_say_nothing() -> None:
    world = World()
    for trace, at, _ in world.moments(60, 40):
        chain(world, trace, at)
    assert clues(world) == []


def test_order_of_rows_and_repeated_spans_do_not_matter() -> None:
    world = World()
    for trace, at, late in world.moments(40, 30):
        chain(world, trace, at, way=400 if late else 2)
    spans, logs, windows = world.tables()
    shuffled = pl.concat([spans, spans.head(50)]).sample(fraction=1, shuffle=True, seed=3)
    usual, other = trace_clues(spans, logs, windows), trace_clues(shuffled, logs, windows)
    assert [c.finding.model_dump_json() for c in usual] == [c.finding.model_dump_json() for c in other]
    assert usual


def test_circles_orphans_and_impossible_durations_are_survived() -> None:
    world = World()
    for trace, at, late in world.moments(30, 30):
        chain(world, trace, at, way=400 if late else 2)
        world.span(trace, "x", "y", "web", "circle", at, 0, 5)
        world.span(trace, "y", "x", "web", "circle", at, 0, 5)
        world.span(trace, "self", "self", "web", "own parent", at, 0, 5)
        world.span(trace, "orphan", "gone", "store", "read", at, 0, float("nan"))
        world.span(trace, "endless", "gone", "store", "read", at, 0, 1e300)
        world.span(trace, "", "", "", "", at, 0, -1)
    assert clues(world)[0].service == "store"
    assert trace_clues(frame("spans"), frame("logs"), world.tables()[2]) == []


def test_many_spans_take_little_time_and_bounded_memory() -> None:
    world = World()
    for trace, at, late in world.moments(100, 100):
        chain(world, trace, at, way=300 if late else 2)
    spans, _, windows = world.tables()
    copies = pl.DataFrame({"copy": range(100)})
    many = spans.join(copies, how="cross").with_columns(
        trace_id=pl.col("trace_id") + "." + pl.col("copy").cast(pl.String)
    )
    assert many.height == 100_000
    tracemalloc.start()
    started = time.process_time()
    tree = read_tree(many, windows)
    found = slow_services(tree, windows)
    seconds = time.process_time() - started
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found[0].service == "store"
    # A fifth of half a million spans: a loop over spans would take longer than this by far.
    assert seconds < 3
    assert peak < 100 * 2**20
