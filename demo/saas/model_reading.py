"""What the stand-in for a model makes of a request: the tables of its prompt, and what may be called."""

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from demo.saas.server import Json, as_object

Form = Literal["tools", "calls", "shape", "text"]
Row = dict[str, str]


@dataclass(frozen=True)
class Request:
    """One request as a model reads it."""

    prompt: str
    """Every message."""
    said: str
    """What the user's messages hold: the data and what is asked."""
    form: Form
    """How the answer is wanted: calls of tools, one JSON object of calls, one JSON object of a shape, or text."""
    schema: Json
    """Of the shape."""
    functions: dict[str, Json] = field(default_factory=dict[str, Json])
    """Name → schema of the arguments, with the definitions it refers to."""

    @cached_property
    def tables(self) -> dict[str, list[Row]]:
        """Title up to its first bracket → rows by column; a title that comes again adds to the first."""
        found: dict[str, list[Row]] = {}
        columns: list[str] = []
        rows: list[Row] = []
        for line in self.said.splitlines():
            if line.startswith("## "):
                title, _, header = line.removeprefix("## ").partition(":")
                columns = [name.strip() for name in header.split("|")]
                rows = found.setdefault(title.partition(" (")[0].strip(), [])
            elif "|" in line and columns:
                rows.append(dict(zip(columns, line.split("|"), strict=False)))
            else:
                columns = []
        return found

    def table(self, title: str) -> list[Row]:
        """The rows of every table whose title begins like this, the latest first."""
        return [row for name, rows in reversed(self.tables.items()) if name.startswith(title) for row in rows]


def resolved(schema: Json, root: Json) -> Json:
    """A schema, or what it refers to within its root."""
    reference = schema.get("$ref")
    if not reference:
        return schema
    found: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        found = found[part]
    return found


def _functions_of(schema: Json) -> dict[str, Json]:
    """The functions of a schema that lists calls: objects of `function` and `arguments`."""
    item: Json = as_object(as_object(as_object(schema.get("properties")).get("calls")).get("items"))
    kinds: list[Json] = item.get("anyOf") or ([item] if item else [])
    found: dict[str, Json] = {}
    for kind in kinds:
        parts = as_object(resolved(kind, schema).get("properties"))
        name: Json = as_object(parts.get("function"))
        told = name.get("const") or (name.get("enum") or [""])[0]
        if told:
            found[str(told)] = resolved(as_object(parts.get("arguments")), schema) | {
                "$defs": schema.get("$defs", {})
            }
    return found


def _schema_in(text: str) -> Json:
    """A JSON schema that a message ends with; empty when it has none."""
    start = text.find("\n{")
    try:
        found: Any = json.loads(text[start + 1 :]) if start >= 0 else None
    except ValueError:
        return {}
    schema: Json = as_object(found)
    return schema if "properties" in schema else {}


def read(body: Json) -> Request:
    """Read a chat completion request."""
    messages: list[Json] = body["messages"]
    texts = [str(m.get("content") or "") for m in messages]
    said = "\n".join(t for t, m in zip(texts, messages, strict=True) if m.get("role") == "user")
    prompt = "\n".join(texts)
    tools: list[Json] = body.get("tools") or []
    wanted = as_object(as_object(as_object(body.get("response_format")).get("json_schema")).get("schema"))
    if not wanted and tools and body.get("tool_choice") != "none":
        functions = {str(t["function"]["name"]): as_object(t["function"].get("parameters")) for t in tools}
        return Request(prompt, said, "tools", {}, functions)
    wanted = wanted or _schema_in(texts[-1] if texts else "")
    functions = _functions_of(wanted)
    return Request(prompt, said, "calls" if functions else "shape" if wanted else "text", wanted, functions)
