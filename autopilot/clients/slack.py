"""Builds Slack clients that wait when Slack asks, but never longer than an activity can afford."""

from collections.abc import Mapping
from http.client import HTTPException
from typing import Literal, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry import HttpRequest, HttpResponse, RateLimitErrorRetryHandler, RetryState
from slack_sdk.web import SlackResponse
from typing_extensions import override

from autopilot.clients.http import MAX_WAIT, USER_AGENT
from autopilot.incident.base import clean
from autopilot.incident.ports import Failure
from autopilot.settings import Slack

_OPERATOR = {
    "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "missing_scope",
    "channel_not_found", "not_in_channel", "is_archived", "no_permission", "restricted_action", "ekm_access_denied",
    "not_allowed_token_type", "team_access_not_granted",
}  # fmt: skip
_DEVELOPER = {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "invalid_arguments"}
_REMEDY = {
    "not_in_channel": "invite the bot to the channel",
    "channel_not_found": "use the id of a channel that the bot is in as slack.channel",
    "missing_scope": "add the scope in the app's OAuth settings and reinstall it",
}

NETWORK_ERRORS = (OSError, HTTPException)
"""What the client raises when Slack cannot be reached (URLError and timeouts are OSErrors)."""


class PatientRateLimit(RateLimitErrorRetryHandler):
    """Honours Retry-After up to `MAX_WAIT` seconds; longer waits become a Failure that carries them."""

    @override
    def _can_retry(
        self,
        *,
        state: RetryState,
        request: HttpRequest,
        response: HttpResponse | None = None,
        error: Exception | None = None,
    ) -> bool:
        if response is None or response.status_code != 429:
            return False
        return (retry_after_of(response.headers) or 1.0) <= MAX_WAIT


class _Answer(BaseModel):
    """What the SDK leaves untyped of an answer."""

    model_config = ConfigDict(from_attributes=True, extra="ignore")

    status_code: int = 0
    headers: dict[str, str | list[str]] = {}
    data: JsonValue = None

    @property
    def code(self) -> str:
        """Slack's own error code."""
        return clean(self.data.get("error") or "", 80) if isinstance(self.data, dict) else ""


def retry_after_of(headers: Mapping[str, str | list[str]]) -> float | None:
    """Seconds out of Slack's headers, whose values may be lists; None when absent."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            text = value if isinstance(value, str) else "".join(value[:1])
            return float(text) if text.replace(".", "", 1).isdigit() else None
    return None


def slack_client(settings: Slack) -> WebClient:
    """A client for the configured workspace.

    Lost connections are not retried here: a post may have arrived, and the caller looks before it posts again.
    """
    return WebClient(
        token=settings.bot_token.get_secret_value(),
        base_url=settings.base_url.rstrip("/") + "/",
        timeout=10,
        user_agent_prefix=USER_AGENT,
        retry_handlers=[PatientRateLimit(max_retry_count=2)],
    )


def _refusal(error: SlackApiError) -> _Answer:
    try:
        return _Answer.model_validate(getattr(error, "response", None))
    except ValidationError:
        return _Answer()


class SlackRefused(Failure):
    """Slack understood the call and refused it."""

    def __init__(self, message: str, code: str, who: Literal["retry", "operator", "developer"] = "retry") -> None:
        """`code` is Slack's own, such as `message_not_found`."""
        super().__init__(message, who=who)
        self.code = code


def failure_of(error: SlackClientError | OSError | HTTPException, doing: str) -> Failure:
    """What a Slack error means and who can mend it; `doing` names the call."""
    if not isinstance(error, SlackApiError):
        return Failure(f"Slack did not answer {doing} ({type(error).__name__}); check network and slack.base_url.")
    refusal = _refusal(error)
    code = refusal.code
    if refusal.status_code == 429 or code in ("ratelimited", "rate_limited"):
        wait = retry_after_of(refusal.headers)
        return Failure(f"Slack limits the rate of {doing}; trying again later.", retry_after=wait)
    if code in _OPERATOR:
        remedy = _REMEDY.get(code, "see docs/operations.md for what the bot needs")
        return SlackRefused(f"Slack refused {doing} with {code!r}: {remedy}.", code, "operator")
    if code in _DEVELOPER:
        return SlackRefused(f"Slack refused {doing} with {code!r}: the message was malformed.", code, "developer")
    return SlackRefused(f"Slack failed at {doing} with {code or str(refusal.status_code)!r}.", code)


class _Caller(Protocol):
    """The one method of the SDK's client that we use, with the types it lacks."""

    def api_call(
        self,
        api_method: str,
        *,
        http_verb: str = "POST",
        params: dict[str, str | int | bool] | None = None,
        json: dict[str, JsonValue] | None = None,
    ) -> SlackResponse: ...


Parsed = TypeVar("Parsed")


class SlackApi:
    """Slack's Web API with typed answers and our errors."""

    def __init__(self, settings: Slack) -> None:
        """Opens nothing yet."""
        self._caller: _Caller = slack_client(settings)

    def write(self, method: str, arguments: dict[str, JsonValue], kind: TypeAdapter[Parsed]) -> Parsed:
        """Call a method that changes something. Raises Failure; SlackRefused when Slack says no."""
        return self._answer(method, kind, "POST", None, arguments)

    def read(self, method: str, arguments: dict[str, str | int | bool], kind: TypeAdapter[Parsed]) -> Parsed:
        """Call a method that only reads. Raises Failure; SlackRefused when Slack says no."""
        return self._answer(method, kind, "GET", arguments, None)

    def _answer(
        self,
        method: str,
        kind: TypeAdapter[Parsed],
        verb: Literal["GET", "POST"],
        params: dict[str, str | int | bool] | None,
        body: dict[str, JsonValue] | None,
    ) -> Parsed:
        try:
            response = self._caller.api_call(method, http_verb=verb, params=params, json=body)
            return kind.validate_python(_Answer.model_validate(response).data)
        except (SlackClientError, *NETWORK_ERRORS) as error:
            raise failure_of(error, method) from error
        except ValidationError as error:
            raise Failure(
                f"Slack answered {method} in an unexpected shape; check slack.base_url.", who="operator"
            ) from error
