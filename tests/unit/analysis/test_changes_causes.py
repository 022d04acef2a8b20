"""Which change is blamed for an incident, which is cleared, and when none is."""

import json
from collections.abc import Sequence
from datetime import timedelta

import numpy as np
import pytest

from autopilot.analysis.dossier import analyze
from autopilot.case.case import Case
from autopilot.incident.finding import Dossier, Finding
from tests.unit.analysis.story import MINUTES, NOW, Story

TIDY = (
    "@@ func (h *Handler) Serve(w, r) {\n-\tvar req Request\n-\tif err := decode(r, &req); err != nil {\n"
    "-\t\thttp.Error(w, err.Error(), 400)\n-\t\treturn\n-\t}\n+\treq, err := decodeRequest(r)\n"
    "+\tif err != nil {\n+\t\twriteError(w, err)\n+\t\treturn\n+\t}\n \twriteJSON(w, out)\n"
)
LOGGING = '-log.debug("leader elected")\n+log.info("leader elected")\n'
SELECT = "SELECT id FROM events WHERE tenant = $1 ORDER BY score"
NO_LIMIT = f"-{SELECT} LIMIT 50\n+{SELECT}\n"
SMALL_POOL = "-\tcfg.MaxOpenConns = 50\n+\tcfg.MaxOpenConns = 5\n"


class World:
    """A service that calls its database and is called by an entry; it suffers since six minutes before now."""

    def __init__(self, service: str = "orders", seed: int = 1) -> None:
        self.service = service
        self.story = Story(seed, services=(service,))
        for caller, callee in (("web", service), (service, "ledger")):
            self.story.add("topology", {"caller": caller, "callee": callee, "weight": 1.0, "source": "trace"})
        self.story.logs(service, "INFO", "handled request {n}", 180, 3)

    def suffers(self, text: str = "", *, slow: bool = True) -> "World":
        self.series("latency_ms", 40, (6, 1_500.0 if slow else 40.0))
        self.series("error_ratio", 0.002, (6, 0.4))
        if text:
            self.story.logs(self.service, "ERROR", f"{text} {{n}}", 6, 25)
        return self

    def series(self, name: str, usual: float, *jumps: tuple[int, float], service: str = "") -> None:
        values = self.story.steps(usual, *jumps)
        self.story.metric(service or self.service, "custom", name, "", "", values, Service=service or self.service)

    def deploy(
        self, version: str, before: float, diff: str, file: str, *, service: str = "", summary: str = "release"
    ) -> "World":
        self.story.change(
            f"deploy:{version}", "deploy", before, summary, version=version, service=service or self.service,
            files=json.dumps([file]), diff=diff,
        )  # fmt: skip
        return self

    def case(self) -> Case:
        return self.story.case()

    def dossier(self) -> Dossier:
        return analyze(self.case())

    def alarmed(self, before: float) -> Dossier:
        """The dossier when the alarm fired that many minutes before now."""
        case = self.case()
        scope = case.scope.model_copy(update={"alerted_at": NOW - timedelta(minutes=before)})
        return analyze(Case(case.manifest.model_copy(update={"scope": scope}), case.tables))


def cleared(dossier: Dossier, version: str) -> str:
    return next((text for text in dossier.contradictions if f" {version} " in text), "")


def changes(dossier: Dossier) -> Sequence[Finding]:
    return [f for f in dossier.findings if f.kind == "change"]


def test_content_beats_the_deploy_that_stands_nearer() -> None:
    world = World().suffers("timed out acquiring a connection from the pool")
    world.deploy("v2", 14, SMALL_POOL, "orders/db.go").deploy("v3", 7, TIDY, "orders/handler.go")
    world.deploy("w9", 6.5, "-.a{margin:1px}\n+.a{margin:2px}\n", "web/app.css", service="web")
    dossier = world.dossier()
    first = dossier.suspects[0]
    assert (first.change_id, first.cause_kind, first.mechanism) == ("deploy:v2", "bad_deploy", "code_defect")
    assert "allows fewer connections" in first.reason
    assert "only changes presentation: not blamed" in cleared(dossier, "w9")


