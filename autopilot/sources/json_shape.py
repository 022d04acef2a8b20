"""Outside JSON with the shape we hope for, or empty: a document must not break its reader."""

import json
from typing import Any, TypeGuard


def is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether the value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether the value is a list."""
    return isinstance(value, list)


def mapping(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if is_mapping(value) else {}


def items(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if is_list(value) else []


def document(text: str) -> dict[str, Any]:
    """A JSON text as an object; empty when it is not JSON or something else."""
    try:
        return mapping(json.loads(text))
    except (ValueError, RecursionError):
        return {}
