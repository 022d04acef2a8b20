"""The prober reads what a probe needs, once, and asks sources only about what the system itself named."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from autopilot.analysis.probes.catalogue import CATALOGUE
from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.case.store import FolderCaseStore
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import TABLES, CaseManifest, Scope, SourceReport
from autopilot.incident.finding import DossierBrief
from autopilot.incident.investigation import Probe, ProbeName, ProbeResult
from autopilot.incident.ports import Failure, ProbeOrder
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.reasoning.tables import Shared
from autopilot.sources.base import Budget, Collected
from autopilot.sources.collector import SourceCollector
from tests.unit.analysis.story import NOW, Story, throttled_checkout


class Counting(FolderCaseStore):
    """A store that remembers what was read."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.read: list[str] = []
        self._counting = threading.Lock()

    def get(self, uri: str) -> bytes:
        with self._counting:
            self.read.append(uri.rsplit("/", 1)[-1].rsplit("-", 1)[0])
        return super().get(uri)


def stored(store: FolderCaseStore, case: Case, source: str = "telemetry") -> CaseManifest:
    parts = tuple(
        store.put_part(case.scope.incident_id, 1, source, table, case.table(table))
        for table in TABLES
        if case.table(table).height
    )
    return store.seal(case.manifest.model_copy(update={"parts": parts}))


def order(manifest: CaseManifest, name: ProbeName, first: int = 40, /, **arguments: Scalar) -> ProbeOrder:
    probe = Probe(id="P1", name=name, arguments=arguments, hypothesis=1, why="it may be wrong")
    brief = DossierBrief(uri="d.json", revision=1, onset=NOW - timedelta(minutes=5))
    return ProbeOrder(manifest=manifest, dossier=brief, probe=probe, first_finding=first)


@dataclass
class Replica:
    """A system that knows of one more service than the case does."""

    name: str = "telemetry"
    asked: list[Scope] = field(default_factory=list[Scope])
    fails: bool = False
    silent: bool = False

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        budget.spend()
        self.asked.append(scope)
        if self.fails:
            raise ConnectionError("no route to host")
        story = Story(9)
        story.logs(scope.services[0], "INFO", "payment {n} taken", 180, 4)
        story.logs(scope.services[0], "ERROR", "card network refused {n}", 6, 10)
        rows = [] if self.silent else story.tables["logs"]
        into.asked(f"lines of {scope.services[0]}", scope.incident, len(rows))
        into.add("logs", frame("logs", rows))


def world(path: Path, *sources: Replica) -> tuple[ConfiguredProber, CaseManifest]:
    """A case whose topology names payments, of which nothing was collected."""
    store = FolderCaseStore(path)
    story = Story(1, services=("checkout",))
    story.logs("checkout", "INFO", "order {n} accepted", 180, 5)
    story.add("topology", {"caller": "checkout", "callee": "payments", "weight": 1.0, "source": "trace"})
    return ConfiguredProber(store, SourceCollector(sources, store)), stored(store, story.case())


def asked(prober: ConfiguredProber, manifest: CaseManifest, service: str = "payments") -> ProbeResult:
    return prober.probe(order(manifest, "logs", service=service, text="refused", level="any"))


def test_answer_comes_numbered_from_the_case_and_reads_only_its_tables(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    manifest = stored(store, throttled_checkout(1))
    result = ConfiguredProber(store).probe(order(manifest, "deploy_diff", service="checkout", change=""))
    assert result.outcome == "present"
    assert [f.id for f in result.findings] == ["F40", "F41", "F42"]
    assert sorted(store.read) == ["telemetry-changes", "telemetry-inventory"]
    assert (result.parts, result.queries, result.gaps) == ((), (), ())


def test_eight_probes_side_by_side_read_each_part_once(tmp_path: Path) -> None:
    store = Counting(tmp_path)
    manifest = stored(store, throttled_checkout(1))
    prober = ConfiguredProber(store)
    names: Sequence[str] = ("checkout", "orders", "search", "inventory")
    orders = [order(manifest, "metric", service=name, metric="", region="") for name in names * 2]
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(prober.probe, orders))
    assert store.read == ["telemetry-metrics"]
    assert [r.outcome for r in results[:4]] == [r.outcome for r in results[4:]]
    assert results[0].outcome == "rose"
    assert results[2].outcome == "unchanged"


def test_what_the_case_lacks_is_asked_of_its_source_with_a_narrow_scope(tmp_path: Path) -> None:
    system = Replica()
    prober, manifest = world(tmp_path, system)
    result = asked(prober, manifest)
    assert result.outcome == "present"
    assert "refused" in result.findings[0].summary
    assert [p.table for p in result.parts] == ["logs"]
    assert [q.query for q in result.queries] == ["lines of payments"]
    (scope,) = system.asked
    assert scope.services == ("payments",)
    assert (scope.incident, scope.incident_id) == (manifest.scope.incident, manifest.scope.incident_id)
    assert scope.baseline.seconds <= 6 * 3600
    assert len(manifest.parts) == 2, "the case of record is not changed"


def test_probes_about_one_service_ask_its_source_once(tmp_path: Path) -> None:
    system = Replica()
    prober, manifest = world(tmp_path, system)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(asked, [prober] * 4, [manifest] * 4))
    assert {r.outcome for r in results} == {"present"}
    assert len(system.asked) == 1


