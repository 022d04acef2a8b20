"""Patterns of what stands out in a sentence: citations, times, dates, names, quotations. Pure."""

import re

CITED = re.compile(r"\bF\d+\b")
CLOCK = re.compile(
    r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d+)?)?(?![\d:])(?:\s*([ap])\.?m\b\.?)?", re.IGNORECASE
)
DATE = re.compile(r"\b(\d{4})-(\d{2})-(\d{2})\b(?:t(?=\d))?", re.IGNORECASE)
QUOTED = re.compile(r"`([^`]{1,400})`|\"([^\"]{1,400})\"|(?<!\w)'([^']{2,400})'(?!\w)")
_CAMEL = r"[A-Z]+[a-z0-9]+(?:[A-Z]+[a-z0-9]*)+|[a-z0-9]+(?:[A-Z]+[a-z0-9]*)+|[A-Z]{2,}[a-z0-9]+"
_UNITS = r"(?:ms|us|ns|msec|secs?|s|mins?|m|hr?s?|h|d|[kmgt]i?b|b|x|k)\b"
NAME = re.compile(
    rf"#\w[\w-]*|[@:]\w[\w.:-]*|\d+(?:\.\d+){{2,}}[\w.-]*"
    rf"|\d[\d.]*-?(?!{_UNITS}|-?(?:fold|second|minute|hour|day)s?\b)[A-Za-z_][\w-]*(?<!-)"
    rf"|[A-Za-z0-9]*[A-Za-z][A-Za-z0-9]*(?:[-_./:@#\\]+[A-Za-z0-9]+)+|[A-Za-z]+\d[A-Za-z0-9]*|{_CAMEL}|\b[A-Z]{{2,}}s?\b"
)
"""Versions, ids, hosts, paths, `CamelCase`, `snake_case`, words with digits and words in capitals."""
CAMEL_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def names(text: str, name: str) -> bool:
    """Whether a text has a name as a whole: `v2.4` does not occur in `v2.4.1`, nor `orders` in `orders-db`."""
    return bool(re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w]|-\w|[.]\d)", text.lower()))


def without_marks(text: str) -> str:
    """A text in which only plain words and quantities are left."""
    for pattern in (DATE, CLOCK, NAME):
        text = pattern.sub(" ", text)
    return text
