"""Builds Slack clients that wait when Slack asks, but never longer than an activity can afford."""

from collections.abc import Mapping
from http.client import HTTPException

from pydantic import BaseModel, ConfigDict, JsonValue, ValidationError
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.http_retry import HttpRequest, HttpResponse, RateLimitErrorRetryHandler, RetryState
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


class _Refusal(BaseModel):
    """What the SDK leaves untyped of an error answer."""

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


def _refusal(error: SlackApiError) -> _Refusal:
    try:
        return _Refusal.model_validate(getattr(error, "response", None))
    except ValidationError:
        return _Refusal()


def error_code(error: SlackApiError) -> str:
    """Slack's own error code, such as `message_not_found`; empty when there is none."""
    return _refusal(error).code


def failure_of(error: SlackClientError | OSError | HTTPException, doing: str) -> Failure:
    """What a Slack error means and who can mend it; `doing` names the call."""
    if not isinstance(error, SlackApiError):
        return Failure(f"Slack did not answer {doing} ({type(error).__name__}); check network and slack.base_url.")
    refusal = _refusal(error)
    code = refusal.code
    if refusal.status_code == 429 or code in ("ratelimited", "rate_limited"):
        wait = retry_after_of(refusal.headers)
        return Failure(f"Slack limits the rate of {doing}; trying again later.", retry_after=wait)
    remedy = _REMEDY.get(code, "see docs/operations.md for what the bot needs")
    if code in _OPERATOR:
        return Failure(f"Slack refused {doing} with {code!r}: {remedy}.", who="operator")
    if code in _DEVELOPER:
        return Failure(f"Slack refused {doing} with {code!r}: the message was malformed.", who="developer")
    return Failure(f"Slack failed at {doing} with {code or str(refusal.status_code)!r}.")
