"""How every stand-in is served: uvicorn in a thread of this process, on the loopback, on a free port."""

import base64
import binascii
import json
import socket
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self, cast
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

Json = dict[str, Any]
START_SECONDS = 10.0


@dataclass(frozen=True)
class Seen:
    """One request as it was answered."""

    method: str
    path: str
    query: str
    status: int
    at: float
    """Unix time."""


class StandIn(ABC):
    """A small server. Use it as a context manager, or call `start` and `stop`.

    `failing` answers every API request with that status while it is not 0: the vendor's outage.
    """

    def __init__(self) -> None:
        """Prepare; nothing listens before `start`."""
        self.failing = 0
        self.requests: list[Seen] = []
        self.changed = threading.Condition()
        """Guards the state; notified after each change."""
        self._socket: socket.socket | None = None
        self._server: uvicorn.Server | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def routes(self) -> list[BaseRoute]:
        """The vendor's paths."""

    @property
    def url(self) -> str:
        """The origin, without a trailing slash. Raises RuntimeError before `start`."""
        if self._socket is None:
            raise RuntimeError(f"{type(self).__name__} is not started; call start() first.")
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    @property
    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(routes=self.routes(), middleware=[Middleware(BaseHTTPMiddleware, dispatch=self._observe)])

    def start(self, port: int = 0) -> Self:
        """Serve on 127.0.0.1; returns when requests are answered. Raises TimeoutError, OSError."""
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(128)
        config = uvicorn.Config(
            self.app, log_config=None, access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
        )
        self._socket, self._server = listener, uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name=type(self).__name__, daemon=True
        )
        self._thread.start()
        limit = time.monotonic() + START_SECONDS
        while not self._server.started:
            if time.monotonic() > limit or not self._thread.is_alive():
                raise TimeoutError(f"{type(self).__name__} did not start within {START_SECONDS:.0f} s.")
            time.sleep(0.01)
        return self

    def stop(self) -> None:
        """Stop serving; stopping twice does nothing."""
        if self._server is None or self._thread is None:
            return
        self._server.should_exit = True
        self._thread.join(5)
        if self._socket is not None:
            self._socket.close()
        self._server = self._thread = self._socket = None

    def __enter__(self) -> Self:
        """Start."""
        return self if self._server else self.start()

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

    async def _observe(self, request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        if self.failing and request.url.path != "/" and not request.url.path.startswith("/page"):
            response: Response = JSONResponse(
                {"message": "Service temporarily unavailable"}, status_code=self.failing
            )
        else:
            response = await call_next(request)
        seen = Seen(request.method, request.url.path, request.url.query, response.status_code, time.time())
        self.requests.append(seen)
        return response


def as_object(value: object) -> Json:
    """A JSON object; anything else counts as an empty one."""
    return cast(Json, value) if isinstance(value, dict) else {}


def as_objects(value: object) -> list[Json]:
    """The objects of a JSON list; anything else has none."""
    return (
        [cast(Json, v) for v in cast(list[object], value) if isinstance(v, dict)] if isinstance(value, list) else []
    )


async def parameters(request: Request) -> Json:
    """Query, form and JSON parameters of a request together, as most vendors accept them."""
    found: Json = dict(parse_qsl(request.url.query, keep_blank_values=True))
    body = await request.body()
    if not body:
        return found
    kind = request.headers.get("content-type", "")
    if "json" in kind:
        return found | as_object(json.loads(body))
    return found | dict(parse_qsl(body.decode(), keep_blank_values=True))


def bearer(request: Request) -> str:
    """The token of a `Bearer` or `token` authorization header, empty when there is none."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() in {"bearer", "token"} else ""


def basic(request: Request) -> tuple[str, str]:
    """User and password of a basic authorization header, empty texts when there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def page_links(number: int, last: int) -> dict[str, int]:
    """Which relations a page of a numbered listing has."""
    links = {"prev": number - 1, "first": 1} if number > 1 else {}
    return links | ({"next": number + 1, "last": last} if number < last else {})


def link_header(request: Request, pages: dict[str, Any], origin: str, parameter: str = "page") -> str:
    """An RFC 8288 Link header whose targets repeat the request with another `parameter`."""
    targets = {name: request.url.include_query_params(**{parameter: value}) for name, value in pages.items()}
    return ", ".join(f'<{origin}{url.path}?{url.query}>; rel="{name}"' for name, url in targets.items())
