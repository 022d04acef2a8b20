"""Outside text in Slack: shown as it is, never as a mention, a link or markup of ours."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from autopilot.incident.base import Link

MAX_URL = 850
"""Characters of an address after escaping: three links must fit one section."""
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escaped(text: str, limit: int) -> str:
    """Text with Slack's control characters escaped, at most `limit` characters after escaping; a cut is marked.

    Mentions (`<!channel>`, `<@U…>`) and links need angle brackets, so none can be smuggled in.
    """
    pieces = [_ESCAPES.get(char, char) for char in text[: limit + 1]]
    if sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    kept: list[str] = []
    left = limit - 1
    for piece in pieces:
        if len(piece) > left:
            break
        kept.append(piece)
        left -= len(piece)
    return "".join(kept) + "…"


def link(target: Link) -> str:
    """A link of ours; only its title when the address is not plain http(s)."""
    title = escaped(target.title.replace("|", "/"), 80)
    parts = urlsplit(target.url)
    safe = parts.scheme in ("http", "https") and parts.netloc and not set(target.url) & set("<>|` \n")
    address = escaped(target.url, 5_000)
    return f"<{address}|{title}>" if safe and len(address) <= MAX_URL else title


def chunks(text: str, limit: int, most: int) -> list[str]:
    """Escaped parts of at most `limit` characters, cut between lines where possible, at most `most` of them."""
    parts: list[str] = []
    current = ""
    for line in _pieces(text, limit):
        if current and len(current) + len(line) + 1 > limit:
            parts.append(current)
            current = ""
        current = f"{current}\n{line}" if current else line
    if current:
        parts.append(current)
    if len(parts) > most:
        parts = [*parts[:most], "… (cut; see the report)"]
    return parts


def _pieces(text: str, limit: int) -> Iterable[str]:
    """Escaped lines; one that is too long comes in several pieces."""
    step = limit // 5
    for line in text.splitlines():
        if len(line) <= step:
            yield escaped(line, limit)
            continue
        for start in range(0, len(line), step):
            yield escaped(line[start : start + step], limit)
