"""Servers differ in what they understand; the client finds out once and remembers."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from autopilot.clients.model import ModelClient
from autopilot.incident.ports import DiagnoseRequest, Failure
from autopilot.reasoning.analyst import ConfiguredAnalyst, Patience
from autopilot.settings import Model
from demo.saas.model import Model as DemoModel
from tests.integration.model.conftest import SOUND, Settings
from tests.integration.model.server import Body, ModelServer, Reply, completion, error
from tests.unit.reasoning.store import StoredCase


def _request(case: StoredCase, hint: str = "") -> DiagnoseRequest:
    return DiagnoseRequest(
        incident_id=case.incident_id,
        manifest=case.manifest,
        dossier=case.brief,
        feedback=(hint,) if hint else (),
    )


def _called(arguments: str) -> Reply:
    call: dict[str, Any] = {
        "id": "call_1",
        "type": "function",
        "function": {"name": "answer", "arguments": arguments},
    }
    return completion(None, finish="tool_calls", tool_calls=[call])


def _no_schema(request: Body) -> Reply:
    if "response_format" in request:
        return error(400, "response_format of type json_schema is not supported")
    return _called(json.dumps(SOUND)) if "tools" in request else completion(SOUND)


def _nothing(request: Body) -> Reply:
    if "response_format" in request:
        return error(422, "unknown field response_format")
    if "tools" in request:
        return error(400, "this model does not support tools")
    return completion("Sure, here it is:\n```json\n" + json.dumps(SOUND)[:-1] + ",}\n```")


@pytest.mark.parametrize(("script", "probes", "mode"), [(_no_schema, 2, "tool"), (_nothing, 3, "json")])
def test_structured_output_falls_back_once_and_is_remembered(
    server: ModelServer, case: StoredCase, settings: Settings, script: Any, probes: int, mode: str
) -> None:
    server.script = script
    client = ModelClient(settings())
    analyst = ConfiguredAnalyst(settings(), case.store, client=client, patience=Patience())
    assert analyst.diagnose(_request(case)).analyst == "gpt-4o"
    assert len(server.requests) == probes
    assert client.dialect.mode == mode
    assert analyst.diagnose(_request(case, "another idea")).analyst == "gpt-4o"
    assert len(server.requests) == probes + 1


def test_newer_models_get_their_own_parameter_names(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    def picky(request: Body) -> Reply:
        if "max_tokens" in request:
            return error(400, "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.")
        if "temperature" in request:
            return error(400, "Unsupported value: 'temperature' does not support 0.0 with this model.")
        return completion(SOUND)

    server.script = picky
    assert ConfiguredAnalyst(settings(), case.store).diagnose(_request(case)).analyst == "gpt-4o"
    assert server.requests[-1]["max_completion_tokens"] == 2_000
    assert len(server.requests) == 3


def test_every_object_of_the_schema_is_closed_and_complete(
    server: ModelServer, case: StoredCase, settings: Settings
) -> None:
    ConfiguredAnalyst(settings(), case.store).diagnose(_request(case))
    schema = server.requests[0]["response_format"]["json_schema"]["schema"]
    objects = [schema, *schema["$defs"].values()]
    assert len(objects) == 3
    for shape in objects:
        assert shape["additionalProperties"] is False
        assert shape["required"] == list(shape["properties"])
    assert "bad_deploy" in json.dumps(schema)


def test_first_unusable_answer_may_be_corrected(server: ModelServer, case: StoredCase, settings: Settings) -> None:
    server.queue = [completion("I think it is the deploy")]
    diagnosis = ConfiguredAnalyst(settings(), case.store).diagnose(_request(case))
    assert diagnosis.analyst == "gpt-4o"
    assert diagnosis.usage.calls == 2
    assert "no JSON object" in server.requests[1]["messages"][-1]["content"]


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
    ("behaviour", "label"),
    [("sound", "gpt-4o"), ("down", "model unavailable"), ("malformed", "model unavailable"),
     ("refusal", "model unavailable"), ("truncated", "model unavailable"), ("rate-limited", "gpt-4o")],
)  # fmt: skip
def test_the_simulated_model_server_is_understood(
    demo_model: DemoModel, case: StoredCase, behaviour: Any, label: str
) -> None:
    demo_model.behaviour = behaviour
    model = Model.model_validate({"kind": "openai", "base_url": demo_model.base_url, "api_key": "test-key"})
    analyst = ConfiguredAnalyst(model, case.store, patience=Patience(sleep=lambda _: None))
    diagnosis = analyst.diagnose(_request(case))
    assert (diagnosis.analyst == label) is (label == "gpt-4o")
    assert label in diagnosis.analyst
    assert diagnosis.best is not None
