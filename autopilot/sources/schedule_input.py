"""Where the input of a schedule's target names a machine: found by its path, and replaced there. Pure."""

import json
import re
from collections.abc import Iterator
from typing import Any

from autopilot.sources.json_shape import is_list, is_mapping

MAX_DEPTH = 8
MAX_PLACES = 20

_TELLING = re.compile(r"host|endpoint|addr|server|reader|database|db|instance|cluster|source", re.IGNORECASE)
_SECRET = re.compile(r"pass|secret|token|key|credential", re.IGNORECASE)
_PLACE = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}(:\d{1,5})?")
_STEP = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")


def parsed(text: str) -> Any:
    """The input as JSON; None when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def places(text: str) -> dict[str, str]:
    """Dotted path → machine (a name, an address, an address with its port), for fields that are called so.

    Values that are no plain address, such as connection strings with a password, are left alone.
    """
    found: dict[str, str] = {}
    for path, name, value in _texts(parsed(text), "", "", 0):
        if (
            len(found) < MAX_PLACES
            and _TELLING.search(name)
            and not _SECRET.search(name)
            and _PLACE.fullmatch(value)
        ):
            found[path] = value
    return found


def _texts(value: Any, path: str, name: str, depth: int) -> Iterator[tuple[str, str, str]]:
    """(path, what the field is called, text) of all texts; `{"name": …, "value": …}` is called by its name."""
    if depth > MAX_DEPTH:
        return
    if isinstance(value, str):
        if path:
            yield path, name, value
    elif is_mapping(value):
        called = next((str(value[n]) for n in ("name", "Name") if isinstance(value.get(n), str)), "")
        for key, inner in value.items():
            if _STEP.fullmatch(key):
                meant = called if called and key in ("value", "Value") else key
                yield from _texts(inner, f"{path}.{key}".lstrip("."), meant, depth + 1)
    elif is_list(value):
        for index, inner in enumerate(value[:100]):
            yield from _texts(inner, f"{path}.{index}".lstrip("."), name, depth + 1)


def at(document: Any, path: str) -> str | None:
    """The text at a path; None when there is none."""
    for step in path.split("."):
        if is_mapping(document):
            document = document.get(step)
        elif is_list(document) and step.isdigit() and int(step) < len(document):
            document = document[int(step)]
        else:
            return None
    return document if isinstance(document, str) else None


def replaced(document: Any, path: str, value: str) -> Any:
    """The document with another text at a path that has one."""
    step, _, rest = path.partition(".")
    if is_mapping(document):
        return {k: (replaced(v, rest, value) if rest else value) if k == step else v for k, v in document.items()}
    if is_list(document):
        return [
            (replaced(v, rest, value) if rest else value) if str(n) == step else v for n, v in enumerate(document)
        ]
    return document
