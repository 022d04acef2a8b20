"""What every request handler works with, and how foreign work is kept off the event loop."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import ParamSpec, Protocol, TypeVar
from urllib.parse import urlsplit

import structlog
from pydantic import JsonValue, TypeAdapter

from autopilot.channels import slack_wire
from autopilot.clients.http import Api, same_origin
from autopilot.clients.slack import SlackApi
from autopilot.incident.alert import Alert
from autopilot.incident.ports import CaseStore, Failure
from autopilot.settings import Settings, Slack
from autopilot.triggers.base import Clock, Fetch, Ignored, Site
from autopilot.web.incidents import Incidents, Started
from autopilot.web.refusals import Refusals

log = structlog.get_logger()

SLACK_RESPONSES = "https://hooks.slack.com"
FETCH_SECONDS = 5.0
FETCH_LIMIT = 262_144
_ANYTHING: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)

Given = ParamSpec("Given")
Result = TypeVar("Result")


def origin(url: str) -> str:
    """Scheme, host and port."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def fetch(url: str) -> bytes:
    """Read a URL that a trigger has checked: no redirects, five seconds, 256 KiB. Raises Failure."""
    api = Api("SNS", origin(url), timeout=FETCH_SECONDS, attempts=2, max_answer=FETCH_LIMIT)
    try:
        return api.get(url).body
    finally:
        api.close()


class Replies(Protocol):
    """What the gateway says in Slack by itself. Synchronous; raises Failure."""

    def open_view(self, trigger_id: str, view: dict[str, JsonValue]) -> None:
        """Show a modal to the person who pressed."""
        ...

    def tell(self, reply_to: str, text: str) -> None:
        """Say something to the person who pressed, visible to that person alone."""
        ...

    def in_thread(self, channel: str, ts: str, text: str) -> None:
        """Say something under a message."""
        ...


class SlackReplies:
    """`Replies` over Slack's Web API and response URLs."""

    def __init__(self, settings: Slack) -> None:
        """Prepares the clients once: building one takes a good part of the second that a failed click has."""
        self._slack = SlackApi(settings)
        origins = dict.fromkeys((SLACK_RESPONSES, origin(settings.base_url)))
        self._responses = [Api("Slack", o, timeout=FETCH_SECONDS, attempts=1) for o in origins]

    def open_view(self, trigger_id: str, view: dict[str, JsonValue]) -> None:
        """views.open."""
        self._slack.write("views.open", {"trigger_id": trigger_id, "view": view}, _ANYTHING)

    def tell(self, reply_to: str, text: str) -> None:
        """By response URL (only Slack's own hosts), else as an ephemeral message at the place."""
        if reply_to.startswith(("https://", "http://")):
            self._respond(reply_to, text)
            return
        where = slack_wire.place_of(reply_to)
        if where is None:
            raise Failure("The click does not say where its sender can be answered.", who="developer")
        self._slack.write("chat.postEphemeral", {"channel": where[0], "user": where[1], "text": text}, _ANYTHING)

    def in_thread(self, channel: str, ts: str, text: str) -> None:
        """chat.postMessage with thread_ts."""
        self._slack.write("chat.postMessage", {"channel": channel, "thread_ts": ts, "text": text}, _ANYTHING)

    def _respond(self, url: str, text: str) -> None:
        api = next((a for a in self._responses if same_origin(url, a.base_url)), None)
        if api is None:
            raise Failure("The response URL is not Slack's.", who="developer")
        api.send("POST", url, {"response_type": "ephemeral", "replace_original": False, "text": text})


@dataclass(frozen=True)
class Gateway:
    """The wired parts."""

    settings: Settings
    incidents: Incidents
    cases: CaseStore
    fetch: Fetch
    replies: Replies | None
    clock: Clock
    site: Site
    refusals: Refusals


async def within(seconds: float, work: Awaitable[Result], doing: str) -> Result:
    """Wait for some work, but not longer. Raises Failure when the time is up."""
    try:
        async with asyncio.timeout(seconds):
            return await work
    except TimeoutError as error:
        raise Failure(f"{doing} took longer than {seconds:g} s; try again.") from error


async def off_loop(
    seconds: float, work: Callable[Given, Result], *args: Given.args, **kwargs: Given.kwargs
) -> Result:
    """Run a synchronous port on a thread. Raises Failure when the time is up; the thread then ends by itself."""
    name = getattr(work, "__name__", "call")
    return await within(seconds, asyncio.to_thread(work, *args, **kwargs), f"The call {name!r}")


async def accept(gateway: Gateway, alert: Alert | Ignored, seconds: float) -> dict[str, str | bool | None]:
    """Hand an alert over; what is returned is stored. Raises Failure, and then the sender must deliver again."""
    if isinstance(alert, Ignored):
        log.info("notification ignored", reason=alert.reason)
        return {"ignored": alert.reason}
    started: Started = await within(seconds, gateway.incidents.start(alert), "Storing the alert")
    log.info(
        "alert accepted",
        group=started.group,
        run_id=started.run_id,
        joined=started.joined,
        source=alert.source,
        external_id=alert.external_id,
        service=alert.service,
        started_at=alert.started_at.isoformat(),
        status=alert.status,
    )
    return {
        "group": started.group,
        "incident_id": started.incident_id,
        "run_id": started.run_id,
        "joined": started.joined,
        "service": alert.service,
        "started_at": alert.started_at.isoformat(),
    }
