"""What a response says: an answer in a shape, or calls of functions. All of it is hostile until checked."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, JsonValue, TypeAdapter, ValidationError

from autopilot.clients.model_question import Function
from autopilot.incident.base import clean

Shape = TypeVar("Shape", bound=BaseModel)

MAX_CALLS = 20
MAX_RAW = 400
MOST_TOKENS = 10_000_000
"""Of one call: no model takes or writes more."""
_STARTS = 40
"""Opening braces at which an object is looked for."""
_THOUGHT = re.compile(r"(</?think>)")
_OBJECT: TypeAdapter[dict[str, JsonValue]] = TypeAdapter(dict[str, JsonValue])


class _Named(BaseModel):
    name: str = ""
    arguments: str | dict[str, JsonValue] | None = ""


class _Call(BaseModel):
    function: _Named = _Named()


class _Part(BaseModel):
    text: str = ""


class _Message(BaseModel):
    content: str | list[_Part] | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None

    @property
    def text(self) -> str:
        """What it says; some servers send it in parts."""
        parts = self.content or ""
        return parts if isinstance(parts, str) else "".join(part.text for part in parts)


class _Choice(BaseModel):
    message: _Message = _Message()
    finish_reason: str | None = None


class Used(BaseModel):
    """What the server says the call took."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    """The parts of a chat completion that we read."""

    choices: list[_Choice] = []


class _Metered(BaseModel):
    """Read apart: counts that make no sense spoil no answer."""

    usage: Used | None = None


class Unusable(Exception):
    """The answer is not what was asked for; carries what the model said, empty when it cannot correct it."""

    def __init__(self, problem: str, said: str = "", *, other_form: bool = False) -> None:
        """`problem` is told to model and people; `other_form`: maybe it ignores the form it was asked in."""
        super().__init__(problem)
        self.said, self.other_form = said, other_form


@dataclass(frozen=True)
class Called:
    """A call that a model asked for. With a `problem` it has no arguments and must not be followed."""

    name: str
    arguments: BaseModel | None
    problem: str = ""
    raw: str = ""
    """What the model wrote, bounded, for the report."""


def used(body: str) -> Used | None:
    """The token counts of a response; None when it states none that could be true."""
    try:
        stated = _Metered.model_validate_json(body).usage
    except ValidationError:
        return None
    if stated is None or not 0 < stated.prompt_tokens <= MOST_TOKENS:
        return None
    return stated if 0 <= stated.completion_tokens <= MOST_TOKENS else None


def shaped(body: str, shape: type[Shape]) -> Shape:
    """A response as the wanted shape. Raises Unusable."""
    message = _message(body)
    calls = message.tool_calls or []
    said = _text(calls[0].function.arguments) if calls else message.text
    try:
        return shape.model_validate(_json_object(said))
    except ValidationError as error:
        raise Unusable(_problems(error), said) from error


def called(body: str, functions: Sequence[Function], required: str = "") -> tuple[Called, ...]:
    """The calls that a response asks for. Raises Unusable when there is none, or not the required one."""
    message = _message(body)
    named, said = [call.function for call in message.tool_calls or []], _words(message)
    calls = tuple(_checked(call, functions) for call in (named or _listed(said, functions))[:MAX_CALLS])
    if not calls:
        raise Unusable("no function was called", said, other_form=True)
    if required and not any(call.name == required and not call.problem for call in calls):
        why = next((call.problem for call in calls if call.name == required), "")
        raise Unusable(f"the function {required} is needed: {why or 'it was not called'}", said, other_form=not why)
    return calls


def spoken(body: str) -> str:
    """What a usable response says, as a text. Raises Unusable."""
    return _words(_message(body))


def _words(message: _Message) -> str:
    named = [call.function for call in message.tool_calls or []]
    return "\n".join(f"{call.name}({_text(call.arguments)})" for call in named) or message.text


def _message(body: str) -> _Message:
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        raise Unusable("the response is no chat completion") from error
    if not completion.choices:
        raise Unusable("the response has no choices")
    choice = completion.choices[0]
    message = choice.message
    if message.refusal:
        raise Unusable("the model refused")  # in words of its own, which nobody has checked
    if choice.finish_reason == "content_filter":
        raise Unusable("the server's content filter withheld the answer")
    if choice.finish_reason == "length":
        raise Unusable("the answer was cut off at the output limit; be briefer", message.text or "(cut)")
    return message


def _checked(call: _Named, functions: Sequence[Function]) -> Called:
    name, raw = clean(call.name, 64), clean(_text(call.arguments), MAX_RAW)
    function = next((f for f in functions if f.name == call.name), None)
    if function is None:
        return Called(name, None, f"there is no function {name!r}", raw)
    try:
        given = call.arguments if isinstance(call.arguments, dict) else _json_object(call.arguments or "{}")
        return Called(name, function.arguments.model_validate(given), raw=raw)
    except ValidationError as error:
        return Called(name, None, _problems(error), raw)
    except Unusable as unusable:
        return Called(name, None, str(unusable), raw)


def _listed(said: str, functions: Sequence[Function]) -> list[_Named]:
    """Calls written as JSON: a list, one after the other, or only the arguments of the one function there is."""
    found = _json_object(said)
    listed = found.get("calls", found.get("tool_calls"))
    if not isinstance(listed, list):
        listed = [*(_whole(text) for text in _objects(_aloud(said))), found]
    calls = [named for one in listed if (named := _written(one))]
    calls = list({named.model_dump_json(): named for named in calls}.values())
    if not calls and len(functions) == 1 and "calls" not in found:
        return [_Named(name=functions[0].name, arguments=found)]
    return calls


def _written(call: JsonValue) -> _Named | None:
    if not isinstance(call, dict):
        return None
    inner = call.get("function")
    given = inner if isinstance(inner, dict) else call
    name = given.get("name") or given.get("function")
    arguments = given.get("arguments", given.get("parameters", {}))
    if not isinstance(name, str) or not isinstance(arguments, (dict, str)):
        return None
    return _Named(name=name, arguments=arguments)


def _text(arguments: str | dict[str, JsonValue] | None) -> str:
    return json.dumps(arguments) if isinstance(arguments, dict) else arguments or ""


def _problems(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{error.error_count()} problems, the first at {where}: {first['msg']}"


def _json_object(text: str) -> dict[str, JsonValue]:
    """The JSON object in a text: thoughts, fences, talk around it and trailing commas are forgiven."""
    rest = _aloud(text)
    start, end = rest.find("{"), rest.rfind("}")
    if start < 0 or end < start:
        raise Unusable("no JSON object was found", text, other_form=True)
    whole = rest[start : end + 1]
    by_length = sorted(_objects(whole), key=len, reverse=True)
    found = (_whole(candidate) for candidate in (whole, re.sub(r",\s*([}\]])", r"\1", whole), *by_length))
    answer = next((one for one in found if one is not None), None)
    if answer is None:
        raise Unusable("not valid JSON", text)
    return answer


def _aloud(text: str) -> str:
    """A text without its thoughts, also where the first one lacks the mark of its beginning. Takes linear time."""
    before: list[str] = []
    kept: list[str] = []
    thought: list[str] | None = None
    for part in _THOUGHT.split(text):
        if part == "</think>":
            if thought is None:
                before.extend(kept)
                kept.clear()
            thought = None
        elif thought is not None:
            thought.append(part)
        elif part == "<think>":
            thought = [part]
        else:
            kept.append(part)
    said = "".join([*kept, *(thought or ())])
    return said if "{" in said else "".join(before) + said


def _whole(text: str) -> dict[str, JsonValue] | None:
    """A text as a JSON object; None when it is none, or holds what nothing can store: huge numbers, half signs."""
    try:
        found = _OBJECT.validate_python(json.loads(text, strict=False))
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return found


def _objects(text: str) -> list[str]:
    """Texts of whole objects within a text, in their order."""
    decoder, found = json.JSONDecoder(strict=False), list[str]()
    position = text.find("{")
    for _ in range(_STARTS):
        if position < 0:
            break
        try:
            _, end = decoder.raw_decode(text, position)
            found.append(text[position:end])
        except (ValueError, RecursionError):
            end = position + 1
        position = text.find("{", end)
    return found
