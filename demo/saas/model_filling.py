"""Fills a JSON schema from a prompt: from the rows of its first table, else ids and plain sentences."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from demo.saas.model_reading import resolved
from demo.saas.server import Json

MAX_ITEMS = 3
MAX_DEPTH = 12
IDS: tuple[tuple[str, str], ...] = (
    (r"contradict|against|refut", ""),
    (r"candidate", r"\bC\d+\b"),
    (r"suspect", r"\bS\d+\b"),
    (r"hypothes", r"\bH\d+\b"),
    (r"finding|support|evidence|citation|cite", r"\bF\d+\b"),
)
"""Property name → the ids that belong there; the first that fits counts."""
COLUMNS = {"change_id": "change", "statement": "reason", "sentence": "reason", "why": "reason"}
"""Property name → the column of a table that answers it, where they differ."""


@dataclass(frozen=True)
class Hints:
    """What the prompt offers: its text, and the rows of its first table by column name."""

    prompt: str
    rows: tuple[dict[str, str], ...]
    index: int = 0

    @property
    def row(self) -> dict[str, str]:
        """The row that the present item of a list is about."""
        return self.rows[self.index] if self.index < len(self.rows) else {}

    def column(self, name: str) -> str | None:
        """What the row says under a property's name; None when the table has no such column."""
        return self.row.get(COLUMNS.get(name, name))

    def at(self, index: int) -> "Hints":
        """The same for another item."""
        return Hints(self.prompt, self.rows, index)


def read_hints(prompt: str) -> Hints:
    """Read the first table: a line `## title: column|column`, then a line per row."""
    lines = iter(prompt.splitlines())
    for line in lines:
        if line.startswith("## ") and "|" in line:
            names = [n.strip().replace(" ", "_") for n in line.rpartition(":")[2].split("|")]
            rows: list[dict[str, str]] = []
            for row in lines:
                if "|" not in row or row.startswith("## "):
                    break
                rows.append(dict(zip(names, row.split("|"), strict=False)))
            return Hints(prompt, tuple(rows))
    return Hints(prompt, ())


def _ids(name: str, hints: Hints) -> list[str] | None:
    """The ids that a property asks for; None when it asks for none."""
    for word, pattern in IDS:
        if re.search(word, name, re.IGNORECASE):
            where = hints.row.get("findings", "") if pattern.startswith(r"\bF") else ""
            found = re.findall(pattern, where or hints.prompt) if pattern else []
            return list(dict.fromkeys(found))
    return None


def _text(name: str, hints: Hints) -> str:
    told = hints.column(name)
    if told is not None:
        cited = _ids("finding", hints) or []
        return f"{told} ({', '.join(cited[:3])})" if name in COLUMNS and COLUMNS[name] == "reason" else told
    ids = _ids(name, hints)
    if ids:
        return ids[0]
    found = re.search(rf"\b{re.escape(name)}\b[\"']?\s*[:=]\s*[\"']?([\w./:-]+)", hints.prompt, re.IGNORECASE)
    return found[1] if found else ""


def _number(schema: Json) -> float | int:
    low, high = schema.get("minimum", 0), schema.get("maximum", 1)
    return max(low, min(1, high)) if schema["type"] == "integer" else low + (high - low) * 0.5


def _array(name: str, schema: Json, root: Json, hints: Hints, depth: int) -> list[Any]:
    item = resolved(schema.get("items", {}), root)
    ids = _ids(name, hints) if item.get("type") in {"string", "integer"} and "enum" not in item else None
    most = int(schema.get("maxItems", MAX_ITEMS))
    if ids is not None:
        # One candidate per option, the next one for the next option.
        kept = ids[hints.index : hints.index + 1] if name.startswith("candidate") else ids[:most]
        return [int(re.sub(r"\D", "", i)) for i in kept] if item.get("type") == "integer" else kept
    offered = len(_ids("candidate", hints) or ()) if name.startswith("option") else len(hints.rows)
    count = max(int(schema.get("minItems", 0)), min(most, offered or 1))
    return [_value(name, item, root, hints.at(n), depth + 1) for n in range(count)]


def _choice(name: str, options: list[Any], hints: Hints) -> Any:
    told = hints.column(name)
    if told in options:
        return told
    texts = [o for o in options if isinstance(o, str) and o]
    positions = {o: found.start() for o in texts if (found := re.search(rf"\b{re.escape(o)}\b", hints.prompt))}
    return min(positions, key=lambda o: positions[o]) if positions else options[0]


def _value(name: str, schema: Json, root: Json, hints: Hints, depth: int) -> Any:
    schema = resolved(schema, root)
    allowed: list[Any] = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if allowed:
        return _choice(name, allowed, hints)
    variants: list[Json] = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or []
    if variants:
        chosen = next((v for v in variants if v.get("type") != "null"), variants[0])
        return None if depth > MAX_DEPTH else _value(name, chosen, root, hints, depth + 1)
    named: Any = schema.get("type", "object" if "properties" in schema else "string")
    kind = str(named if isinstance(named, str) else next((k for k in named if k != "null"), "null"))
    if kind == "object":
        parts: Json = schema.get("properties", {})
        return {n: _value(n, part, root, hints, depth + 1) for n, part in parts.items()}
    if kind == "array":
        return _array(name, schema, root, hints, depth) if depth <= MAX_DEPTH else []
    scalars: dict[str, Callable[[], Any]] = {
        "number": lambda: _number(schema | {"type": kind}),
        "integer": lambda: _number(schema | {"type": kind}),
        "boolean": lambda: False,
        "string": lambda: _text(name, hints)[: int(schema.get("maxLength", 400))],
    }
    return scalars[kind]() if kind in scalars else None


def filled(schema: Json, prompt: str) -> Any:
    """An instance of `schema` made of what the prompt names; deterministic."""
    return _value("", schema, schema, read_hints(prompt), 0)