def test_deploy_without_readable_content_is_still_blamed_for_what_began_with_it() -> None:
    world = World().suffers("cannot render basket")
    world.story.change("deploy:v2", "deploy", 7, "Deploy v2", version="v2", service="orders")
    assert world.dossier().suspects[0].change_id == "deploy:v2"


def test_change_of_logging_only_is_not_blamed_for_a_crash() -> None:
    world = World().suffers("panic: nil pointer dereference in total", slow=False)
    world.deploy("v2", 7, LOGGING, "orders/leader.py")
    dossier = world.dossier()
    assert not dossier.suspects[0].change_id
    assert "only changes logging" in cleared(dossier, "v2")


def test_slow_growth_is_traced_to_the_deploy_hours_before() -> None:
    world = World("search")
    grown = [(k, 40 + (150 - k) * 6.0) for k in range(150, 0, -1)]
    world.series("db_latency_ms", 40, *grown)
    world.series("db_rows_examined", 50, *[(k, 900_000 + (150 - k) * 6_000.0) for k in range(150, 0, -1)])
    world.story.logs("search", "WARN", "slow query SELECT id FROM events took {n} ms", 20, 6)
    world.deploy("v2", 150.5, NO_LIMIT, "search/query.go").deploy("v3", 12, TIDY, "search/handler.go")
    dossier = world.dossier()
    first = dossier.suspects[0]
    assert (first.change_id, first.mechanism) == ("deploy:v2", "costly_code")
    cited = [f for f in dossier.findings if f.id in first.finding_ids]
    assert any("with the change at 07:29" in f.summary for f in cited)
    assert not any(s.change_id == "deploy:v3" and s.score > 0.35 for s in dossier.suspects)


def test_leak_that_was_there_before_the_deploy_is_not_its_doing() -> None:
    world = World("search")
    world.series("memory_rss_mb", 200, *[(k, 200 + (170 - k) * 2.0) for k in range(170, 0, -1)])
    world.deploy("v3", 60, TIDY, "search/handler.go")
    assert not any("with the change" in f.summary for f in world.dossier().findings)


def test_expired_certificate_is_nobodys_change() -> None:
    world = World().suffers("tls handshake with ledger failed: x509: certificate has expired or is not yet valid")
    world.deploy("v2", 14, "-\tciphers = A, B\n+\tciphers = B, A, C\n", "orders/tls.go")
    world.deploy("v3", 6.2, TIDY, "orders/handler.go")
    dossier = world.dossier()
    first = dossier.suspects[0]
    assert (first.cause_kind, first.mechanism, first.change_id) == ("certificate", "expired_certificate", "")
    assert all("no change brings this about" in cleared(dossier, version) for version in ("v2", "v3"))


def test_services_that_fail_at_one_host_outside_share_an_outage() -> None:
    world = World().suffers("PUT https://files.bigstore.com/x failed: 503 ServiceUnavailable region=eu-west-1")
    world.story.logs("photos", "ERROR", "GET files.bigstore.com/y: 503 SlowDown region=eu-west-1 {n}", 6, 20)
    world.story.change("flag:f", "flag", 7, "signed_links off->on", service="orders", resource="signed_links")
    dossier = world.dossier()
    first = dossier.suspects[0]
    assert (first.service, first.mechanism, first.change_id) == ("orders", "provider_outage", "")
    told = dossier.finding(first.finding_ids[0])
    assert told is not None
    assert "orders, photos all fail at files.bigstore.com in eu-west-1" in told.summary


def test_full_disk_clears_a_deploy_that_edits_nothing_of_the_kind() -> None:
    world = World().suffers("write failed: no space left on device", slow=False)
    world.deploy("v3", 7, TIDY, "orders/handler.go")
    assert [(s.cause_kind, s.change_id) for s in world.dossier().suspects[:1]] == [("disk", "")]


