"""Slack: one message per incident, edited in place, with its detail in the thread."""

import re
from collections.abc import Iterator
from datetime import timedelta

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.channels import slack_wire as wire
from autopilot.channels.mrkdwn import chunks, escaped
from autopilot.channels.slack_blocks import fallback_text, message_blocks, section
from autopilot.clients.http import Api, same_origin
from autopilot.clients.slack import SlackApi, SlackRefused
from autopilot.incident.decision import Judgement
from autopilot.incident.ports import Failure
from autopilot.incident.view import IncidentView
from autopilot.settings import Slack

RESPONSE_ORIGIN = "https://hooks.slack.com"
MAX_PAGES = 10
PAGE = 200
NOTE_PART, NOTE_PARTS = 2_900, 10
_LOST = {"message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found"}
_CHANNEL_ID = re.compile(r"[CGD][A-Z0-9]{4,}")
_AS_IT_IS: dict[str, JsonValue] = {"unfurl_links": False, "unfurl_media": False, "parse": "none"}
Arguments = dict[str, str | int | bool]


class _Metadata(BaseModel):
    event_type: str = ""
    event_payload: dict[str, JsonValue] = {}


class _Message(BaseModel):
    ts: str = ""
    metadata: _Metadata = _Metadata()


class _Named(BaseModel):
    id: str = ""
    name: str = ""


class _Cursor(BaseModel):
    next_cursor: str = ""


class _Page(BaseModel):
    """The fields we read of any answer."""

    ts: str = ""
    channel: str = ""
    messages: list[_Message] = []
    channels: list[_Named] = []
    response_metadata: _Cursor = _Cursor()


_PAGE = TypeAdapter(_Page)


class SlackChannel:
    """Posts to one channel. It finds its own messages again by their metadata, so repeating never posts twice."""

    name = "slack"

    def __init__(self, settings: Slack) -> None:
        """Opens nothing yet."""
        self._settings = settings
        self._slack = SlackApi(settings)
        self._resolved = ""

    def publish(self, view: IncidentView) -> str:
        """Create or edit the incident's message; returns `channel/ts`. Raises Failure."""
        reference = view.refs.get(self.name, "")
        if reference and self._edit(view, reference):
            return reference
        found = self._find(view)
        if found and found != reference and self._edit(view, found):
            return found
        posted = self._slack.write("chat.postMessage", {"channel": self._channel(), **_content(view)}, _PAGE)
        return f"{posted.channel}/{posted.ts}"

    def note(self, view: IncidentView, text: str, key: str) -> None:
        """Say something in the incident's thread, once per key. Raises Failure."""
        reference = view.refs.get(self.name, "") or self._find(view) or self.publish(view)
        channel, _, ts = reference.partition("/")
        asked: Arguments = {"channel": channel, "ts": ts, "include_all_metadata": True}
        replies = (m for page in self._pages("conversations.replies", asked) for m in page.messages)
        if any(_is(message, wire.NOTE_EVENT, "key", key) for message in replies):
            return
        parts = chunks(text, NOTE_PART, NOTE_PARTS) or ["(empty)"]
        content: dict[str, JsonValue] = {
            "channel": channel,
            "thread_ts": ts,
            "blocks": [section(part) for part in parts],
            "text": escaped(text, 600),
            "metadata": _metadata(wire.NOTE_EVENT, key=key, incident_id=view.incident_id),
            **_AS_IT_IS,
        }
        self._slack.write("chat.postMessage", content, _PAGE)

    def answer(self, view: IncidentView, judgement: Judgement, reply_to: str) -> bool:
        """Tell the decider alone what became of the decision; False when it did not come from Slack.

        Raises Failure.
        """
        mark = "" if judgement.accepted else "Not accepted: "
        text = escaped(f"{mark}{judgement.message}", 2_000)
        if reply_to.startswith(("https://", "http://")) and self._respond(reply_to, text):
            return True
        where = wire.place_of(reply_to)
        if where is None and not judgement.actor.startswith("slack:"):
            return False
        at_message = view.refs.get(self.name, "").partition("/")[0] or self._channel()
        channel, user, _ = where or (at_message, judgement.actor.removeprefix("slack:"), "")
        self._slack.write("chat.postEphemeral", {"channel": channel, "user": user, "text": text}, _PAGE)
        return True

    def _respond(self, url: str, text: str) -> bool:
        """Use a response URL; False when that is not possible.

        Only Slack's own address is used: it arrives with the decision and could name any host. It serves five
        times within half an hour, and a decision may be judged later than that.
        """
        if not same_origin(url, RESPONSE_ORIGIN) and not same_origin(url, self._settings.base_url):
            return False
        api = Api("Slack", "/".join(url.split("/", 3)[:3]), attempts=1)
        body: dict[str, JsonValue] = {"response_type": "ephemeral", "replace_original": False, "text": text}
        try:
            api.send("POST", url, body)
        except Failure:
            return False
        finally:
            api.close()
        return True

    def _edit(self, view: IncidentView, reference: str) -> bool:
        """Bring a message up to date; False when it is gone or not ours."""
        channel, _, ts = reference.partition("/")
        try:
            self._slack.write("chat.update", {"channel": channel, "ts": ts, **_content(view)}, _PAGE)
        except SlackRefused as refusal:
            if refusal.code in _LOST:
                return False
            raise
        return True

    def _find(self, view: IncidentView) -> str:
        """The incident's message in the channel, by its metadata; empty when there is none."""
        channel = self._channel()
        since = (view.started_at - timedelta(hours=1)).timestamp()
        asked: Arguments = {"channel": channel, "include_all_metadata": True, "oldest": f"{since:.6f}"}
        for page in self._pages("conversations.history", asked):
            for message in page.messages:
                if _is(message, wire.MESSAGE_EVENT, "incident_id", view.incident_id):
                    return f"{channel}/{message.ts}"
        return ""

    def _channel(self) -> str:
        """The id of the configured channel, which may be given by name."""
        named = self._settings.channel.removeprefix("#")
        if _CHANNEL_ID.fullmatch(named):
            return named
        if not self._resolved:
            asked: Arguments = {"types": "public_channel,private_channel", "exclude_archived": True}
            known = (c for page in self._pages("conversations.list", asked) for c in page.channels)
            self._resolved = next((c.id for c in known if c.name == named), "")
        if not self._resolved:
            raise Failure(
                f"Slack has no channel {named!r} that the bot can see; invite the bot or set slack.channel to "
                "the channel's id.",
                who="operator",
            )
        return self._resolved

    def _pages(self, method: str, arguments: Arguments) -> Iterator[_Page]:
        cursor: Arguments = {}
        for _ in range(MAX_PAGES):
            page = self._slack.read(method, {**arguments, "limit": PAGE, **cursor}, _PAGE)
            yield page
            if not page.response_metadata.next_cursor:
                return
            cursor = {"cursor": page.response_metadata.next_cursor}


def _content(view: IncidentView) -> dict[str, JsonValue]:
    return {
        "blocks": [*message_blocks(view)],
        "text": fallback_text(view),
        "metadata": _metadata(wire.MESSAGE_EVENT, incident_id=view.incident_id),
        **_AS_IT_IS,
    }


def _metadata(event: str, **payload: str) -> dict[str, JsonValue]:
    return {"event_type": event, "event_payload": dict(payload)}


def _is(message: _Message, event: str, field: str, value: str) -> bool:
    return message.metadata.event_type == event and message.metadata.event_payload.get(field) == value
