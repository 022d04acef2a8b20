"""Language models through the OpenAI wire format: one bounded request, honest errors, no retries of its own."""

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from typing import Literal

import httpx2  # the transport of the openai package: errors while a body is read come from it, unwrapped
import openai
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, JsonValue

from autopilot.incident.base import clean
from autopilot.incident.ports import Failure
from autopilot.settings import Model

MAX_ANSWER = 1_000_000
"""Bytes of an answer; a longer one is refused."""

StructuredOutput = Literal["json_schema", "tool", "json"]
_MODES: tuple[StructuredOutput, ...] = ("json_schema", "tool", "json")
_FUNCTION = "answer"
_LOOSE = frozenset({"default", "title", "maxLength", "minLength"})
"""Keywords that strict servers refuse."""


@dataclass(frozen=True)
class Dialect:
    """What this server and model were found to understand; starts with the most exact form."""

    mode: StructuredOutput = "json_schema"
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True


class ModelFailure(Failure):
    """A model call that did not work."""

    def __init__(
        self,
        message: str,
        *,
        who: Literal["retry", "model", "operator", "developer"] = "retry",
        retry_after: float | None = None,
        maybe_billed: bool = False,
    ) -> None:
        """`maybe_billed`: the server may have done the work although no answer arrived."""
        super().__init__(message, who=who, retry_after=retry_after)
        self.maybe_billed = maybe_billed


class _Unsupported(Exception):  # control flow of the negotiation, never seen outside
    def __init__(self, simpler: Dialect) -> None:
        super().__init__()
        self.simpler = simpler


def strict_schema(shape: type[BaseModel]) -> dict[str, JsonValue]:
    """The JSON schema of a model in the strict subset: all properties required, none besides, no defaults."""
    return _strict(shape.model_json_schema())


