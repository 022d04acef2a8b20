"""Alerts handed over as JSON: by POST /api/incidents and by `start --alert FILE`, with the same validation."""

import math
import uuid
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from autopilot.incident.alert import SEVERITIES, Alert, Severity
from autopilot.incident.base import Link, Time, clean
from autopilot.incident.ids import digest
from autopilot.incident.metric import Signal
from autopilot.settings import Web
from autopilot.triggers.alarm import to_alert
from autopilot.triggers.base import (
    FUTURE,
    PAST,
    Headers,
    Ignored,
    Refused,
    Site,
    json_object,
    raw_text,
    same_secret,
    utc_now,
)
from autopilot.triggers.cloudwatch import from_notification

MAX_TEXT = 262_144
"""Characters of an alert; more is not an alert."""


class _Given(BaseModel):
    """What a caller may send. Unknown keys are refused: a typing error must not lose a field silently."""

    model_config = ConfigDict(extra="forbid")

    title: str = Field(min_length=1, max_length=400)
    service: str = Field(min_length=1, max_length=200, pattern=r"^\S(.*\S)?$")
    source: str = Field(default="", max_length=200)
    external_id: str = Field(default="", max_length=200)
    environment: str = Field(default="", max_length=200)
    region: str = Field(default="", max_length=200)
    account: str = Field(default="", max_length=200)
    severity: Severity = "high"
    status: str = Field(default="firing", pattern="^(firing|resolved)$")
    description: str = Field(default="", max_length=8_000)
    started_at: Time | None = None
    labels: dict[str, str] = Field(default={}, max_length=64)
    signal: Signal | None = None
    links: tuple[Link, ...] = Field(default=(), max_length=10)
    received_at: object = None
    """Set by the receiver; accepted so that a stored alert can be sent again."""
    raw: object = None

    @field_validator("links")
    @classmethod
    def _only_web_links(cls, links: tuple[Link, ...]) -> tuple[Link, ...]:
        """A link is something a person clicks: no other scheme than http and https."""
        for link in links:
            if urlsplit(link.url).scheme not in ("http", "https"):
                raise ValueError("a link must start with https:// or http://")
        return links

    @field_validator("signal")
    @classmethod
    def _finite_threshold(cls, signal: Signal | None) -> Signal | None:
        """Nothing is above or below NaN."""
        if signal is not None and not math.isfinite(signal.threshold):
            raise ValueError("threshold must be a finite number")
        return signal


_REMEDIES = {
    "missing": 'Add it. The smallest alert is {"title": "checkout slow", "service": "checkout"}.',
    "extra_forbidden": "Remove it or correct its name; known are " + ", ".join(_Given.model_fields) + ".",
    "timezone_aware": "Add an offset, for example 2026-01-31T03:15:00Z.",
    "literal_error": f"Use one of {', '.join(SEVERITIES)}.",
    "string_pattern_mismatch": "For status use firing or resolved; a service has no spaces around it.",
    "string_too_long": "Shorten it.",
    "string_too_short": "Give it a value.",
}


def _refused(error: ValidationError) -> Refused:
    """The first problem, by where it is, what it is and what to do."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(clean(part, 80) for part in first["loc"])
    remedy = _REMEDIES.get(first["type"], "Correct this field; docs/contract.md describes the alert.")
    if first["type"].startswith("datetime"):
        remedy = "Use ISO 8601 with an offset, for example 2026-01-31T03:15:00Z."
    return Refused(422, f"{where}: {clean(first['msg'], 200)}.", field=where, remedy=remedy)


def _check_time(started_at: datetime | None, now: datetime) -> None:
    if started_at is not None and not now - PAST <= started_at <= now + FUTURE:
        raise Refused(
            422, "started_at is in the future or more than 30 days ago.", field="started_at",
            remedy="Give the time of the first symptom in UTC, or leave it out for now.",
        )  # fmt: skip


def _from_fields(values: Mapping[str, object], text: str, site: Site, now: datetime, via: str) -> Alert:
    try:
        given = _Given.model_validate(values)
        _check_time(given.started_at, now)
        # Without an id of the sender's, the content with its start time is the same delivery; without a start time
        # nothing tells a repetition from a new firing, and losing a firing would be worse.
        content = digest(given.title, given.service, str(given.started_at), given.labels)
        alert = Alert(
            source=given.source or via,
            external_id=given.external_id or (content if given.started_at else uuid.uuid4().hex),
            title=given.title,
            service=given.service,
            environment=given.environment or site.environment,
            region=given.region or site.region,
            account=given.account,
            severity=given.severity,
            status="resolved" if given.status == "resolved" else "firing",
            description=given.description,
            started_at=given.started_at or now,
            received_at=now,
            labels={clean(k, 100): clean(v, 1_000) for k, v in given.labels.items()},
            signal=given.signal,
            links=given.links,
            raw=raw_text(text),
        )
    except ValidationError as error:
        raise _refused(error) from error
    for field, value in (("title", alert.title), ("service", alert.service)):
        if not value:
            raise Refused(422, f"{field} has no visible characters.", field=field, remedy="Give it a value.")
    return alert


def read_alert(
    text: str | bytes, *, site: Site | None = None, now: datetime | None = None, via: str = "api"
) -> Alert:
    """An alert from JSON: our own fields (at least `title` and `service`), or a CloudWatch alarm notification.

    Raises:
        Refused: what is wrong, in which field, and what to do.
    """
    site, now = site or Site(), now or utc_now()
    if len(text) > MAX_TEXT:
        raise Refused(413, f"An alert has at most {MAX_TEXT} characters.", remedy="Shorten it; link to the rest.")
    if not text.strip():
        raise Refused(400, "The alert is empty.", remedy='Send {"title": "checkout slow", "service": "checkout"}.')
    values = json_object(text, "The alert")
    shown = raw_text(text)
    if "AlarmName" not in values:
        return _from_fields(values, shown, site, now, via)
    change = from_notification(values)
    external_id = digest("cloudwatch", change.arn or change.name, change.state, str(change.at))
    alert = to_alert(change, external_id=external_id, via=via, site=site, now=now, raw=shown)
    if isinstance(alert, Ignored):
        raise Refused(422, f"This starts nothing: {alert.reason}.", field="NewStateValue", remedy="Send ALARM.")
    return alert


def authorize(settings: Web, headers: Headers) -> None:
    """Return only for the configured bearer token.

    Raises:
        Refused: 403 when no token is configured, 401 when the given one is missing or wrong.
    """
    if settings.api_token is None:
        raise Refused(
            403, "Incidents cannot be started here.", field="authorization",
            remedy="Set AUTOPILOT_WEB__API_TOKEN on the gateway to allow it.",
        )  # fmt: skip
    scheme, _, token = headers.get("authorization", "").partition(" ")
    expected = settings.api_token.get_secret_value()
    if scheme.lower() != "bearer" or not same_secret(token.strip(), expected):
        raise Refused(
            401, "The bearer token is missing or wrong.", field="authorization",
            remedy="Send the header Authorization: Bearer <token>.",
        )  # fmt: skip


def check_content_type(headers: Headers) -> None:
    """Return only for a JSON body.

    Raises:
        Refused: 415.
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise Refused(
            415, f"The body must be JSON, not {clean(kind, 80) or 'untyped'}.", field="content-type",
            remedy="Send the header Content-Type: application/json.",
        )  # fmt: skip
