"""A model that invents: none of it reaches anybody. A sound one: what is true gets through."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from autopilot.case.case import Case
from autopilot.case.store import FolderCaseStore
from autopilot.incident.state import IncidentState
from demo.saas.model import Model as ModelServer
from demo.saas.model_inventions import SENTINELS
from tests.integration.web.conftest import Running
from tests.integration.web.fabrication import KEY, Product, outbound
from tests.unit.analysis import story as worlds

WORLDS: dict[str, Callable[[int], Case]] = {
    "throttled": worlds.throttled_checkout,
    "leak": worlds.memory_leak,
    "pool": worlds.pool_exhausted,
    "dependency": worlds.dependency_down,
    "flag": worlds.config_changed,
}


@pytest.fixture(scope="module")
def model() -> Iterator[ModelServer]:
    """The stand-in server; tests choose its behaviour."""
    with ModelServer("sound", KEY) as server:
        yield server


@pytest.fixture
def product(model: ModelServer, tmp_path: Path) -> Product:
    """The product against the stand-in."""
    return Product(model, FolderCaseStore(tmp_path / "cases"))


def _plain(text: str) -> str:
    return re.sub(r"[\s*_`]+", " ", text).lower()


def _inventions(text: str) -> list[str]:
    return [sentinel for sentinel in SENTINELS if _plain(sentinel) in _plain(text)]


@pytest.mark.parametrize("world", ["throttled", "pool", "flag"])
def test_no_outbound_byte_holds_an_invention(
    world: str, product: Product, model: ModelServer, gateway: Running
) -> None:
    model.behaviour = "fabricating"
    state = product.incident(WORLDS[world](1))
    said = " ".join(turn.model_dump_json() for turn in state.investigation.turns) if state.investigation else ""
    assert len(set(_inventions(said))) >= 5  # the model did invent, or nothing was tested
    texts = outbound(gateway, product.store, state)
    assert {where: found for where, text in texts.items() if (found := _inventions(text))} == {}
    assert state.diagnosis is not None
    assert state.diagnosis.best is not None
    assert state.diagnosis.dropped > 0
    told = f"{state.diagnosis.dropped} of {state.diagnosis.claims} statements dropped: "
    for where in ("Slack message", "incident page", "thread diagnosis", "review.html", "review.md"):
        assert told in texts[where], where


def _claims(state: IncidentState) -> tuple[int, int]:
    assert state.diagnosis is not None
    return state.diagnosis.claims, state.diagnosis.dropped


def test_nine_of_ten_true_claims_of_a_sound_model_survive(tmp_path: Path, model: ModelServer) -> None:
    model.behaviour = "sound"
    counted = [
        _claims(Product(model, FolderCaseStore(tmp_path / name)).incident(make(1))) for name, make in WORLDS.items()
    ]
    claims, dropped = sum(c for c, _ in counted), sum(d for _, d in counted)
    assert claims >= 50, counted
    assert dropped <= 0.1 * claims, counted
