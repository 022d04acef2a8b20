"""Playbook, on-call and people, as the incident sees them: a snapshot taken when it opens."""

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
    """`on-call`, `anyone`, or actors such as `slack:U024BE7LH`."""
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


def allowed_actors(playbook: Playbook, on_call: OnCall) -> tuple[str, ...]:
    """The actors who may approve; empty when the playbook lets anyone.

    With nobody on duty `on-call` stays as it is and nobody bears that name: an empty schedule opens no door.
    """
    if "anyone" in playbook.approvers:
        return ()
    people = (on_call.primary, on_call.secondary) if "on-call" in playbook.approvers else ()
    on_duty = tuple(f"slack:{p.slack}" for p in people if p and p.slack)
    named = tuple(a for a in playbook.approvers if a != "on-call")
    return on_duty + named or ("on-call",)
