"""What an unsuccessful answer of a vendor means, who can mend it, and how long to wait."""

from collections.abc import Mapping
from typing import Literal

from autopilot.incident.base import clean
from autopilot.incident.ports import Failure

Who = Literal["retry", "model", "operator", "developer"]


class HttpFailure(Failure):
    """A request without the answer that was hoped for. `status` is the vendor's, 0 when none arrived."""

    def __init__(
        self,
        message: str,
        *,
        status: int = 0,
        who: Who = "retry",
        retry_after: float | None = None,
        said: str = "",
        sent: bool = True,
    ) -> None:
        """`message`, `who` and `retry_after` as in `Failure`.

        Args:
            status: of the answer.
            said: the beginning of the answer, as it came.
            sent: whether the request may have reached the vendor.
        """
        super().__init__(message, who=who, retry_after=retry_after)
        self.status, self.said, self.sent = status, said, sent


def _seconds(text: str) -> float | None:
    try:
        return max(0.0, float(text))
    except ValueError:
        return None


def retry_after(headers: Mapping[str, str], now: float) -> float | None:
    """Seconds the vendor asks us to wait, from Retry-After or a used-up x-ratelimit window; None if it does not."""
    asked = _seconds(headers.get("retry-after", ""))
    if asked is not None:
        return asked
    if headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(headers.get("x-ratelimit-reset", ""))
        return None if reset is None else max(1.0, reset - now)
    return None


def limited(status: int, headers: Mapping[str, str]) -> bool:
    """A rate limit: 429, or a 403 that carries one (a secondary limit), unlike a plain refusal."""
    exhausted = "retry-after" in headers or headers.get("x-ratelimit-remaining") == "0"
    return status == 429 or (status == 403 and exhausted)


_REMEDY: dict[int, tuple[Who, str]] = {
    400: ("developer", "the request was refused as malformed"),
    401: ("operator", "the credentials were refused; renew the token or password in the settings"),
    403: ("operator", "access was denied; grant the permission that docs/operations.md lists"),
    404: ("operator", "not found; check base_url and names in the settings"),
    409: ("retry", "a conflicting change is under way; try again"),
    410: ("operator", "this API no longer exists at the vendor; update the product"),
    422: ("developer", "the request was refused as invalid"),
}


def failure_of(
    name: str, url: str, status: int, headers: Mapping[str, str], detail: str, now: float
) -> HttpFailure:
    """What an unsuccessful answer means and who can mend it."""
    wait = retry_after(headers, now)
    who: Who = "retry"
    if limited(status, headers):
        text = f"{name}: rate limit at {url}; trying again later."
    elif 300 <= status < 400:
        to = clean(headers.get("location", "another place"), 200)
        who, text = "operator", f"{name}: {url} has moved to {to}; update the settings."
    elif status >= 500:
        text = f"{name}: {url} answered {status}; the vendor has a problem."
    else:
        who, meaning = _REMEDY.get(status, ("developer", "the request was refused"))
        said = clean(detail, 200)
        text = f"{name}: {url} answered {status}: {meaning}.{f' It said: {said}' if said else ''}"
    return HttpFailure(text, status=status, who=who, retry_after=wait, said=detail)
