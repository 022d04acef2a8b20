"""Text from outside inside a markdown document: shown as it is, never as markup."""

import re

from markupsafe import Markup

_BREAK = re.compile(r"\s*[\r\n]+\s*")
_SPECIAL = re.compile(r"([\\`*_\[\]<>|#~&])")


def escaped(value: object) -> object:
    """Escape markdown's special characters and keep the text on one line; `Markup` passes unchanged."""
    if isinstance(value, Markup) or not isinstance(value, str):
        return value
    return _SPECIAL.sub(r"\\\1", _BREAK.sub(" ", value))
