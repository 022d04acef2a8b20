"""A person's decision: the wire form, its judgement, and the answer that always goes back."""

from collections.abc import Collection
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autopilot.incident.base import Block, Line, Model, Name, Time

Choice = Literal["option", "reanalyse", "manual"]


class DecisionSignal(BaseModel):
    """What a channel sends. Deliberately permissive: a malformed signal would be dropped unseen by Temporal.

    Validation happens when it is judged, and every refusal is answered.
    """

    model_config = ConfigDict(extra="ignore")

    decision_id: str = ""
    incident_id: str = ""
    plan_revision: int | str = 0
    plan_digest: str = ""
    choice: str = ""
    option: int | str | None = None
    comment: str = ""
    actor: str = ""
    """`<channel>:<id>` such as `slack:U024BE7LH` or `local:kim`."""
    actor_name: str = ""
    channel: str = ""
    at: str = ""
    seal: str = ""
    """The gateway's HMAC over the fields above; without it the actor is unproven."""
    reply_to: str = ""
    """Where the channel wants its answer (opaque to everybody else)."""

    @property
    def option_number(self) -> int | None:
        """The option as a number, None when there is none or it is not one."""
        try:
            return int(self.option) if self.option is not None else None
        except (TypeError, ValueError):
            return None


Reason = Literal[
    "accepted",
    "unknown_choice",
    "unknown_option",
    "infeasible_option",
    "stale_plan",
    "wrong_incident",
    "late",
    "duplicate",
    "not_open",
    "not_allowed",
    "unproven",
    "changed_world",
    "frozen",
    "already_healthy",
    "rounds_used_up",
    "malformed",
    "expired",
    "second_needed",
    "counted_before",
]


class Judgement(Model):
    """The stored answer to one decision."""

    decision_id: str
    accepted: bool
    reason: Reason
    message: Line
    """What the sender reads."""
    choice: str = ""
    option: int | None = None
    actor: Name = ""
    actor_name: Name = ""
    proven: bool = False
    counted: bool = False
    """It is one of several approvals that are needed, whether or not it was the last one."""
    channel: Name = ""
    comment: Block = ""
    plan_revision: int = 0
    at: Time


def voice(actor: str, *, proven: bool) -> str:
    """Whose approval it counts as: nobody vouches for names on unproven channels, so all of them are one voice."""
    return actor if proven else "unproven"


class Requirement(Model):
    """Whose approval an option needs."""

    option: int
    approvers: tuple[Name, ...] = ()
    """Actors who may approve; empty means anybody whose identity is proven."""
    people: int = Field(default=1, ge=1, le=5)
    """How many different ones."""
    authors: tuple[Name, ...] = ()
    """Actors who made the suspected change: they alone are not enough."""
    reason: Line = ""
    """Why more than one person is needed."""

    def permits(self, actor: str) -> bool:
        """Whether an actor may approve."""
        return not self.approvers or actor in self.approvers

    def enough(self, actors: Collection[str]) -> bool:
        """Whether the approvals of these actors suffice."""
        distinct = set(actors)
        return len(distinct) >= self.people and not distinct <= set(self.authors)


class DecisionRequest(Model):
    """What is being asked of people, until when, and of whom."""

    plan_revision: int
    plan_digest: str
    asked_at: Time
    expires_at: Time
    approvers: tuple[Name, ...] = Field(default=())
    """Actors who may decide; empty means anybody whose identity is proven."""
    requirements: tuple[Requirement, ...] = ()
    """What options need beyond one of the approvers."""
    accept_unproven: bool = False

    def requirement(self, option: int | None) -> Requirement:
        """Whose approval an option needs."""
        stated = next((r for r in self.requirements if r.option == option), None)
        return stated or Requirement(option=option or 0, approvers=self.approvers)


class PersonNote(BaseModel):
    """A claim, handled, snooze or abort signal. Permissive for the same reason as `DecisionSignal`."""

    model_config = ConfigDict(extra="ignore")

    actor: str = ""
    actor_name: str = ""
    comment: str = ""
    minutes: float | str = 0
    """For snooze: how long."""
    at: datetime | str = ""
    reply_to: str = ""
