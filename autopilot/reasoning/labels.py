"""How readers are told who thought: a model, code because there is no model, or code because one failed."""

from autopilot.incident.base import clean

BUILT_IN = "built-in analyst"
"""The analyst that is always there."""


def no_model(name: str) -> str:
    """Work of code where nobody configured a model."""
    return f"{name} (no model configured)"


def unavailable(name: str, why: str) -> str:
    """Work of code that a model was meant to do."""
    return f"{name} (model unavailable: {clean(why, 200)})"


def left_early(model: str, turn: int, why: str) -> str:
    """Work that a model began; code went on with what it had said."""
    return f"{clean(model, 120)} (unavailable in turn {turn}: {clean(why, 200)})"
