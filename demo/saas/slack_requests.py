"""What Slack sends to an app: signed interactions and events, with Slack's own deadlines and retries."""

import hashlib
import hmac
import json
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlencode

import httpx

from demo.saas.server import Json
from demo.saas.slack_blocks import Button
from demo.saas.slack_workspace import APP_ID, TEAM_ID, TEAM_NAME, ReplyAddress, SlackError, View, Workspace

Forgery = Literal["", "unsigned", "wrong_secret", "tampered", "old"]
ACK_SECONDS = 3.0
OLD_SECONDS = 600
FORM = "application/x-www-form-urlencoded"


@dataclass(frozen=True)
class Answer:
    """What the app answered. Status 0: it did not answer in time, or nobody listened."""

    status: int
    body: str = ""
    seconds: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether Slack would show no error."""
        return 200 <= self.status < 300


class AppRequests:
    """Sends to the app's request URLs."""

    def __init__(self, workspace: Workspace, secret: str, origin: Callable[[], str]) -> None:
        """`secret` is the app's signing secret."""
        self._space = workspace
        self._secret = secret
        self._origin = origin
        self.interactivity_url = ""
        self.events_url = ""
        self.ack_seconds = ACK_SECONDS
        self.retry_delays: tuple[float, ...] = (1.0, 5.0, 15.0)
        """Seconds before each redelivery of an event that failed. Slack waits longer."""
        self._ended = threading.Event()

    def end(self) -> None:
        """Give up redeliveries."""
        self._ended.set()

    def _send(self, url: str, body: str, kind: str, forgery: Forgery, extra: dict[str, str]) -> Answer:
        stamp = str(int(time.time()) - (OLD_SECONDS if forgery == "old" else 0))
        key = "not-the-secret" if forgery == "wrong_secret" else self._secret
        mac = hmac.new(key.encode(), f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {"Content-Type": kind, "User-Agent": "Slackbot 1.0 (+https://api.slack.com/robots)"} | extra
        if forgery != "unsigned":
            headers |= {"X-Slack-Signature": f"v0={mac}", "X-Slack-Request-Timestamp": stamp}
        content = f"{body}%20" if forgery == "tampered" else body
        began = time.monotonic()
        try:
            response = httpx.post(url, content=content.encode(), headers=headers, timeout=self.ack_seconds)
        except httpx.HTTPError as error:
            return Answer(0, type(error).__name__, time.monotonic() - began)
        return Answer(response.status_code, response.text, time.monotonic() - began)

    def _interact(self, payload: Json, forgery: Forgery) -> Answer:
        if not self.interactivity_url:
            raise RuntimeError("No interactivity URL is set; set interactivity_url before clicking.")
        body = urlencode({"payload": json.dumps(payload)})
        answer = self._send(self.interactivity_url, body, FORM, forgery, {})
        if not answer.accepted:
            with self._space.changed:
                told = answer.body if answer.status == 0 else f"HTTP {answer.status}"
                self._space.warnings.append(f"The app did not respond to {payload['type']} ({told}).")
                self._space.changed.notify_all()
        return answer

    def _common(self, user: str) -> Json:
        person = self._space.users.get(user)
        name = person.name if person else user
        return {
            "user": {"id": user, "username": name, "name": name, "team_id": TEAM_ID},
            "api_app_id": APP_ID,
            "token": "legacy-verification-token",
            "team": {"id": TEAM_ID, "domain": TEAM_NAME},
            "enterprise": None,
            "is_enterprise_install": False,
        }

    def click(self, button: Button, user: str, forgery: Forgery = "") -> Answer:
        """Send the block_actions payload of a person's click."""
        with self._space.changed:
            try:
                message = dict(self._space.find(button.channel, button.message_ts))
            except SlackError:
                message = {"type": "message", "ts": button.message_ts, "text": ""}
            message.pop("channel", None)
            reply = f"{len(self._space.addresses) + 1}/{secrets.token_urlsafe(18)}"
            self._space.addresses[reply] = ReplyAddress(button.channel, button.message_ts, user)
        name = self._space.channels.get(button.channel, "")
        action = {
            "type": "button", "action_id": button.action_id, "block_id": button.block_id, "value": button.value,
            "text": {"type": "plain_text", "text": button.label, "emoji": True}, "action_ts": f"{time.time():.6f}",
        } | ({"style": button.style} if button.style else {})  # fmt: skip
        payload: Json = {"type": "block_actions"} | self._common(user) | {
            "container": {
                "type": "message", "message_ts": button.message_ts, "channel_id": button.channel,
                "is_ephemeral": False,
            },
            "trigger_id": self._space.trigger(user),
            "channel": {"id": button.channel, "name": name},
            "message": message,
            "state": {"values": Json()},
            "response_url": f"{self._origin()}/actions/{TEAM_ID}/{reply}",
            "actions": [action],
        }  # fmt: skip
        return self._interact(payload, forgery)

    def submit(self, opened: View, values: dict[str, str], forgery: Forgery = "") -> Answer:
        """Send the view_submission of a filled modal; `values` are by action id, block id or label."""
        shown = self._space.view_json(opened)
        state: dict[str, Json] = {}
        for block in shown["blocks"]:
            element = block.get("element")
            if block.get("type") != "input" or not element:
                continue
            names = (element["action_id"], block["block_id"], block["label"]["text"])
            value = next((values[n] for n in names if n in values), None)
            given = {"type": element["type"], "value": value or None}
            state[block["block_id"]] = {element["action_id"]: given}
        shown["state"] = {"values": state}
        more: Json = {"view": shown, "trigger_id": self._space.trigger(opened.user), "response_urls": list[Json]()}
        return self._interact({"type": "view_submission"} | self._common(opened.user) | more, forgery)

    def event(self, event: Json, forgery: Forgery = "") -> threading.Thread:
        """Deliver an event in the background; the same event id is repeated until it is taken."""
        body = json.dumps({
            "token": "legacy-verification-token", "team_id": TEAM_ID, "context_team_id": TEAM_ID,
            "api_app_id": APP_ID, "event": event, "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(time.time()), "is_ext_shared_channel": False,
            "authorizations": [{"team_id": TEAM_ID, "user_id": "U0AUTOPLT", "is_bot": True}],
        })  # fmt: skip
        sender = threading.Thread(target=self._deliver, args=(body, forgery), name="slack-event", daemon=True)
        sender.start()
        return sender

    def _deliver(self, body: str, forgery: Forgery) -> None:
        extra: dict[str, str] = {}
        for number, delay in enumerate((0.0, *self.retry_delays)):
            if self._ended.wait(delay):
                return
            answer = self._send(self.events_url, body, "application/json", forgery, extra)
            if answer.accepted:
                return
            why = "http_error" if answer.status else "connection_failed"
            why = "http_timeout" if "Timeout" in answer.body else why
            extra = {"X-Slack-Retry-Num": str(number + 1), "X-Slack-Retry-Reason": why}

    def verify_url(self, forgery: Forgery = "") -> bool:
        """Do the url_verification handshake of the events URL; whether the app returned the challenge."""
        challenge = secrets.token_urlsafe(24)
        body = json.dumps(
            {"token": "legacy-verification-token", "challenge": challenge, "type": "url_verification"}
        )
        answer = self._send(self.events_url, body, "application/json", forgery, {})
        return answer.accepted and challenge in answer.body