def _strict(schema: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    strict: dict[str, JsonValue] = {}
    for keyword, value in schema.items():
        if keyword in _LOOSE:
            continue
        if keyword in ("properties", "$defs") and isinstance(value, dict):
            strict[keyword] = {
                name: _strict(part) if isinstance(part, dict) else part for name, part in value.items()
            }
        elif isinstance(value, dict):
            strict[keyword] = _strict(value)
        elif isinstance(value, list):
            strict[keyword] = [_strict(part) if isinstance(part, dict) else part for part in value]
        else:
            strict[keyword] = value
    properties = strict.get("properties")
    if isinstance(properties, dict):
        strict |= {"additionalProperties": False, "required": list(properties)}
    return strict


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


def _no_address(url: str | None) -> Failure:
    return Failure(f"model.base_url {url!r} is no address; write it as https://host/v1.", who="operator")


class ModelClient:
    """One configured model. Thread-safe; keeps only what it learned about the server's dialect."""

    def __init__(self, settings: Model) -> None:
        """Raises Failure when the settings name no usable key or address. Nothing is contacted."""
        self.settings = settings
        key = settings.api_key.get_secret_value() if settings.api_key else None
        self._secret = key or ""
        try:
            self._client = openai.OpenAI(
                # Local servers want no key, but the package insists on one.
                api_key=key or ("none" if settings.base_url else None),
                base_url=settings.base_url,
                max_retries=0,
                timeout=settings.timeout,
            )
        except openai.OpenAIError as error:
            raise Failure(
                "The model has no API key; set AUTOPILOT_MODEL__API_KEY, or model.kind: none to work without one.",
                who="operator",
            ) from error
        except httpx2.InvalidURL as error:
            raise _no_address(settings.base_url) from error
        url = self._client.base_url
        if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > 65_535:
            raise _no_address(settings.base_url)
        self.dialect = Dialect()

    @property
    def name(self) -> str:
        """The model's name as configured."""
        return self.settings.name

    @property
    def where(self) -> str:
        """The server's base URL, without credentials or query."""
        url = self._client.base_url
        return f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{url.path}"

    def offered(self, seconds: float) -> list[str]:
        """The names of the models that the server offers, asked without spending a token. Raises ModelFailure."""
        try:
            return [model.id for model in self._client.models.list(timeout=seconds).data]
        except openai.APIStatusError as error:
            raise ModelFailure(
                f"The list of models at {self.where} answered {error.status_code}; check model.api_key and "
                "model.base_url.",
                who="operator",
            ) from error
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ModelFailure(
                f"The model server at {self.where} is unreachable ({type(error).__name__}); check model.base_url.",
            ) from error

    def complete(
        self, messages: Sequence[ChatCompletionMessageParam], shape: type[BaseModel], *, seconds: float
    ) -> str:
        """Ask once and return the response body as it came, unparsed, within `seconds`.

        A server that refuses a form of structured output is asked again in the next simpler one; such a refusal
        is not billed, and what worked is remembered. Raises ModelFailure.
        """
        deadline = time.monotonic() + seconds
        while True:
            dialect = self.dialect
            try:
                return self._request(messages, shape, dialect, deadline)
            except _Unsupported as refusal:
                self.dialect = refusal.simpler

    def _request(
        self,
        messages: Sequence[ChatCompletionMessageParam],
        shape: type[BaseModel],
        dialect: Dialect,
        deadline: float,
    ) -> str:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ModelFailure(f"Model {self.name!r} was given no time; raise the time limit.")
        try:
            with self._client.chat.completions.with_streaming_response.create(
                model=self.name,
                messages=messages,
                extra_body=self._body(shape, dialect),
                timeout=min(left, self.settings.timeout),
            ) as response:
                return self._read(response.iter_bytes(), deadline)
        except openai.APIStatusError as error:
            raise self._refused(error, dialect) from error
        except (openai.APITimeoutError, httpx2.TimeoutException) as error:
            raise ModelFailure(
                f"Model {self.name!r} at {self.where} did not answer in time; it is tried again or done without.",
                maybe_billed=True,
            ) from error
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise ModelFailure(
                f"Model {self.name!r} at {self.where} is unreachable ({type(error.__cause__ or error).__name__}); "
                "check the server and model.base_url.",
                maybe_billed=not isinstance(error.__cause__, httpx2.ConnectError),
            ) from error

        except (openai.OpenAIError, httpx2.InvalidURL) as error:
            raise ModelFailure(
                f"Model {self.name!r} at {self.where} could not be asked ({type(error).__name__}); "
                "check model.base_url.",
                who="operator",
            ) from error

    def _body(self, shape: type[BaseModel], dialect: Dialect) -> dict[str, JsonValue]:
        body: dict[str, JsonValue] = {dialect.output_limit: self.settings.max_output_tokens}
        if dialect.temperature and self.settings.temperature is not None:
            body["temperature"] = self.settings.temperature
        schema = strict_schema(shape)
        if dialect.mode == "json_schema":
            named: dict[str, JsonValue] = {"name": _FUNCTION, "strict": True, "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": named}
        elif dialect.mode == "tool":
            function: dict[str, JsonValue] = {"name": _FUNCTION, "strict": True, "parameters": schema}
            body["tools"] = [{"type": "function", "function": function}]
            body["tool_choice"] = {"type": "function", "function": {"name": _FUNCTION}}
        return body

    def _read(self, chunks: Iterable[bytes], deadline: float) -> str:
        """The whole body, bounded in time and size also when it trickles."""
        body = bytearray()
        for chunk in chunks:
            body += chunk
            if len(body) > MAX_ANSWER:
                raise ModelFailure(
                    f"Model {self.name!r} answered with more than {MAX_ANSWER} bytes.",
                    who="model",
                    maybe_billed=True,
                )
            if time.monotonic() > deadline:
                raise ModelFailure(f"Model {self.name!r} answered too slowly and was cut off.", maybe_billed=True)
        return body.decode(errors="replace")

    def _refused(self, error: openai.APIStatusError, dialect: Dialect) -> Exception:
        """What an HTTP error means, and who can mend it."""
        status = error.status_code
        said = clean(error.message.replace(self._secret, "***") if self._secret else error.message, 200)
        complaint = json.dumps(error.body, default=str).lower() if status in (400, 422) else ""
        simpler = _simpler(dialect, complaint)
        if simpler is not None:
            return _Unsupported(simpler)
        what = f"Model {self.name!r} at {self.where} answered {status}: {said}"
        if status == 429 and error.code == "insufficient_quota":
            return ModelFailure(f"{what}; the account has no quota left, top it up.", who="operator")
        if status in (408, 409, 425, 429) or status >= 500:
            # A 5xx may come after the work was done; a rejection before it never does.
            return ModelFailure(what, retry_after=_wait(error.response.headers), maybe_billed=status >= 500)
        if status in (401, 403, 404):
            return ModelFailure(f"{what}; check model.api_key, model.name and model.base_url.", who="operator")
        return ModelFailure(f"{what}; the request is wrong for this server.", who="developer")


def _simpler(dialect: Dialect, said: str) -> Dialect | None:
    """The next simpler dialect for a refusal, None when the refusal is about something else."""
    if "max_completion_tokens" in said and dialect.output_limit == "max_tokens":
        return replace(dialect, output_limit="max_completion_tokens")
    if "temperature" in said and dialect.temperature:
        return replace(dialect, temperature=False)
    about = {"json_schema": ("response_format", "json_schema", "schema", "grammar"), "tool": ("tool", "function")}
    if any(word in said for word in about.get(dialect.mode, ())):
        return replace(dialect, mode=_MODES[_MODES.index(dialect.mode) + 1])
    return None
