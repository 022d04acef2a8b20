"""The fence around collected text: what stands inside it is data, and nothing inside can end it."""

import re

from autopilot.incident.base import clean

OPEN, CLOSE = "<observed-data>", "</observed-data>"
CELL = 260
"""Characters of one cell; a longer text is cut and marked."""

_LOOK_ALIKES = str.maketrans(
    dict.fromkeys(
        "<\uff1c\ufe64\u2039\u00ab\u3008\u27e8\u2329\u300a\u276e\u2770\u29fc\u02c2\u227a\u22d6\u1438", "("
    )
    | dict.fromkeys(
        ">\uff1e\ufe65\u203a\u00bb\u3009\u27e9\u232a\u300b\u276f\u2771\u29fd\u02c3\u227b\u22d7\u1433", ")"
    )
    | dict.fromkeys(
        "|\uff5c\ufe31\ufe32\u00a6\u2223\u2502\u2503\u2506\u2507\u2758\u2759\u01c0\u2016\u2225\u01c1\u23ae\uffe8",
        "/",
    )
    | dict.fromkeys("\uff03\ufe5f", "#")
)
"""What a reader or a model could take for a bracket of the fence or for the edge of a cell."""


def cell(value: object, limit: int = CELL) -> str:
    """A value on one line that cannot leave its cell, look like a heading or close the fence."""
    text = clean(value, limit * 4).translate(_LOOK_ALIKES)
    text = re.sub("#{2,}", "#", text).lstrip("#` ")
    return text if len(text) <= limit else _cut(text, limit)


def _cut(text: str, limit: int) -> str:
    """Cut before the word that does not fit: half a key could no longer be told from a word, and be masked."""
    head = text[: limit - 1]
    return (re.sub(r"[!-~]+$", "", head) if text[limit - 1] != " " else head).rstrip() + "…"
