"""The configured analyst against a real HTTP server: paid once, within limits, never without a diagnosis."""

import json
import time
from typing import Any

import pytest

from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.investigation import Limits
from autopilot.incident.ports import Failure
from autopilot.reasoning.analyst import ConfiguredAnalyst, Patience
from autopilot.reasoning.asking.answers import LEDGER, CaseAnswers
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.probing import ConfiguredProber
from tests.integration.model.conftest import SOUND, Settings
from tests.integration.model.server import ModelServer, Reply, completion, error
from tests.unit.reasoning import story
from tests.unit.reasoning.store import StoredCase


def _diagnose(case: StoredCase, model: Any, seconds: float = 20.0, **request: Any) -> Diagnosis:
    pauses: list[float] = []
    analyst = ConfiguredAnalyst(model, case.store, patience=Patience(seconds, sleep=pauses.append))
    conclusion, _ = investigate(analyst, ConfiguredProber(case.store), case.manifest, case.brief, **request)
    return conclusion.diagnosis


def _ledger(case: StoredCase) -> list[dict[str, Any]]:
    return json.loads(CaseAnswers(case.store, case.incident_id).get(LEDGER) or "[]")


def test_sound_answer_becomes_a_tested_diagnosis(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    diagnosis = _diagnose(case, settings())
    assert diagnosis.analyst == "gpt-4o"
    assert diagnosis.dropped_claims == ()
    best = diagnosis.best
    assert best is not None
    assert best.statement == SOUND["hypotheses"][0]["statement"]
    assert best.standing == "confirmed"
    assert best.resource == story.ALIAS
    assert [h.standing for h in diagnosis.hypotheses if h.cause_kind == "traffic_surge"] == ["refuted"]
    assert diagnosis.causal_chain == ("v2.4.1 was deployed at 03:00. (F1)", "ReadThrottleEvents rose to 240. (F4)")
    assert (diagnosis.usage.calls, diagnosis.usage.input_tokens, diagnosis.usage.output_tokens) == (1, 900, 120)
    assert diagnosis.usage.cost_usd == pytest.approx(900 * 2.5e-6 + 120 * 1e-5)
    assert server.requests[0]["response_format"]["json_schema"]["strict"] is True
    assert server.authorization == ["Bearer test-key"]


def test_fabrications_are_dropped_and_shown(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    invented = SOUND["hypotheses"][0] | {
        "statement": "v2.4.1 made checkout read more per request (F1). The cache zebra-7 lost 98765 keys (F3).",
        "supporting": ["F1", "F3", "F77"],
        "change_id": "github:999",
    }
    nowhere = SOUND["hypotheses"][1] | {"service": "zebra-svc"}
    server.always(completion({"hypotheses": [invented, nowhere], "causal_chain": []}))
    diagnosis = _diagnose(case, settings())
    shown = diagnosis.model_copy(update={"dropped_claims": ()}).model_dump_json()
    for sentinel in ("zebra", "98765", "F77", "github:999"):
        assert sentinel not in shown
    reasons = " ".join(d.reason for d in diagnosis.dropped_claims)
    assert "zebra-7" in reasons
    assert "F77 does not exist" in reasons
    assert "'github:999' occurs in no finding" in reasons
    assert "'zebra-svc' occurs in no finding" in reasons


def test_wholly_unsupported_answer_gives_the_built_in_diagnosis(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    lie = SOUND["hypotheses"][0] | {"statement": "Zebras ate 12345 cables.", "supporting": []}
    server.always(completion({"hypotheses": [lie], "causal_chain": []}))
    diagnosis = _diagnose(case, settings())
    assert diagnosis.analyst.startswith("built-in analyst (model unavailable: nothing")
    assert diagnosis.dropped_claims[0].claim == "Zebras ate 12345 cables."
    assert diagnosis.best is not None
    assert diagnosis.best.cause_kind == "bad_deploy"
    assert diagnosis.usage.calls == 1


def test_answer_that_hides_the_leading_suspect_cannot_win_by_omission(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(completion(SOUND | {"hypotheses": SOUND["hypotheses"][1:]}))
    best = _diagnose(case, settings()).best
    assert best is not None
    assert best.cause_kind == "bad_deploy"


def test_stored_answer_is_not_paid_for_twice(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    first = _diagnose(case, settings())
    second = _diagnose(case, settings())
    assert len(server.requests) == 1
    assert second == first
    assert [(e["input_tokens"], e["settled"]) for e in _ledger(case)] == [(900, True)]


def test_answer_stored_before_a_crash_in_parsing_is_used(
    server: ModelServer, case: StoredCase, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("autopilot.reasoning.asking._used", crash)  # the process dies right after storing
        with pytest.raises(KeyboardInterrupt):
            _diagnose(case, settings())
    assert [e["settled"] for e in _ledger(case)] == [False]
    assert _diagnose(case, settings()).analyst == "gpt-4o"
    assert len(server.requests) == 1
    assert [e["settled"] for e in _ledger(case)] == [True]


@pytest.mark.parametrize(
    "limits",
    [{"max_tokens_per_incident": 100}, {"max_usd_per_incident": 0.000001}, {"max_output_tokens": 1_000_000}],
)
def test_budget_that_a_call_could_overrun_forbids_the_call(
    server: ModelServer, case: StoredCase, settings: Settings, limits: dict[str, float]
) -> None:
    diagnosis = _diagnose(case, settings(**limits))
    assert server.requests == []
    assert "limit of this incident" in diagnosis.analyst


@pytest.mark.parametrize("left", [{"tokens": 500}, {"usd": 0.0001}])
def test_what_the_workflow_has_left_is_respected(
    server: ModelServer, case: StoredCase, settings: Settings, left: dict[str, float]
) -> None:
    assert "what the workflow has left" in _diagnose(case, settings(), limits=Limits.model_validate(left)).analyst
    assert server.requests == []


def test_budget_survives_attempts_and_is_never_exceeded(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(completion(SOUND, tokens=(4_000, 1_000)))
    model = settings(max_tokens_per_incident=20_000)
    for round_ in range(8):  # each asks something new, as re-analyses do
        _diagnose(case, model, feedback=(f"idea {round_}",))
    spent = sum(e["input_tokens"] + e["output_tokens"] for e in _ledger(case))
    assert spent == 5_000 * len(server.requests)
    assert 0 < spent <= 20_000
    assert len(server.requests) < 8  # without the limit all eight would have been made


def test_lost_answers_count_with_everything_reserved(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(error(500, "boom"))
    _diagnose(case, settings())
    ledger = _ledger(case)
    assert len(server.requests) == len(ledger) == 3
    assert not any(e["settled"] for e in ledger)  # a 500 may come after the work was done
    assert all(e["output_tokens"] == 2_000 for e in ledger)


def test_unknown_price_counts_tokens_only_and_says_so(case: StoredCase, settings: Settings) -> None:
    diagnosis = _diagnose(case, settings(name="house-model", max_usd_per_incident=0.000001))
    assert diagnosis.analyst == "house-model (price unknown: only the token limit counts)"
    assert diagnosis.usage.cost_usd is None
    priced = settings(name="house-model", input_usd_per_million=1.0, output_usd_per_million=2.0)
    assert _diagnose(case, priced).usage.cost_usd == pytest.approx(900e-6 + 240e-6)


def test_rate_limit_is_waited_out_as_the_server_asks(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.queue = [error(429, "slow down", retry_after="3"), error(429, "slow down", retry_after_ms="250")]
    pauses: list[float] = []
    analyst = ConfiguredAnalyst(settings(), case.store, patience=Patience(sleep=pauses.append))
    conclusion, _ = investigate(analyst, ConfiguredProber(case.store), case.manifest, case.brief)
    assert conclusion.diagnosis.analyst == "gpt-4o"
    assert pauses == [3.0, 0.25]
    assert len(server.requests) == 3


def test_wait_longer_than_the_time_left_is_not_waited(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    server.always(error(429, "slow down", retry_after="600"))
    diagnosis = _diagnose(case, settings())
    assert len(server.requests) == 1
    assert "model unavailable" in diagnosis.analyst
    assert _ledger(case)[0]["input_tokens"] == 0  # a rejected call costs nothing


@pytest.mark.parametrize(
    ("reply", "calls"),
    [
        (completion("no JSON here"), 2),
        (completion('{"hypotheses": [{"statement": 1}], "causal_chain": []}'), 2),
        (completion('{"hypotheses": [', finish="length"), 2),
        (completion(None, refusal="I cannot help"), 1),
        (Reply(body=b"<html>gateway</html>"), 1),
        (Reply(body=b'{"choices": []}'), 1),
        (error(401, "Incorrect API key provided: test-key"), 1),
        (error(404, "no such model"), 1),
        (error(400, "context length exceeded"), 1),
        (error(429, "no money", code="insufficient_quota"), 1),
        (error(503, "overloaded"), 3),
    ],
)
def test_whatever_the_model_does_there_is_a_labelled_diagnosis(
    server: ModelServer, case: StoredCase, settings: Settings, reply: Reply, calls: int
) -> None:
    server.always(reply)
    diagnosis = _diagnose(case, settings())
    assert diagnosis.analyst.startswith("built-in analyst (model unavailable: ")
    assert "test-key" not in diagnosis.analyst
    assert len(server.requests) == calls
    assert diagnosis.best is not None
    assert diagnosis.best.cause_kind == "bad_deploy"


def test_dead_server_and_slow_server_end_within_the_time(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    started = time.monotonic()
    assert "unreachable" in _diagnose(case, settings(base_url="http://127.0.0.1:9/v1")).analyst
    server.always(Reply(body=b"{}", delay=2.0))
    assert "did not answer in time" in _diagnose(case, settings(timeout=0.2), seconds=0.5).analyst
    server.always(Reply(body=b" " * 500, trickle=0.01))
    assert "too slowly" in _diagnose(case, settings(), seconds=0.4, feedback=("other",)).analyst
    assert time.monotonic() - started < 6


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/v1", "http://127.0.0.1:99999/v1", "http://[::1/v1", "nowhere"])
def test_unusable_address_is_refused_at_the_start(case: StoredCase, settings: Settings, url: str) -> None:
    with pytest.raises(Failure, match="is no address") as caught:
        ConfiguredAnalyst(settings(base_url=url), case.store)
    assert caught.value.who == "operator"


def test_without_a_model_nothing_is_asked(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    diagnosis = _diagnose(case, settings(kind="none"))
    assert diagnosis.analyst == "built-in analyst (no model configured)"
    assert server.requests == []


def test_secrets_in_findings_never_reach_the_server(server: ModelServer, tmp_path: Any, settings: Settings) -> None:
    leaky = story.LOGS.model_copy(
        update={"summary": "login kim@paperplane.example password=hunter2 AKIAIOSFODNN7EXAMPLE"}
    )
    case = StoredCase(tmp_path / "leaky", story.dossier(findings=(leaky, *story.dossier().findings[:5])))
    _diagnose(case, settings(), feedback=("the token is token=abcdef99",))
    sent = json.dumps(server.requests)
    for secret in ("kim@paperplane", "hunter2", "AKIAIOSFODNN7EXAMPLE", "abcdef99"):
        assert secret not in sent
    assert "[email-1]" in sent
