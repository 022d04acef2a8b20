"""Orders planted in collected text: found, reported to people, and kept from models."""

import re
from collections.abc import Mapping
from functools import lru_cache

from autopilot.incident.base import clean
from autopilot.incident.diagnosis import PlantedOrder
from autopilot.incident.finding import Dossier

MARK = "[withheld: gives orders]"
MOST = 10
EXCERPT = 160

_OVERRIDE = re.compile(
    r"\b(?:ignore|disregard|forget|override)\b.{0,40}\b(?:instructions?|rules|prompts?|guidelines)\b", re.IGNORECASE
)
_QUOTED = re.compile(r"\".*\"", re.DOTALL)


@lru_cache(4_096)
def order_in(text: str) -> str:
    """What gives a text away as an order to a model; empty for ordinary text."""
    return "asks to set its rules aside" if _OVERRIDE.search(text) else ""


def withheld(text: str) -> str:
    """The text as a prompt may show it: what gives orders is replaced, our own words around a quotation stay."""
    if not order_in(text):
        return text
    shown = _QUOTED.sub(lambda quoted: f'"{MARK}"' if order_in(quoted[0]) else quoted[0], text)
    return MARK if order_in(shown) else shown


def planted(dossier: Dossier, others: Mapping[str, str] | None = None) -> tuple[PlantedOrder, ...]:
    """Every text of the dossier, and of `others` (where it stands → text), that gives orders to a model."""
    texts = [(f"{f.kind} of {f.service} ({f.provenance.source}, {f.id})", f.summary) for f in dossier.findings]
    texts += (others or {}).items()
    return tuple(
        PlantedOrder(where=where, excerpt=clean(text, EXCERPT), why=why)
        for where, text in texts
        if (why := order_in(text))
    )[:MOST]
