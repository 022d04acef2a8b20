"""The YAML shapes of playbooks, schedules and people: what a `spec` may say, and as what the incident sees it."""

import re
from datetime import UTC, date, datetime, time, tzinfo
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PositiveInt, field_validator
from pydantic.alias_generators import to_camel

from autopilot.incident.base import Name
from autopilot.incident.investigation import Limits
from autopilot.incident.plan import Risk
from autopilot.incident.playbook import Grant, Ladder, Mode, Person, Playbook, VerificationRules, Windows
from autopilot.incident.trigger import Trigger

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}


def _seconds(value: object) -> object:
    """`30s`, `1h30m` or a number of seconds; anything else is left for the type to refuse."""
    if not isinstance(value, str):
        return value
    parts = _DURATION.findall(value.strip())
    if not parts or "".join(n + u for n, u in parts) != value.strip():
        raise ValueError(f"{value!r} is not a duration; write it as 30s, 10m, 1h30m or a number of seconds")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


Duration = Annotated[float, BeforeValidator(_seconds), Field(gt=0)]
"""Seconds."""
Delay = Annotated[float, BeforeValidator(_seconds), Field(ge=0)]
"""Seconds, possibly none."""


class Shape(BaseModel):
    """camelCase keys; a key that is not known is an error, never silently ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=False)


class TriggersShape(Shape):
    """Which alerts the playbook is for."""

    services: tuple[Name, ...] = ()


class WindowsShape(Shape):
    """How far to look before the alert."""

    baseline: Duration = Windows().baseline
    incident: Duration = Windows().incident


class BudgetShape(Shape):
    """How far one investigation may go; whichever limit is reached first ends it."""

    rounds: int = Field(default=Limits().rounds, ge=1, le=6)
    probes: int = Field(default=Limits().probes, ge=1, le=20)
    calls: int = Field(default=Limits().calls, ge=1, le=20)
    time: Duration = Limits().seconds
    tokens: int | None = Field(default=None, ge=1)
    usd: float | None = Field(default=None, gt=0)

    def limits(self) -> Limits:
        """As the incident sees it."""
        return Limits(seconds=self.time, **self.model_dump(exclude={"time"}))


class AnalysisShape(Shape):
    """How to find the cause."""

    agent_enabled: bool = True
    max_rounds: int = Field(default=3, ge=1, le=10)
    max_options: int = Field(default=3, ge=1, le=3)
    windows: WindowsShape = WindowsShape()
    budget: BudgetShape = BudgetShape()


class LadderShape(Shape):
    """What happens while nobody decides."""

    remind: Duration = Ladder().remind
    page_secondary: Duration = Ladder().page_secondary
    hand_over: Duration = Ladder().hand_over
    busy: Duration = Ladder().busy


class VerificationShape(Shape):
    """When a service counts as recovered."""

    interval: Duration = VerificationRules().interval
    window: Duration = VerificationRules().window
    stabilisation: Duration = VerificationRules().stabilisation
    deadline: Duration = VerificationRules().deadline
    settle: Delay = VerificationRules().settle
    manual_watch: Duration = VerificationRules().manual_watch


class GrantShape(Shape):
    """What autonomous mode may run unasked."""

    tool: Name
    services: tuple[Name, ...] = ()
    max_risk: Risk = "low"


class TicketShape(Shape):
    """How tickets are made."""

    priority: Literal["low", "medium", "high", "critical"] = "high"


class ActionsShape(Shape):
    """What may be done."""

    grants: tuple[GrantShape, ...] = ()
    create_ticket: TicketShape = TicketShape()


class IncidentResponseSpec(Shape):
    """The rules for a kind of incident."""

    mode: Mode = "advise"
    triggers: TriggersShape = TriggersShape()
    analysis: AnalysisShape = AnalysisShape()
    approvers: tuple[Name, ...] = ("on-call",)
    accept_unproven: bool = False
    ladder: LadderShape = LadderShape()
    verification: VerificationShape = VerificationShape()
    actions: ActionsShape = ActionsShape()

    def playbook(self, name: str) -> Playbook:
        """As the incident sees it."""
        return Playbook(
            name=name,
            mode=self.mode,
            triggers=(Trigger(services=self.triggers.services),) if self.triggers.services else (),
            agent_enabled=self.analysis.agent_enabled,
            max_analysis_rounds=self.analysis.max_rounds,
            max_options=self.analysis.max_options,
            investigation=self.analysis.budget.limits(),
            approvers=self.approvers,
            accept_unproven=self.accept_unproven,
            grants=tuple(Grant(**grant.model_dump()) for grant in self.actions.grants),
            ladder=Ladder(**self.ladder.model_dump()),
            windows=Windows(**self.analysis.windows.model_dump()),
            verification=VerificationRules(**self.verification.model_dump()),
            ticket_priority=self.actions.create_ticket.priority,
        )


class DutyShape(Shape):
    """Who is on duty when. Without `week`, `from` and `to`: always."""

    week: date | None = None
    """The first day of the seven."""
    repeat_weeks: PositiveInt | None = None
    """The week comes back every so many weeks."""
    from_: datetime | None = Field(default=None, alias="from")
    to: datetime | None = None
    primary: Name
    secondary: Name = ""
    services: tuple[Name, ...] = ()
    """Empty: all that no other entry covers."""

    def covers(self, now: datetime, zone: tzinfo) -> bool:
        """Whether the duty includes this moment; dates without a zone are read in `zone`."""
        begin = self.from_.replace(tzinfo=self.from_.tzinfo or zone) if self.from_ else None
        end = self.to.replace(tzinfo=self.to.tzinfo or zone) if self.to else None
        if self.week is not None:
            start = datetime.combine(self.week, time(), zone)
            days = (now.astimezone(zone).date() - start.date()).days
            cycle = 7 * self.repeat_weeks if self.repeat_weeks else None
            if days < 0 or (days % cycle if cycle else days) >= 7:
                return False
        return (begin is None or begin <= now) and (end is None or now < end)


class OnCallSpec(Shape):
    """A schedule; the first entry that covers the moment counts."""

    timezone: str = "UTC"
    entries: tuple[DutyShape, ...] = Field(min_length=1)

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"{name!r} is no time zone; write it as Europe/Berlin or UTC") from error
        return name

    @property
    def zone(self) -> tzinfo:
        """The schedule's zone."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)


class PersonShape(Shape):
    """Somebody and his ids in other systems."""

    name: Name
    slack: str = ""
    pager: str = ""
    git: str = ""
    email: str = ""

    def person(self) -> Person:
        """As the incident sees him."""
        return Person(**self.model_dump())


class PeopleSpec(Shape):
    """The identity map."""

    people: tuple[PersonShape, ...] = Field(min_length=1)


class Metadata(Shape):
    """The document's name."""

    model_config = ConfigDict(extra="ignore")
    name: Name = Field(min_length=1)


SPECS: dict[str, type[Shape]] = {
    "IncidentResponse": IncidentResponseSpec,
    "OnCallSchedule": OnCallSpec,
    "People": PeopleSpec,
}
"""Kind → shape of its `spec`."""
