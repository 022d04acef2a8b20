"""A stand-in for Slack: Web API, response URLs, signed requests to the app, and a page to look at and click."""

import time
from collections.abc import Callable
from copy import deepcopy
from typing import TypeVar

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.records import SlackRecords
from demo.saas.server import Json, StandIn, bearer, parameters
from demo.saas.slack_api import OWN, WebApi, decoded
from demo.saas.slack_blocks import Button, buttons
from demo.saas.slack_page import SlackPage
from demo.saas.slack_requests import Answer, AppRequests, Forgery
from demo.saas.slack_workspace import TEAM_ID, SlackError, View, Workspace

T = TypeVar("T")
ADDRESS_USES = 5


class Slack(StandIn):
    """The workspace as a server, and the hands of the people in it.

    Set `app_requests.interactivity_url` and `.events_url` to the product's gateway before clicking.
    """

    def __init__(self, records: SlackRecords, token: str, signing_secret: str) -> None:
        """`token` is the bot token that the product must use; the secret signs what is sent to the product."""
        super().__init__()
        self._token = token
        self.workspace = Workspace(
            channels=dict(records.channels), users={u.id: u for u in records.users}, changed=self.changed
        )
        self.channel = records.channels[0][0]
        """Where incidents go."""
        self.app_requests = AppRequests(self.workspace, signing_secret, lambda: self.url)
        self._api = WebApi(self.workspace, lambda: self.url)
        self._page = SlackPage(self)
        self.limited: list[int] = []
        """Retry-After seconds for the next calls, which are answered 429."""

    @property
    def api_url(self) -> str:
        """The `base_url` for a slack_sdk WebClient."""
        return f"{self.url}/api/"

    @property
    def me(self) -> str:
        """The first person: who clicks when nobody else is named."""
        return next(iter(self.workspace.users))

    def stop(self) -> None:
        """Stop serving and redelivering."""
        self.app_requests.end()
        super().stop()

    def routes(self) -> list[BaseRoute]:
        """Web API, response URLs and the page."""
        return [
            Route("/api/{method}", self._call, methods=["GET", "POST"]),
            Route(f"/actions/{TEAM_ID}/{{key:path}}", self._respond, methods=["POST"]),
            *self._page.routes(),
        ]

    async def _call(self, request: Request) -> Response:
        try:
            arguments = await parameters(request)
        except ValueError:
            return JSONResponse({"ok": False, "error": "invalid_json"})
        if self.limited:
            wait = str(self.limited.pop(0))
            return JSONResponse({"ok": False, "error": "ratelimited"}, 429, {"Retry-After": wait})
        token = bearer(request) or str(arguments.pop("token", ""))
        if not token:
            return JSONResponse({"ok": False, "error": "not_authed"})
        if token != self._token:
            return JSONResponse({"ok": False, "error": "invalid_auth"})
        return JSONResponse(self._api.call(request.path_params["method"], arguments))

    async def _respond(self, request: Request) -> Response:
        with self.changed:
            address = self.workspace.addresses.get(request.path_params["key"])
            if address is None or address.used >= ADDRESS_USES:
                return PlainTextResponse("used_url" if address else "invalid_url", 404)
            address.used += 1
        try:
            body = decoded(await parameters(request))
            if body.get("delete_original"):
                self.workspace.delete(address.channel, address.message_ts)
            elif body.get("replace_original"):
                self.workspace.update(address.channel, address.message_ts, body)
            elif body.get("response_type") == "in_channel":
                self.workspace.post(address.channel, body, OWN)
            else:
                self.workspace.whisper(address.channel, address.user, body)
        except (SlackError, ValueError) as error:
            return PlainTextResponse(str(error) or "invalid_payload", 400)
        return JSONResponse({"ok": True})

    def messages(self, channel: str = "") -> list[Json]:
        """The channel's messages without thread replies, oldest first."""
        with self.changed:
            stored = self.workspace.messages.get(channel or self.channel, [])
            return deepcopy([m for m in stored if m.get("thread_ts", m["ts"]) == m["ts"]])

    def thread(self, ts: str, channel: str = "") -> list[Json]:
        """The replies under a message, oldest first."""
        with self.changed:
            stored = self.workspace.messages.get(channel or self.channel, [])
            return deepcopy([m for m in stored if m.get("thread_ts") == ts and m["ts"] != ts])

    def ephemerals(self, user: str = "") -> list[Json]:
        """What was shown to one person only, oldest first; all people when none is named."""
        with self.changed:
            return deepcopy([e for e in self.workspace.ephemeral if user in {"", e["user"]}])

    def buttons(self, channel: str = "") -> list[Button]:
        """All buttons that can be clicked now, newest message first."""
        return [b for message in reversed(self.messages(channel)) for b in buttons(message)]

    def wait_until(self, look: Callable[[], T], timeout: float) -> T:
        """Wait until `look` returns something true; it is asked after each change. Raises TimeoutError."""
        limit = time.monotonic() + timeout
        with self.changed:
            while not (found := look()):
                left = limit - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f"Nothing of the kind appeared in Slack within {timeout:.0f} s.")
                self.changed.wait(left)
            return found

    def wait_for_buttons(self, name: str = "", timeout: float = 60.0, channel: str = "") -> list[Button]:
        """Wait for buttons (those that answer to `name`, if given). Raises TimeoutError."""
        return self.wait_until(lambda: [b for b in self.buttons(channel) if b.answers_to(name)], timeout)

    def click(self, button: Button | str, user: str = "", forgery: Forgery = "") -> Answer:
        """Click as a person does; a `Button` kept from earlier makes a stale or repeated click.

        A name is an action id, value, label or part of a label; an exact match wins. Raises LookupError.
        """
        if isinstance(button, str):
            present = self.buttons()
            exact = [b for b in present if button in {b.action_id, b.value, b.label}]
            found = exact or [b for b in present if b.answers_to(button)]
            if not found:
                raise LookupError(f"No button answers to {button!r}; there are {[b.label for b in present]}.")
            button = found[0]
        return self.app_requests.click(button, user or self.me, forgery)

    def open_view(self, user: str = "") -> View | None:
        """The modal that is open for a person, if there is one."""
        with self.changed:
            return next((v for v in reversed(self.workspace.views) if v.user == (user or self.me)), None)

    def submit_view(self, values: dict[str, str], user: str = "", timeout: float = 5.0) -> Answer:
        """Fill and submit the open modal (waits for it); it closes unless the app answers with errors."""
        opened = self.wait_until(lambda: self.open_view(user), timeout)
        assert opened is not None  # what wait_until returns is true
        answer = self.app_requests.submit(opened, values)
        if answer.accepted and '"errors"' not in answer.body:
            self.close_view(opened)
        return answer

    def close_view(self, opened: View) -> None:
        """Close a modal."""
        with self.changed:
            if opened in self.workspace.views:
                self.workspace.views.remove(opened)
            self.changed.notify_all()

    def post_alert_message(self, message: Json, channel: str = "", forgery: Forgery = "") -> Json:
        """Another bot posts (see `slack_alerts`); the event goes to the app in the background."""
        where = channel or self.channel
        author = {k: v for k, v in message.items() if k in {"bot_id", "username", "subtype", "user", "app_id"}}
        posted = self.workspace.post(where, message, author)
        if self.app_requests.events_url:
            event = posted | {"event_ts": posted["ts"], "channel_type": "channel"}
            self.app_requests.event(event, forgery)
        return posted

    def say(self, user: str, text: str, thread_ts: str = "") -> Json:
        """A person writes into the channel or a thread."""
        fields = {"text": text} | ({"thread_ts": thread_ts} if thread_ts else {})
        return self.workspace.post(self.channel, fields, {"user": user})

    async def in_thread(self, act: Callable[[], T]) -> T:
        """Run something that calls the app without holding up this server, which the app may call back."""
        return await run_in_threadpool(act)
