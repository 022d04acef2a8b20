"""Playbook, on-call and people, as the incident sees them: a snapshot taken when it opens."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, PositiveFloat

from autopilot.incident.base import Line, Model, Name
from autopilot.incident.investigation import Limits
from autopilot.incident.plan import RISKS, Option, Risk

Mode = Literal["observe", "advise", "autonomous"]


class Ladder(Model):
    """What happens while nobody decides. Seconds since the question was asked, ascending."""

    remind: PositiveFloat = 300.0
    page_secondary: PositiveFloat = 600.0
    hand_over: PositiveFloat = 1_800.0
    busy: PositiveFloat = 600.0
    """How long a decided option waits for a target that another incident is changing."""


class Windows(Model):
    """How far to look, in seconds before the alert."""

    baseline: PositiveFloat = 10_800.0
    incident: PositiveFloat = 1_800.0


class VerificationRules(Model):
    """See `VerificationPlan`; seconds."""

    interval: PositiveFloat = 30.0
    window: PositiveFloat = 60.0
    stabilisation: PositiveFloat = 180.0
    deadline: PositiveFloat = 600.0
    settle: float = Field(default=60.0, ge=0)
    manual_watch: PositiveFloat = 3_600.0
    """How long a handed-over incident is watched for recovery."""


class Grant(Model):
    """What autonomous mode may run unasked."""

    tool: Name
    services: tuple[Name, ...] = ()
    """Empty: any service."""
    max_risk: Risk = "low"


class ApprovalRule(Model):
    """What approvals some options need beyond the playbook's `approvers`."""

    tools: tuple[Name, ...] = ()
    """Patterns such as `rds.*`; empty: any tool."""
    services: tuple[Name, ...] = ()
    """Empty: any service."""
    min_risk: Risk = "low"
    """Options of this risk and above."""
    approvers: tuple[Name, ...] = ()
    """Instead of the playbook's; empty: the same."""
    people: int = Field(default=1, ge=1, le=5)
    """How many different ones have to approve."""


class RateLimit(Model):
    """How often something may be changed."""

    tool: Name = "*"
    """A pattern such as `ecs.*`."""
    services: tuple[Name, ...] = ()
    """Counted for each service by itself; empty: for every service."""
    times: int = Field(default=3, ge=1)
    seconds: PositiveFloat = 3_600.0


TWO_FOR_HIGH = ApprovalRule(min_risk="high", people=2)
"""What holds where a playbook says nothing else."""


class Playbook(Model):
    """The rules for a kind of incident."""

    name: Name = "default"
    mode: Mode = "advise"
    services: tuple[Name, ...] = ()
    """Which alerts it is for; empty: all."""
    agent_enabled: bool = True
    max_analysis_rounds: int = Field(default=3, ge=1, le=10)
    max_options: int = Field(default=3, ge=1, le=3)
    investigation: Limits = Limits()
    approvers: tuple[Name, ...] = ("on-call",)
    """`on-call`, `primary`, `secondary`, `anyone`, a group or team, or actors such as `slack:U024BE7LH`."""
    approvals: tuple[ApprovalRule, ...] = (TWO_FOR_HIGH,)
    rate_limits: tuple[RateLimit, ...] = ()
    accept_unproven: bool = False
    """Whether decisions without a channel's proof of identity (CLI, raw signals) count."""
    grants: tuple[Grant, ...] = ()
    ladder: Ladder = Ladder()
    windows: Windows = Windows()
    verification: VerificationRules = VerificationRules()
    ticket_priority: Literal["low", "medium", "high", "critical"] = "high"


class Person(Model):
    """Somebody who can be asked or paged; `slack`, `pager`, `git` are that system's ids."""

    name: Name
    slack: str = ""
    pager: str = ""
    git: str = ""
    email: str = ""


class OnCall(Model):
    """Who is on duty for a service now."""

    primary: Person | None = None
    secondary: Person | None = None
    note: Line = ""


class Snapshot(Model):
    """What was in force when the incident opened."""

    playbook: Playbook
    on_call: OnCall = OnCall()
    people: tuple[Person, ...] = Field(default=(), max_length=500)
    """The identity map."""
    groups: dict[Name, tuple[Name, ...]] = {}
    """Group or team → the actors in it, such as `slack:U024BE7LH`."""
    digest: str = ""
    """Over playbook and schedule files: which rules applied can be proven later."""


def granted(playbook: Playbook, option: Option) -> bool:
    """Whether autonomous mode may run this option without asking: every step must be covered.

    A way back to a version that nothing shows to have been healthy is a guess: a person takes it or nobody.
    """

    def covers(grant: Grant, tool: str, service: str) -> bool:
        fits = grant.tool == tool and (not grant.services or service in grant.services)
        return fits and RISKS.index(option.risk) <= RISKS.index(grant.max_risk)

    return (
        playbook.mode == "autonomous"
        and option.feasible
        and not option.unproven
        and bool(option.steps)
        and all(
            any(covers(g, p.step.tool, p.step.service) for g in playbook.grants)
            and p.undo is not None
            and p.dry_run.feasible
            for p in option.steps
        )
    )


def actors(names: Sequence[str], snapshot: Snapshot) -> tuple[str, ...]:
    """The actors that names of roles, groups and people stand for; empty when `anyone` is among them.

    A role that nobody fills and a group that nobody knows stay as they are, and nobody bears that name: an empty
    schedule opens no door.
    """
    if "anyone" in names:
        return ()
    on_call = snapshot.on_call
    roles = {
        "on-call": (on_call.primary, on_call.secondary),
        "primary": (on_call.primary,),
        "secondary": (on_call.secondary,),
    }
    known = {role: tuple(f"slack:{p.slack}" for p in held if p and p.slack) for role, held in roles.items()}
    known |= snapshot.groups
    return tuple(dict.fromkeys(actor for name in names for actor in (known.get(name) or (name,))))
