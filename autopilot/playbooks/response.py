"""`kind: IncidentResponse`: what its `spec` may say, and the playbook that the incident sees."""

from typing import Annotated

from pydantic import ConfigDict, Field, JsonValue, field_validator, model_validator

from autopilot.incident.alert import Severity
from autopilot.incident.base import Name
from autopilot.incident.investigation import Limits
from autopilot.incident.playbook import (
    TWO_FOR_HIGH,
    ApprovalRule,
    Grant,
    Ladder,
    Mode,
    Playbook,
    VerificationRules,
    Windows,
)
from autopilot.incident.sources import EVIDENCE
from autopilot.incident.trigger import Trigger
from autopilot.playbooks.actions import ActionsShape, NotificationsShape
from autopilot.playbooks.data_sources import meant, resembles
from autopilot.playbooks.severity import SeverityShape
from autopilot.playbooks.values import Delay, Duration, Listed, Reads, Several, SeverityWord, Shape, mapping, merged
from autopilot.playbooks.windows import WindowShape


class AlarmShape(Shape):
    """A CloudWatch alarm."""

    name: Annotated[tuple[Name, ...], Several] = Field(min_length=1)
    """Its name, or several; `*` stands for anything."""


def _with_slo(schema: dict[str, JsonValue]) -> None:
    properties = schema["properties"]
    if isinstance(properties, dict):
        properties["SLO"] = properties["slo"]


class TriggerShape(Shape):
    """Which alerts the playbook is for: every condition that is given must hold. Each may be one text or a list."""

    cloud_watch_alarm: AlarmShape | None = None
    """The CloudWatch alarm that fired; a name of the form `severity-critical` stands for that severity as well."""
    source: Annotated[tuple[Name, ...], Several] = ()
    """Where alerts come from, such as `cloudwatch` or `slack`."""
    service: Annotated[tuple[Name, ...], Several] = ()
    """Services; `*` stands for anything."""
    services: Annotated[tuple[Name, ...], Several] = ()
    """As `service`."""
    environment: Annotated[tuple[Name, ...], Several] = ()
    """Environments."""
    severity: Annotated[tuple[SeverityWord, ...], Several] = ()
    """Severities of the alert."""
    slo: Annotated[tuple[Name, ...], Several] = ()
    """Service level objectives, by the alert's label `slo`."""
    labels: dict[Name, Name] = Field(default={}, max_length=20)
    """Labels of the alert and what they must be."""

    model_config = ConfigDict(json_schema_extra=_with_slo)

    @model_validator(mode="before")
    @classmethod
    def _spelled(cls, value: object) -> object:
        """`SLO` is written in capitals by many."""
        keys = mapping(value)
        return (
            value if keys is None else {("slo" if key == "SLO" else key): content for key, content in keys.items()}
        )

    def trigger(self) -> Trigger:
        """As the incident sees it."""
        alarms = self.cloud_watch_alarm.name if self.cloud_watch_alarm else ()
        return Trigger(
            alarms=alarms,
            alarm_severity=next((s for name in alarms if (s := named_severity(name))), None),
            sources=self.source,
            services=(*self.service, *self.services),
            environments=self.environment,
            severities=self.severity,
            objectives=self.slo,
            labels=self.labels,
        )


_BY_NAME: dict[str, Severity] = {
    "severity-critical": "critical", "severity-high": "high", "severity-medium": "medium", "severity-low": "low",
}  # fmt: skip


def named_severity(alarm: str) -> Severity | None:
    """The severity that an alarm's name consists of; None for an ordinary name."""
    return _BY_NAME.get(alarm.casefold())


class WindowsShape(Shape):
    """How far to look before the alert."""

    baseline: Duration = Windows().baseline
    """The time that counts as usual."""
    incident: Duration = Windows().incident
    """The time in which the cause is looked for."""


class BudgetShape(Shape):
    """How far one investigation may go; whichever limit is reached first ends it."""

    rounds: int = Field(default=Limits().rounds, ge=1, le=6)
    """Turns of the analyst."""
    probes: int = Field(default=Limits().probes, ge=1, le=20)
    """Follow-up queries."""
    calls: int = Field(default=Limits().calls, ge=1, le=20)
    """Model calls of the whole incident."""
    time: Duration = Limits().seconds
    """From the dossier to the diagnosis."""
    tokens: int | None = Field(default=None, ge=1)
    """Of the whole incident."""
    usd: float | None = Field(default=None, gt=0)
    """Of the whole incident."""

    def limits(self) -> Limits:
        """As the incident sees it."""
        return Limits(seconds=self.time, **self.model_dump(exclude={"time"}))


