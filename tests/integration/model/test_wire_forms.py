"""What goes over the wire to each kind of server: where, with which key in which header, under which name."""

from pathlib import Path
from typing import Any

import pytest

from autopilot.clients.model import ModelClient
from autopilot.incident.ports import Failure
from autopilot.settings import Model
from tests.integration.model.asking import CAUSE, KEY, cause, model
from tests.integration.model.server import ModelServer, Reply, completion


@pytest.fixture(autouse=True)
def _nothing_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "AZURE_OPENAI_API_KEY", "AZURE_OPENAI_AD_TOKEN"):
        monkeypatch.delenv(name, raising=False)


FORMS: list[tuple[dict[str, Any], str, dict[str, str]]] = [
    # OpenAI and whatever copies it
    ({"base": "/v1", "name": "gpt-4o"}, "/v1/chat/completions", {"authorization": f"Bearer {KEY}"}),
    # Azure OpenAI, v1
    ({"base": "/openai/v1/", "name": "my-deployment"}, "/openai/v1/chat/completions",
     {"authorization": f"Bearer {KEY}"}),
    # Azure OpenAI, dated
    ({"base": "/", "name": "my deployment", "api_version": "2024-10-21"},
     "/openai/deployments/my%20deployment/chat/completions?api-version=2024-10-21", {"api-key": KEY}),
    # Amazon Bedrock, runtime and mantle
    ({"base": "/openai/v1", "name": "openai.gpt-oss-120b-1:0"}, "/openai/v1/chat/completions",
     {"authorization": f"Bearer {KEY}"}),
    ({"base": "/v1", "name": "openai.gpt-oss-120b"}, "/v1/chat/completions", {"authorization": f"Bearer {KEY}"}),
    # Local servers: no key
    ({"base": "/v1", "name": "qwen3:4b", "api_key": None}, "/v1/chat/completions",
     {"authorization": "Bearer none"}),
]  # fmt: skip


@pytest.mark.parametrize(("settings", "path", "keys"), FORMS)
def test_each_kind_of_server_is_asked_in_its_way(
    server: ModelServer, tmp_path: Path, settings: dict[str, Any], path: str, keys: dict[str, str]
) -> None:
    server.always(completion(CAUSE))
    given = {name: value for name, value in settings.items() if name != "base"}
    cause(model(server, base_url=f"{server.address}{settings['base']}", **given), tmp_path)
    assert server.paths == [path]
    (headers,) = server.headers
    assert {name: headers[name] for name in ("authorization", "api-key") if name in headers} == keys
    assert server.requests[0]["model"] == settings["name"]


def test_the_key_does_not_follow_a_redirect(server: ModelServer, tmp_path: Path) -> None:
    elsewhere = ModelServer(lambda _: completion(CAUSE))
    server.always(Reply(status=307, headers={"Location": f"{elsewhere.base_url}/chat/completions"}))
    with pytest.raises(Failure, match="307"):
        cause(model(server), tmp_path)
    assert elsewhere.requests == []
    elsewhere.close()


@pytest.mark.parametrize("missing", ["base_url", "api_key"])
def test_the_dated_api_needs_an_address_and_a_key(missing: str) -> None:
    given = {
        "kind": "openai",
        "base_url": "https://r.openai.azure.com",
        "api_key": KEY,
        "api_version": "2024-10-21",
    }
    with pytest.raises(Failure, match=r"needs base_url .* and an API key") as caught:
        ModelClient(Model.model_validate(given | {missing: None}))
    assert caught.value.who == "operator"


def test_deployments_are_known_not_to_be_in_the_list_of_models() -> None:
    def named(base_url: str, **changes: Any) -> bool:
        return ModelClient(model(base_url, **changes)).names_deployments

    assert named("https://r.openai.azure.com/openai/v1")
    assert named("https://gateway.example.com", api_version="2024-10-21")
    assert not named("https://bedrock-runtime.us-west-2.amazonaws.com/openai/v1")


@pytest.mark.parametrize("url", ["not a url", "ftp://host/v1", "http://", "http://host:99999/v1", ""])
def test_an_address_that_is_none_stops_at_the_start(url: str) -> None:
    with pytest.raises(Failure, match=r"no address; write it as https://host/v1") as caught:
        ModelClient(model(url))
    assert caught.value.who == "operator"
