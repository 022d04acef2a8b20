"""A model server and a stored case for each test."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from autopilot.settings import Model
from tests.integration.model.server import Body, ModelServer, Reply, calls, completion, offered
from tests.unit.reasoning import story
from tests.unit.reasoning.store import StoredCase

Settings = Callable[..., Model]

SOUND: Body = {
    "hypotheses": [
        {
            "statement": "v2.4.1 made checkout read more per request (F1). "
            "ConsumedReadCapacityUnits rose from 40 to 118 (F3).",
            "cause_kind": "bad_deploy",
            "service": "checkout",
            "resource": "checkout:live",
            "change_id": story.DEPLOY,
            "supporting": ["F1", "F3", "F5"],
            "contradicting": [],
        },
        {
            "statement": "Requests rose 1.5x and overloaded the table (F2).",
            "cause_kind": "traffic_surge",
            "service": "checkout-api",
            "resource": "",
            "change_id": "",
            "supporting": ["F2"],
            "contradicting": ["F3"],
        },
    ],
    "causal_chain": [
        {"sentence": "v2.4.1 was deployed at 03:00.", "findings": ["F1"]},
        {"sentence": "ReadThrottleEvents rose to 240.", "findings": ["F4"]},
    ],
}


def sound(request: Body) -> Reply:
    """A sensible answer: hypotheses where they are asked for, else the first candidate."""
    if "diagnose" in offered(request):
        return calls(("diagnose", SOUND))
    return completion({"options": [{"candidates": ["C1"], "why": ""}]})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    """A server that answers soundly until told otherwise."""
    running = ModelServer(sound)
    yield running
    running.close()


@pytest.fixture
def case(tmp_path: Path) -> StoredCase:
    """The demo story in a folder store."""
    return StoredCase(tmp_path / "cases")


@pytest.fixture
def settings(server: ModelServer) -> Settings:
    """Settings for the running server; keyword arguments override."""

    def make(**changes: Any) -> Model:
        values: dict[str, Any] = {"kind": "openai", "base_url": server.base_url, "api_key": "test-key"}
        return Model.model_validate(values | changes)

    return make
