"""Slack's signed requests: is the sender Slack, is the request fresh, is the message one of ours to read."""

from collections.abc import Mapping
from dataclasses import dataclass

from slack_sdk.signature import Clock as SlackClock
from slack_sdk.signature import SignatureVerifier

from autopilot.settings import Slack, Triggers
from autopilot.triggers.base import Clock, Headers, Ignored, Refused, json_object, rows, table, text
from autopilot.triggers.slack_message import PostedMessage, read_message


class _VerifierClock(SlackClock):
    """Lets the verifier use the gateway's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._clock().timestamp()


def verify(settings: Slack, headers: Headers, body: bytes, clock: Clock) -> None:
    """Return only for a request that Slack signed in the last five minutes.

    Raises:
        Refused: 401. Deliberately the same for a wrong signature and an old one.
    """
    verifier = SignatureVerifier(settings.signing_secret.get_secret_value(), _VerifierClock(clock))
    try:
        genuine = verifier.is_valid_request(body, dict(headers))
    except (ValueError, TypeError, OverflowError):
        # A timestamp that is no number, a signature beyond ASCII, a body that is not UTF-8.
        genuine = False
    if not genuine:
        raise Refused(
            401, "The Slack signature is missing, wrong or older than five minutes.", field="x-slack-signature",
            remedy="Check slack.signing_secret and this machine's clock.",
        )  # fmt: skip


@dataclass(frozen=True)
class Challenge:
    """Slack asks whether this address is ours; the value goes back as it came."""

    value: str


def _own_message(event: Mapping[str, object], payload: Mapping[str, object]) -> bool:
    """Whether our own app posted it: reading that would be a loop."""
    own_app = text(payload.get("api_app_id"))
    own_users = {text(table(a).get("user_id")) for a in rows(payload.get("authorizations"))} - {""}
    apps = {text(event.get("app_id")), text(table(event.get("bot_profile")).get("app_id"))}
    return bool((own_app and own_app in apps) or text(event.get("user")) in own_users)


def _reason_to_ignore(event: Mapping[str, object], payload: Mapping[str, object], triggers: Triggers) -> str | None:
    """Why a genuine event is none of our business; None when it is an alert message."""
    senders = {
        text(event.get("bot_id")), text(event.get("app_id")), text(table(event.get("bot_profile")).get("app_id")),
    } - {""}  # fmt: skip
    if text(event.get("type")) != "message" or text(event.get("subtype")) not in ("", "bot_message"):
        return "not a new message"
    if _own_message(event, payload):
        return "our own message"
    if text(event.get("channel")) not in triggers.slack_alert_channels:
        return "not an alert channel"
    if not senders & set(triggers.slack_alert_bots):
        return "not from an alert bot"
    return None


def parse_events_request(body: bytes, triggers: Triggers) -> PostedMessage | Challenge | Ignored:
    """What a verified Events API request is about.

    Raises:
        Refused: 400 when it is not an Events API request.
    """
    payload = json_object(body, "The Slack event")
    kind = text(payload.get("type"))
    if kind == "url_verification":
        return Challenge(text(payload.get("challenge"), 400))
    if kind != "event_callback":
        return Ignored(f"Slack request of type {kind!r}")
    event, event_id = table(payload.get("event")), text(payload.get("event_id"))
    if not event or not event_id:
        raise Refused(400, "The Slack event is incomplete.", field="event_id", remedy="Send events unchanged.")
    reason = _reason_to_ignore(event, payload, triggers)
    return Ignored(reason) if reason else read_message(event, event_id)
