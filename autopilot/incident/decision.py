"""A person's decision: the wire form, its judgement, and the answer that always goes back."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from autopilot.incident.base import Block, Line, Model, Name, Time

Choice = Literal["option", "reanalyse", "manual"]
LARGEST = 10**9
"""No number of an option or revision comes near it."""


def _tamed(limit: int) -> BeforeValidator:
    """Whatever was sent as bounded text: nothing of the wrong type or size may keep a signal from being judged."""

    def tame(value: object) -> str:
        if isinstance(value, str):
            return value[:limit]
        short = isinstance(value, int | float) and abs(value) < LARGEST
        return "" if value is None else str(value) if short else type(value).__name__

    return BeforeValidator(tame)


def _number(value: object) -> int | str | None:
    """A whole number stays one; `true` and `1.0` are none, although they equal one."""
    if value is None or (type(value) is int and abs(value) < LARGEST):
        return value
    return value[:40] if isinstance(value, str) else type(value).__name__


Word = Annotated[str, _tamed(300)]
"""An id, name or time as it was sent; what our own gateway sends is far shorter, so that no seal is cut."""
Words = Annotated[str, _tamed(8_000)]
"""Free text as it was sent."""
Number = Annotated[int | str | None, BeforeValidator(_number)]
"""A whole number, or what was sent in its place."""


class DecisionSignal(BaseModel):
    """What a channel sends. Deliberately permissive: a malformed signal would be dropped unseen by Temporal.

    Validation happens when it is judged, and every refusal is answered.
    """

    model_config = ConfigDict(extra="ignore")

    decision_id: Word = ""
    incident_id: Word = ""
    plan_revision: Number = 0
    plan_digest: Word = ""
    choice: Word = ""
    option: Number = None
    comment: Words = ""
    actor: Word = ""
    """`<channel>:<id>` such as `slack:U024BE7LH` or `local:kim`."""
    actor_name: Word = ""
    channel: Word = ""
    at: Word = ""
    seal: Word = ""
    """The gateway's HMAC over the fields above; without it the actor is unproven."""
    reply_to: Words = ""
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


def first_answer(judgements: Sequence[Judgement], decision_id: str) -> Judgement | None:
    """What a decision was answered first; an answer to its proven sender goes before one to somebody unproven."""
    found = [j for j in judgements if j.decision_id == decision_id]
    return next((j for j in found if j.proven), found[0] if found else None)


def kept(judgements: Sequence[Judgement], limit: int) -> list[Judgement]:
    """At most `limit`: of all but the newest, the oldest unproven ones go first.

    So nobody unproven can push out what others decided and were answered.
    """
    older = judgements[:-1]
    expendable = [j for j in older if not j.proven] + [j for j in older if j.proven]
    gone = {id(j) for j in expendable[: max(len(judgements) - limit, 0)]}
    return [j for j in judgements if id(j) not in gone]


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

    @property
    def of_known_people(self) -> bool:
        """Whether it must be known who approves: who is not known may be the first person, or the author."""
        return self.people > 1 or bool(self.authors)

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

    actor: Word = ""
    actor_name: Word = ""
    comment: Words = ""
    minutes: float | str = 0
    """For snooze: how long."""
    at: datetime | str = ""
    reply_to: Words = ""
