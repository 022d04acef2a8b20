"""PagerDuty: pages through the Events API v2, at most one alert per question."""

from typing import Literal

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.clients.http import Api
from autopilot.incident.ids import digest
from autopilot.incident.ports import Question
from autopilot.settings import Pager

_SEVERITY = {"critical": "critical", "high": "error", "medium": "warning", "low": "info"}
MAX_KEY, MAX_SUMMARY = 255, 1_024


class _Accepted(BaseModel):
    dedup_key: str = ""


_ACCEPTED = TypeAdapter(_Accepted)


def dedup_key(key: str) -> str:
    """PagerDuty's name for a question: the key itself, or its digest when it is too long."""
    return key if len(key) <= MAX_KEY else f"{key[:200]}-{digest(key)}"


class PagerDuty:
    """Pages whoever is on call for the configured service."""

    name = "pagerduty"

    def __init__(self, settings: Pager, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._key = settings.routing_key
        self._api = api or Api("PagerDuty", settings.base_url)

    def page(self, question: Question) -> str:
        """Page; the same key joins the alert that is already open. Returns the dedup key. Raises Failure."""
        payload: dict[str, JsonValue] = {
            "summary": question.summary[:MAX_SUMMARY],
            "source": "aiops-auto-pilot",
            "severity": _SEVERITY.get(question.severity, "error"),
            "component": question.incident_id,
            "custom_details": {
                "asked of": question.to,
                "pager id": question.pager,
                "incident": question.incident_id,
            },
        }
        event: dict[str, JsonValue] = {"client": "AIOps Auto Pilot", "payload": payload}
        if question.link.startswith(("http://", "https://")):
            event |= {"client_url": question.link, "links": [{"href": question.link, "text": "Open the incident"}]}
        return self._send("trigger", question.key, event)

    def resolve(self, key: str) -> str:
        """Close the alert of a question; closing twice is harmless. Returns the dedup key. Raises Failure."""
        return self._send("resolve", key, {})

    def _send(self, action: Literal["trigger", "resolve"], key: str, event: dict[str, JsonValue]) -> str:
        name = dedup_key(key)
        body: dict[str, JsonValue] = {
            **event,
            "routing_key": self._key.get_secret_value(),
            "event_action": action,
            "dedup_key": name,
        }
        answer = self._api.send("POST", "v2/enqueue", body, repeatable=True)
        return answer.parse(_ACCEPTED).dedup_key or name
