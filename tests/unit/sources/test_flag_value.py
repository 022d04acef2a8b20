"""What a flag says, and how its reach is made smaller without touching what else is in it."""

import json

import pytest

from autopilot.incident.base import Scalar
from autopilot.sources.flag_value import facets, narrower, rewritten

WIDE = json.dumps({"enabled": True, "percentage": 100, "regions": ["us-east-1", "eu-west-1"], "owner": "kim"})


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (WIDE, {"enabled": True, "percentage": 100, "regions": "us-east-1,eu-west-1"}),
        ("true", {"enabled": True}),
        (" Off\n", {"enabled": False}),
        ('{"enabled": "yes", "percentage": true, "regions": [1]}', {}),
        ("[1, 2]", {}),
        ("{", {}),
        ("30", {}),
    ],
)
def test_a_flag_is_read_as_far_as_it_is_one(text: str, found: dict[str, Scalar]) -> None:
    assert facets(text) == found


@pytest.mark.parametrize(
    ("text", "hit", "less"),
    [
        (WIDE, ("eu-west-1",), {"regions": "us-east-1"}),
        (WIDE, ("us-east-1", "eu-west-1"), {"percentage": 10}),
        (WIDE, (), {"percentage": 10}),
        ('{"enabled": true, "percentage": 10}', (), {"enabled": False}),
        ('{"enabled": true}', ("us-east-1",), {"enabled": False}),
        ("on", (), {"enabled": False}),
        ('{"enabled": false, "percentage": 100}', (), {}),
        ('{"limit": 5}', (), {}),
        ("30", (), {}),
    ],
)
def test_the_next_smaller_reach(text: str, hit: tuple[str, ...], less: dict[str, Scalar]) -> None:
    assert narrower(facets(text), hit, 10) == less


def test_only_the_reach_is_rewritten() -> None:
    without = json.loads(rewritten(WIDE, {"regions": "us-east-1"}))
    assert without == {"enabled": True, "percentage": 100, "regions": ["us-east-1"], "owner": "kim"}
    assert json.loads(rewritten(WIDE, {"percentage": 10}))["percentage"] == 10
    assert [rewritten(text, {"enabled": False}) for text in ("on", "True", "TRUE\n")] == ["off", "False", "FALSE"]
