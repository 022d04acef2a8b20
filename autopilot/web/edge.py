"""The outer skin of the gateway: bounded bodies, refusals as answers, security headers, the access log."""

import asyncio
import time
from typing import Protocol

import structlog
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from autopilot.incident.base import clean
from autopilot.incident.ports import Failure
from autopilot.triggers.base import Refused
from autopilot.web.incidents import NotRunning
from autopilot.web.refusals import Refusals

log = structlog.get_logger()

BODY_SECONDS = 10.0
RETRY_AFTER = "5"
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
REPORT_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'; sandbox allow-popups"
)
"""A stored document is shown without any right: no scripts, no forms, no origin. Its plots carry inline styles."""

SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cache-control": "no-store",
}
TRANSPORT = {"strict-transport-security": "max-age=31536000"}
READING = ("GET", "HEAD")
QUIET = ("/healthz", "/readyz", "/static/")


class ErrorPage(Protocol):
    """Renders an error for a browser."""

    def __call__(self, status: int, error: str, remedy: str) -> Response:
        """A complete page."""
        ...


async def read_body(request: Request, limit: int) -> bytes:
    """The whole body, at most `limit` bytes, within ten seconds.

    Raises:
        Refused: 413 or 408.
    """
    too_large = Refused(
        413, f"The body is larger than {limit} bytes.", field="body", remedy="Send less, or raise web.max_body."
    )
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared) > limit:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > limit:
                    raise too_large
    except TimeoutError as error:
        raise Refused(408, "The body took too long.", field="body", remedy="Send it again.") from error
    except ClientDisconnect as error:
        raise Refused(400, "The connection was closed before the body was complete.", field="body") from error
    return bytes(body)


def for_programs(path: str) -> bool:
    """Whether errors on this path are answered as JSON rather than as a page."""
    return path.startswith(("/api/", "/hooks/", "/healthz", "/readyz"))


def told(error: Exception) -> tuple[int, dict[str, str]]:
    """The status and words for an error that a request ended in."""
    if isinstance(error, Refused):
        return error.status, error.answer()
    if isinstance(error, Failure):
        remedy = "Send the request again in a few seconds; what is stored twice counts once."
        return 503, {"error": clean(error, 400), "field": "", "remedy": remedy}
    if isinstance(error, NotRunning):
        said = clean(error, 400) or "No incident of this group is open."
        return 409, {"error": said, "field": "", "remedy": "See /incidents."}
    if isinstance(error, HTTPException):
        remedy = "See docs/contract.md for the addresses." if error.status_code == 404 else ""
        return error.status_code, {"error": f"{clean(error.detail, 200)}.", "field": "", "remedy": remedy}
    return 500, {
        "error": "The gateway failed on this request.", "field": "",
        "remedy": "See its log; sending again may help.",
    }  # fmt: skip


class Answers:
    """Turns errors into answers, and records why a request was refused."""

    def __init__(self, page: ErrorPage, refusals: Refusals) -> None:
        """`page` renders errors for browsers; `refusals` keeps what wanted to start or change something."""
        self._page = page
        self._refusals = refusals

    async def __call__(self, request: Request, error: Exception) -> Response:
        """The answer to a request that ended in an error. The record never holds bodies or credentials."""
        status, words = told(error)
        client = request.client.host if request.client else ""
        path = clean(request.url.path, 200)
        if status >= 500:
            log.error("request failed", path=path, status=status, reason=words["error"], client=client)
        else:
            log.warning(
                "request refused", path=path, status=status, reason=words["error"], field=words["field"],
                client=client,
            )  # fmt: skip
        if for_programs(request.url.path):
            response: Response = JSONResponse(words, status)
        else:
            remedy = "Reload this page in a few seconds." if status >= 500 else words["remedy"]
            response = self._page(status, words["error"], remedy)
        if request.method not in READING:
            response.background = BackgroundTask(self._refusals.record, request, str(status), words["error"])
        if status == 503:
            response.headers["retry-after"] = RETRY_AFTER
        if status == 401:
            response.headers["www-authenticate"] = "Bearer"
        if isinstance(error, HTTPException):
            response.headers.update(error.headers or {})
        if status == 500:
            # Starlette answers these outside of every middleware.
            response.headers.update(SECURITY_HEADERS | {"content-security-policy": PAGE_POLICY})
        return response


class Skin:
    """ASGI middleware: security headers on every answer and one log line per request."""

    def __init__(self, app: ASGIApp, https: bool = False) -> None:
        """`https`: the public address is https, so browsers may be told to stay on it."""
        self._app = app
        self._headers = SECURITY_HEADERS | {"content-security-policy": PAGE_POLICY} | (TRANSPORT if https else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass HTTP requests through."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, began = 500, time.monotonic()

        async def outward(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                present = {name for name, _ in message["headers"]}
                extra = [(n.encode(), v.encode()) for n, v in self._headers.items() if n.encode() not in present]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        try:
            await self._app(scope, receive, outward)
        finally:
            if not scope["path"].startswith(QUIET):
                log.info(
                    "request",
                    method=scope["method"],
                    path=clean(scope["path"], 200),
                    status=status,
                    milliseconds=round((time.monotonic() - began) * 1_000, 1),
                    client=(scope.get("client") or ("",))[0],
                )
