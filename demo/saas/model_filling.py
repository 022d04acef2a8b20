"""Fills a JSON schema from a prompt: ids for what asks for ids, allowed values, plain sentences for the rest."""

import re
from typing import Any

from demo.saas.server import Json

MAX_ITEMS = 2
MAX_DEPTH = 12
IDS: tuple[tuple[str, str], ...] = (
    (r"contradict|against|refut", ""),
    (r"candidate", r"\bC\d+\b"),
    (r"suspect", r"\bS\d+\b"),
    (r"hypothes", r"\bH\d+\b"),
    (r"finding|support|evidence|citation|cite", r"\bF\d+\b"),
)
"""Property name → the ids that belong there; the first that fits counts."""


def _first_seen(pattern: str, prompt: str) -> list[str]:
    return list(dict.fromkeys(re.findall(pattern, prompt)))


def _resolved(schema: Json, root: Json) -> Json:
    reference = schema.get("$ref")
    if not reference:
        return schema
    found: Any = root
    for part in str(reference).removeprefix("#/").split("/"):
        found = found[part]
    return found


def _ids(name: str, prompt: str) -> list[str] | None:
    for word, pattern in IDS:
        if re.search(word, name, re.IGNORECASE):
            return _first_seen(pattern, prompt) if pattern else []
    return None


def _text(name: str, prompt: str) -> str:
    ids = _ids(name, prompt)
    if ids:
        return ids[0]
    found = re.search(rf"\b{re.escape(name)}\b[\"']?\s*[:=]\s*[\"']?([\w./:-]+)", prompt, re.IGNORECASE)
    if found:
        return found[1]
    return f"The evidence names this {name.replace('_', ' ')} first."


def _number(schema: Json) -> float | int:
    low, high = schema.get("minimum", 0), schema.get("maximum", 1)
    return max(low, min(1, high)) if schema["type"] == "integer" else low + (high - low) * 0.5


def _array(name: str, schema: Json, root: Json, prompt: str, depth: int) -> list[Any]:
    item = _resolved(schema.get("items", {}), root)
    ids = _ids(name, prompt) if item.get("type") in {"string", "integer"} and "enum" not in item else None
    most = min(int(schema.get("maxItems", MAX_ITEMS)), MAX_ITEMS)
    if ids is not None:
        if item.get("type") == "integer":
            return [int(re.sub(r"\D", "", i)) for i in ids[:most]]
        return list(ids[:most])
    count = max(int(schema.get("minItems", 0)), min(1, most))
    return [_value(name, item, root, prompt, depth + 1) for _ in range(count)]


def _choice(options: list[Any], prompt: str) -> Any:
    texts = [o for o in options if isinstance(o, str) and o]
    positions = {o: found.start() for o in texts if (found := re.search(rf"\b{re.escape(o)}\b", prompt))}
    return min(positions, key=lambda o: positions[o]) if positions else options[0]


def _value(name: str, schema: Json, root: Json, prompt: str, depth: int) -> Any:
    schema = _resolved(schema, root)
    allowed: list[Any] = [schema["const"]] if "const" in schema else schema.get("enum", [])
    if allowed:
        return _choice(allowed, prompt)
    variants: list[Json] = schema.get("anyOf") or schema.get("oneOf") or schema.get("allOf") or []
    if variants:
        chosen = next((v for v in variants if v.get("type") != "null"), variants[0])
        return None if depth > MAX_DEPTH else _value(name, chosen, root, prompt, depth + 1)
    named: Any = schema.get("type", "object" if "properties" in schema else "string")
    kind = str(named if isinstance(named, str) else next((k for k in named if k != "null"), "null"))
    if kind == "object":
        parts: Json = schema.get("properties", {})
        return {n: _value(n, part, root, prompt, depth + 1) for n, part in parts.items()}
    if kind == "array":
        return _array(name, schema, root, prompt, depth) if depth <= MAX_DEPTH else []
    return _scalar(kind, name, schema, prompt)


def _scalar(kind: str, name: str, schema: Json, prompt: str) -> Any:
    if kind in {"number", "integer"}:
        return _number(schema | {"type": kind})
    if kind == "string":
        return _text(name, prompt)[: int(schema.get("maxLength", 400))]
    return False if kind == "boolean" else None


def filled(schema: Json, prompt: str) -> Any:
    """An instance of `schema` made of what the prompt names; deterministic."""
    return _value("", schema, schema, prompt, 0)
