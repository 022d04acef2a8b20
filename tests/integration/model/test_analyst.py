"""The configured analyst against a real HTTP server: paid once, within limits, never without a diagnosis."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.finding import Finding
from autopilot.incident.investigation import Investigation, Limits, Probe, ProbeResult
from autopilot.incident.ports import Attempt, Failure, InvestigateRequest, ProbeOrder, SummaryRequest
from autopilot.incident.state import IncidentState
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.casefile import load_dossier
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.summary import ConfiguredSummariser
from autopilot.settings import Model
from tests.integration.model.conftest import SOUND, Settings
from tests.integration.model.server import Body, ModelServer, Reply, calls, completion, error, offered
from tests.unit.reasoning import story
from tests.unit.reasoning.store import StoredCase

NETWORK = {"hypothesis": 2, "why": "a far side that answers would refute it", "service": "checkout", "peer": ""}
METRIC = {"hypothesis": 1, "why": "levels as before would refute it", "service": "orders", "metric": "reads",
          "region": ""}  # fmt: skip


class Answering:
    """Answers every probe with one finding, or not at all."""

    def __init__(
        self, told: str = "orders answered 240 reads per minute with rejections", fails: bool = False
    ) -> None:
        self.told, self.fails, self.asked = told, fails, list[Probe]()

    def probe(self, order: ProbeOrder) -> ProbeResult:
        """See `Prober`."""
        self.asked.append(order.probe)
        if self.fails:
            raise Failure("the source is gone")
        found = story.finding(order.first_finding, "log", "orders", self.told, minutes=-3)
        return ProbeResult(probe=order.probe, outcome="present", summary=self.told, findings=(found,))


def run(
    case: StoredCase, model: Model, prober: Answering | None = None, **how: Any
) -> tuple[Diagnosis, Investigation, tuple[Finding, ...]]:
    """One investigation as the workflow makes it; waits take no time."""
    analyst = ConfiguredAnalyst(model, case.store)
    conclusion, investigation = investigate(
        analyst, prober or Answering(), case.manifest, case.brief, pause=lambda _: None, **how
    )
    return conclusion.diagnosis, investigation, load_dossier(case.store, conclusion.dossier).findings


def request(case: StoredCase, **changes: Any) -> InvestigateRequest:
    """The first turn's request."""
    investigation = Investigation(started=story.ALARM, next_finding=case.brief.next_finding)
    asked = InvestigateRequest(
        incident_id=case.incident_id, manifest=case.manifest, dossier=case.brief, investigation=investigation
    )
    return asked.model_copy(update=changes)


@pytest.mark.parametrize("masked", [True, False])
def test_addresses_leave_the_process_only_where_settings_let_them(
    server: ModelServer, settings: Settings, tmp_path: Path, masked: bool
) -> None:
    caller = "10.1.2.3"
    reads = story.READS.model_copy(update={"summary": f"{story.READS.summary} from {caller}"})
    findings = tuple(reads if f.id == reads.id else f for f in story.dossier().findings)
    case = StoredCase(tmp_path / "told", story.dossier(findings=findings))
    diagnosis, _, _ = run(case, settings(mask_ips=masked))
    statement = "Checkout reads more since v2.4.1 (F1)."
    best = diagnosis.hypotheses[0].model_copy(update={"statement": statement, "supporting": ("F1", "F3")})
    state = IncidentState(
        incident_id=case.incident_id, group="checkout", opened_at=story.ALARM, service="checkout-api",
        dossier=case.brief, diagnosis=Diagnosis(revision=1, hypotheses=(best,)), outcome="handed_over",
    )  # fmt: skip
    server.always(completion({"sentences": []}))
    ConfiguredSummariser(settings(mask_ips=masked), case.store).summarise(SummaryRequest(state=state), Attempt())
    assert len(server.requests) == 3
    told = [caller in json.dumps(sent) for sent in server.requests]
    assert told == [not masked] * 3


