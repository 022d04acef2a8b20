"""What a model can be asked for: an answer in one shape, or calls of functions; and the JSON schemas of both."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel, JsonValue

ANSWER = "answer"
"""How the one shape is called on the wire."""
_LOOSE = frozenset({"default", "title", "maxLength", "minLength"})
"""Keywords that strict servers refuse; code checks what they say."""

Schema = dict[str, JsonValue]


@dataclass(frozen=True)
class Function:
    """Something a model may call. Calling only says what it wants: nothing is carried out."""

    name: str
    """Letters, digits and _, at most 64."""
    description: str
    arguments: type[BaseModel]

    @property
    def schema(self) -> Schema:
        """Of the arguments, in the strict subset."""
        return strict_schema(self.arguments)


@dataclass(frozen=True)
class Question:
    """Messages and the wanted form of the answer: `shape`, or calls of `functions`."""

    messages: tuple[ChatCompletionMessageParam, ...]
    shape: type[BaseModel] | None = None
    functions: tuple[Function, ...] = ()

    @cached_property
    def schema(self) -> Schema:
        """Of the whole answer as one JSON object: the shape, or a list of calls."""
        return strict_schema(self.shape) if self.shape else _calls(self.functions)

    @cached_property
    def offered(self) -> str:
        """All schemas and descriptions as text: what they add to a prompt is estimated from it."""
        return json.dumps([[f.name, f.description, f.schema] for f in self.functions] or self.schema)

    def following(self, *messages: ChatCompletionMessageParam) -> "Question":
        """The same question after some more messages."""
        return Question((*self.messages, *messages), self.shape, self.functions)

    def in_words(self) -> ChatCompletionMessageParam:
        """The wanted form as a message, for servers that take no schema."""
        offers = "".join(f"\n- {f.name}: {f.description}" for f in self.functions)
        listed = f"The functions that may be called:{offers}\n" if offers else ""
        rule = "Answer with one JSON object that fits this JSON schema, and with nothing else:"
        return {"role": "user", "content": f"{listed}{rule}\n{json.dumps(self.schema, separators=(',', ':'))}"}


def _calls(functions: tuple[Function, ...]) -> Schema:
    """A list of calls as one schema, for servers without tool calling."""
    kinds: list[JsonValue] = []
    shared: Schema = {}
    for function in functions:
        # Two functions may have different parts of one name, so each part is called after its function.
        text = json.dumps(function.schema).replace('"#/$defs/', f'"#/$defs/{function.name}_')
        arguments: Schema = json.loads(text)
        parts = arguments.pop("$defs", None)
        if isinstance(parts, dict):
            shared |= {f"{function.name}_{name}": part for name, part in parts.items()}
        name: Schema = {"type": "string", "enum": [function.name]}
        kinds.append(_object({"function": name, "arguments": arguments}))
    calls: Schema = {"type": "array", "items": {"anyOf": kinds}}
    whole = _object({"calls": calls})
    if shared:
        whole["$defs"] = shared
    return whole


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def strict_schema(shape: type[BaseModel]) -> Schema:
    """The JSON schema of a model in the strict subset: all properties required, none besides, no defaults."""
    return _strict(shape.model_json_schema())


def _strict(schema: Mapping[str, JsonValue]) -> Schema:
    strict: Schema = {}
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
