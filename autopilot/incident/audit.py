"""What was asked, decided and done, by whom and why: entries that are only ever added."""

from collections.abc import Iterable, Sequence
from typing import Literal, Protocol

from autopilot.incident.base import Line, Model, Name, Time, clean

Kind = Literal["query", "model", "decision", "action", "refusal"]
"""`refusal`: something the gateway turned away before it reached an incident."""


class Entry(Model):
    """One thing that happened."""

    key: str
    """What is recorded again under the same key (an activity's second attempt) stands once."""
    at: Time
    kind: Kind
    actor: Name
    """Who: `slack:U1`, `policy:default`, `source:cloudwatch`, a model's name."""
    what: str
    """The query, the choice, the step, the route; bounded by its own model."""
    outcome: Name
    """Such as `rows 12`, `accepted`, `stale_plan`, `done`, `401`."""
    reason: Line = ""
    incident_id: str = ""
    service: Name = ""
    tool: Name = ""
    target: Name = ""


class AuditLog(Protocol):
    """Where entries go."""

    def append(self, entries: Sequence[Entry]) -> None:
        """Add entries. Raises Failure when they cannot be kept."""
        ...

    def outcomes(self, prefix: str, /) -> tuple[str, ...]:
        """The outcomes of the entries whose keys begin so, oldest first. Raises Failure."""
        ...

    def changed(self, since: Time, /) -> tuple[Entry, ...]:
        """The last entry of each step since a time that changed something, or may have. Raises Failure."""
        ...


class NoAudit:
    """Keeps nothing: for work outside incidents, such as replaying a stored case."""

    def append(self, entries: Sequence[Entry]) -> None:
        """See `AuditLog`."""

    def outcomes(self, _prefix: str, /) -> tuple[str, ...]:
        """See `AuditLog`."""
        return ()

    def changed(self, _since: Time, /) -> tuple[Entry, ...]:
        """See `AuditLog`."""
        return ()


def unproven(actor: str) -> str:
    """How a name appears that nobody vouches for: however long it is, that stands behind it."""
    return f"{clean(actor, 150)} (unproven)"


def decision_key(incident_id: str, decision_id: str, *, proven: bool) -> str:
    """The beginning of the keys of all answers to one decision; somebody unproven may send under any id."""
    # Ids of our own have no slashes: one that has some must not pass for the beginning of another key.
    incident, decision = (one.replace("/", "|") for one in (incident_id, decision_id))
    return f"decision/{incident}/{'proven' if proven else 'unproven'}/{decision}/"


def action_key(idempotency_key: str) -> str:
    """The beginning of the keys of all entries about one step."""
    return f"action/{idempotency_key}/"


def steps_that_changed(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Of entries about actions, in their order: the last one of each step that changed something, or may have.

    A step that began and has told no end may be changing something now, or its worker died over it; one whose
    answer was lost may have changed something, too.
    """
    steps: dict[str, list[Entry]] = {}
    for entry in entries:
        step, *_ = entry.key.rsplit("/", 3)
        steps.setdefault(step, []).append(entry)
    told = ((found, [entry.outcome for entry in found]) for found in steps.values())
    return tuple(
        found[-1]
        for found, outcomes in told
        if {"done", "unknown"} & set(outcomes) or 2 * outcomes.count("begins") > len(outcomes)
    )
