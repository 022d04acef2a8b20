"""What people read in Slack: complete, within Slack's limits, and harmless whatever came from outside."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from autopilot.channels import slack_wire as wire
from autopilot.channels.mrkdwn import chunks, escaped, link
from autopilot.channels.slack_blocks import message_blocks
from autopilot.incident.base import Link
from autopilot.incident.view import IncidentView
from demo.saas.slack_blocks import block_problems
from tests.unit.channels.views import decidable, option, raw

NASTY = "<!channel> <@U024BE7LH> <https://evil.test|click> & *bold* `code` @here "


def texts(value: JsonValue) -> list[str]:
    """Every shown text in some blocks."""
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    if isinstance(value, dict):
        own = [value["text"]] if isinstance(value.get("text"), str) else []
        return [*map(str, own), *(text for item in value.values() for text in texts(item))]
    return []


def shown(view: IncidentView) -> str:
    return "\n".join(texts([*message_blocks(view)]))


def buttons(view: IncidentView) -> dict[str, dict[str, JsonValue]]:
    found: dict[str, dict[str, JsonValue]] = {}
    for block in message_blocks(view):
        elements = block.get("elements")
        for element in elements if isinstance(elements, list) else []:
            if isinstance(element, dict) and element.get("type") == "button":
                found[str(element["action_id"])] = element
    return found


def test_before_a_diagnosis_the_raw_alert_and_last_three_changes_are_shown() -> None:
    text = shown(raw())
    assert "[CRITICAL] checkout-api latency above 1000 ms" in text
    assert "Latency of checkout-api is 1240 ms" in text
    assert all(change in text for change in raw().recent_changes)
    assert set(buttons(raw())) == {"claim"}


def test_a_diagnosis_shows_cause_confidence_options_and_effects() -> None:
    text = shown(decidable())
    for part in (
        "exceeds its capacity",
        "72%",
        "Choose an option",
        "risk: low",
        "reversible",
        "latency below 1000 ms",
    ):
        assert part in text
    assert "not possible now:_ no healthy version" in text
    assert "Last changes" not in text


def test_only_feasible_options_have_buttons_and_they_carry_what_was_seen() -> None:
    found = buttons(decidable())
    assert set(found) == {"decide:option:1", "decide:option:2", "decide:reanalyse", "decide:manual", "claim"}
    assert json.loads(str(found["decide:option:2"]["value"])) == {
        "group": "incident-checkout-1a2b",
        "incident_id": "incident-checkout-1a2b.c3d4",
        "plan_revision": 2,
        "plan_digest": "0123456789abcdef",
        "choice": "option",
        "option": 2,
    }
    assert "confirm" in found["decide:option:2"]
    assert "confirm" not in found["decide:option:1"]


def test_decided_and_closed_incidents_have_no_buttons() -> None:
    closed = decidable(
        decidable=False,
        decision="kim chose option 1",
        verdict="fixed",
        outcome="resolved",
        claimed_by="kim",
        phase="closed",
    )
    assert buttons(closed) == {}
    assert "kim chose option 1" in shown(closed)
    assert "*Verdict* fixed" in shown(closed)


@pytest.mark.parametrize(
    "field", ["title", "service", "whats_going_on", "next_step", "cause", "decision", "analyst"]
)
def test_outside_text_can_neither_mention_nor_link(field: str) -> None:
    for block in message_blocks(decidable(**{field: NASTY})):
        for text in texts(block) if block["type"] != "header" else []:
            ours = re.sub(r"<http://127\.0\.0\.1:8080/[^|>]*\|[^>]*>", "", text)
            assert "<" not in ours
            assert ">" not in ours


def test_hostile_changes_options_and_gaps_are_escaped_too() -> None:
    view = decidable(options=(option(1, title=NASTY, why=NASTY, steps=(NASTY,), note=NASTY),), gaps=(NASTY,))
    for_people = [b for b in message_blocks(view) if b["type"] in ("section", "context")]
    assert "&lt;!channel&gt;" in "".join(texts([*for_people]))
    assert "<!channel>" not in "".join(texts([*for_people]))
    assert all('"verbatim": true' in json.dumps(block) for block in for_people)


def test_a_link_that_is_not_http_is_only_a_title() -> None:
    assert link(Link(title="x", url="javascript:alert(1)")) == "x"
    assert link(Link(title="a|b<c", url="https://a.test/x?a=1&b=2")) == "<https://a.test/x?a=1&amp;b=2|a/b&lt;c>"
    assert link(Link(title="x", url="https://a.test/>|<!channel>")) == "x"


LONG = st.text(alphabet=st.sampled_from("a&<>\u00e9 \n*_`"), min_size=300, max_size=700)


@settings(max_examples=60, deadline=None)
@given(text=LONG, more=LONG)
def test_no_text_makes_slack_refuse_the_message(text: str, more: str) -> None:
    view = decidable(
        title=text,
        service=text,
        environment=more,
        services=(text, more),
        whats_going_on=text,
        cause=more,
        next_step=text,
        options=tuple(
            option(n, title=text, why=more, steps=(text, more, text, more), reach=more, expected=text, note=more)
            for n in (1, 2, 3)
        ),
        decision=text,
        actions=(text,) * 10,
        gaps=(more,) * 9,
        cost=text,
        on_call=text,
        links=tuple(Link(title=text, url="https://a.test/" + "&" * 400) for _ in range(5)),
    )
    blocks = message_blocks(view)
    assert block_problems(blocks) == []
    assert all(
        not re.search(r"&(?!amp;|lt;|gt;)", text) for b in blocks if b["type"] == "section" for text in texts(b)
    )


def test_cutting_never_halves_an_entity() -> None:
    assert escaped("a<b", 10) == "a&lt;b"
    assert escaped("<<<<", 10) == "&lt;&lt;…"
    assert len(escaped("&" * 5_000, 3_000)) <= 3_000


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=4_000))
def test_chunks_fit_and_lose_nothing_but_line_ends(text: str) -> None:
    parts = chunks(text, 500, 100)
    assert all(0 < len(part) <= 500 for part in parts)
    together = "".join(parts).replace("\n", "")
    whole = escaped("".join(text.splitlines()), 100_000)
    assert together == whole


def test_the_modal_is_one_that_slack_takes() -> None:
    value = wire.ButtonValue(group="g", incident_id="i", plan_revision=1, plan_digest="d", choice="reanalyse")
    modal = wire.feedback_modal(value, "https://hooks.slack.com/actions/x")
    assert block_problems(modal["blocks"], "modal") == []
    assert len(str(modal["private_metadata"])) <= 3_000
