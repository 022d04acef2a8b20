"""What servers understand of the OpenAI wire format: found out once by asking, remembered per server and model.

The memory is that of the process: a new worker finds out again, with requests that are refused and cost nothing.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from pydantic import JsonValue

from autopilot.clients.model_question import ANSWER, Function, Question, Schema
from autopilot.settings_model import LanguageModel

AnswerForm = Literal["json_schema", "tool", "json"]
"""How one shape is asked for: as a response format, as a forced function, in words."""
CallForm = Literal["tools", "json_schema", "json"]
"""How calls are asked for: as tool calls, as one response format that lists calls, in words."""


@dataclass(frozen=True)
class Dialect:
    """What a server and model were found to understand; starts with the most exact form."""

    answer: AnswerForm = "json_schema"
    call: CallForm = "tools"
    output_limit: Literal["max_tokens", "max_completion_tokens"] = "max_tokens"
    temperature: bool = True
    reasoning_effort: bool = True
    strict: bool = True
    tool_choice: bool = True
    """Whether a call can be demanded; else it is only asked for."""

    def form(self, question: Question) -> AnswerForm | CallForm:
        """How this question is asked."""
        return self.call if question.functions else self.answer


@dataclass
class Dialects:
    """What was learned, by (base URL, model name). Thread-safe."""

    _known: dict[tuple[str, str], Dialect] = field(default_factory=dict[tuple[str, str], Dialect])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def of(self, where: str, name: str) -> Dialect:
        """What is known of a server and model."""
        with self._lock:
            return self._known.get((where, name), Dialect())

    def learn(self, where: str, name: str, dialect: Dialect) -> None:
        """Remember what was refused."""
        with self._lock:
            self._known[where, name] = dialect


def body(question: Question, settings: LanguageModel, dialect: Dialect) -> Schema:
    """The parts of a request besides model and messages."""
    wanted: Schema = {dialect.output_limit: settings.max_output_tokens}
    if dialect.temperature and settings.temperature is not None:
        wanted["temperature"] = settings.temperature
    if dialect.reasoning_effort and settings.reasoning_effort is not None:
        wanted["reasoning_effort"] = settings.reasoning_effort
    form = dialect.form(question)
    if form == "json_schema":
        schema: Schema = {"name": ANSWER, **_strictly(dialect), "schema": question.schema}
        wanted["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif form == "tool":
        wanted |= _tools([_tool(ANSWER, "The answer.", question.schema, dialect)], ANSWER, dialect)
    elif form == "tools":
        offers = [_function(f, dialect) for f in question.functions]
        wanted |= _tools(offers, question.functions[0].name, dialect)
        if len(offers) > 1:
            wanted["parallel_tool_calls"] = True
    return wanted


def _strictly(dialect: Dialect) -> Schema:
    return {"strict": True} if dialect.strict else {}


def _function(function: Function, dialect: Dialect) -> JsonValue:
    return _tool(function.name, function.description, function.schema, dialect)


def _tool(name: str, description: str, schema: Schema, dialect: Dialect) -> JsonValue:
    function: Schema = {"name": name, "description": description, **_strictly(dialect), "parameters": schema}
    return {"type": "function", "function": function}


def _tools(offers: list[JsonValue], first: str, dialect: Dialect) -> Schema:
    """The offered functions: a single one is demanded by name, of several at least one."""
    named: JsonValue = {"type": "function", "function": {"name": first}}
    choice: JsonValue = named if len(offers) == 1 else "required"
    return {"tools": offers, "tool_choice": choice if dialect.tool_choice else "auto"}


def simpler(dialect: Dialect, question: Question, said: str) -> Dialect | None:
    """The next simpler dialect for a refusal in lower case, None when the refusal is about something else."""
    form = dialect.form(question)
    called = form in ("tool", "tools")
    lessons: tuple[tuple[bool, Callable[[], Dialect]], ...] = (
        (
            "max_completion_tokens" in said and dialect.output_limit == "max_tokens",
            lambda: replace(dialect, output_limit="max_completion_tokens"),
        ),
        ("temperature" in said and dialect.temperature, lambda: replace(dialect, temperature=False)),
        (
            ("reasoning_effort" in said or "reasoning effort" in said) and dialect.reasoning_effort,
            lambda: replace(dialect, reasoning_effort=False),
        ),
        # One call per answer is too few for several functions: they are asked for as one list.
        ("parallel" in said and form == "tools", lambda: replace(dialect, call="json_schema")),
        ("tool_choice" in said and called and dialect.tool_choice, lambda: replace(dialect, tool_choice=False)),
        ("strict" in said and form != "json" and dialect.strict, lambda: replace(dialect, strict=False)),
        (any(word in said for word in _ABOUT.get(form, ())), lambda: _next_form(dialect, question)),
    )
    return next((learned() for true, learned in lessons if true), None)


_ABOUT: dict[str, tuple[str, ...]] = {
    "json_schema": ("response_format", "json_schema", "schema", "grammar"),
    "tool": ("tool", "function"),
    "tools": ("tool", "function", "schema", "grammar"),
}
"""Words of a refusal of each form."""


def understood_less(dialect: Dialect, question: Question) -> Dialect:
    """The next form for a server that takes the present one but whose model does not keep to it.

    A response format that was ignored leaves words alone: such a server heeds no other form of one answer either.
    """
    return _next_form(dialect, question) if question.functions else replace(dialect, answer="json")


def _next_form(dialect: Dialect, question: Question) -> Dialect:
    if question.functions:
        return replace(dialect, call="json_schema" if dialect.call == "tools" else "json")
    return replace(dialect, answer="tool" if dialect.answer == "json_schema" else "json")
