"""A stand-in for PagerDuty's Events API v2: accepts events, joins them by dedup key, remembers who was paged."""

import json
import uuid
from copy import deepcopy
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.server import Json, StandIn, as_object

ACTIONS = ("trigger", "acknowledge", "resolve")
SEVERITIES = ("critical", "error", "warning", "info")
MAX_BODY = 512 * 1024


@dataclass
class Page:
    """One alert in PagerDuty."""

    dedup_key: str
    summary: str
    severity: str
    status: str = "triggered"
    events: list[Json] = field(default_factory=list[Json])


def _problems(event: Json) -> list[str]:
    problems: list[str] = []
    if event.get("event_action") not in ACTIONS:
        problems.append("'event_action' must be one of trigger, acknowledge, resolve")
    elif event["event_action"] == "trigger":
        payload = as_object(event.get("payload"))
        if not payload:
            return ["'payload' is missing or blank"]
        missing = (n for n in ("summary", "source", "severity") if not payload.get(n))
        problems += [f"'payload.{name}' is missing or blank" for name in missing]
        if payload.get("severity") and payload["severity"] not in SEVERITIES:
            problems.append("'payload.severity' is invalid (must be one of critical, error, warning, info)")
        if len(str(payload.get("summary", ""))) > 1_024:
            problems.append("'payload.summary' is too long (maximum is 1024 characters)")
    elif not event.get("dedup_key"):
        problems.append("'dedup_key' is missing or blank")
    if len(str(event.get("dedup_key") or "")) > 255:
        problems.append("'dedup_key' is too long (maximum is 255 characters)")
    return problems


class PagerDuty(StandIn):
    """One service with one routing key."""

    def __init__(self, routing_key: str) -> None:
        """Events with another routing key are refused."""
        super().__init__()
        self._routing_key = routing_key
        self._pages: dict[str, Page] = {}
        self._latest: dict[str, Page] = {}

    def routes(self) -> list[BaseRoute]:
        """The one path of the Events API."""
        return [Route("/v2/enqueue", self._enqueue, methods=["POST"])]

    def pages(self) -> list[Page]:
        """All alerts, oldest first; events with one dedup key are one alert until it is resolved."""
        with self.changed:
            return deepcopy(list(self._pages.values()))

    @staticmethod
    def _invalid(problems: list[str]) -> Response:
        return JSONResponse(
            {"status": "invalid event", "message": "Event object is invalid", "errors": problems}, 400
        )

    def _key_problems(self, event: Json) -> list[str]:
        key = event.get("routing_key")
        if not key:
            return ["'routing_key' is missing or blank"]
        return [] if key == self._routing_key else ["'routing_key' is invalid"]

    async def _enqueue(self, request: Request) -> Response:
        body = await request.body()
        if len(body) > MAX_BODY:
            return JSONResponse({"status": "invalid event", "message": "Event is too large", "errors": []}, 413)
        try:
            event: object = json.loads(body)
        except ValueError:
            return self._invalid(["JSON cannot be parsed"])
        known = as_object(event)
        problems = self._key_problems(known) or _problems(known)
        if problems:
            return self._invalid(problems)
        key = str(known.get("dedup_key") or uuid.uuid4().hex)
        self._take(key, known)
        return JSONResponse({"status": "success", "message": "Event processed", "dedup_key": key}, 202)

    def _take(self, key: str, event: Json) -> None:
        kept = {name: value for name, value in event.items() if name != "routing_key"}
        with self.changed:
            page = self._latest.get(key)
            if event["event_action"] == "trigger":
                if page is None or page.status == "resolved":
                    payload = event["payload"]
                    page = Page(key, str(payload["summary"]), str(payload["severity"]))
                    self._latest[key] = page
                    self._pages[f"{key}#{len(self._pages)}"] = page
                page.events.append(kept)
            elif page is not None and page.status != "resolved":
                page.status = "acknowledged" if event["event_action"] == "acknowledge" else "resolved"
                page.events.append(kept)
            self.changed.notify_all()
