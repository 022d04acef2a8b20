"""What can go wrong over HTTP: who can mend it, when it is tried again, what it cost, what is never told."""

import json
import time
import traceback
from pathlib import Path

import pytest
import temporalio.api.failure.v1
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.edge import to_application_error
from autopilot.clients.model import MAX_ANSWER
from autopilot.clients.model_failures import ModelFailure
from autopilot.incident.ports import Failure
from autopilot.reasoning.asking.reading import Called
from tests.integration.model.asking import CAUSE, FUNCTIONS, KEY, MESSAGES, Cause, asker, cause, model, stored
from tests.integration.model.server import ModelServer, Reply, calls, completion, error

REFUSED = [
    (error(401, f"Incorrect API key provided: {KEY}."), "operator", None, "check its api_key"),
    (error(403, "You may not use this model."), "operator", None, "check its api_key"),
    (error(404, "The model does not exist.", code="model_not_found"), "operator", None, "name and base_url"),
    (error(429, "You exceeded your current quota.", code="insufficient_quota"), "operator", None, "top it up"),
    (error(429, "Slow down.", retry_after="7"), "retry", 7.0, "tried again"),
    (error(429, "Slow down.", retry_after_ms="1500"), "retry", 1.5, "tried again"),
    (error(429, "Slow down."), "retry", None, "tried again"),
    (error(400, "Maximum context length is 8192 tokens (9000 in the functions).", code="context_length_exceeded"),
     "operator", None, "model.max_prompt_tokens"),
    (error(400, "The prompt triggered the policy.", code="content_filter"), "operator", None, "content filter"),
    (error(400, "'messages' is not iterable"), "developer", None, "docs/models.md"),
]  # fmt: skip


@pytest.mark.parametrize(("reply", "who", "after", "step"), REFUSED)
def test_a_refusal_says_who_can_mend_it_and_costs_nothing(
    server: ModelServer, tmp_path: Path, reply: Reply, who: str, after: float | None, step: str
) -> None:
    server.always(reply)
    asking = asker(model(server), tmp_path)
    with pytest.raises(Failure) as caught:
        asking.call(MESSAGES, FUNCTIONS)
    assert (caught.value.who, caught.value.retry_after) == (who, after)
    assert step in str(caught.value)
    assert (asking.usage.calls, len(server.requests)) == (0, 1)


@pytest.mark.parametrize(
    ("reply", "seconds", "said"),
    [
        (error(500, "Internal error."), 10.0, "answered 500"),
        (error(503, "Overloaded.", retry_after="3"), 10.0, "answered 503"),
        (Reply(delay=4.0, body=completion(CAUSE).body), 0.5, "in time|too slowly"),
        (Reply(trickle=0.02, body=completion(CAUSE).body), 0.5, "too slowly|in time"),
        (Reply(dawdle=0.2, body=completion(CAUSE).body), 0.5, "too slowly|in time"),
    ],
)
def test_what_may_have_been_billed_stays_reserved(
    server: ModelServer, tmp_path: Path, reply: Reply, seconds: float, said: str
) -> None:
    server.always(reply)
    asking = asker(model(server, max_output_tokens=500), tmp_path, seconds=seconds)
    before = time.monotonic()
    with pytest.raises(Failure, match=said) as caught:
        asking.ask(MESSAGES, Cause)
    assert time.monotonic() - before < seconds + 2.0
    assert caught.value.who == "retry"
    assert (asking.usage.calls, asking.usage.output_tokens) == (1, 500)


def test_a_key_that_a_server_repeats_is_in_no_log_and_no_history(server: ModelServer, tmp_path: Path) -> None:
    server.always(error(401, f"Incorrect API key provided: {KEY}."))
    with pytest.raises(Failure) as caught:
        cause(model(server), tmp_path)
    told = to_application_error(caught.value)
    told.__cause__ = caught.value
    kept = temporalio.api.failure.v1.Failure()
    pydantic_data_converter.failure_converter.to_failure(told, pydantic_data_converter.payload_converter, kept)
    assert "answered 401" in str(kept)
    assert KEY not in str(kept)
    assert KEY not in "".join(traceback.format_exception(told))


def test_without_time_nothing_is_asked(server: ModelServer, tmp_path: Path) -> None:
    asking = asker(model(server), tmp_path, seconds=-1.0)
    with pytest.raises(Failure, match="no time; raise the time limit"):
        asking.ask(MESSAGES, Cause)
    assert (server.requests, asking.usage.calls) == ([], 0)


def test_a_server_that_is_not_there_costs_nothing_and_is_tried_again(tmp_path: Path) -> None:
    asking = asker(model("http://127.0.0.1:1/v1"), tmp_path)
    with pytest.raises(Failure, match=r"unreachable \(ConnectError\); check the server and its base_url") as caught:
        asking.ask(MESSAGES, Cause)
    assert caught.value.who == "retry"
    assert asking.usage.calls == 0


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (completion("I think it is the deploy"), "no JSON object"),
        (completion({"service": "checkout"} | {"details": [{"kind": "aliens"}]}), "details.0.kind"),
        (completion('{"service": "chec', finish="length"), "cut off at the output limit"),
    ],
)
def test_an_unusable_answer_is_corrected_by_the_next_attempt_and_paid_once(
    server: ModelServer, tmp_path: Path, reply: Reply, said: str
) -> None:
    server.queue = [reply]
    server.always(completion(CAUSE))
    with pytest.raises(ModelFailure, match=said) as caught:
        cause(model(server), tmp_path, 1)
    assert caught.value.who == "model"
    assert len(server.requests) == 1
    assert cause(model(server), tmp_path, 2).service == "checkout"
    assert len(server.requests) == 2
    assert said in server.requests[1]["messages"][-1]["content"]
    assert server.requests[1]["messages"][: len(MESSAGES)] == MESSAGES
    assert asker(model(server), tmp_path).usage.calls == 2


