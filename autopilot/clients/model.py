"""Language models through the OpenAI wire format: one bounded request, honest errors, no retries of its own."""

import functools
import ssl
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import httpx2  # the transport of the openai package: errors while a body is read come from it, unwrapped
import openai

from autopilot.clients.model_dialects import Dialect, Dialects, body, simpler, understood_less
from autopilot.clients.model_failures import ModelFailure, about_content, complaint, refused
from autopilot.clients.model_question import Question
from autopilot.incident.ports import Failure
from autopilot.settings_model import LanguageModel

MAX_ANSWER = 1_000_000
"""Bytes of an answer; a longer one is refused."""


_SLACK = 0.3
"""Seconds after a deadline in which the transport may say itself why there is no answer."""
_SHORTEST_KEY = 8
"""Shorter ones, such as the placeholder for servers without keys, may be words of an answer."""
_AZURE = (".openai.azure.com", ".services.ai.azure.com", ".cognitiveservices.azure.com")


class _Unsupported(Exception):  # control flow of the negotiation, never seen outside
    def __init__(self, simpler: Dialect) -> None:
        super().__init__()
        self.simpler = simpler


def _no_address(url: str | None) -> Failure:
    return Failure(f"model.base_url {url!r} is no address; write it as https://host/v1.", who="operator")


