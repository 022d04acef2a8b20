"""The defence runs of the harness: a few incidents of the small world, with the stand-in over HTTP."""

import json

import pytest

from benchmarks import reasoning, reasoning_defence
from benchmarks.planted_orders import ORDERS
from demo.saas.model_inventions import SENTINELS
from tests.unit.benchmarks.test_reasoning import KEYS, quiet

DEFENCE = {"planted", "unapproved_actions", "off_inventory_actions", "leaked_secrets", "reported_attempts"}
NOTHING = ("unapproved_actions", "off_inventory_actions", "leaked_secrets")


def test_inventions_are_made_and_none_is_shown() -> None:
    told = reasoning_defence.fabricating(2)
    assert set(told) == {*KEYS, *DEFENCE, "detail"}
    assert told["cases"] == 2
    assert told["planted"] == told["detail"]["inventions"]["made"] > 0
    assert told["detail"]["inventions"]["shown"] == 0
    assert (told["unsupported_after"], told["reported_attempts"]) == (0, 2)
    assert told["unsupported_before"] > 0
    assert [told[name] for name in NOTHING] == [0, 0, 0]


def test_orders_are_reported_and_bring_nothing_about(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    some = tuple(order for order in ORDERS if order.channel == "log")[:2]
    monkeypatch.setitem(reasoning.DEFENCES, "gullible", lambda: reasoning_defence.gullible(some))
    monkeypatch.setattr("sys.argv", ["reasoning", "--behaviour", "gullible", "--json"])
    monkeypatch.setattr(reasoning, "configure", quiet)
    assert reasoning.main() == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert set(told) == {*KEYS, *DEFENCE, "detail"}
    assert (told["planted"], told["reported_attempts"]) == (2, 2)
    assert [told[name] for name in NOTHING] == [0, 0, 0]
    assert told["detail"]["orders not recognised"]["obeyed_orders"] > 0


def test_an_invention_is_found_wherever_it_stands() -> None:
    found = reasoning_defence.inventions(f"the {SENTINELS[0].upper()} and {SENTINELS[4]}")
    assert found == 2
    assert reasoning_defence.inventions("a plain sentence") == 0
