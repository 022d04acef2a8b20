"""Single values of what kubectl prints: texts, lists, labels, quantities and times; `<none>` is nothing."""

import re
from typing import Any

from benchmarks.kubectl_text import is_list, is_mapping

NOTHING = frozenset({"", "<none>", "<unset>", "<nil>", "<unknown>", "<pending>"})
"""How kubectl says that there is none."""


def said(value: Any) -> str:
    """A described value as one text, "" when there is none."""
    text = value.strip() if isinstance(value, str) else " ".join(lines_of(value))
    return "" if text in NOTHING else text


def lines_of(value: Any) -> list[str]:
    """A described value as its lines, without those that say that there is none."""
    if is_list(value):
        return [text for item in value if (text := said(item))]
    if is_mapping(value):
        inner = [value["value"]] if "value" in value else []
        inner += [f"{key}: {said(below)}" for key, below in value.items() if key not in ("value", "lines")]
        return [text for item in (*inner, *value.get("lines", ())) if (text := said(item))]
    return [value.strip()] if isinstance(value, str) and value.strip() not in NOTHING else []


def pairs_of(value: Any, between: str = "=") -> dict[str, str]:
    """Labels (`key=value`, one a line or with commas) or, with `: ` between, annotations."""
    texts = lines_of(value)
    if between == "=":
        texts = [part for text in texts for part in text.split(",")]
    cut = (text.partition(between.strip()) for text in texts if between.strip() in text)
    return {key.strip(): rest.strip() for key, _, rest in cut}


def rows_of(value: Any) -> list[dict[str, str]]:
    """A described table as its rows."""
    return [row for row in value if is_mapping(row)] if is_list(value) else []


def number(text: object) -> int | None:
    """A whole number at the front of a text, None when there is none."""
    match = re.match(r"\s*(\d+)", str(text))
    return int(match.group(1)) if match else None


def repeats(age: str) -> int:
    """How often an event was seen: 4 in `65s (x4 over 108s)`."""
    match = re.search(r"\(x(\d+) over", age)
    return int(match.group(1)) if match else 1


_STAMPED = re.compile(r"\w{3}, (\d\d) (\w{3}) (\d{4}) (\d\d:\d\d:\d\d)")
_MONTHS = "JanFebMarAprMayJunJulAugSepOctNovDec"


def stamp_of(text: str) -> str:
    """`Mon, 16 Mar 2026 23:13:57 +0800` as the cluster's wall time in RFC 3339, "" when it is no time."""
    match = _STAMPED.match(text)
    if match is None or match.group(2) not in _MONTHS:
        return ""
    month = _MONTHS.index(match.group(2)) // 3 + 1
    return f"{match.group(3)}-{month:02d}-{match.group(1)}T{match.group(4)}Z"
