"""An app as it stands on the other side of the simulated Slack: its messages, and how it reads requests."""

import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

from slack_sdk.signature import SignatureVerifier

from demo.saas.seeds import CHANNELS, PEOPLE
from tests.integration.demo_saas.gateway import Got

NOW = datetime(2026, 3, 2, 3, 15, tzinfo=UTC)
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
CHANNEL = CHANNELS[0][0]
KIM = PEOPLE[0].id
BLOCKS: list[dict[str, Any]] = [
    {"type": "header", "text": {"type": "plain_text", "text": "checkout is slow"}},
    {
        "type": "section",
        "text": {"type": "mrkdwn", "text": "*Cause*: `orders` <https://x.test/a|see> <script>alert(1)</script>"},
        "fields": [{"type": "mrkdwn", "text": "*Severity*\nhigh"}],
    },
    {"type": "divider"},
    {"type": "context", "elements": [{"type": "mrkdwn", "text": "_3 alerts_"}]},
    {
        "type": "actions",
        "block_id": "decide",
        "elements": [
            {
                "type": "button",
                "action_id": "option_1",
                "value": "1",
                "style": "primary",
                "text": {"type": "plain_text", "text": "1. Raise capacity"},
            },
            {
                "type": "button",
                "action_id": "reanalyse",
                "value": "r",
                "text": {"type": "plain_text", "text": "Re-analyse"},
            },
        ],
    },
]
MODAL = {
    "type": "modal",
    "callback_id": "feedback",
    "private_metadata": "inc-1",
    "title": {"type": "plain_text", "text": "Re-analyse"},
    "submit": {"type": "plain_text", "text": "Send"},
    "blocks": [
        {
            "type": "input",
            "block_id": "hint",
            "label": {"type": "plain_text", "text": "What to check?"},
            "element": {"type": "plain_text_input", "action_id": "text", "multiline": True},
        }
    ],
}


def payload(got: Got) -> dict[str, Any]:
    return json.loads(parse_qs(got.body.decode())["payload"][0])


def verified(got: Got) -> bool:
    return SignatureVerifier(SECRET).is_valid_request(got.body, dict(got.headers))