HOPELESS = [
    (completion(None, refusal="I cannot help with that."), "refused"),
    (completion("", finish="content_filter"), "content filter"),
    (Reply(body=b"<html>a proxy</html>"), "no chat completion"),
    (Reply(body=b'{"choices": []}'), "no choices"),
    (Reply(body=b'{"error": {"message": "upstream failed"}}'), "no choices"),
]


@pytest.mark.parametrize(("reply", "said"), HOPELESS)
def test_what_cannot_be_corrected_is_not_asked_again(
    server: ModelServer, tmp_path: Path, reply: Reply, said: str
) -> None:
    server.always(reply)
    for attempt in (1, 2, 3):
        with pytest.raises(ModelFailure, match=f"{said}.*fallback") as caught:
            cause(model(server), tmp_path, attempt)
        assert caught.value.who == "operator"
    assert len(server.requests) == 1


def test_a_huge_answer_is_cut_off_and_not_paid_again(server: ModelServer, tmp_path: Path) -> None:
    server.always(completion("x" * (MAX_ANSWER + 1)))
    with pytest.raises(ModelFailure, match="more than 1000000 bytes") as caught:
        cause(model(server), tmp_path, 1)
    assert caught.value.who == "model"
    with pytest.raises(ModelFailure, match="no choices"):
        cause(model(server), tmp_path, 2)
    assert len(server.requests) == 1
    assert len(stored(tmp_path)) < 10_000


def test_after_two_unusable_answers_the_model_is_given_up(server: ModelServer, tmp_path: Path) -> None:
    server.always(completion("no idea"))
    said: list[str] = []
    for attempt in (1, 2, 3):
        with pytest.raises(ModelFailure) as caught:
            cause(model(server), tmp_path, attempt)
        said.append(caught.value.who)
    assert said == ["model", "operator", "operator"]
    assert len(server.requests) == 2


def test_an_answer_without_the_needed_function_is_corrected(server: ModelServer, tmp_path: Path) -> None:
    server.always(completion(json.dumps({"calls": [{"function": "probe_metric", "arguments": {}}]})))
    with pytest.raises(ModelFailure, match="the function diagnose is needed: it was not called"):
        asker(model(server), tmp_path).call(MESSAGES, FUNCTIONS, required="diagnose")


def test_the_worker_may_die_after_the_answer_was_stored(
    server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new process finds the answer, settles its reservation, and asks nobody: also when its turn is another's."""
    server.always(completion(CAUSE))
    settings = model(server, fallbacks={"spare": {"name": "spare", "base_url": server.base_url}})

    def die(_: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("autopilot.reasoning.asking.asker.used", die)
        with pytest.raises(KeyboardInterrupt):
            cause(settings, tmp_path, 1)
    second = asker(settings, tmp_path, 2)
    assert second.model.name == "spare"
    assert second.usage.output_tokens == 2_000
    assert second.ask(MESSAGES, Cause).service == "checkout"
    assert second.label == "gpt-4o"
    assert (second.usage.input_tokens, second.usage.output_tokens) == (900, 120)
    assert len(server.requests) == 1


@pytest.mark.parametrize("reply", [error(401, f"Wrong key {KEY}"), error(500, KEY), completion(f"my key is {KEY}")])
def test_the_key_is_in_no_message_and_no_document(
    server: ModelServer, tmp_path: Path, caplog: pytest.LogCaptureFixture, reply: Reply
) -> None:
    server.always(reply)
    with caplog.at_level("DEBUG"), pytest.raises(Failure) as caught:
        cause(model(server), tmp_path)
    assert server.authorization == [f"Bearer {KEY}"]
    assert KEY not in str(caught.value)
    assert KEY not in caplog.text
    assert KEY not in stored(tmp_path)


def test_the_callers_own_rule_is_told_to_the_model(server: ModelServer, tmp_path: Path) -> None:
    server.queue = [calls(("diagnose", CAUSE | {"service": "nowhere"}))]
    server.always(calls(("diagnose", CAUSE)))

    def known(called: tuple[Called, ...]) -> str:
        return "no such service" if "nowhere" in called[0].raw else ""

    with pytest.raises(ModelFailure, match=r"no such service.*correct it") as caught:
        asker(model(server), tmp_path, 1).call(MESSAGES, FUNCTIONS, check=known)
    assert caught.value.who == "model"
    (called,) = asker(model(server), tmp_path, 2).call(MESSAGES, FUNCTIONS, check=known)
    assert called.arguments == Cause.model_validate(CAUSE)
    said, order = server.requests[1]["messages"][-2:]
    assert said["content"].startswith('diagnose({"service": "nowhere"')
    assert "no such service" in order["content"]
