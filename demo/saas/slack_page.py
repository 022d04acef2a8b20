"""The simulated Slack as a web page: read the channel and its threads, click buttons, fill modals."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol, TypeVar

from jinja2 import Environment, FileSystemLoader, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.server import Json, as_object, parameters
from demo.saas.slack_blocks import Button, buttons
from demo.saas.slack_render import content, text_object
from demo.saas.slack_requests import Answer
from demo.saas.slack_workspace import BOT_ID, View, Workspace

T = TypeVar("T")
TEMPLATES = Path(__file__).parent / "templates"


class Hands(Protocol):
    """What the page needs of the workspace's server."""

    workspace: Workspace
    channel: str

    @property
    def me(self) -> str:
        """The person at the page."""
        ...

    def messages(self, channel: str = "") -> list[Json]:
        """Top-level messages, oldest first."""
        ...

    def thread(self, ts: str, channel: str = "") -> list[Json]:
        """Replies."""
        ...

    def ephemerals(self, user: str = "") -> list[Json]:
        """What only one person sees."""
        ...

    def click(self, button: Button | str, user: str = "") -> Answer:
        """Click a button."""
        ...

    def open_view(self, user: str = "") -> View | None:
        """The open modal."""
        ...

    def submit_view(self, values: dict[str, str], user: str = "") -> Answer:
        """Submit the open modal."""
        ...

    def close_view(self, opened: View) -> None:
        """Close a modal."""
        ...

    async def in_thread(self, act: Callable[[], T]) -> T:
        """Run off the event loop."""
        ...


class SlackPage:
    """Renders on the server; a few lines of script refresh the page and keep what is being typed."""

    def __init__(self, hands: Hands) -> None:
        """`hands` is the server itself."""
        self._hands = hands
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES), autoescape=select_autoescape(default=True)
        )

    def routes(self) -> list[BaseRoute]:
        """The page's paths."""
        return [
            Route("/", self._whole),
            Route("/archives/{rest:path}", self._whole),
            Route("/page/content", self._content),
            Route("/page/click", self._click, methods=["POST"]),
            Route("/page/submit", self._submit, methods=["POST"]),
        ]

    def _person(self, request: Request) -> str:
        chosen = request.cookies.get("person", "")
        return chosen if chosen in self._hands.workspace.users else self._hands.me

    def _told(self, message: Json) -> Json:
        space = self._hands.workspace
        person = space.users.get(str(message.get("user", "")))
        name = message.get("username") or (person.real_name if person else message.get("user", ""))
        return {
            "name": name,
            "app": bool(message.get("bot_id")),
            "own": message.get("bot_id") == BOT_ID,
            "time": datetime.fromtimestamp(float(message["ts"]), UTC).strftime("%H:%M:%S"),
            "html": content(message),
            "edited": "edited" in message,
            "reactions": message.get("reactions", []),
        }

    def _story(self, person: str) -> list[Json]:
        story: list[Json] = []
        for message in self._hands.messages():
            replies = [self._told(m) for m in self._hands.thread(message["ts"])]
            story.append(self._told(message) | {"replies": replies, "order": message["ts"]})
        for whisper in self._hands.ephemerals(person):
            told = self._told(
                {"bot_id": BOT_ID, "username": "autopilot"} | {k: v for k, v in whisper.items() if k != "user"}
            )
            story.append(told | {"replies": [], "order": whisper["ts"], "only_you": True})
        return sorted(story, key=lambda told: float(told["order"]))

    def _modal(self, person: str) -> Json | None:
        opened = self._hands.open_view(person)
        if opened is None:
            return None
        inputs: list[Json] = [
            {
                "label": text_object(block.get("label")),
                "hint": text_object(block.get("hint")),
                "name": block["element"].get("action_id", ""),
                "lines": bool(block["element"].get("multiline")),
                "placeholder": as_object(block["element"].get("placeholder")).get("text", ""),
                "value": block["element"].get("initial_value", ""),
                "optional": bool(block.get("optional")),
            }
            if block.get("type") == "input"
            else {"html": content({"blocks": [block], "channel": "", "ts": ""})}
            for block in opened.view["blocks"]
        ]
        submit = as_object(opened.view.get("submit")).get("text", "Submit")
        return {"title": text_object(opened.view["title"]), "parts": inputs, "submit": submit}

    def _values(self, request: Request) -> Json:
        person, space = self._person(request), self._hands.workspace
        return {
            "channel": space.channels[self._hands.channel],
            "channels": list(space.channels.values()),
            "people": list(space.users.values()),
            "person": person,
            "story": self._story(person),
            "modal": self._modal(person),
            "warnings": space.warnings[-1:],
        }

    async def _whole(self, request: Request) -> Response:
        return HTMLResponse(self._templates.get_template("slack.html").render(self._values(request)))

    async def _content(self, request: Request) -> Response:
        return HTMLResponse(self._templates.get_template("slack_content.html").render(self._values(request)))

    async def _click(self, request: Request) -> Response:
        form, person = await parameters(request), self._person(request)
        wanted = (form.get("channel"), form.get("ts"), form.get("block_id"), form.get("action_id"))
        present = (b for message in self._hands.messages(str(wanted[0])) for b in buttons(message))
        found = next((b for b in present if (b.channel, b.message_ts, b.block_id, b.action_id) == wanted), None)
        if found is not None:
            await self._hands.in_thread(lambda: self._hands.click(found, person))
        return RedirectResponse("/", 303)

    async def _submit(self, request: Request) -> Response:
        form, person = await parameters(request), self._person(request)
        if form.pop("cancel", None):
            opened = self._hands.open_view(person)
            if opened is not None:
                self._hands.close_view(opened)
        else:
            values = {name: str(value) for name, value in form.items()}
            await self._hands.in_thread(lambda: self._hands.submit_view(values, person))
        return RedirectResponse("/", 303)
