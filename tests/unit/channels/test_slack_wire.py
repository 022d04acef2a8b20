"""A click, a claim and a submitted modal are understood; anything else is refused without an exception."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from autopilot.channels import slack_wire as wire
from tests.unit.channels.test_slack_blocks import buttons
from tests.unit.channels.views import decidable

HOOK = "https://hooks.slack.com/actions/T1/2/abc"


def press(action: str, value: str | None = None) -> dict[str, JsonValue]:
    """The payload of a click on a button of the message."""
    known = buttons(decidable()).get(action, {})
    return {
        "type": "block_actions",
        "user": {"id": "U024BE7LH", "username": "kim", "name": "kim", "team_id": "T1"},
        "container": {"type": "message", "message_ts": "1700000000.000100", "channel_id": "C024BE91L"},
        "trigger_id": "1.2.abc",
        "response_url": HOOK,
        "actions": [
            {
                "action_id": action,
                "value": str(known.get("value", "")) if value is None else value,
                "action_ts": "1700000001.5",
                "type": "button",
            }
        ],
    }


def test_a_click_on_an_option_becomes_a_decision_of_the_clicker() -> None:
    decided = wire.parse_interaction(press("decide:option:2"))
    assert isinstance(decided, wire.Decided)
    signal = decided.signal
    assert decided.group == "incident-checkout-1a2b"
    assert (signal.choice, signal.option, signal.actor, signal.actor_name) == (
        "option",
        2,
        "slack:U024BE7LH",
        "kim",
    )
    assert (signal.plan_revision, signal.plan_digest) == (2, "0123456789abcdef")
    assert signal.reply_to == HOOK
    assert signal.seal == ""


def test_the_same_click_has_the_same_id_and_another_click_another() -> None:
    first, again = (wire.parse_interaction(press("decide:manual")) for _ in range(2))
    other = wire.parse_interaction(press("decide:option:1"))
    assert isinstance(first, wire.Decided)
    assert isinstance(again, wire.Decided)
    assert isinstance(other, wire.Decided)
    assert first.signal.decision_id == again.signal.decision_id != other.signal.decision_id


def test_claim_is_a_note_and_not_a_decision() -> None:
    claimed = wire.parse_interaction(press("claim"))
    assert isinstance(claimed, wire.Claimed)
    assert (claimed.group, claimed.note.actor) == ("incident-checkout-1a2b", "slack:U024BE7LH")


def test_reanalyse_asks_first_and_the_submission_decides_with_the_comment() -> None:
    asks = wire.parse_interaction(press("decide:reanalyse"))
    assert isinstance(asks, wire.AsksFeedback)
    assert asks.trigger_id == "1.2.abc"
    submission: dict[str, JsonValue] = {
        "type": "view_submission",
        "user": {"id": "U024BE7LJ", "name": "noor"},
        "view": {
            "id": "V1",
            "callback_id": asks.view["callback_id"],
            "private_metadata": asks.view["private_metadata"],
            "state": {
                "values": {"feedback": {"text": {"type": "plain_text_input", "value": "check\u202e the deploy"}}}
            },
        },
    }
    decided = wire.parse_interaction(submission)
    assert isinstance(decided, wire.Decided)
    assert (decided.signal.choice, decided.signal.comment) == ("reanalyse", "check the deploy")
    assert (decided.signal.actor, decided.signal.plan_revision) == ("slack:U024BE7LJ", 2)
    assert decided.signal.reply_to == HOOK


def test_without_a_response_url_the_answer_goes_to_the_person_in_the_channel() -> None:
    payload = press("decide:manual")
    payload.pop("response_url")
    decided = wire.parse_interaction(payload)
    assert isinstance(decided, wire.Decided)
    assert wire.place_of(decided.signal.reply_to) == ("C024BE91L", "U024BE7LH", "1700000000.000100")


@pytest.mark.parametrize(
    "value", ["", "not json", "{}", '{"group": ""}', json.dumps({"group": "g" * 300}), "x" * 3_000]
)
def test_a_button_of_ours_with_a_broken_value_is_complained_about(value: str) -> None:
    refused = wire.parse_interaction(press("decide:option:1", value))
    assert isinstance(refused, wire.Unusable)
    assert refused.complain


def test_what_is_not_ours_is_left_alone() -> None:
    assert wire.parse_interaction(press("other_app:button")) == wire.Unusable(
        "action 'other_app:button' is not ours"
    )
    assert isinstance(wire.parse_interaction({"type": "shortcut"}), wire.Unusable)
    assert isinstance(wire.parse_interaction({}), wire.Unusable)


JSON: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(["block_actions", "view_submission"]), user=JSON, actions=JSON, view=JSON)
def test_no_payload_raises(kind: str, user: JsonValue, actions: JsonValue, view: JsonValue) -> None:
    result = wire.parse_interaction({"type": kind, "user": user, "actions": actions, "view": view})
    assert isinstance(result, wire.Unusable)