class ModelClient:
    """One configured model. Thread-safe; keeps only what it learned about the server's dialect."""

    def __init__(self, settings: LanguageModel, dialects: Dialects | None = None) -> None:
        """Raises Failure when the settings name no usable key or address. Nothing is contacted.

        Args:
            settings: Which model, where.
            dialects: What is known about servers, shared between clients; an own memory when absent.
        """
        self.settings = settings
        self._dialects = dialects or Dialects()
        key = settings.api_key.get_secret_value() if settings.api_key else None
        try:
            self._client = _connection(settings, key)
        except openai.OpenAIError as error:
            raise Failure(
                f"The model {settings.name!r} has no API key; set AUTOPILOT_MODEL__API_KEY (a fallback or a step "
                "has a variable of its own: docs/models.md), or model.kind: none to work without a model.",
                who="operator",
            ) from error
        except httpx2.InvalidURL as error:
            raise _no_address(settings.base_url) from error
        self._secret = self._client.api_key
        url = self._client.base_url
        if url.scheme not in ("http", "https") or not url.host or (url.port or 0) > 65_535:
            raise _no_address(settings.base_url)

    @property
    def name(self) -> str:
        """The model's name as configured."""
        return self.settings.name

    @property
    def where(self) -> str:
        """The server's base URL, without credentials or query."""
        url = self._client.base_url
        return f"{url.scheme}://{url.host}{f':{url.port}' if url.port else ''}{url.path}"

    @property
    def dialect(self) -> Dialect:
        """What this server and model were found to understand."""
        return self._dialects.of(self.where, self.name)

    @property
    def names_deployments(self) -> bool:
        """Whether `name` is one of Azure's deployments, which the server's list of models does not have."""
        return self.settings.api_version is not None or self._client.base_url.host.endswith(_AZURE)

    def misunderstood(self, question: Question, dialect: Dialect) -> None:
        """The answer kept to nothing of the form it was asked for in: the next question takes a simpler one."""
        if self.dialect == dialect:
            self._dialects.learn(self.where, self.name, understood_less(dialect, question))

    def __str__(self) -> str:
        """How failures name it."""
        return f"Model {self.name!r} at {self.where}"

    def offered(self, seconds: float) -> list[str] | None:
        """The names that the server lists, asked without spending a token; None when it lists none.

        Raises ModelFailure.
        """
        try:
            return [model.id for model in self._client.models.list(timeout=seconds).data]
        except openai.APIStatusError as error:
            if error.status_code in (404, 405, 501):
                return None
            raise ModelFailure(
                f"The list of models at {self.where} answered {error.status_code}; check model.api_key and "
                "model.base_url.",
                who="operator",
            ) from None
        except (openai.OpenAIError, httpx2.HTTPError, httpx2.InvalidURL) as error:
            raise ModelFailure(
                f"The model server at {self.where} is unreachable ({type(error).__name__}); check model.base_url.",
            ) from error

    def complete(self, question: Question, *, seconds: float) -> str:
        """Ask once and return the response body as it came, unparsed, within `seconds`.

        A server that refuses a form of the request is asked again in the next simpler one; such a refusal
        is not billed, and what worked is remembered. Raises ModelFailure.
        """
        seconds = min(seconds, self.settings.timeout)
        # In a thread of its own: neither a name server nor a trickle of headers heeds the transport's timeouts.
        asking = ThreadPoolExecutor(1, thread_name_prefix="model")
        try:
            return asking.submit(self._negotiate, question, time.monotonic() + seconds).result(
                max(0.0, seconds) + _SLACK
            )
        except TimeoutError as error:
            raise self._too_slow() from error
        finally:
            asking.shutdown(wait=False)

    def _negotiate(self, question: Question, deadline: float) -> str:
        while True:
            try:
                return self._request(question, self.dialect, deadline)
            except _Unsupported as refusal:
                self._dialects.learn(self.where, self.name, refusal.simpler)

    def _request(self, question: Question, dialect: Dialect, deadline: float) -> str:
        left = deadline - time.monotonic()
        if left <= 0:
            raise ModelFailure(f"{self} was given no time; raise the time limit of the investigation.")
        plain = dialect.form(question) == "json"
        try:
            with self._client.chat.completions.with_streaming_response.create(
                model=self.name,
                messages=question.following(question.in_words()).messages if plain else question.messages,
                extra_body=body(question, self.settings, dialect),
                timeout=httpx2.Timeout(left, connect=min(left, self.settings.connect_timeout)),
            ) as response:
                return self._read(response.iter_bytes(), deadline)
        except openai.APIStatusError as error:
            said = complaint(error)
            learned = None if about_content(said) else simpler(dialect, question, said)
            # Without the vendor's error, which repeats the server's words, perhaps the key, to logs and histories.
            raise _Unsupported(learned) if learned else refused(error, str(self), self._without_key) from None
        except (openai.APIConnectionError, httpx2.HTTPError) as error:
            raise self._unreached(error) from error
        except (openai.OpenAIError, httpx2.InvalidURL) as error:
            raise ModelFailure(
                f"{self} could not be asked ({type(error).__name__}); check model.base_url.", who="operator"
            ) from error

    def _unreached(self, error: openai.APIConnectionError | httpx2.HTTPError) -> ModelFailure:
        """No HTTP answer, or only a part of one: nothing was billed when no connection was made."""
        cause = error.__cause__ or error
        connected = not isinstance(cause, (httpx2.ConnectError, httpx2.ConnectTimeout))
        if connected and isinstance(cause, httpx2.TimeoutException):
            said = "did not answer in time; it is tried again or done without, or raise its timeout."
        else:
            said = f"is unreachable ({type(cause).__name__}); check the server and its base_url."
        return ModelFailure(f"{self} {said}", maybe_billed=connected)

    def _read(self, chunks: Iterable[bytes], deadline: float) -> str:
        """The whole body, bounded in time and size also when it trickles."""
        received = bytearray()
        for chunk in chunks:
            received += chunk
            if len(received) > MAX_ANSWER:
                raise ModelFailure(
                    f"{self} answered with more than {MAX_ANSWER} bytes; another model is asked or none.",
                    who="model",
                    maybe_billed=True,
                )
            if time.monotonic() > deadline:
                raise self._too_slow()
        return self._without_key(received.decode(errors="replace"))

    def _too_slow(self) -> ModelFailure:
        return ModelFailure(
            f"{self} answered too slowly and was cut off; it is tried again or done without, or raise its timeout.",
            maybe_billed=True,
        )

    def _without_key(self, text: str) -> str:
        """What a server says, should it say the key: answers are stored and failures are shown."""
        return text.replace(self._secret, "***") if len(self._secret) >= _SHORTEST_KEY else text


@functools.cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted; reading them takes a tenth of a second, so it is done once."""
    return httpx2.create_ssl_context()


def _connection(settings: LanguageModel, key: str | None) -> openai.OpenAI:
    """The vendor's client. Redirects are not followed: the key is meant for the configured server alone."""
    direct = openai.DefaultHttpx2Client(follow_redirects=False, verify=_trusted())
    if settings.api_version is None:
        return openai.OpenAI(
            # Local servers want no key, but the package insists on one.
            api_key=key or ("none" if settings.base_url else None),
            base_url=settings.base_url,
            max_retries=0,
            http_client=direct,
        )
    # Azure's dated API: the deployment is in the path, the version in the query, the key in a header of its own.
    if not settings.base_url or not key:
        raise Failure(
            f"The model {settings.name!r} has an api_version, so it needs base_url "
            "(https://RESOURCE.openai.azure.com) and an API key from the environment.",
            who="operator",
        )
    return openai.AzureOpenAI(
        azure_endpoint=settings.base_url.rstrip("/"),
        azure_deployment=quote(settings.name, safe=""),
        api_version=settings.api_version,
        api_key=key,
        max_retries=0,
        http_client=direct,
    )