class AnalysisShape(Shape):
    """How to find the cause."""

    agent_enabled: bool = True
    """False: notify, page and make a ticket; nothing is analysed or proposed."""
    data_sources: Annotated[tuple[Name, ...], Several] = ()
    """Which sources of evidence are asked; left out: all that are configured."""
    max_rounds: int = Field(default=3, ge=1, le=10)
    """Rounds of analysis until the incident is handed over."""
    max_options: int = Field(default=3, ge=1, le=3)
    """How many options are offered."""
    windows: WindowsShape = WindowsShape()
    budget: BudgetShape = BudgetShape()
    budgets: BudgetShape | None = None
    """As `budget`."""
    model: Name = ""
    """`none`: without a model; left out: the model of the settings."""

    @field_validator("data_sources")
    @classmethod
    def _spelled(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        """A slip of the pen is an error; systems that are not known here are remarked by `check`."""
        for name in names:
            if meant(name) is None and (alike := resembles(name)):
                raise ValueError(f"{name!r} is no source; did you mean {alike!r}?")
        if names and all(meant(name) is None for name in names):
            raise ValueError(f"none of these is a source here; use some of {', '.join(EVIDENCE)}")
        return names

    @model_validator(mode="after")
    def _once(self) -> "AnalysisShape":
        if self.budgets is not None and "budget" in self.model_fields_set:
            raise ValueError("`budget` and `budgets` say the same; keep one of them")
        return self


class LadderShape(Shape):
    """What happens while nobody decides, counted from the question."""

    remind: Duration = Ladder().remind
    page_secondary: Duration = Ladder().page_secondary
    hand_over: Duration = Ladder().hand_over
    busy: Duration = Ladder().busy
    """How long a decided option waits for a target that another incident is changing."""

    @model_validator(mode="after")
    def _ascends(self) -> "LadderShape":
        if not self.remind <= self.page_secondary <= self.hand_over:
            raise ValueError("the rungs do not ascend; write remind <= pageSecondary <= handOver")
        return self


class VerificationShape(Shape):
    """When a service counts as recovered."""

    interval: Duration = VerificationRules().interval
    """How often the symptom is read."""
    window: Duration = VerificationRules().window
    """Each reading is the mean of so much of the recent past."""
    stabilisation: Duration = VerificationRules().stabilisation
    """How long it must stay healthy."""
    deadline: Duration = VerificationRules().deadline
    """Then the verdict is `still_broken` or `no_data`."""
    settle: Delay = VerificationRules().settle
    """Readings so soon after acting do not count."""
    manual_watch: Duration = VerificationRules().manual_watch
    """How long a handed-over incident is watched."""


class IncidentResponseSpec(Shape):
    """The rules for a kind of incident."""

    mode: Mode = "advise"
    """`observe`: analyse only; `advise`: every change asks; `autonomous`: grants run unasked."""
    triggers: Annotated[tuple[TriggerShape, ...], Listed] = ()
    """Which alerts it is for: any of them."""
    analysis: AnalysisShape = AnalysisShape()
    approvers: Annotated[tuple[Name, ...], Several] = ("on-call",)
    """`on-call`, `primary`, `secondary`, `anyone`, a team, or people such as `slack:U024BE7LH`."""
    accept_unproven: bool = False
    """Whether decisions count that no channel vouches for."""
    ladder: LadderShape = LadderShape()
    verification: VerificationShape = VerificationShape()
    severity: SeverityShape = SeverityShape()
    maintenance: Annotated[tuple[WindowShape, ...], Listed] = ()
    """When alerts of this playbook are expected."""
    actions: Annotated[ActionsShape, Reads(merged, "many")] = ActionsShape()
    notifications: NotificationsShape = NotificationsShape()

    @model_validator(mode="after")
    def _once(self) -> "IncidentResponseSpec":
        if self.actions.approvers and "approvers" in self.model_fields_set:
            raise ValueError("`approvers` stands in `spec` and in `actions`; keep one of them")
        return self

    def playbook(self, name: str) -> Playbook:
        """As the incident sees it."""
        actions, analysis = self.actions, self.analysis
        sources = tuple(dict.fromkeys(s for wanted in analysis.data_sources for s in meant(wanted) or ()))
        return Playbook(
            name=name,
            mode=self.mode,
            triggers=tuple(trigger.trigger() for trigger in self.triggers),
            agent_enabled=analysis.agent_enabled,
            data_sources=sources,
            model=analysis.model,
            max_analysis_rounds=analysis.max_rounds,
            max_options=analysis.max_options,
            investigation=(analysis.budgets or analysis.budget).limits(),
            approvers=actions.approvers or self.approvers,
            approvals=self._approvals(),
            rate_limits=tuple(limit.limit() for limit in actions.rate_limits),
            accept_unproven=self.accept_unproven,
            quiet_hours=tuple(hours.hours() for hours in actions.quiet_hours),
            grants=self._grants(),
            preferences=actions.preferences(),
            escalation=tuple(step.step() for step in actions.escalation),
            channels=tuple(channel.channel() for channel in self.notifications.channels),
            severity=self.severity.rules(),
            maintenance=tuple(window.maintenance(name) for window in self.maintenance),
            ladder=Ladder(**self.ladder.model_dump()),
            windows=Windows(**analysis.windows.model_dump()),
            verification=VerificationRules(**self.verification.model_dump()),
            ticket_priority=actions.create_ticket.priority,
            ticket_tool=actions.create_ticket.tool,
        )

    def _approvals(self) -> tuple[ApprovalRule, ...]:
        """Those written; two people for high risk unless rules are written."""
        written = self.actions.approvals
        return (
            tuple(ApprovalRule(**rule.model_dump()) for rule in written) if written is not None else (TWO_FOR_HIGH,)
        )

    def _grants(self) -> tuple[Grant, ...]:
        return (*(grant.grant() for grant in self.actions.grants), *self.actions.implied_grants())
