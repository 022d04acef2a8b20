"""A person's decision: the wire form, its judgement, and the answer that always goes back."""

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
    "already_healthy",
    "rounds_used_up",
    "malformed",
    "expired",
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
    channel: Name = ""
    comment: Block = ""
    plan_revision: int = 0
    at: Time


class DecisionRequest(Model):
    """What is being asked of people, until when, and of whom."""

    plan_revision: int
    plan_digest: str
    asked_at: Time
    expires_at: Time
    approvers: tuple[Name, ...] = Field(default=())
    """Actors who may approve; empty means anybody whose identity is proven."""
    accept_unproven: bool = False


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
