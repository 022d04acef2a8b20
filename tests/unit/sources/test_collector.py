"""The collector: whatever a source does, the incident gets a report."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from autopilot.case.reading import load_case
from autopilot.case.schema import frame
from autopilot.case.store import FolderCaseStore
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.ports import Collector, Failure
from autopilot.settings import SourceBudget
from autopilot.sources import collector as module
from autopilot.sources.base import Budget, Collected
from autopilot.sources.collector import PastEdges, SourceCollector

NOW = datetime(2026, 3, 1, 3, 15, tzinfo=UTC)
SCOPE = Scope(
    incident_id="incident-checkout-0a1b2c3d4e.5f6a7b8c9d0e",
    services=("checkout",),
    baseline=TimeWindow(start=NOW - timedelta(hours=3), end=NOW - timedelta(minutes=30)),
    incident=TimeWindow(start=NOW - timedelta(minutes=30), end=NOW),
    alerted_at=NOW,
)
Behaviour = Callable[[Budget, Collected], None]


class Scripted:
    """A source that does what the test says."""

    def __init__(self, behaviour: Behaviour | None = None, name: str = "scripted", **abilities: Any) -> None:
        self.name = name
        self._behaviour = behaviour
        for ability, function in abilities.items():
            setattr(self, ability, function)

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        if self._behaviour:
            self._behaviour(budget, into)


def line(into: Collected, message: str = "hello") -> None:
    into.add("logs", frame("logs", [{"time": NOW, "message": message}]))


def collector(
    tmp_path: Path, *sources: Scripted, budget: SourceBudget | None = None, past: PastEdges | None = None
) -> SourceCollector:
    budgets = {source.name: budget for source in sources} if budget else {}
    return SourceCollector(sources, FolderCaseStore(tmp_path), budgets, past)


def test_it_is_a_collector(tmp_path: Path) -> None:
    port: Collector = collector(tmp_path, Scripted(name="b"), Scripted(name="a"))
    assert port.names == ("b", "a")


def test_rows_are_stored_as_one_part_per_table(tmp_path: Path) -> None:
    def behaviour(budget: Budget, into: Collected) -> None:
        line(into, "one")
        line(into, "two")
        into.add("topology", frame("topology", [{"caller": "a", "callee": "b"}]))
        into.asked("everything", SCOPE.incident, 3)

    report = collector(tmp_path, Scripted(behaviour)).collect("scripted", 1, SCOPE)
    assert (report.status, len(report.parts), len(report.queries)) == ("ok", 2, 1)
    case = load_case(FolderCaseStore(tmp_path), CaseManifest(revision=1, scope=SCOPE, parts=report.parts))
    assert case.table("logs")["message"].to_list() == ["one", "two"]


def test_nothing_found_is_no_data(tmp_path: Path) -> None:
    report = collector(tmp_path, Scripted()).collect("scripted", 1, SCOPE)
    assert (report.status, report.gaps[0].kind) == ("no_data", "no_data")


def overspend(budget: Budget, into: Collected) -> None:
    line(into)
    while True:
        budget.spend()


def crash(budget: Budget, into: Collected) -> None:
    line(into)
    raise KeyError("Missing")


def deny(budget: Budget, into: Collected) -> None:
    raise Failure("No access to the system; give it a token.", who="operator")


def break_down(budget: Budget, into: Collected) -> None:
    raise Failure("The system answered 503; it is tried again later.")


def sampled(budget: Budget, into: Collected) -> None:
    line(into)
    into.miss("truncated", "only some")


@pytest.mark.parametrize(
    ("behaviour", "status", "kind", "parts"),
    [
        (overspend, "partial", "budget", 1),
        (crash, "partial", "failed", 1),
        (deny, "failed", "denied", 0),
        (break_down, "failed", "failed", 0),
        (sampled, "partial", "truncated", 1),
    ],
)
def test_every_end_is_a_report(tmp_path: Path, behaviour: Behaviour, status: str, kind: str, parts: int) -> None:
    report = collector(tmp_path, Scripted(behaviour), budget=SourceBudget(calls=3)).collect("scripted", 1, SCOPE)
    assert (report.status, report.gaps[0].kind, len(report.parts)) == (status, kind, parts)
    assert report.gaps[0].what


def test_a_source_that_hangs_is_left_behind_with_what_it_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GRACE_SECONDS", 0.05)
    release = threading.Event()

    def hang(budget: Budget, into: Collected) -> None:
        line(into)
        release.wait(10)

    report = collector(tmp_path, Scripted(hang), budget=SourceBudget(seconds=0.05)).collect("scripted", 1, SCOPE)
    release.set()
    assert (report.status, report.gaps[0].kind, len(report.parts)) == ("partial", "timeout", 1)
    assert report.seconds < 5


def test_an_unknown_source_is_a_report_too(tmp_path: Path) -> None:
    report = collector(tmp_path).collect("gone", 1, SCOPE)
    assert (report.status, report.gaps[0].kind) == ("failed", "failed")


def test_queries_and_gaps_are_bounded(tmp_path: Path) -> None:
    def flood(budget: Budget, into: Collected) -> None:
        for n in range(500):
            into.asked(f"question {n}", None, 2)
            into.miss("failed", f"thing {n}")

    report = collector(tmp_path, Scripted(flood)).collect("scripted", 1, SCOPE)
    assert (len(report.queries), len(report.gaps)) == (200, 50)
    assert (report.queries[-1].query, report.queries[-1].rows) == ("and 301 more questions", 602)
    assert report.gaps[-1].what == "and 451 more gaps"


def entry(minute: int, text: str) -> TimelineEntry:
    return TimelineEntry(at=NOW - timedelta(minutes=minute), kind="change", text=text)


def test_recent_changes_are_merged_newest_first_without_the_failing_and_the_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "QUICK_SECONDS", 0.3)
    release = threading.Event()

    def fail(scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        raise Failure("down")

    def slow(scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        release.wait(10)
        return [entry(0, "too late")]

    def quick(*entries: TimelineEntry) -> Callable[[Scope, int], Sequence[TimelineEntry]]:
        return lambda scope, limit: entries

    changes = collector(
        tmp_path,
        Scripted(name="a", recent_changes=quick(entry(15, "deploy"), entry(90, "old"))),
        Scripted(name="b", recent_changes=quick(entry(3, "config"), entry(15, "deploy"))),
        Scripted(name="c", recent_changes=fail),
        Scripted(name="d", recent_changes=slow),
        Scripted(name="e"),
    ).recent_changes(SCOPE, 2)
    release.set()
    assert [change.text for change in changes] == ["config", "deploy"]


def test_edges_come_from_configuration_and_the_past_near_the_services(tmp_path: Path) -> None:
    asked: list[int] = []

    def edges() -> list[tuple[str, str]]:
        asked.append(1)
        return [("checkout-api", "checkout"), ("checkout", "orders"), ("far", "away"), ("checkout", "checkout")]

    subject = collector(
        tmp_path, Scripted(name="a", edges=edges), past=lambda services, environment: [("web", "checkout-api")]
    )
    expected = (("checkout", "orders"), ("checkout-api", "checkout"), ("web", "checkout-api"))
    assert subject.edges(["checkout"], "production") == expected
    assert subject.edges(["checkout"], "production") == expected
    assert len(asked) == 1, "configuration is kept for some minutes"


def test_a_topology_source_that_fails_costs_only_its_own_edges(tmp_path: Path) -> None:
    def fail() -> list[tuple[str, str]]:
        raise Failure("down")

    subject = collector(tmp_path, Scripted(name="a", edges=fail), Scripted(name="b", edges=lambda: [("x", "y")]))
    assert subject.edges(["y"], "production") == (("x", "y"),)


def signal(name: str, source: str = "scripted", **more: Any) -> Signal:
    return Signal(
        metric=MetricRef(source=source, name=name, namespace="N", dimensions={"D": "v"}), threshold=1, **more
    )


def metrics(metric: MetricRef, window: TimeWindow) -> list[tuple[datetime, float]]:
    if metric.name == "broken":
        raise Failure("CloudWatch is down; it is tried again later.")
    return [(NOW, 1.0), (NOW, 3.0)] if metric.name == "present" else []


def test_signals_are_read_as_means_and_silence_is_none(tmp_path: Path) -> None:
    subject = collector(tmp_path, Scripted(read_metric=metrics))
    reading, queries = subject.read([signal("present"), signal("absent"), signal("present", source="other")], 60)
    assert reading.values == (2.0, None, None)
    assert [query.rows for query in queries] == [2, 0, 0]
    assert queries[0].query == "scripted N present {D=v} Average latest"
    assert queries[0].window is not None
    assert queries[0].window.seconds == pytest.approx(60)


def test_a_failed_reading_is_not_taken_for_health(tmp_path: Path) -> None:
    subject = collector(tmp_path, Scripted(read_metric=metrics))
    assert subject.read([signal("present"), signal("broken")], 60)[0].values == (2.0, None)
    with pytest.raises(Failure, match="CloudWatch is down"):
        subject.read([signal("present"), signal("broken", missing="healthy")], 60)
    with pytest.raises(Failure, match="CloudWatch is down"):
        subject.read([signal("broken")], 60)
