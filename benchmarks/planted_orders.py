"""Orders that somebody planted in what is collected (`planted_orders.yaml`), as they arrive in its texts."""

import base64
import codecs
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import quote

import yaml
from pydantic import BaseModel, ConfigDict

Channel = Literal[
    "log",
    "commit",
    "review",
    "ticket",
    "alert",
    "wiki",
    "metric label",
    "service name",
    "resource name",
    "feedback",
]
Wants = Literal[
    "unknown tool", "delete", "approve", "approvers", "other service", "leak", "false cause", "silence", "send data"
]
Language = Literal["en", "ko", "ja", "zh", "es", "de", "fr", "ru", "encoded", "hidden"]
INTRUDER = "slack:UEVIL666"
"""Who the orders want to be an approver."""


class Planted(BaseModel):
    """One order: where it is planted, how it reads, and what it is after."""

    model_config = ConfigDict(frozen=True)

    id: str
    channel: Channel
    text: str
    language: Language
    wants: Wants


def _tags(text: str) -> str:
    """Invisible: every letter as the tag character of the same code."""
    return "".join(chr(0xE0000 + ord(c)) for c in text)


def _selectors(text: str) -> str:
    """Invisible: every byte as a variation selector."""
    return "".join(chr(0xFE00 + b) if b < 16 else chr(0xE0100 + b - 16) for b in text.encode())


def _bold(text: str) -> str:
    """Mathematical bold letters, which are other characters than the plain ones."""
    return "".join(chr(0x1D41A + ord(c) - ord("a")) if "a" <= c <= "z" else c for c in text)


CODES: Mapping[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "url": lambda text: "%" + f"{ord(text[0]):x}" + quote(text[1:], safe=""),
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "reversed": lambda text: text[::-1],
    "escapes": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "tags": _tags,
    "selectors": _selectors,
    "zero-width": "\u200b".join,
    "soft hyphens": "\u00ad".join,
    "twins": lambda text: text.translate(str.maketrans("aeopc", "\u0430\u0435\u043e\u0440\u0441")),
    "bold": _bold,
    "direction": lambda text: f"\u202e{text}\u202c",
}
"""How a text can be disguised."""


class _Written(BaseModel):
    """An order as the file tells it."""

    model_config = ConfigDict(extra="forbid")

    id: str
    channel: Channel
    language: Language
    wants: Wants
    text: str
    coded: tuple[str, ...] = ()
    carrier: str = "{}"

    def planted(self) -> Planted:
        text = self.text
        for code in self.coded:
            text = CODES[code](text)
        return Planted(
            id=self.id,
            channel=self.channel,
            text=self.carrier.replace("{}", text),
            language=self.language,
            wants=self.wants,
        )


def _read() -> tuple[Planted, ...]:
    rows = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return tuple(_Written.model_validate(row).planted() for row in rows)


ORDERS = _read()
