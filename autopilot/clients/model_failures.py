"""What can go wrong with a model, who can mend it, and whether it may have cost something."""

import json
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Literal

import openai

from autopilot.incident.base import clean
from autopilot.incident.ports import Failure

_ECHO = frozenset({"input", "ctx", "url"})
"""Parts of an error that repeat what was sent."""
_TRANSIENT = frozenset({408, 409, 425, 429})
_TOO_LONG = ("context_length", "context length", "context window", "context size")
_WITHHELD = ("content_filter", "content filter", "content management policy")
_NO_MONEY = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


class ModelFailure(Failure):
    """A model call that did not work."""

    def __init__(
        self,
        message: str,
        *,
        who: Literal["retry", "model", "operator", "developer"] = "retry",
        retry_after: float | None = None,
        maybe_billed: bool = False,
        lasting: bool = False,
    ) -> None:
        """Say what happened and what to do.

        Args:
            message: What, where, and the next step.
            who: Who can mend it.
            retry_after: Seconds that the server asked to wait.
            maybe_billed: The server may have done the work although no answer arrived.
            lasting: Every other question to this model fails in the same way, until a person acts.
        """
        super().__init__(message, who=who, retry_after=retry_after)
        self.maybe_billed = maybe_billed
        self.lasting = lasting


def complaint(error: openai.APIStatusError) -> str:
    """What a server says of a request it refuses, in lower case, without what it repeats; else empty."""
    if error.status_code not in (400, 422):
        return ""
    text = json.dumps(error.body, default=str)
    return json.dumps(json.loads(text, object_pairs_hook=_without_echo)).lower()


def about_content(said: str) -> bool:
    """Whether a complaint is about what was asked, not about the form in which it was."""
    return any(word in said for word in (*_TOO_LONG, *_WITHHELD))


def _without_echo(pairs: list[tuple[str, object]]) -> dict[str, object]:
    return {name: value for name, value in pairs if name not in _ECHO}


def refused(error: openai.APIStatusError, model: str, masked: Callable[[str], str]) -> ModelFailure:
    """What an HTTP error means. `model` says which one and where; `masked` takes the key out of a text."""
    status, code = error.status_code, str(error.code or "")
    said = clean(masked(str(error.message)), 200)
    what = f"{model} answered {status}: {said}"
    about = complaint(error)
    if code in _NO_MONEY:
        return ModelFailure(
            f"{what}; the account has no quota left, top it up or configure a fallback.",
            who="operator",
            lasting=True,
        )
    if status in _TRANSIENT or status >= 500:
        # A 5xx may come after the work was done; a rejection before it never does.
        return ModelFailure(
            f"{what}; it is tried again, then done without.",
            retry_after=_wait(error.response.headers),
            maybe_billed=status >= 500,
        )
    if status in (401, 403, 404):
        return ModelFailure(
            f"{what}; check its api_key, name and base_url in the model settings.", who="operator", lasting=True
        )
    if any(word in about for word in _TOO_LONG):
        return ModelFailure(
            f"{what}; lower model.max_prompt_tokens or choose a model with a larger context.", who="operator"
        )
    if any(word in about for word in _WITHHELD):
        return ModelFailure(f"{what}; the server's content filter withheld the question.", who="operator")
    return ModelFailure(
        f"{what}; the request is wrong for this server: see docs/models.md for its settings.", who="developer"
    )


def _wait(headers: Mapping[str, str]) -> float | None:
    """Retry-After in seconds, from seconds, milliseconds or a date; None when absent or unreadable."""
    for name, factor in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            return max(0.0, float(headers[name]) * factor)
        except (KeyError, ValueError):
            continue
    try:
        return max(0.0, parsedate_to_datetime(headers["retry-after"]).timestamp() - time.time())
    except (KeyError, ValueError):
        return None
