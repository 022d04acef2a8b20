"""EventBridge API destination: an API key proves the sender, alarm state changes become alerts."""

from datetime import datetime

from autopilot.incident.alert import Alert
from autopilot.settings import EventBridgeTrigger
from autopilot.triggers.alarm import to_alert
from autopilot.triggers.base import Headers, Ignored, Refused, Site, json_object, same_secret, text
from autopilot.triggers.cloudwatch import from_event

DETAIL_TYPE = "CloudWatch Alarm State Change"


def verify(settings: EventBridgeTrigger, headers: Headers) -> None:
    """Return only when the API-key header holds the configured secret.

    Raises:
        Refused: 401.
    """
    if not same_secret(headers.get(settings.header.lower(), ""), settings.secret.get_secret_value()):
        raise Refused(
            401, "The API key is missing or wrong.", field=settings.header,
            remedy="Set the connection's API key to triggers.eventbridge.secret.",
        )  # fmt: skip


def parse_event(body: bytes, site: Site, now: datetime) -> Alert | Ignored:
    """The alert in an alarm event; the event's id makes a redelivery recognisable.

    Raises:
        Refused: 400 for something that is not an event, 422 for an event of another kind.
    """
    event = json_object(body, "The event")
    kind = text(event.get("detail-type"))
    if kind != DETAIL_TYPE:
        raise Refused(
            422, f"Events of type {kind!r} do not start incidents.", field="detail-type",
            remedy=f"Let the rule match detail-type {DETAIL_TYPE!r} only.",
        )  # fmt: skip
    event_id = text(event.get("id"))
    if not event_id:
        raise Refused(400, "The event has no id.", field="id", remedy="Send events unchanged.")
    return to_alert(from_event(event), external_id=event_id, via="eventbridge", site=site, now=now, raw=body)