def test_two_calls_and_the_second_follows_the_first_byte_for_byte(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.queue = [calls(("diagnose", SOUND), ("probe_metric", METRIC), ("probe_network", NETWORK))]
    diagnosis, investigation, findings = run(case, settings())
    first, second = server.requests
    assert second["messages"][: len(first["messages"])] == first["messages"]
    assert len(second["messages"]) == len(first["messages"]) + 1
    assert offered(first)[0] == "diagnose"
    assert {"probe_metric", "probe_deploy_diff", "probe_neighbours"} < set(offered(first))
    assert offered(second) == ["diagnose"]
    told = second["messages"][-1]["content"]
    assert "P1|1|metric orders reads|present|orders answered 240 reads" in told
    assert "This is the last round" in told
    # Neither of the two could speak against a hypothesis, so code adds one for each.
    assert [(p.id, p.name) for p in investigation.turns[0].probes] == [
        ("P1", "metric"), ("P2", "network"), ("P3", "deploy_diff"), ("P4", "metric"),
    ]  # fmt: skip
    assert (diagnosis.analyst, diagnosis.usage.calls) == ("gpt-4o", 2)
    assert diagnosis.stopped == "the analyst asked for no further test"
    new = {f.id for r in investigation.results for f in r.findings}
    assert len(new) == 4
    assert new <= {f.id for f in findings}


def test_sound_answer_becomes_a_tested_diagnosis(case: StoredCase, settings: Settings) -> None:
    diagnosis, _, _ = run(case, settings())
    best = diagnosis.best
    assert best is not None
    assert best.statement == SOUND["hypotheses"][0]["statement"]
    assert best.standing == "confirmed"
    assert best.resource == story.ALIAS
    assert [h.standing for h in diagnosis.hypotheses if h.cause_kind == "traffic_surge"] == ["refuted"]
    assert diagnosis.causal_chain == ("v2.4.1 was deployed at 03:00. (F1)", "ReadThrottleEvents rose to 240. (F4)")
    assert diagnosis.dropped == 0
    assert diagnosis.claims >= 8


def test_three_rounds_keep_every_earlier_byte_and_number_probes_on(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.queue = [
        calls(("diagnose", SOUND), ("probe_metric", METRIC), ("probe_network", NETWORK)),
        calls(("diagnose", SOUND), ("probe_network", NETWORK | {"peer": "orders"})),
    ]
    _, investigation, _ = run(case, settings(), limits=Limits(rounds=3))
    said = [r["messages"] for r in server.requests]
    assert len(said) == 3
    assert said[1][:2] == said[0]
    assert said[2][:3] == said[1]
    assert [p.id for t in investigation.turns for p in t.probes] == ["P1", "P2", "P3", "P4", "P5"]
    ids = [f.id for r in investigation.results for f in r.findings]
    assert len(set(ids)) == len(ids) == 5


def test_what_is_not_in_the_catalogue_is_refused_with_a_reason(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    prober = Answering()
    server.queue = [
        calls(
            ("diagnose", SOUND),
            ("probe_metric", METRIC),
            ("probe_metric", METRIC | {"hypothesis": 2, "why": "again"}),
            ("probe_shell", {"command": "rm -rf /"}),
            ("probe_network", {"hypothesis": 2, "peer": 7}),
            ("probe_network", "{broken"),
            ("diagnose", SOUND),
        )
    ]
    _, investigation, _ = run(case, settings(), prober)
    refused = {d.claim.partition("(")[0]: d.reason for d in investigation.turns[0].refused}
    assert refused["probe_shell"].startswith("there is no function")
    assert "P1 asks the same" in refused["metric"]
    assert "probe_network" in refused
    assert "more than once" in refused["diagnose"]
    assert len(investigation.turns[0].refused) == 5
    assert all(p.name in ("metric", "traffic_surge", "deploy_diff") for p in prober.asked)
    assert investigation.turns[0].chain != ()


def test_limits_of_probes_and_rounds_hold(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    many = [("probe_metric", METRIC | {"metric": f"m{n}"}) for n in range(6)]
    server.always(calls(("diagnose", SOUND), *many))
    prober = Answering()
    diagnosis, investigation, _ = run(case, settings(), prober, limits=Limits(probes=3, rounds=1))
    assert [p.name for p in prober.asked] == ["deploy_diff", "metric"]
    assert diagnosis.stopped == "the limit of 1 rounds is reached"
    # The only round is the last one, so no test was offered: those that were made are the code's own.
    assert all("there is no function" in d.reason for d in investigation.turns[0].refused)
    server.requests.clear()
    _, investigation, _ = run(case, settings(), Answering(), limits=Limits(probes=3), feedback=("other",))
    assert len(investigation.turns[0].probes) == 3
    assert [d.reason for d in investigation.turns[0].refused] == ["the limit of 3 probes is reached"] * 3


def test_hypotheses_that_nobody_tests_are_tested_by_code(case: StoredCase, settings: Settings) -> None:
    _, investigation, _ = run(case, settings())
    tested = {(p.hypothesis, p.name) for p in investigation.turns[0].probes}
    assert tested == {(1, "deploy_diff"), (2, "metric")}
    assert [p.id for p in investigation.turns[0].probes] == ["P1", "P2"]
    assert investigation.turns[1].probes == ()  # the same hypotheses are not tested twice


@pytest.mark.parametrize(
    ("asked", "added"),
    [
        (METRIC | {"service": "checkout-api", "metric": "requests", "hypothesis": 2}, set[str]()),
        (METRIC | {"service": "checkout-api", "metric": "latency", "hypothesis": 2}, {"requests"}),
        (METRIC | {"service": "orders", "metric": "requests", "hypothesis": 2}, {"requests"}),
    ],
)
def test_a_probe_that_could_not_refute_a_hypothesis_does_not_stand_in_for_one_that_could(
    asked: Body, added: set[str], server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(calls(("diagnose", SOUND), ("probe_metric", asked)))
    _, investigation, _ = run(case, settings())
    own, *more = investigation.turns[0].probes
    assert own.arguments["metric"] == asked["metric"]
    assert {p.arguments["metric"] for p in more if p.hypothesis == 2} == added


def test_a_probe_that_fails_is_an_unanswered_test(case: StoredCase, settings: Settings) -> None:
    diagnosis, investigation, _ = run(case, settings(), Answering(fails=True))
    assert {r.outcome for r in investigation.results} == {"unknown"}
    assert sum(g.kind == "failed" for g in diagnosis.gaps) == len(investigation.results) == 2
    assert diagnosis.best is not None
    assert diagnosis.best.confidence <= 0.9  # what failed may hide contrary evidence


def test_fabrications_are_dropped_and_shown(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    invented = SOUND["hypotheses"][0] | {
        "statement": "v2.4.1 made checkout read more per request (F1). The cache zebra-7 lost 98765 keys (F3).",
        "supporting": ["F1", "F3", "F77"],
        "change_id": "github:999",
    }
    nowhere = SOUND["hypotheses"][1] | {"service": "zebra-svc"}
    server.always(calls(("diagnose", {"hypotheses": [invented, nowhere], "causal_chain": []})))
    diagnosis, _, _ = run(case, settings())
    shown = diagnosis.model_copy(update={"dropped_claims": ()}).model_dump_json()
    for sentinel in ("zebra", "98765", "F77", "github:999"):
        assert sentinel not in shown
    reasons = " ".join(d.reason for d in diagnosis.dropped_claims)
    assert "zebra-7" in reasons
    assert "F77 does not exist" in reasons
    assert "'github:999' occurs in no finding" in reasons
    assert "'zebra-svc' occurs in no finding" in reasons
    assert diagnosis.claims > diagnosis.dropped >= 4


def test_wholly_unsupported_answer_gives_the_built_in_diagnosis(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    lie = SOUND["hypotheses"][0] | {"statement": "Zebras ate 12345 cables.", "supporting": []}
    server.always(calls(("diagnose", {"hypotheses": [lie], "causal_chain": []})))
    diagnosis, _, _ = run(case, settings())
    assert diagnosis.analyst.startswith("built-in analyst (model unavailable: nothing")
    assert diagnosis.dropped_claims[0].claim == "Zebras ate 12345 cables."
    assert diagnosis.best is not None
    assert diagnosis.best.cause_kind == "bad_deploy"


def test_answer_that_hides_the_leading_suspect_cannot_win_by_omission(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(calls(("diagnose", SOUND | {"hypotheses": SOUND["hypotheses"][1:]})))
    best = run(case, settings())[0].best
    assert best is not None
    assert best.cause_kind == "bad_deploy"


def test_hypothesis_that_the_second_round_leaves_out_stays_with_its_verdict(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.queue = [
        calls(("diagnose", SOUND)),
        calls(("diagnose", SOUND | {"hypotheses": SOUND["hypotheses"][:1]})),
    ]
    diagnosis, _, _ = run(case, settings())
    assert [(h.cause_kind, h.standing) for h in diagnosis.hypotheses] == [
        ("bad_deploy", "confirmed"),
        ("traffic_surge", "refuted"),
    ]


def test_kind_that_does_not_exist_costs_one_hypothesis_only(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    odd = SOUND["hypotheses"][1] | {"cause_kind": "gremlins"}
    three = SOUND | {"hypotheses": [odd, *SOUND["hypotheses"]]}
    server.always(calls(("diagnose", three), ("probe_metric", METRIC | {"hypothesis": 2})))
    diagnosis, investigation, _ = run(case, settings())
    assert diagnosis.best is not None
    assert diagnosis.best.cause_kind == "bad_deploy"
    assert [d.reason for d in investigation.turns[0].refused] == ["'gremlins' is no kind of cause"]
    asked = next(
        p for p in investigation.turns[0].probes if p.name == "metric" and p.arguments["metric"] == "reads"
    )
    assert asked.hypothesis == 1  # the second that was written is the first that is left


def test_stored_answers_are_not_paid_for_twice(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    first = run(case, settings())
    second = run(case, settings())
    assert len(server.requests) == 2
    assert second[0] == first[0]


def test_killed_after_the_answer_was_stored_nothing_is_asked_again(
    server: ModelServer, case: StoredCase, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("autopilot.reasoning.investigating.model_turn.decode", die)
        with pytest.raises(KeyboardInterrupt):
            ConfiguredAnalyst(settings(), case.store).propose(request(case), Attempt())
    assert len(server.requests) == 1
    turn = ConfiguredAnalyst(settings(), case.store).propose(request(case), Attempt(number=2))
    assert len(server.requests) == 1
    assert turn.usage.calls == 1
    assert turn.proposed[0].cause_kind == "bad_deploy"


def test_dead_model_in_the_first_turn_leaves_the_built_in_analyst_and_its_tests(
    case: StoredCase, settings: Settings
) -> None:
    prober = Answering()
    diagnosis, investigation, _ = run(case, settings(base_url="http://127.0.0.1:9/v1"), prober)
    assert diagnosis.analyst.startswith("built-in analyst (model unavailable: ")
    assert "unreachable" in diagnosis.analyst
    assert {p.name for p in prober.asked} >= {"deploy_diff", "database", "metric"}
    assert len(investigation.turns) == 1
    assert diagnosis.best is not None
    assert diagnosis.best.cause_kind == "bad_deploy"


def test_model_that_dies_in_the_second_turn_is_judged_by_what_it_said_first(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    def dying(asked: Body) -> Reply:
        return error(503, "gone") if len(asked["messages"]) > 2 else calls(("diagnose", SOUND))

    server.script = dying
    diagnosis, investigation, _ = run(case, settings())
    assert diagnosis.analyst.startswith("gpt-4o (unavailable in turn 2: ")
    assert len(investigation.turns) == 2
    assert diagnosis.best is not None
    assert diagnosis.best.statement == SOUND["hypotheses"][0]["statement"]
    assert diagnosis.best.standing == "confirmed"
    assert "unavailable in turn 2" in diagnosis.stopped
    assert diagnosis.usage.calls >= 1


@pytest.mark.parametrize(
    ("reply", "calls_made"),
    [
        (completion("no JSON here"), 2),
        (calls(("diagnose", {"hypotheses": [{"statement": 1}]})), 2),
        (calls(("diagnose", {"hypotheses": [], "causal_chain": []})), 2),
        (calls(("probe_metric", METRIC)), 2),
        (completion(None, refusal="I cannot help"), 1),
        (Reply(body=b"<html>gateway</html>"), 1),
        (Reply(body=b'{"choices": []}'), 1),
        (error(401, "Incorrect API key provided: test-key"), 1),
        (error(404, "no such model"), 1),
        (error(429, "no money", code="insufficient_quota"), 1),
        (error(503, "overloaded"), 3),
    ],
)
def test_whatever_the_model_does_there_is_a_labelled_diagnosis(
    server: ModelServer, case: StoredCase, settings: Settings, reply: Reply, calls_made: int
) -> None:
    server.always(reply)
    diagnosis, _, _ = run(case, settings())
    assert diagnosis.analyst.startswith("built-in analyst (model unavailable: ")
    assert "test-key" not in diagnosis.analyst
    assert len(server.requests) == calls_made
    assert diagnosis.best is not None
    assert diagnosis.best.cause_kind == "bad_deploy"


def test_slow_server_ends_within_the_time(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    server.always(Reply(body=b"{}", delay=2.0))
    started = time.monotonic()
    with pytest.raises(Failure, match="did not answer in time"):
        ConfiguredAnalyst(settings(timeout=0.2), case.store).propose(request(case), Attempt(seconds=0.3))
    assert time.monotonic() - started < 1.5


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "http://127.0.0.1:99999/v1", "http://[::1/v1", "nowhere"])
def test_unusable_address_is_refused_at_the_start(case: StoredCase, settings: Settings, url: str) -> None:
    with pytest.raises(Failure, match="is no address") as caught:
        ConfiguredAnalyst(settings(base_url=url), case.store)
    assert caught.value.who == "operator"


def test_without_a_model_nothing_is_asked(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    diagnosis, _, _ = run(case, settings(kind="none"))
    assert diagnosis.analyst == "built-in analyst (no model configured)"
    assert server.requests == []


def test_secrets_in_findings_probes_and_remarks_never_reach_the_server(
    server: ModelServer, tmp_path: Path, settings: Settings
) -> None:
    leaky = story.LOGS.model_copy(
        update={"summary": "login kim@paperplane.example password=hunter2 AKIAIOSFODNN7EXAMPLE"}
    )
    case = StoredCase(tmp_path / "leaky", story.dossier(findings=(leaky, *story.dossier().findings[:5])))
    prober = Answering("lee@paperplane.example sent token=zyxwvu98 to orders")
    run(case, settings(), prober, feedback=("the token is token=abcdef99",))
    sent = json.dumps(server.requests)
    assert len(server.requests) == 2
    for secret in ("kim@paperplane", "lee@paperplane", "hunter2", "AKIAIOSFODNN7EXAMPLE", "abcdef99", "zyxwvu98"):
        assert secret not in sent
    assert "[email-" in server.requests[1]["messages"][-1]["content"]


def test_a_persons_idea_is_tested_although_the_model_ignores_it(case: StoredCase, settings: Settings) -> None:
    diagnosis, _, _ = run(case, settings(), feedback=("I bet it is the network",))
    network = next(h for h in diagnosis.hypotheses if h.cause_kind == "network")
    assert (network.standing, network.asked_by) == ("refuted", "I bet it is the network")


def test_calibration_tells_how_often_such_a_confidence_was_right(case: StoredCase, settings: Settings) -> None:
    analyst = ConfiguredAnalyst(
        settings(), case.store, calibrate=lambda kind, confidence: (0.8, 40) if kind == "bad_deploy" else (None, 3)
    )
    conclusion, _ = investigate(analyst, Answering(), case.manifest, case.brief)
    told = {h.cause_kind: (h.likelihood, h.outcomes) for h in conclusion.diagnosis.hypotheses}
    assert told["bad_deploy"] == (0.8, 40)
    assert told["traffic_surge"] == (None, 3)
