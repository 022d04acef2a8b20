"""What tools over a vendor's HTTP API share: its answers in words that say who can do something about them."""

from collections.abc import Generator
from contextlib import contextmanager

from pydantic import JsonValue, TypeAdapter, ValidationError

from autopilot.clients.http_failures import HttpFailure
from autopilot.incident.base import clean
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Missing, NoAnswer, Refusal

CONFLICT_PAUSE = 2.0
"""Seconds until a change that met somebody else's is tried again."""


_ANY: TypeAdapter[JsonValue] = TypeAdapter(JsonValue)


def said(answer: str) -> str:
    """The sentence in an error answer: vendors write it under `message`, `error` or `errors`."""
    try:
        told = _ANY.validate_json(answer)
    except ValidationError:
        told = answer
    for _ in range(3):
        if isinstance(told, dict):
            known = told
            told = next((known[key] for key in ("message", "errors", "error") if known.get(key)), "")
        elif isinstance(told, list):
            told = told[0] if told else ""
    return clean(told, 200) if isinstance(told, str) else ""


def _answered(failure: HttpFailure, what: str, needs: str) -> Exception:
    """A vendor's answer as an error of tools."""
    status, told = failure.status, said(failure.said)
    detail = f" It said: {told}" if told else ""
    answer: Exception = failure
    if not failure.sent or status == 429 or (status == 403 and failure.who == "retry"):
        return answer
    if status in (401, 403):
        answer = Failure(f"{what}: access was denied; grant {needs}.{detail}", who="operator")
    elif status in (404, 410):
        answer = Missing(f"{what}: it does not exist.{detail}")
    elif status == 409:
        busy = f"{what}: somebody changed it at the same moment; it is tried again.{detail}"
        answer = Failure(busy, retry_after=CONFLICT_PAUSE)
    elif 400 <= status < 500:
        answer = Refusal(f"{what}: refused ({status}).{detail}")
    elif failure.who == "retry":
        answer = NoAnswer(f"{failure} Its outcome is not known.")
    return answer


@contextmanager
def asking(what: str, needs: str) -> Generator[None]:
    """Around calls about `what` ("flag new-checkout") that take the permission `needs`.

    Errors leave as Refusal, Missing, NoAnswer or Failure.
    """
    try:
        yield
    except HttpFailure as failure:
        raise _answered(failure, what, needs) from failure
