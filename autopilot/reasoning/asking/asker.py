"""One question to a model, answered in a typed shape: paid at most once, within a budget and a deadline."""

import json
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, ValidationError

from autopilot.clients.model import ModelClient, ModelFailure, strict_schema
from autopilot.incident.base import clean
from autopilot.incident.diagnosis import Usage
from autopilot.incident.ids import digest
from autopilot.reasoning.asking.answers import AnswerStore
from autopilot.reasoning.asking.budget import Ledger
from autopilot.reasoning.prompts.tables import estimated_tokens

Shape = TypeVar("Shape", bound=BaseModel)

CORRECTIONS = 1
"""How often an unusable answer may be corrected by the model itself."""
MESSAGE_OVERHEAD = 16
"""Tokens around one message."""


class _Completion(BaseModel):
    """The parts of a chat completion that we read."""

    class Choice(BaseModel):
        class Message(BaseModel):
            class Call(BaseModel):
                class Function(BaseModel):
                    arguments: str = ""

                function: Function = Function()

            content: str | None = None
            refusal: str | None = None
            tool_calls: list[Call] | None = None

        message: Message = Message()
        finish_reason: str | None = None

    class Used(BaseModel):
        prompt_tokens: int = 0
        completion_tokens: int = 0

    choices: list[Choice] = []
    usage: Used | None = None


class _Unusable(Exception):
    """The answer is not what was asked for; carries what the model said."""

    def __init__(self, problem: str, said: str = "") -> None:
        super().__init__(problem)
        self.said = said


def _json_object(text: str) -> object:
    """The JSON object in a text: fences, talk around it and trailing commas are forgiven."""
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        raise _Unusable("no JSON object was found", text)
    body = text[start : end + 1]
    try:
        return json.loads(body)
    except json.JSONDecodeError:
        try:
            return json.loads(re.sub(r",\s*([}\]])", r"\1", body))
        except json.JSONDecodeError as error:
            raise _Unusable(f"not valid JSON: {error}", text) from error


def _parse(body: str, shape: type[Shape]) -> Shape:
    """A response body as the wanted shape. Raises _Unusable."""
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        raise _Unusable("the response is no chat completion") from error
    if not completion.choices:
        raise _Unusable("the response has no choices")
    choice = completion.choices[0]
    message = choice.message
    if message.refusal:
        raise _Unusable(f"the model refused: {clean(message.refusal, 120)}")
    calls = message.tool_calls or []
    said = calls[0].function.arguments if calls else message.content or ""
    if choice.finish_reason == "length":
        raise _Unusable("the answer was cut off at the output limit", said)
    try:
        return shape.model_validate(_json_object(said))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _Unusable(f"{error.error_count()} problems, the first at {where}: {first['msg']}", said) from error


@dataclass
class Asker:
    """Asks one model on behalf of one incident. `usage` grows by every answer, paid now or found stored."""

    model: ModelClient
    answers: AnswerStore
    ledger: Ledger
    seconds: float = 40.0
    """Time for everything that is asked through this object, waiting included."""
    attempts: int = 3
    """Requests per question while the server fails."""
    sleep: Callable[[float], None] = time.sleep
    usage: Usage = field(default_factory=Usage)
    _started: float = field(default_factory=time.monotonic, repr=False)

    @property
    def left(self) -> float:
        """Seconds until the deadline."""
        return self._started + self.seconds - time.monotonic()

    def ask(self, messages: Sequence[ChatCompletionMessageParam], shape: type[Shape]) -> Shape:
        """The model's answer in the wanted shape. Raises Failure; never pays for a question twice."""
        said, reason = list(messages), ""
        for _ in range(CORRECTIONS + 1):
            body = self._answer(said, shape)
            try:
                return _parse(body, shape)
            except _Unusable as problem:
                reason = str(problem)
                if not problem.said:
                    break
                correction = f"That was unusable ({reason}). Answer again: one JSON object in the asked form only."
                said.append({"role": "assistant", "content": problem.said[:8_000]})
                said.append({"role": "user", "content": correction})
        raise ModelFailure(f"Model {self.model.name!r} gave no usable answer: {reason}", who="model")

    def _answer(self, messages: Sequence[ChatCompletionMessageParam], shape: type[BaseModel]) -> str:
        """The response body, from the store or from the server; stored before anything looks into it."""
        settings = self.model.settings
        schema = strict_schema(shape)
        request = digest(
            settings.name, self.model.where, messages, schema, settings.temperature, settings.max_output_tokens
        )
        body = self.answers.get(request)
        if body is None:
            body = self._call(request, messages, shape, estimated_tokens(json.dumps(schema)))
            self.answers.put(request, body)
        used = _used(body)
        if used is not None:
            self.ledger.settle(request, used.prompt_tokens, used.completion_tokens)
            self._count(used.prompt_tokens, used.completion_tokens)
        else:
            # No counts: the reservation stands, and the estimate is what we can tell.
            self._count(self._estimate(messages), estimated_tokens(body))
        return body

    def _estimate(self, messages: Sequence[ChatCompletionMessageParam]) -> int:
        return sum(estimated_tokens(str(m.get("content") or "")) + MESSAGE_OVERHEAD for m in messages)

    def _count(self, input_tokens: int, output_tokens: int) -> None:
        price = self.ledger.price
        cost = round(price.of(input_tokens, output_tokens), 6) if price else None
        self.usage = self.usage.plus(
            Usage(calls=1, input_tokens=input_tokens, output_tokens=output_tokens, cost_usd=cost)
        )

    def _call(
        self, request: str, messages: Sequence[ChatCompletionMessageParam], shape: type[BaseModel], schema: int
    ) -> str:
        """Reserve, ask, and try again while the server fails, time is left and attempts remain."""
        for attempt in range(1, self.attempts + 1):
            self.ledger.reserve(request, self._estimate(messages) + schema, self.model.settings.max_output_tokens)
            try:
                return self.model.complete(messages, shape, seconds=self.left)
            except ModelFailure as failure:
                if not failure.maybe_billed:
                    self.ledger.settle(request, 0, 0)
                pause = failure.retry_after if failure.retry_after is not None else 0.5 * 2 ** (attempt - 1)
                if failure.who != "retry" or attempt == self.attempts or pause >= self.left:
                    raise
            self.sleep(pause)
        raise ModelFailure(f"Model {self.model.name!r} was given no attempt; set attempts to 1 or more.")


def _used(body: str) -> _Completion.Used | None:
    """The token counts of a response, None when it states none."""
    try:
        return _Completion.model_validate_json(body).usage
    except ValidationError:
        return None
