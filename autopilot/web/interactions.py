"""Clicks in Slack: prove who clicked, seal the decision, store it, and answer within three seconds."""

from dataclasses import dataclass
from urllib.parse import parse_qs

import structlog
from pydantic import JsonValue, TypeAdapter
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autopilot.channels.slack_wire import (
    FEEDBACK_BLOCK,
    AsksFeedback,
    Claimed,
    Decided,
    Interaction,
    Unusable,
    parse_interaction,
)
from autopilot.incident.decision import DecisionSignal
from autopilot.incident.ports import Failure
from autopilot.incident.seal import Keyring
from autopilot.settings import SettingsError, Slack
from autopilot.triggers import slack
from autopilot.triggers.base import Refused, json_object, table, text
from autopilot.web.edge import read_body
from autopilot.web.gateway import Gateway, Replies, off_loop, within
from autopilot.web.incidents import NotRunning

log = structlog.get_logger()

STORE_SECONDS = 2.0
TELL_SECONDS = 0.7
"""Together under Slack's three seconds."""
LATER_SECONDS = 10.0
NOT_STORED = "Your click could not be stored: {why} Click again, or decide with: {command}"
CLOSED = "This incident is closed; your click changed nothing. See {page}"
_PAYLOAD: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])
STORED = "Stored. You will be told here what becomes of it."


@dataclass(frozen=True)
class _NotDone:
    """A click of a proven sender that changed nothing."""

    outcome: str
    reason: str
    """For the record."""
    words: str
    """For the sender."""
    reply_to: str = ""
    """Empty: as Slack's request says."""
    about: str = ""
    """The incident that the button names."""


class InteractionsHook:
    """POST /hooks/slack/interactions. A signal needs no worker: clicks count while the worker is down."""

    def __init__(self, gateway: Gateway, settings: Slack, replies: Replies, keyring: Keyring) -> None:
        """`keyring` vouches for the clicker towards the worker."""
        self._gateway = gateway
        self._settings = settings
        self._replies = replies
        self._keyring = keyring

    async def receive(self, request: Request) -> Response:
        """Understand one interaction and do what it asks."""
        body = await read_body(request, self._gateway.settings.web.max_body)
        slack.verify(self._settings, request.headers, body, self._gateway.clock)
        payload = _payload(body)
        interaction = parse_interaction(payload)
        done = await self._do(interaction)
        if isinstance(done, Response):
            return done
        reply_to = done.reply_to or text(payload.get("response_url"), 500)
        response = await self._failed(done.words, reply_to, modal=payload.get("type") == "view_submission")
        clicker = f"slack:{text(table(payload.get('user')).get('id'), 40) or 'unknown'}"
        response.background = BackgroundTask(
            self._gateway.refusals.record, request, done.outcome, done.reason, actor=clicker, incident_id=done.about
        )
        return response

    async def _do(self, interaction: Interaction) -> "Response | _NotDone":
        """What an interaction asks, or why it was not done."""
        if isinstance(interaction, Unusable):
            log.warning("interaction not usable", reason=interaction.reason)
            words = f"This button cannot be understood any more. See {self._page('')}"
            return _NotDone("unusable", interaction.reason, words) if interaction.complain else Response()
        try:
            if isinstance(interaction, AsksFeedback):
                opening = (interaction.trigger_id, interaction.view)
                await off_loop(STORE_SECONDS, self._replies.open_view, *opening)
                return Response()
            await self._store(interaction)
        except NotRunning:
            log.warning("click on a closed incident", group=interaction.group)
            words = CLOSED.format(page=self._page(interaction.group))
            return _NotDone("closed", words, words, about=_about(interaction))
        except Failure as failure:
            log.error("click not stored", group=interaction.group, reason=str(failure))
            command = f"python starter.py decide {interaction.group}"
            words = NOT_STORED.format(why="the incident store did not answer.", command=command)
            return _NotDone("not_stored", str(failure), words, _reply_to(interaction), _about(interaction))
        return Response(background=BackgroundTask(self._tell, _reply_to(interaction), STORED, LATER_SECONDS))

    async def _store(self, interaction: Decided | Claimed) -> None:
        """Deliver within the time that Slack leaves. Raises Failure or NotRunning."""
        if isinstance(interaction, Claimed):
            note = interaction.note
            await within(STORE_SECONDS, self._gateway.incidents.claim(interaction.group, note), "Storing")
            log.info("claim stored", group=interaction.group, actor=note.actor)
            return
        signal = self._sealed(interaction.signal)
        await within(STORE_SECONDS, self._gateway.incidents.decide(interaction.group, signal), "Storing")
        log.info(
            "decision stored", group=interaction.group, decision_id=signal.decision_id, choice=signal.choice,
            actor=signal.actor,
        )  # fmt: skip

    def _sealed(self, signal: DecisionSignal) -> DecisionSignal:
        """With the time of the click and our seal over everything that counts."""
        timed = signal.model_copy(update={"at": signal.at or self._gateway.clock().isoformat()})
        return self._keyring.sealed(timed)

    async def _failed(self, words: str, reply_to: str, modal: bool) -> Response:
        """Make sure that the person sees it: in the modal, else in a message, else as Slack's own warning."""
        if modal:
            return JSONResponse({"response_action": "errors", "errors": {FEEDBACK_BLOCK: words[:150]}})
        told = await self._tell(reply_to, words, TELL_SECONDS)
        answer = {"response_type": "ephemeral", "replace_original": False, "text": words}
        return JSONResponse(answer, 200 if told else 503)

    async def _tell(self, reply_to: str, words: str, seconds: float) -> bool:
        """Whether the person was told."""
        if not reply_to:
            return False
        try:
            await off_loop(seconds, self._replies.tell, reply_to, words)
        except Failure as failure:
            log.warning("slack reply failed", reason=str(failure))
            return False
        return True

    def _page(self, group: str) -> str:
        return f"{self._gateway.settings.web.public_url.rstrip('/')}/incidents/{group}".rstrip("/")


