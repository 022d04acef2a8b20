"""What the tests share: the product's side of the account, and an endpoint that SNS posts to."""

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Generator
from typing import Any

import boto3
import httpx
import uvicorn
from botocore.config import Config
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from demo.cloud import Cloud
from demo.cloud.processes import free_port

KEY = "shop-1/1/1/1/do"


def product(cloud: Cloud, service: str, key: str = KEY) -> Any:
    """A boto3 client as the product has it: through the endpoint, marked with a step's key unless empty."""
    environment = cloud.environment()
    session: Any = boto3.Session()
    client = session.client(
        service,
        endpoint_url=environment["AWS_ENDPOINT_URL"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_REGION"],
        config=Config(retries={"total_max_attempts": 1}, proxies={}),
    )

    def mark(request: Any, **_: object) -> None:
        request.headers.replace_header("User-Agent", f"{request.headers['User-Agent']} step/{key}")

    if key:
        client.meta.events.register_last("request-created", mark)
    return client


async def until(holds: Callable[[], bool], seconds: float = 45.0) -> None:
    """Wait until something holds; fails the test when it does not in time."""
    deadline = time.monotonic() + seconds
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < deadline, "it did not come true in time"
        await asyncio.sleep(0.1)


class _Server(uvicorn.Server):
    """Signals belong to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Inbox:
    """An HTTP endpoint that confirms its SNS subscription and keeps the notifications."""

    def __init__(self) -> None:
        self.notifications: list[dict[str, Any]] = []
        self._port = free_port()
        app = Starlette(routes=[Route("/sns", self._receive, methods=["POST"])])
        config = uvicorn.Config(app, port=self._port, log_level="warning", lifespan="off")
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None
        self.url = f"http://127.0.0.1:{self._port}/sns"

    async def __aenter__(self) -> "Inbox":
        """Serve."""
        self._task = asyncio.create_task(self._server.serve())
        await until(lambda: self._server.started)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop."""
        self._server.should_exit = True
        if self._task:
            await self._task

    async def _receive(self, request: Request) -> Response:
        message = json.loads(await request.body())
        if message["Type"] == "SubscriptionConfirmation":
            async with httpx.AsyncClient(trust_env=False) as http:
                await http.get(message["SubscribeURL"])
        else:
            self.notifications.append(json.loads(message["Message"]))
        return PlainTextResponse("ok")
