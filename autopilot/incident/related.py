"""Which records of the organisation belong to an incident: those that its dossier names."""

import re
from typing import Literal

from autopilot.incident.base import Line, Model, Name
from autopilot.incident.finding import Dossier

RelatedKind = Literal["incident", "problem", "change", "ticket"]

MAX_RELATED = 8
_RECORD = re.compile(r"\b(?P<system>servicenow|jira):(?P<number>[A-Z][A-Z0-9]{1,9}-?\d{1,12})\b")
_TABLES: dict[str, RelatedKind] = {"INC": "incident", "PRB": "problem", "CHG": "change"}


class Related(Model):
    """A record in a ticket system."""

    system: Name
    number: Name
    """As people write it: INC0010042, SHOP-240."""
    kind: RelatedKind
    why: Line = ""


def related_records(dossier: Dossier) -> tuple[Related, ...]:
    """Records that findings about the past name, and changes that are suspected, at most `MAX_RELATED`."""
    told = [
        *((s.change_id, f"suspected: {s.reason}") for s in dossier.suspects),
        *((f.summary, f"like this one ({f.id})") for f in dossier.findings if f.kind in ("recurrence", "record")),
    ]
    found: dict[tuple[str, str], Related] = {}
    for text, why in told:
        for record in _RECORD.finditer(text):
            number = record["number"]
            kind = "ticket" if record["system"] == "jira" else _TABLES.get(number[:3])
            if kind is not None:
                one = Related(system=record["system"], number=number, kind=kind, why=why)
                found.setdefault((one.system, one.number), one)
    return tuple(found.values())[:MAX_RELATED]