def test_source_that_fails_leaves_a_gap_and_is_asked_again_next_time(tmp_path: Path) -> None:
    system = Replica(fails=True)
    prober, manifest = world(tmp_path, system)
    result = asked(prober, manifest)
    assert result.outcome == "unknown"
    assert "asked anew in vain: telemetry" in result.summary
    assert [g.kind for g in result.gaps] == ["failed"]
    system.fails = False
    assert asked(prober, manifest).outcome == "present"


def test_source_with_nothing_to_say_leaves_it_unknown(tmp_path: Path) -> None:
    result = asked(*world(tmp_path, Replica(silent=True)))
    assert result.outcome == "unknown"
    assert [g.kind for g in result.gaps] == ["no_data"]


@pytest.mark.parametrize("named", ["paymemts", "evil; drop table", "(.*)", ""])
def test_names_that_the_system_did_not_give_are_asked_of_nobody(tmp_path: Path, named: str) -> None:
    system = Replica()
    result = asked(*world(tmp_path, system), named)
    assert (result.outcome, system.asked) == ("unknown", [])
    assert "checkout" in result.summary


def test_source_that_is_not_of_record_or_not_configured_is_not_asked(tmp_path: Path) -> None:
    other = Replica(name="other")
    assert asked(*world(tmp_path / "a", other)).outcome == "unknown"
    assert other.asked == []
    _prober, manifest = world(tmp_path / "b", Replica())
    offline = ConfiguredProber(FolderCaseStore(tmp_path / "b"))
    assert asked(offline, manifest).parts == ()


def test_at_most_two_sources_are_asked(tmp_path: Path) -> None:
    store = FolderCaseStore(tmp_path)
    systems = [Replica(name=f"s{n}", silent=True) for n in range(4)]
    story = Story(1, services=("checkout",))
    story.add("topology", {"caller": "checkout", "callee": "payments", "weight": 1.0, "source": "trace"})
    story.logs("checkout", "INFO", "order {n}", 180, 1)
    case = story.case()
    parts = [store.put_part(case.scope.incident_id, 1, s.name, "logs", case.table("logs")) for s in systems]
    parts.append(store.put_part(case.scope.incident_id, 1, "s0", "topology", case.table("topology")))
    manifest = case.manifest.model_copy(update={"parts": tuple(parts)})
    asked(ConfiguredProber(store, SourceCollector(systems, store)), manifest)
    assert [len(s.asked) for s in systems] == [1, 1, 0, 0]


def test_a_source_that_could_be_asked_makes_silence_an_answer(tmp_path: Path) -> None:
    """No change of payments: known only once the system of record was asked about payments."""
    store = FolderCaseStore(tmp_path)
    story = Story(1, services=("checkout",))
    story.change("ci:1", "deploy", 15, "Release", version="r1")
    story.add("topology", {"caller": "checkout", "callee": "payments", "weight": 1.0, "source": "trace"})
    manifest = stored(store, story.case())
    deploys = order(manifest, "deploy_diff", service="payments", change="")
    assert ConfiguredProber(store).probe(deploys).outcome == "unknown"
    asking = ConfiguredProber(store, SourceCollector([Replica(silent=True)], store))
    assert asking.probe(deploys).outcome == "absent"
    failing = ConfiguredProber(store, SourceCollector([Replica(fails=True)], store))
    assert failing.probe(deploys).outcome == "unknown"


class Broken(SourceCollector):
    """A collector whose store cannot be written."""

    def collect(self, source: str, revision: int, scope: Scope) -> SourceReport:
        raise Failure("The case store is full.", who="operator")


def test_only_the_failure_of_a_store_is_raised(tmp_path: Path) -> None:
    prober, manifest = world(tmp_path, Replica())
    with pytest.raises(Failure, match="full"):
        asked(ConfiguredProber(FolderCaseStore(tmp_path), Broken([Replica()], FolderCaseStore(tmp_path))), manifest)
    lost = manifest.model_copy(
        update={"parts": tuple(p.model_copy(update={"uri": "gone/x.parquet"}) for p in manifest.parts)}
    )
    with pytest.raises(Failure):
        asked(prober, lost)


def test_arguments_that_do_not_fit_are_answered_with_what_is_wrong(tmp_path: Path) -> None:
    prober, manifest = world(tmp_path, Replica())
    result = prober.probe(order(manifest, "logs", service="checkout", text="x", level="loud"))
    assert result.outcome == "unknown"
    assert "level" in result.summary


@pytest.mark.parametrize("name", list(CATALOGUE))
def test_every_probe_is_answered_offline(tmp_path: Path, name: ProbeName) -> None:
    store = FolderCaseStore(tmp_path)
    manifest = stored(store, throttled_checkout(1))
    closed = {"level": "any", "aspect": "all", "direction": "both"}
    given: dict[str, Scalar] = {
        field: closed.get(field, "")
        for field in CATALOGUE[name].arguments.model_fields
        if field not in ("hypothesis", "why")
    }
    result = ConfiguredProber(store).probe(order(manifest, name, **{**given, "service": "checkout"}))
    assert result.outcome == "unknown" if name == "trace" else result.outcome != "unknown"


def test_shared_results_are_bounded_and_failures_are_not_kept() -> None:
    made: list[int] = []
    shared: Shared[int, int] = Shared(2)

    def make(number: int) -> int:
        made.append(number)
        if number < 0:
            raise Failure("no")
        return number

    for number in (1, 1, 2, 3, 1):
        assert shared.get(number, lambda n=number: make(n)) == number
    assert made == [1, 2, 3, 1]
    for _ in range(2):
        with pytest.raises(Failure):
            shared.get(-1, lambda: make(-1))
    assert made[-2:] == [-1, -1]
