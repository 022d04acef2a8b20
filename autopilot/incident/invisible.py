"""Characters that nobody sees: dropped from outside text, and told of where they carry a hidden text."""

import re

HIDDEN = "[hidden text removed]"
"""Stands where a run of invisible characters was long enough to carry words."""

INVISIBLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""As a character class: soft hyphens, fillers, zero-width and direction marks, variation selectors, tags."""

_FLAG = re.compile("(\U0001f3f4)[\U000e0020-\U000e007f]{1,8}")
_CARRIES = re.compile(f"[\U000e0000-\U000e0fff]{{4,}}|[{INVISIBLE}]{{12,}}")
_ANY = re.compile(f"[{INVISIBLE}]+")


def without_invisible(text: str) -> str:
    """The text without them. A run that carries words (tags spell them one to one) leaves `HIDDEN` behind."""
    if text.isascii():
        return text
    return _ANY.sub("", _CARRIES.sub(f" {HIDDEN} ", _FLAG.sub(r"\1", text)))