def _reply_to(interaction: Decided | Claimed | AsksFeedback) -> str:
    match interaction:
        case Decided(signal=signal):
            return signal.reply_to
        case Claimed(note=note):
            return note.reply_to
        case AsksFeedback():
            return ""


def _about(interaction: Decided | Claimed | AsksFeedback) -> str:
    """The incident that the pressed button names."""
    match interaction:
        case Decided(signal=signal):
            return signal.incident_id
        case Claimed(incident_id=named):
            return named
        case AsksFeedback():
            return ""


def _payload(body: bytes) -> dict[str, JsonValue]:
    """The JSON inside Slack's form. Raises Refused."""
    try:
        form = parse_qs(body.decode(), max_num_fields=20)
    except ValueError as error:
        raise Refused(400, "The interaction is not a form.", field="payload") from error
    if "payload" not in form:
        raise Refused(
            400, "The interaction has no payload.", field="payload", remedy="Send Slack's form unchanged."
        )
    return _PAYLOAD.validate_python(json_object(form["payload"][0], "The payload"))


def interaction_routes(gateway: Gateway) -> list[Route]:
    """The route, when Slack is configured.

    Raises:
        SettingsError: Slack is configured without a key to seal decisions with.
    """
    settings, keyring = gateway.settings, gateway.settings.keyring()
    if settings.slack is None or gateway.replies is None:
        return []
    if keyring is None:
        raise SettingsError(
            "slack is configured but seal_key is not: clicks could not be proven to the worker. "
            "Set AUTOPILOT_SEAL_KEY to the same random text on gateway and worker."
        )
    hook = InteractionsHook(gateway, settings.slack, gateway.replies, keyring)
    return [Route("/hooks/slack/interactions", hook.receive, methods=["POST"])]
