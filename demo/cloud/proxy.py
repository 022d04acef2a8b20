"""The cloud's single front door: routes by signature, counts and holds steps' writes, fails on demand."""

import asyncio
import contextlib
import socket
from collections.abc import Generator, Mapping

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.cloud import trail
from demo.cloud.faults import Outage
from demo.cloud.ledger import Ledger
from demo.cloud.wire import Call, Request, recognise
from demo.cloud.xray import XRay, XRayError

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
HOP_BY_HOP = {"connection", "content-length", "transfer-encoding", "keep-alive", "host"}
# The emulator may live in another time than its callers: its Date would look like a skewed clock to them.
# Bodies arrive here decoded.
DROPPED = {*HOP_BY_HOP, "content-encoding", "date", "server"}


class _Server(uvicorn.Server):
    """Uvicorn inside somebody else's process: signals are not its business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


class Proxy:
    """An AWS endpoint on 127.0.0.1 in front of emulators; lives in the caller's event loop."""

    def __init__(self, default: str, others: Mapping[str, str], ledger: Ledger, xray: XRay) -> None:
        self._default, self._others, self._ledger, self._xray = default, dict(others), ledger, xray
        self.outages: dict[str, Outage] = {}
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self._upstream = httpx.AsyncClient(timeout=60.0, trust_env=False, limits=httpx.Limits(max_connections=64))
        app = Starlette(routes=[Route("/{path:path}", self._serve, methods=METHODS)])
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    @property
    def url(self) -> str:
        """The endpoint."""
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    async def start(self) -> None:
        """Serve until stopped."""
        self._task = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._task.done():
                await self._task
            await asyncio.sleep(0.01)

    async def stop(self) -> None:
        """Stop serving; calls that are still under way get a second."""
        self._server.should_exit = True
        if self._task:
            await self._task
        await self._upstream.aclose()
        self._socket.close()

    async def _serve(self, http: HttpRequest) -> Response:
        raw_path: bytes = http.scope.get("raw_path", b"") or http.url.path.encode()
        request = Request(
            method=http.method,
            path=raw_path.decode("latin-1").split("?")[0],
            query=http.url.query,
            headers=dict(http.headers),
            body=await http.body(),
        )
        call = recognise(request)
        if call is None or not call.mutating:
            return await self._answer(request)
        return await self._write(http, request, call)

    async def _write(self, http: HttpRequest, request: Request, call: Call) -> Response:
        """A step's write: it may be held before and after, and counts once the cloud has accepted it."""
        await self._ledger.pause(call, "request")
        if await http.is_disconnected():
            return Response(status_code=499)
        response = await self._answer(request)
        if response.status_code < 400:
            self._ledger.count(call)
        await self._ledger.pause(call, "response")
        return response

    async def _answer(self, request: Request) -> Response:
        if outage := self.outages.get(request.service):
            body, headers = outage.answer(request)
            return Response(body, outage.status, headers)
        if request.service == "xray":
            try:
                return JSONResponse(self._xray.answer(request.path, request.body))
            except XRayError as error:
                return JSONResponse({"Message": str(error)}, 400, {"x-amzn-errortype": error.kind})
        if request.headers.get("x-amz-target", "").endswith(".LookupEvents"):
            return await self._events(request)
        return await self._forward(request)

    async def _events(self, request: Request) -> Response:
        refused: list[Response] = []

        async def ask(body: bytes) -> bytes:
            response = await self._forward(request, body)
            if response.status_code >= 400:
                refused.append(response)
                return b"{}"
            return bytes(response.body)

        body = await trail.page(request.body, ask)
        return refused[0] if refused else Response(body, media_type="application/x-amz-json-1.1")

    async def _forward(self, request: Request, body: bytes | None = None) -> Response:
        base = self._others.get(request.service, self._default)
        query = f"?{request.query}" if request.query else ""
        headers = {name: value for name, value in request.headers.items() if name not in HOP_BY_HOP}
        try:
            answer = await self._upstream.request(
                request.method,
                httpx.URL(base + request.path + query),
                content=request.body if body is None else body,
                headers={**headers, "accept-encoding": "identity"},
            )
        except httpx.HTTPError as error:
            return Response(f"The emulator does not answer: {error!r}", 502)
        kept = {name: value for name, value in answer.headers.items() if name not in DROPPED}
        if request.method == "HEAD" and "content-length" in answer.headers:
            kept["content-length"] = answer.headers["content-length"]
        return Response(answer.content, answer.status_code, kept)