@pytest.mark.parametrize("named", [True, False])
def test_deploy_with_many_commits_names_the_one_that_matters(named: bool) -> None:
    world = World().suffers("timed out acquiring a connection from the pool")
    world.story.change("deploy:v2", "deploy", 8, "Release v2", version="v2", service="orders")
    told = (("c1", "docs/a.md", "+a\n"), ("c2", "orders/db.go", SMALL_POOL), ("c3", "orders/handler.go", TIDY))
    for number, (sha, file, diff) in enumerate(told):
        world.story.change(
            f"commit:{sha}", "commit", 20 - number, f"work {sha}", service="orders" if named else "",
            version="v2" if named else "", files=json.dumps([file]), diff=diff,
        )  # fmt: skip
    dossier = world.dossier()
    first, (change,) = dossier.suspects[0], changes(dossier)
    assert first.change_id == "deploy:v2"
    # Without a service only the paths tell whose a commit is: `docs/a.md` is nobody's.
    assert (first.commit, f"{3 if named else 2} commits" in change.summary) == ("commit:c2", True)
    assert 'first of all c2 "work c2"' in change.summary
    assert change.summary.index("orders/db.go") < change.summary.index("orders/handler.go")


def test_flag_names_the_commit_whose_code_it_switches_on() -> None:
    world = World().suffers("timed out acquiring a connection from the pool")
    switched = "+if flags.on('narrow_pool'):\n" + SMALL_POOL
    world.story.change(
        "commit:old", "commit", 170, "narrow pool behind a flag", service="orders", diff=switched,
        files=json.dumps(["orders/db.go"]),
    )  # fmt: skip
    world.deploy("v1", 165, "", "orders/db.go")
    world.story.change("flag:1", "flag", 7, "narrow_pool off->on", service="orders", resource="narrow_pool")
    world.deploy("v3", 6.5, TIDY, "orders/handler.go")
    first = world.dossier().suspects[0]
    assert (first.change_id, first.commit, first.mechanism) == ("flag:1", "commit:old", "bad_flag")


@pytest.mark.parametrize("traced", [False, True])
def test_deploy_stamped_after_the_alarm_needs_independent_support(traced: bool) -> None:
    world = World()
    world.series("latency_ms", 40, (5, 900.0))
    frame = ' File "orders/repository.py", line 88, in find_open' if traced else ""
    world.story.logs("orders", "ERROR", f"TimeoutError: database did not answer in 5 s{frame} {{n}}", 4.5, 30)
    world.deploy("v2.1.3", 4.75, "-    rows = query(SQL, 30)\n+    rows = query(SQL)\n", "orders/repository.py")
    dossier = world.alarmed(5)
    blamed = [s for s in dossier.suspects if s.change_id == "deploy:v2.1.3"]
    assert [e.after_onset for e in dossier.timeline if e.kind == "change"] == [True]
    assert bool(blamed) == traced
    assert any("recorded after the onset" in text for text in dossier.contradictions) != traced
    if traced:
        assert "stamped after the onset, clocks may differ" in blamed[0].reason


def test_deploy_long_after_the_onset_is_no_cause_even_when_a_stack_names_its_file() -> None:
    world = World().suffers('KeyError at File "orders/repository.py", line 88', slow=False)
    world.deploy("v5", 1, "-a = 1\n+a = 2\n", "orders/repository.py")
    assert not any(s.change_id for s in world.dossier().suspects)


def test_one_version_that_fails_ties_a_late_stamped_deploy_to_the_errors() -> None:
    world = World()
    for version, share, served in (("v1", 0.002, slice(0, -5)), ("v2", 0.5, slice(-5, None))):
        requests = np.full(MINUTES, np.nan)
        requests[served] = 100.0
        for name, values in (("Requests", requests), ("Errors", share * requests)):
            world.story.metric(
                "orders", "custom", name, "Sum", "Count", values, Service="orders", version=version
            )  # fmt: skip
    world.series("latency_ms", 40, (5, 900.0))
    world.story.change("deploy:v2", "deploy", 4.7, "Deploy v2", version="v2", service="orders")
    first = world.alarmed(5).suspects[0]
    assert first.change_id == "deploy:v2"
    assert "requests served by v2 fail" in first.reason
