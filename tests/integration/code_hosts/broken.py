"""A server behind something that can break: a request refused, or an answer lost after it took effect."""

from dataclasses import dataclass, field
from urllib.parse import urlencode

import httpx

from tests.integration.saas_sources.vendor import Asked, Reply


@dataclass
class Broken:
    """Passes requests on; give `answer` to a Vendor."""

    upstream: str
    refuse: dict[str, int] = field(default_factory=dict[str, int])
    """`METHOD end-of-path` → status that is answered instead of asking upstream."""
    lose: list[str] = field(default_factory=list[str])
    """Requests whose answer is lost, each once."""
    never: list[str] = field(default_factory=list[str])
    """Requests that are lost before they arrive, each once."""
    writes: list[str] = field(default_factory=list[str])
    """Every writing request that took effect."""

    def __post_init__(self) -> None:
        self._client = httpx.Client()

    def mend(self) -> None:
        """Nothing is broken, nothing was written."""
        self.refuse.clear()
        for calls in (self.lose, self.never, self.writes):
            calls.clear()

    def answer(self, asked: Asked) -> Reply:
        """What becomes of a request."""
        call = f"{asked.method} {asked.path}"
        for named, status in self.refuse.items():
            if _is(call, named):
                return Reply({"message": "made by the test"}, status)
        if self._once(self.never, call):
            return Reply(lost=True)
        query = urlencode(asked.query, doseq=True)
        headers = {k: v for k, v in asked.headers.items() if k not in ("host", "content-length", "connection")}
        found = self._client.request(
            asked.method, f"{self.upstream}{asked.path}?{query}", content=asked.body, headers=headers
        )
        if asked.method != "GET" and found.status_code < 400:
            self.writes.append(call)
        if self._once(self.lose, call):
            return Reply(lost=True)
        return Reply(found.content, found.status_code, {"Content-Type": "application/json"})

    def _once(self, named: list[str], call: str) -> bool:
        hit = next((one for one in named if _is(call, one)), None)
        if hit is not None:
            named.remove(hit)
        return hit is not None


def _is(call: str, named: str) -> bool:
    method, _, end = named.partition(" ")
    return call.startswith(f"{method} ") and call.endswith(end)
