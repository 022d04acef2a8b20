"""A product-side peer for the stand-ins: keeps each request, and answers what a test wants."""

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.server import StandIn


@dataclass(frozen=True)
class Got:
    """One request as it arrived."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Gateway(StandIn):
    """Answers every POST with `answer`, on a worker thread."""

    def __init__(self) -> None:
        """Answers 200 at first."""
        super().__init__()
        self.got: list[Got] = []
        self.answer: Callable[[Got], Response] = lambda _: PlainTextResponse("")

    def routes(self) -> list[BaseRoute]:
        """Any path."""
        return [Route("/{path:path}", self._take, methods=["POST"])]

    async def _take(self, request: Request) -> Response:
        got = Got(request.url.path, dict(request.headers), await request.body())
        with self.changed:
            self.got.append(got)
            self.changed.notify_all()
        return self.answer(got)

    def wait_for(self, count: int, timeout: float = 5.0) -> list[Got]:
        """Wait until so many requests came."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.got) >= count, timeout), f"only {len(self.got)} requests"
            return list(self.got)


def eventually(look: Callable[[], bool], timeout: float = 5.0) -> None:
    """Wait until something holds."""
    limit = time.monotonic() + timeout
    while not look():
        assert time.monotonic() < limit, "it did not become true in time"
        threading.Event().wait(0.02)
