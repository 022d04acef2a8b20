"""One way to speak HTTP with a vendor: timeouts, bounded answers, honest errors, polite waiting."""

import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, TypeVar
from urllib.parse import urlsplit

import httpx
from pydantic import JsonValue, TypeAdapter, ValidationError

from autopilot.clients.http_failures import HttpFailure, failure_of, limited
from autopilot.incident.base import clean
from autopilot.incident.ports import Failure

USER_AGENT = "aiops-auto-pilot/0.1"
MAX_ANSWER = 8 * 1024 * 1024
"""Bytes, after decompression: a single answer beyond this is refused, never kept in part."""
MAX_WAIT = 5.0
"""Seconds we wait for a rate limit ourselves; longer waits go to the caller as `retry_after`."""

Params = Mapping[str, str | int]
Method = Literal["POST", "PATCH", "PUT", "DELETE"]
Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Answer:
    """A complete answer of a vendor."""

    url: str
    """The exact URL that was asked."""
    status: int
    body: bytes
    next_url: str = ""
    """The next page as the Link header names it; empty on the last page."""
    seconds: float = 0.0

    def parse(self, kind: TypeAdapter[Parsed]) -> Parsed:
        """The body as a model. Raises Failure(operator) when the vendor answers in another shape."""
        try:
            return kind.validate_json(self.body or b"null")
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            raise Failure(
                f"{self.url} answered in an unexpected shape at {first['loc']}: {first['msg']}; "
                "check that base_url points to the vendor's API and not to a login page or proxy.",
                who="operator",
            ) from error


@dataclass(frozen=True)
class Upload:
    """A body that is no JSON, such as a file or a form."""

    content: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class _Refusal:
    """An attempt without an answer to use; `rejected`: the vendor surely did nothing."""

    problem: Failure
    rejected: bool = False


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def same_origin(one: str, other: str) -> bool:
    """Whether two URLs share scheme, host and port: credentials may go only where they belong."""
    return _origin(one) == _origin(other)


@cache
def _usual() -> ssl.SSLContext:
    """The certificate authorities of the system: read once, they take a tenth of a second."""
    return httpx.create_ssl_context()


def _trusting(name: str, ca_file: Path | None) -> ssl.SSLContext:
    """What certificates are checked against."""
    if ca_file is None:
        return _usual()
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise Failure(
            f"{name}: the certificate authority in {ca_file} cannot be read: {error}", who="operator"
        ) from error


class Api:
    """One vendor's HTTP API. Safe to use from several threads; close it when done."""

    def __init__(
        self,
        name: str,
        base_url: str,
        *,
        headers: Mapping[str, str] | None = None,
        auth: tuple[str, str] | None = None,
        timeout: float = 10.0,
        attempts: int = 3,
        max_answer: int = MAX_ANSWER,
        max_wait: float = MAX_WAIT,
        sleep: Callable[[float], None] = time.sleep,
        ca_file: Path | None = None,
    ) -> None:
        """`timeout` bounds each attempt as a whole, in seconds.

        `ca_file` (PEM) replaces the system's certificate authorities. Raises Failure when it cannot be read.
        """
        self.name = name
        self.base_url = base_url.rstrip("/")
        self._timeout, self._attempts, self._max_answer, self._max_wait = timeout, attempts, max_answer, max_wait
        self._sleep = sleep
        self._client = httpx.Client(
            headers={"User-Agent": USER_AGENT, "Accept": "application/json", **(headers or {})},
            auth=auth,
            timeout=timeout,
            follow_redirects=False,
            verify=_trusting(name, ca_file),
            limits=httpx.Limits(max_connections=10),
        )

    def close(self) -> None:
        """Close idle connections."""
        self._client.close()

    def url(self, path: str) -> str:
        """The absolute URL of a path; an absolute one must be of this API. Raises Failure(operator)."""
        if not path.startswith(("http://", "https://")):
            return f"{self.base_url}/{path.lstrip('/')}"
        if not same_origin(path, self.base_url):
            raise Failure(
                f"{self.name}: the next page {clean(path, 200)!r} is not at {self.base_url}; set base_url to the "
                "address the vendor uses for itself.",
                who="operator",
            )
        return path

    def get(
        self,
        path: str,
        params: Params | None = None,
        *,
        spend: Callable[[], None] | None = None,
        absent: bool = False,
    ) -> Answer:
        """Read. Retries rate limits, 5xx and lost connections; `spend` is called before each attempt.

        With `absent`, 404 is an answer. Raises Failure.
        """
        return self._repeat("GET", path, params, None, spend, absent, again=True)

    def send(
        self,
        method: Method,
        path: str,
        body: JsonValue | Upload = None,
        *,
        repeatable: bool = False,
        params: Params | None = None,
        absent: bool = False,
    ) -> Answer:
        """Write. Retries what surely had no effect; with `repeatable` also a lost answer.

        With `absent`, 404 is an answer. Raises Failure.
        """
        return self._repeat(method, path, params, body, None, absent, again=repeatable)

    def _repeat(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: JsonValue | Upload,
        spend: Callable[[], None] | None,
        absent: bool,
        *,
        again: bool,
    ) -> Answer:
        request = self._request(method, path, params, body)
        for attempt in range(1, self._attempts + 1):
            if spend:
                spend()
            answer = self._once(request, absent)
            if isinstance(answer, Answer):
                return answer
            problem = answer.problem
            wait = problem.retry_after if problem.retry_after is not None else 0.1 * 2**attempt
            may = problem.who == "retry" and (again or answer.rejected)
            if not may or attempt == self._attempts or wait > self._max_wait:
                raise problem
            self._sleep(wait)
        raise AssertionError("the last attempt returns or raises")

    def _request(self, method: str, path: str, params: Params | None, body: JsonValue | Upload) -> httpx.Request:
        if isinstance(body, Upload):
            headers = {"Content-Type": body.media_type, **body.headers}
            return self._client.build_request(
                method, self.url(path), params=params, content=body.content, headers=headers
            )
        return self._client.build_request(method, self.url(path), params=params, json=body)

    def _once(self, request: httpx.Request, absent: bool) -> "Answer | _Refusal":
        """One attempt."""
        started = time.monotonic()
        where = str(request.url)
        try:
            response = self._client.send(request, stream=True)
            try:
                body = self._read(response, where, started)
            finally:
                response.close()
        except HttpFailure as problem:
            return _Refusal(problem)
        except httpx.HTTPError as error:
            reason = type(error).__name__
            reached = not isinstance(error, httpx.ConnectError)
            told = f"{self.name}: no answer from {where} ({reason}); check network and base_url."
            return _Refusal(HttpFailure(told, sent=reached), rejected=not reached)
        status = response.status_code
        if 200 <= status < 300 or (absent and status == 404):
            following = response.links.get("next", {}).get("url", "")
            return Answer(where, status, body, following, time.monotonic() - started)
        said = body.decode(errors="replace")[:1_000]
        problem = failure_of(self.name, where, status, response.headers, said, time.time())
        return _Refusal(problem, rejected=limited(status, response.headers))

    def _read(self, response: httpx.Response, where: str, started: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > self._max_answer:
                raise HttpFailure(
                    f"{self.name}: the answer of {where} exceeds {self._max_answer} bytes and was not read; "
                    "narrow the scope.",
                    who="developer",
                )
            if time.monotonic() - started > self._timeout:
                raise HttpFailure(f"{self.name}: {where} took longer than {self._timeout:g} s to answer.")
            chunks.append(chunk)
        return b"".join(chunks)
