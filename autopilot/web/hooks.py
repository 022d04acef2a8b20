"""Inbound alerts: verify, parse, hand over, and only then say yes."""

import structlog
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from autopilot.incident.ports import Failure
from autopilot.settings import EventBridgeTrigger, Slack, SnsTrigger
from autopilot.triggers import eventbridge, slack, sns
from autopilot.triggers.base import Ignored, Refused
from autopilot.triggers.slack import Challenge
from autopilot.triggers.slack_message import PostedMessage, parse_alert_message
from autopilot.web.edge import read_body
from autopilot.web.gateway import Gateway, accept, off_loop

log = structlog.get_logger()

DELIVERY_SECONDS = 7.0
"""AWS waits fifteen seconds for SNS and five for EventBridge's first byte; both deliver again."""
EVENTBRIDGE_SECONDS = 4.0
SLACK_SECONDS = 2.5
"""Slack waits three seconds and delivers events again."""
VERIFY_SECONDS = 7.0


class SnsHook:
    """POST /hooks/sns."""

    def __init__(self, gateway: Gateway, settings: SnsTrigger) -> None:
        """One verifier, so that certificates are read once."""
        self._gateway = gateway
        self._verifier = sns.SnsVerifier(settings, gateway.fetch, gateway.clock)

    async def receive(self, request: Request) -> Response:
        """Confirm a subscription or take a notification."""
        message = sns.parse_envelope(await read_body(request, self._gateway.settings.web.max_body))
        await off_loop(VERIFY_SECONDS, self._verifier.verify, message)
        if message.kind == "SubscriptionConfirmation":
            await off_loop(VERIFY_SECONDS, self._verifier.confirm, message)
            log.info("subscription confirmed", topic=message["TopicArn"])
            return JSONResponse({"confirmed": message["TopicArn"]})
        if message.kind == "UnsubscribeConfirmation":
            log.warning("subscription removed", topic=message["TopicArn"])
            return JSONResponse({"ignored": "the subscription was removed"})
        alert = sns.parse_notification(message, self._gateway.site, self._gateway.clock())
        return JSONResponse(await accept(self._gateway, alert, DELIVERY_SECONDS))


class EventBridgeHook:
    """POST /hooks/eventbridge."""

    def __init__(self, gateway: Gateway, settings: EventBridgeTrigger) -> None:
        """`settings` holds the secret."""
        self._gateway = gateway
        self._settings = settings

    async def receive(self, request: Request) -> Response:
        """Take an alarm event."""
        eventbridge.verify(self._settings, request.headers)
        body = await read_body(request, self._gateway.settings.web.max_body)
        alert = eventbridge.parse_event(body, self._gateway.site, self._gateway.clock())
        return JSONResponse(await accept(self._gateway, alert, EVENTBRIDGE_SECONDS))


class SlackEventsHook:
    """POST /hooks/slack/events: alert messages that other bots post."""

    def __init__(self, gateway: Gateway, settings: Slack) -> None:
        """`settings` holds the signing secret."""
        self._gateway = gateway
        self._settings = settings

    async def receive(self, request: Request) -> Response:
        """Answer the handshake, take an alert message, pass over everything else."""
        body = await read_body(request, self._gateway.settings.web.max_body)
        slack.verify(self._settings, request.headers, body, self._gateway.clock)
        event = slack.parse_events_request(body, self._gateway.settings.triggers)
        if isinstance(event, Challenge):
            return JSONResponse({"challenge": event.value})
        if isinstance(event, Ignored):
            log.info("slack event ignored", reason=event.reason)
            return JSONResponse({"ignored": event.reason})
        try:
            alert = parse_alert_message(event, self._gateway.site, self._gateway.clock())
        except Refused as refusal:
            return self._unreadable(event, refusal)
        return JSONResponse(await accept(self._gateway, alert, SLACK_SECONDS))

    def _unreadable(self, event: PostedMessage, refusal: Refused) -> Response:
        """Say under the message why it starts nothing. Delivering it again would not help: the answer is 200."""
        log.warning(
            "alert message not understood", channel=event.channel, event_id=event.event_id, reason=refusal.error
        )
        told = f"This alert started no incident. {refusal.error} {refusal.remedy}"
        answer = {"ok": False, **refusal.answer()}
        return JSONResponse(answer, background=BackgroundTask(self._say, event.channel, event.ts, told))

    async def _say(self, channel: str, ts: str, words: str) -> None:
        if self._gateway.replies is None:
            return
        try:
            await off_loop(VERIFY_SECONDS, self._gateway.replies.in_thread, channel, ts, words)
        except Failure as failure:
            log.warning("slack reply failed", reason=str(failure))


def hook_routes(gateway: Gateway) -> list[Route]:
    """The routes of the configured triggers; one that is not configured does not exist."""
    routes: list[Route] = []
    triggers, slack_settings = gateway.settings.triggers, gateway.settings.slack
    if triggers.sns:
        routes.append(Route("/hooks/sns", SnsHook(gateway, triggers.sns).receive, methods=["POST"]))
    if triggers.eventbridge:
        hook = EventBridgeHook(gateway, triggers.eventbridge)
        routes.append(Route("/hooks/eventbridge", hook.receive, methods=["POST"]))
    if slack_settings:
        events = SlackEventsHook(gateway, slack_settings)
        routes.append(Route("/hooks/slack/events", events.receive, methods=["POST"]))
    return routes
