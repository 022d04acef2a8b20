"""Playbook, on-call and people, as the incident sees them: a snapshot taken when it opens."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Literal

from pydantic import Field, PositiveFloat

from autopilot.incident.alert import Severity
from autopilot.incident.base import Line, Model, Name
from autopilot.incident.hours import Hours, Maintenance
from autopilot.incident.investigation import Limits
from autopilot.incident.plan import RISKS, Option, Risk
from autopilot.incident.severity import SeverityRules
from autopilot.incident.trigger import Trigger

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
    """A pattern such as `ecs.*`."""
    services: tuple[Name, ...] = ()
    """Empty: any service."""
    environments: tuple[Name, ...] = ()
    """Empty: any; a snapshot holds only the grants of its alert's environment."""
    max_risk: Risk = "low"
    min_error_share: float | None = Field(default=None, ge=0, le=1)
    """Only while at least this share of requests is known to fail."""
    earned: float | None = Field(default=None, ge=0, lt=1)
    """Least lower bound that the tool's track record on the service must reach; None: the grant alone suffices."""
    min_outcomes: int = Field(default=0, ge=0)
    """Least number of verified outcomes that the track record must have."""

    def covers(self, tool: str, service: str, risk: Risk) -> bool:
        """Whether a step of this risk is within its scope."""
        fits = fnmatchcase(tool, self.tool) and (not self.services or service in self.services)
        return fits and RISKS.index(risk) <= RISKS.index(self.max_risk)


class Preference(Model):
    """What the team would do first: such options come first and are pre-selected, in every mode."""

    name: Name
    """As the playbook calls it, such as `autoRollback`."""
    tools: tuple[Name, ...]
    """Patterns."""
    services: tuple[Name, ...] = ()
    """Empty: any service."""
    target_cpu: float | None = None
    """Percent of CPU at which scaling should aim."""


class EscalationStep(Model):
    """Whom to page, and when."""

    to: Name
    """A role, person, team or group."""
    after: PositiveFloat
    """Seconds since the question was asked."""


class Channel(Model):
    """Where to tell."""

    kind: Literal["slack", "pagerduty", "mail"]
    to: Name = ""
    """A channel, a service or an address; empty: as the settings say."""
    severity: Severity = "low"
    """Incidents of this severity and above."""


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
    triggers: tuple[Trigger, ...] = ()
    """Which alerts it is for: any of them; empty: only those that no other playbook is for."""
    agent_enabled: bool = True
    data_sources: tuple[Name, ...] = ()
    """The sources that are asked; empty: all."""
    model: Name = ""
    """`none`: no model is asked; empty: as the settings say."""
    max_analysis_rounds: int = Field(default=3, ge=1, le=10)
    max_options: int = Field(default=3, ge=1, le=3)
    investigation: Limits = Limits()
    approvers: tuple[Name, ...] = ("on-call",)
    """`on-call`, `primary`, `secondary`, `anyone`, a group or team, or actors such as `slack:U024BE7LH`."""
    approvals: tuple[ApprovalRule, ...] = (TWO_FOR_HIGH,)
    rate_limits: tuple[RateLimit, ...] = ()
    accept_unproven: bool = False
    """Whether decisions without a channel's proof of identity (CLI, raw signals) count."""
    quiet_hours: tuple[Hours, ...] = ()
    """When nothing runs unasked."""
    grants: tuple[Grant, ...] = ()
    preferences: tuple[Preference, ...] = ()
    escalation: tuple[EscalationStep, ...] = ()
    channels: tuple[Channel, ...] = ()
    severity: SeverityRules = SeverityRules()
    maintenance: tuple[Maintenance, ...] = ()
    ladder: Ladder = Ladder()
    windows: Windows = Windows()
    verification: VerificationRules = VerificationRules()
    ticket_priority: Literal["low", "medium", "high", "critical"] = "high"
    ticket_tool: Literal["", "servicenow", "jira"] = ""
    """Empty: every ticket system that is configured."""

    @property
    def services(self) -> tuple[str, ...]:
        """The services that its triggers name."""
        return tuple(dict.fromkeys(name for trigger in self.triggers for name in trigger.services))


class Person(Model):
    """Somebody who can be asked or paged; `slack`, `pager`, `git` are that system's ids."""

    name: Name
    slack: str = ""
    pager: str = ""
    git: str = ""
    email: str = ""
    aliases: tuple[Name, ...] = Field(default=(), max_length=20)
    """What he is called besides: further Git authors, addresses and logins."""

    def is_called(self, name: str) -> bool:
        """Whether a name, login or address, or all of it as in `Kim <kim@example.com>`, means this person."""
        said, _, address = name.strip().removesuffix(">").partition("<")
        given = {part.strip().removeprefix("@").casefold() for part in (name, said, address)} - {""}
        return not given.isdisjoint(n.casefold() for n in (self.name, self.git, self.email, *self.aliases) if n)


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
    maintenance: Maintenance | None = None
    """The maintenance window in which the alert fired: nobody is bothered."""
    escalation: tuple[tuple[EscalationStep, Person | None], ...] = ()
    """The playbook's path, with whom each step reached when the incident opened."""
    digest: str = ""
    """Over playbook and schedule files: which rules applied can be proven later."""
    commit: Name = ""
    """Of the Git checkout that the files come from; empty when it is none, or when they differ from it."""


def granting(
    playbook: Playbook, tool: str, service: str, risk: Risk, error_share: float | None = None
) -> tuple[Grant, ...]:
    """The grants that cover a step; `error_share` as for `granted`."""
    measured = -1.0 if error_share is None else error_share
    return tuple(
        grant
        for grant in playbook.grants
        if grant.covers(tool, service, risk)
        and (grant.min_error_share is None or measured >= grant.min_error_share)
    )


def granted(playbook: Playbook, option: Option, error_share: float | None = None) -> bool:
    """Whether autonomous mode may run this option without asking: every step must be covered.

    A way back to a version that nothing shows to have been healthy is a guess: a person takes it or nobody.
    `error_share` is the measured share of failing requests; None, not measured, meets no grant that demands one.
    What else may forbid it at the moment is said by `autonomy.policy_answer`.
    """
    return (
        playbook.mode == "autonomous"
        and option.feasible
        and not option.unproven
        and bool(option.steps)
        and all(
            granting(playbook, p.step.tool, p.step.service, option.risk, error_share)
            and p.undo is not None
            and p.dry_run.feasible
            for p in option.steps
        )
    )


def preferred(playbook: Playbook, option: Option) -> str:
    """By which preference of the playbook an option comes first, such as `autoRollback`; empty: by none."""
    return next(
        (
            one.name
            for one in playbook.preferences
            if option.steps
            and option.feasible
            and all(
                any(fnmatchcase(p.step.tool, tool) for tool in one.tools)
                and (not one.services or p.step.service in one.services)
                for p in option.steps
            )
        ),
        "",
    )


def ranked(playbook: Playbook, options: Sequence[Option]) -> tuple[Option, ...]:
    """The options, those first that the playbook prefers; otherwise in the order given, with their numbers."""
    return tuple(sorted(options, key=lambda option: not preferred(playbook, option)))


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
