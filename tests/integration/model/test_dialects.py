"""Servers differ in what they understand; the client finds out once, for nothing, and remembers."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autopilot.clients.model import ModelClient
from autopilot.incident.ports import Failure
from autopilot.reasoning.asking.models import Models
from autopilot.settings import Model
from demo.saas.model import Model as DemoModel
from tests.integration.model.asking import CAUSE, DIAGNOSE, FUNCTIONS, MESSAGES, PROBE, Cause, Window, asker, model
from tests.integration.model.server import Body, ModelServer, Reply, calls, completion, error

PROBED = ("probe_metric", {"service": "checkout", "minutes": 5})


def _in_words(request: Body) -> bool:
    return "response_format" not in request and "tools" not in request


def _no_schema(request: Body) -> Reply:
    if "response_format" in request:
        return error(400, "response_format of type json_schema is not supported")
    return calls(("answer", CAUSE)) if "tools" in request else completion(CAUSE)


def _nothing(request: Body) -> Reply:
    if "response_format" in request:
        return error(422, "unknown field response_format")
    if "tools" in request:
        return error(400, "this model does not support tools")
    return completion("<think>{hm}</think>Sure, here it is:\n```json\n" + json.dumps(CAUSE)[:-1] + ",}\n```")


@pytest.mark.parametrize(("script", "refusals", "form"), [(_no_schema, 1, "tool"), (_nothing, 2, "json")])
def test_an_answer_is_asked_for_in_simpler_forms_and_what_works_is_remembered(
    server: ModelServer, tmp_path: Path, script: Callable[[Body], Reply], refusals: int, form: str
) -> None:
    server.script = script
    models = Models(model(server))
    asking = asker(models, tmp_path)
    assert asking.ask(MESSAGES, Cause) == Cause.model_validate(CAUSE)
    assert len(server.requests) == refusals + 1
    assert asking.model.dialect.answer == form
    assert asking.usage.calls == 1
    asker(models, tmp_path).ask([*MESSAGES, {"role": "user", "content": "again"}], Cause)
    assert len(server.requests) == refusals + 2


def test_what_one_step_learned_another_knows_when_server_and_model_are_the_same(
    server: ModelServer, tmp_path: Path
) -> None:
    server.script = _no_schema
    models = Models(model(server, planning={"temperature": 0.7}))
    asker(models, tmp_path).ask(MESSAGES, Cause)
    assert models.choose("planning", 1) is not models.choose("analysis", 1)
    assert models.choose("planning", 1).dialect.answer == "tool"


def _no_tools(request: Body) -> Reply:
    if "tools" in request:
        return error(400, "tools are not supported by this model")
    listed = [{"function": "diagnose", "arguments": CAUSE}, {"function": PROBED[0], "arguments": PROBED[1]}]
    return completion({"calls": listed})


def _no_form_at_all(request: Body) -> Reply:
    if not _in_words(request):
        return error(400, "tools and response_format (json_schema) are unknown")
    return _no_tools({})


def _tools(_: Body) -> Reply:
    return calls(("diagnose", CAUSE), PROBED)


@pytest.mark.parametrize(
    ("script", "refusals", "form"),
    [(_tools, 0, "tools"), (_no_tools, 1, "json_schema"), (_no_form_at_all, 2, "json")],
)
def test_calls_are_asked_for_as_tools_as_one_schema_or_in_words(
    server: ModelServer, tmp_path: Path, script: Callable[[Body], Reply], refusals: int, form: str
) -> None:
    server.script = script
    models = Models(model(server))
    asking = asker(models, tmp_path)
    diagnosis, probe = asking.call(MESSAGES, FUNCTIONS, required="diagnose")
    assert diagnosis.arguments == Cause.model_validate(CAUSE)
    assert probe.arguments == Window(service="checkout", minutes=5)
    assert (len(server.requests), asking.model.dialect.call) == (refusals + 1, form)
    if form == "json":
        said = server.requests[-1]["messages"][-1]["content"]
        assert "probe_metric: Read a metric." in said
        assert '"minutes"' in said


def test_one_function_is_demanded_by_name_and_of_several_at_least_one(server: ModelServer, tmp_path: Path) -> None:
    server.script = _tools
    asker(model(server), tmp_path).call(MESSAGES, FUNCTIONS)
    asker(model(server), tmp_path).call(MESSAGES, (DIAGNOSE,))
    several, one = server.requests
    assert (several["tool_choice"], several["parallel_tool_calls"]) == ("required", True)
    assert one["tool_choice"] == {"type": "function", "function": {"name": "diagnose"}}
    assert "parallel_tool_calls" not in one
    assert [t["function"]["strict"] for t in several["tools"]] == [True, True]


def test_a_model_that_calls_one_function_at_a_time_gets_a_list_instead(server: ModelServer, tmp_path: Path) -> None:
    def single(request: Body) -> Reply:
        if "parallel_tool_calls" in request:
            return error(400, "Unsupported parameter: 'parallel_tool_calls' is not supported with this model.")
        return _no_tools(request)

    server.script = single
    called = asker(model(server), tmp_path).call(MESSAGES, FUNCTIONS, required="diagnose")
    assert [call.name for call in called] == ["diagnose", "probe_metric"]
    assert "response_format" in server.requests[-1]


PARAMETERS = [
    (
        "max_tokens",
        "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.",
        "max_completion_tokens",
    ),
    ("temperature", "Unsupported value: 'temperature' does not support 0.0 with this model.", ""),
    ("reasoning_effort", "Unrecognized request argument supplied: reasoning_effort", ""),
    ("tool_choice", "tool_choice 'required' is not supported, use auto", "tool_choice"),
]


@pytest.mark.parametrize(("refused", "message", "instead"), PARAMETERS)
def test_a_parameter_that_a_server_refuses_is_left_out_from_then_on(
    server: ModelServer, tmp_path: Path, refused: str, message: str, instead: str
) -> None:
    def picky(request: Body) -> Reply:
        wrong = request.get(refused) not in (None, "auto")
        return error(400, message) if wrong else _tools(request)

    server.script = picky
    models = Models(model(server, reasoning_effort="low"))
    asker(models, tmp_path).call(MESSAGES, FUNCTIONS)
    asker(models, tmp_path).call(MESSAGES, (PROBE, DIAGNOSE))
    assert len(server.requests) == 3
    assert refused in server.requests[0]
    for request in server.requests[1:]:
        assert refused == instead or refused not in request
        assert not instead or instead in request


def test_strictness_is_dropped_before_the_schema_is(server: ModelServer, tmp_path: Path) -> None:
    def lax(request: Body) -> Reply:
        strict = '"strict"' in json.dumps(request)
        return error(422, "Extra inputs are not permitted: tools.0.function.strict") if strict else _tools(request)

    server.script = lax
    asker(model(server), tmp_path).call(MESSAGES, FUNCTIONS)
    assert [t["function"]["name"] for t in server.requests[-1]["tools"]] == ["diagnose", "probe_metric"]


def test_a_refusal_that_repeats_the_prompt_teaches_nothing_wrong(server: ModelServer, tmp_path: Path) -> None:
    """Some servers answer 422 with the whole request under `input`; its words are not theirs."""

    def echoing(request: Body) -> Reply:
        if "temperature" not in request:
            return completion(CAUSE)
        detail = [{"loc": ["body"], "msg": "temperature is too high", "input": {"tools": "response_format schema"}}]
        return Reply(422, json.dumps({"detail": detail}).encode())

    server.script = echoing
    asking = asker(model(server), tmp_path)
    asking.ask(MESSAGES, Cause)
    assert (asking.model.dialect.temperature, asking.model.dialect.answer) == (False, "json_schema")


def _objects(schema: Body) -> list[Body]:
    """All parts of a schema that describe an object."""
    found: list[Body] = []

    def look(part: Body) -> Body:
        if part.get("type") == "object":
            found.append(part)
        return part

    json.loads(json.dumps(schema), object_hook=look)
    return found


@pytest.mark.parametrize("functions", [False, True])
def test_every_object_of_a_schema_is_closed_and_complete(
    server: ModelServer, tmp_path: Path, functions: bool
) -> None:
    server.script = _no_tools if functions else lambda _: completion(CAUSE)
    asking = asker(model(server), tmp_path)
    _ = asking.call(MESSAGES, FUNCTIONS) if functions else asking.ask(MESSAGES, Cause)
    schema = server.requests[-1]["response_format"]["json_schema"]["schema"]
    objects = _objects(schema)
    assert len(objects) == (6 if functions else 2)
    for shape in objects:
        assert shape["additionalProperties"] is False
        assert shape["required"] == list(shape["properties"])
    assert '"default"' not in json.dumps(schema)


def test_a_model_that_ignores_tools_is_asked_for_a_list_of_calls_from_then_on(
    server: ModelServer, tmp_path: Path
) -> None:
    server.script = lambda r: completion("I would look at the metric first.") if "tools" in r else _no_tools(r)
    models = Models(model(server))
    with pytest.raises(Failure, match="no JSON object"):
        asker(models, tmp_path, 1).call(MESSAGES, FUNCTIONS, required="diagnose")
    assert len(asker(models, tmp_path, 2).call(MESSAGES, FUNCTIONS, required="diagnose")) == 2
    assert models.choose("analysis", 1).dialect.call == "json_schema"
    assert len(server.requests) == 2


def test_a_server_that_ignores_the_response_format_is_asked_in_words(server: ModelServer, tmp_path: Path) -> None:
    server.script = lambda r: completion(CAUSE) if _in_words(r) else completion("The deployment did it.")
    models = Models(model(server))
    with pytest.raises(Failure, match="no JSON object"):
        asker(models, tmp_path, 1).ask(MESSAGES, Cause)
    assert asker(models, tmp_path, 2).ask(MESSAGES, Cause).service == "checkout"
    assert '"service"' in server.requests[1]["messages"][-1]["content"]


def test_a_single_function_in_words_may_be_answered_with_its_arguments(server: ModelServer, tmp_path: Path) -> None:
    server.script = lambda r: completion(CAUSE) if _in_words(r) else error(400, "no tools, no response_format")
    (called,) = asker(model(server), tmp_path).call(MESSAGES, (DIAGNOSE,), required="diagnose")
    assert called.arguments == Cause.model_validate(CAUSE)


def test_calls_of_what_does_not_exist_or_does_not_fit_come_back_with_their_problem(
    server: ModelServer, tmp_path: Path
) -> None:
    server.always(
        calls(("diagnose", CAUSE), ("drop_table", {"name": "x" * 2_000}), ("probe_metric", {"service": "checkout"}),
              ("probe_metric", "{not json"))
    )  # fmt: skip
    good, unknown, incomplete, garbled = asker(model(server), tmp_path).call(MESSAGES, FUNCTIONS)
    assert good.problem == ""
    assert [c.arguments for c in (unknown, incomplete, garbled)] == [None, None, None]
    assert "there is no function 'drop_table'" in unknown.problem
    assert "minutes" in incomplete.problem
    assert "JSON" in garbled.problem
    assert len(unknown.raw) <= 400


def test_missing_key_stops_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Failure, match="AUTOPILOT_MODEL__API_KEY") as caught:
        ModelClient(Model(kind="openai"))
    assert caught.value.who == "operator"


@pytest.fixture
def demo_model() -> Iterator[DemoModel]:
    """The simulated company's model server."""
    running = DemoModel()
    running.start()
    yield running
    running.stop()


@pytest.mark.parametrize(
    ("behaviour", "who"),
    [("sound", ""), ("down", "retry"), ("malformed", "model"), ("refusal", "operator"), ("truncated", "model"),
     ("rate-limited", "retry")],
)  # fmt: skip
def test_the_simulated_model_server_is_understood(
    demo_model: DemoModel, tmp_path: Path, behaviour: Any, who: str
) -> None:
    demo_model.behaviour = behaviour
    asking = asker(model(demo_model.base_url, api_key="test-key"), tmp_path)
    if not who:
        assert isinstance(asking.ask(MESSAGES, Cause), Cause)
        return
    with pytest.raises(Failure) as caught:
        asking.ask(MESSAGES, Cause)
    assert caught.value.who == who
