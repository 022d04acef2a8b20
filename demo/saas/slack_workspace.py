"""What a Slack workspace remembers: people, one channel or more, messages, modals, triggers."""

import itertools
import threading
import time
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from demo.saas.records import SlackUser
from demo.saas.server import Json, as_object
from demo.saas.slack_blocks import block_problems, numbered

TEAM_ID, APP_ID, BOT_ID, BOT_USER = "T0PAPERPL", "A0AUTOPLT", "B0AUTOPLT", "U0AUTOPLT"
TEAM_NAME, BOT_NAME = "paperplane", "autopilot"


class SlackError(Exception):
    """An `{"ok": false, "error": …}` answer; `details` become the response metadata's messages."""

    def __init__(self, error: str, details: list[str] | None = None) -> None:
        """`error` is Slack's own error code."""
        super().__init__(error)
        self.error = error
        self.details = details or []


@dataclass
class View:
    """An open modal."""

    id: str
    user: str
    view: Json
    hash: str = "1"


@dataclass
class ReplyAddress:
    """A response_url: where it leads and how often it was used."""

    channel: str
    message_ts: str
    user: str
    used: int = 0


@dataclass
class Workspace:
    """The state. Every method takes the lock; `changed` is notified after each change."""

    channels: dict[str, str]
    """Id → name."""
    users: dict[str, SlackUser]
    changed: threading.Condition
    trigger_seconds: float = 3.0
    messages: dict[str, list[Json]] = field(default_factory=dict[str, list[Json]])
    ephemeral: list[Json] = field(default_factory=list[Json])
    views: list[View] = field(default_factory=list[View])
    triggers: dict[str, tuple[str, float]] = field(default_factory=dict[str, tuple[str, float]])
    """Trigger id → user, expiry (monotonic)."""
    addresses: dict[str, ReplyAddress] = field(default_factory=dict[str, ReplyAddress])
    warnings: list[str] = field(default_factory=list[str])
    """What Slack would show a person as a failed interaction."""
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    def number(self) -> int:
        """A number that was not used before."""
        return next(self._numbers)

    def timestamp(self) -> str:
        """A message timestamp, unique in the workspace."""
        return f"{int(time.time())}.{self.number():06d}"

    def channel_id(self, channel: object) -> str:
        """The id of a channel given by id, name or #name. Raises SlackError."""
        name = str(channel or "").removeprefix("#")
        found = name if name in self.channels else next((i for i, n in self.channels.items() if n == name), "")
        if not found:
            raise SlackError("channel_not_found")
        return found

    def find(self, channel: str, ts: object) -> Json:
        """The stored message. Raises SlackError."""
        for message in self.messages.get(channel, []):
            if message["ts"] == ts:
                return message
        raise SlackError("message_not_found")

    def post(self, channel: str, fields: Json, author: Json) -> Json:
        """Add a message. Raises SlackError when Slack would refuse it."""
        with self.changed:
            message = {"type": "message", "channel": channel, "ts": self.timestamp(), "team": TEAM_ID} | author
            message |= self._content(fields)
            thread = fields.get("thread_ts")
            if thread:
                parent = self.find(channel, thread)
                message["thread_ts"] = parent.get("thread_ts", parent["ts"])
                parent.setdefault("thread_ts", parent["ts"])
                parent["reply_count"] = parent.get("reply_count", 0) + 1
                parent["latest_reply"] = message["ts"]
            self.messages.setdefault(channel, []).append(message)
            self.changed.notify_all()
            return deepcopy(message)

    def update(self, channel: str, ts: object, fields: Json, bot_id: str = BOT_ID) -> Json:
        """Edit a message of our own; what is not given stays. Raises SlackError."""
        with self.changed:
            message = self.find(channel, ts)
            if message.get("bot_id") != bot_id:
                raise SlackError("cant_update_message")
            message |= self._content({"text": message["text"]} | fields)
            message["edited"] = {"user": BOT_USER, "ts": self.timestamp()}
            self.changed.notify_all()
            return deepcopy(message)

    def delete(self, channel: str, ts: object) -> None:
        """Remove a message. Raises SlackError."""
        with self.changed:
            self.messages[channel].remove(self.find(channel, ts))
            self.changed.notify_all()

    def whisper(self, channel: str, user: str, fields: Json) -> str:
        """Show something to one person only. Raises SlackError."""
        with self.changed:
            if user not in self.users:
                raise SlackError("user_not_in_channel")
            ts = self.timestamp()
            found = {"ts": ts, "channel": channel, "user": user, "thread_ts": fields.get("thread_ts", "")}
            self.ephemeral.append(found | self._content(fields))
            self.changed.notify_all()
            return ts

    def open_view(self, trigger: object, view: Any) -> Json:
        """Open a modal for whoever made the trigger. Raises SlackError."""
        with self.changed:
            user, expiry = self.triggers.pop(str(trigger), ("", 0.0))
            if not user:
                raise SlackError("invalid_trigger_id")
            if time.monotonic() > expiry:
                raise SlackError("expired_trigger_id")
            shown = self._checked_view(view)
            opened = View(id=f"V{self.number():08d}", user=user, view=shown)
            self.views.append(opened)
            self.changed.notify_all()
            return self.view_json(opened)

    def change_view(self, view_id: str, view: Any) -> Json:
        """Replace the content of an open modal. Raises SlackError."""
        with self.changed:
            found = next((v for v in self.views if v.id == view_id), None)
            if found is None:
                raise SlackError("not_found")
            found.view, found.hash = self._checked_view(view), str(self.number())
            self.changed.notify_all()
            return self.view_json(found)

    def view_json(self, opened: View) -> Json:
        """A modal as payloads and answers carry it."""
        fixed: Json = {
            "id": opened.id, "team_id": TEAM_ID, "app_id": APP_ID, "bot_id": BOT_ID, "hash": opened.hash,
            "root_view_id": opened.id, "previous_view_id": None,
            "external_id": "", "app_installed_team_id": TEAM_ID,
            "state": {"values": Json()},
        }  # fmt: skip
        return {"private_metadata": "", "callback_id": ""} | deepcopy(opened.view) | fixed

    def trigger(self, user: str) -> str:
        """A new trigger id of a person's act, usable once and for `trigger_seconds`."""
        with self.changed:
            made = f"{self.number()}.{time.time_ns()}.{TEAM_ID.lower()}"
            self.triggers[made] = (user, time.monotonic() + self.trigger_seconds)
            return made

    def _checked_view(self, given: Any) -> Json:
        view = as_object(given)
        if view.get("type") != "modal" or not view.get("title"):
            raise SlackError("invalid_arguments", ["[ERROR] a modal view with a title is required"])
        problems = block_problems(view.get("blocks"), "modal")
        if len(str(view["title"].get("text", ""))) > 24:
            problems.append("must be less than 25 characters [json-pointer:/view/title/text]")
        if problems:
            raise SlackError("invalid_arguments", [f"[ERROR] {p}" for p in problems])
        return view | {"blocks": numbered(view["blocks"], f"v{self.number()}-")}

    def _content(self, fields: Json) -> Json:
        blocks, attachments = fields.get("blocks"), fields.get("attachments")
        if blocks and (problems := block_problems(blocks)):
            raise SlackError("invalid_blocks", [f"[ERROR] {p}" for p in problems])
        if not (fields.get("text") or blocks or attachments):
            raise SlackError("no_text")
        if len(str(fields.get("text", ""))) > 40_000:
            raise SlackError("msg_too_long")
        content: Json = {"text": str(fields.get("text") or "")}
        if blocks is not None:
            content["blocks"] = numbered(blocks, f"b{self.number()}-")
        if attachments is not None:
            content["attachments"] = attachments
        metadata = fields.get("metadata")
        if metadata is not None:
            if metadata and not {"event_type", "event_payload"} <= set(metadata):
                raise SlackError("invalid_metadata_format")
            content["metadata"] = metadata
        return content
