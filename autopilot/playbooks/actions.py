"""`spec.actions` and `spec.notifications`: what may be done, when, by whom it is approved, and who is told."""

import re
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, JsonValue, WithJsonSchema

from autopilot.incident.base import Name
from autopilot.incident.plan import Risk
from autopilot.incident.playbook import Channel, EscalationStep, Grant, Preference, RateLimit
from autopilot.playbooks.values import (
    Duration,
    Listed,
    Percent,
    Several,
    SeverityWord,
    Shape,
    listed,
    mapping,
    sequence,
)
from autopilot.playbooks.windows import HoursShape

ROLLBACKS = ("*.rollback*", "*.rollout_undo", "*.config_rollback")
"""What `autoRollback` speaks of."""
SCALINGS = ("*.scale", "*.set_capacity", "*.track_target", "*.hpa_bounds", "*.set_concurrency")
"""What `autoScale` speaks of."""
STEP = 600.0
"""Seconds between steps of an escalation path that names no times."""


class ScopeShape(Shape):
    """Where a grant holds."""

    services: Annotated[tuple[Name, ...], Several] = ()
    environments: Annotated[tuple[Name, ...], Several] = ()


class GrantShape(Shape):
    """What autonomous mode may run unasked: tool, scope, highest risk."""

    tool: Name = Field(min_length=1)
    """A tool's name; `*` stands for anything."""
    services: Annotated[tuple[Name, ...], Several] = ()
    """Left out: any."""
    environments: Annotated[tuple[Name, ...], Several] = ()
    """Left out: any."""
    scope: ScopeShape | None = None
    """`services` and `environments`, if you prefer them together."""
    max_risk: Risk = "low"
    earned: Annotated[Percent, Field(lt=100)] | None = None
    """Least lower bound that the track record must reach, such as `60%`; left out: the grant alone suffices."""
    min_outcomes: int = Field(default=0, ge=0)
    """Least number of verified outcomes that the track record must have."""

    def grant(self) -> Grant:
        """As the incident sees it."""
        scope = self.scope or ScopeShape()
        return Grant(
            tool=self.tool,
            services=(*self.services, *scope.services),
            environments=(*self.environments, *scope.environments),
            max_risk=self.max_risk,
            earned=None if self.earned is None else self.earned / 100,
            min_outcomes=self.min_outcomes,
        )


class AutoRollbackShape(Shape):
    """Rolling back: first among the options, and granted in autonomous mode."""

    enabled: bool = False
    threshold: Percent | None = None
    """Unasked only while at least this share of requests is measured to fail."""


class AutoScaleShape(Shape):
    """Scaling a service: first among the options, and granted in autonomous mode."""

    enabled: bool = True
    service: Annotated[tuple[Name, ...], Several] = Field(min_length=1)
    """The service, or several."""
    target_cpu: Percent | None = Field(default=None, alias="targetCPU", gt=0)
    """Percent of CPU to aim at."""


def _ticket_tool(value: object) -> object:
    plain = re.sub(r"[^a-z]", "", value.casefold()) if isinstance(value, str) else ""
    if plain not in ("servicenow", "jira"):
        raise ValueError(f"{value!r} is not a ticket system; use serviceNow or jira")
    return plain


class TicketShape(Shape):
    """How tickets are made."""

    tool: Annotated[
        Literal["", "servicenow", "jira"], BeforeValidator(_ticket_tool), WithJsonSchema({"type": "string"})
    ] = ""
    """`serviceNow` or `jira`; left out: every one that is configured."""
    priority: SeverityWord = "high"
    """Becomes impact and urgency by the published table."""


class RateLimitShape(Shape):
    """How often something may be changed unasked, counted for each service by itself."""

    tool: Name = "*"
    """A pattern such as `ecs.*`."""
    services: Annotated[tuple[Name, ...], Several] = ()
    times: int = Field(default=3, ge=1, le=1_000)
    per: Duration = 3_600.0

    def limit(self) -> RateLimit:
        """As the incident sees it."""
        return RateLimit(tool=self.tool, services=self.services, times=self.times, seconds=self.per)


class ApprovalShape(Shape):
    """What approvals some options need."""

    tools: Annotated[tuple[Name, ...], Several] = ()
    """Patterns such as `rds.*`; left out: any tool."""
    services: Annotated[tuple[Name, ...], Several] = ()
    min_risk: Risk = "low"
    """Options of this risk and above."""
    approvers: Annotated[tuple[Name, ...], Several] = ()
    """Instead of the playbook's."""
    people: int = Field(default=1, ge=1, le=5)
    """How many different ones have to approve."""


class EscalationShape(Shape):
    """Whom to page, and when."""

    to: Name = Field(min_length=1)
    """A role (`primary`, `secondary`), a person, a team or a reference such as `pagerduty:P1234`."""
    after: Duration
    """Since the question was asked."""

    def step(self) -> EscalationStep:
        """As the incident sees it."""
        return EscalationStep(to=self.to, after=self.after)


def _path(value: object) -> object:
    """A list of steps, of names, or either below `path`."""
    keys = mapping(value)
    steps = sequence(listed(keys["path"] if keys and set(keys) == {"path"} else value))
    if steps is None:
        return value
    return [
        {"to": step, "after": STEP * number} if isinstance(step, str) else step
        for number, step in enumerate(steps, start=1)
    ]


_STEPS: dict[str, JsonValue] = {"type": "array", "items": {"type": ["string", "object"]}}
_PATH: dict[str, JsonValue] = {"anyOf": [_STEPS, {"type": "object"}, {"type": "string"}]}


class ActionsShape(Shape):
    """What may be done."""

    auto_rollback: AutoRollbackShape | None = None
    auto_scale: Annotated[tuple[AutoScaleShape, ...], Listed] = ()
    create_ticket: TicketShape = TicketShape()
    grants: tuple[GrantShape, ...] = ()
    """What autonomous mode may run unasked."""
    rate_limits: Annotated[tuple[RateLimitShape, ...], Listed] = ()
    quiet_hours: Annotated[tuple[HoursShape, ...], Listed] = ()
    """When nothing runs unasked."""
    approvals: tuple[ApprovalShape, ...] | None = None
    """Left out: two people for high risk."""
    approvers: Annotated[tuple[Name, ...], Several] = ()
    """As `spec.approvers`."""
    escalation: Annotated[tuple[EscalationShape, ...], BeforeValidator(_path), WithJsonSchema(_PATH)] = ()

    def preferences(self) -> tuple[Preference, ...]:
        """What comes first among the options, in every mode."""
        rollback = (
            (Preference(name="autoRollback", tools=ROLLBACKS),)
            if self.auto_rollback and self.auto_rollback.enabled
            else ()
        )
        scaling = (
            Preference(name="autoScale", tools=SCALINGS, services=one.service, target_cpu=one.target_cpu)
            for one in self.auto_scale
            if one.enabled
        )
        return (*rollback, *scaling)

    def implied_grants(self) -> tuple[Grant, ...]:
        """What `autoRollback` and `autoScale` mean in autonomous mode."""
        rollback = self.auto_rollback
        share = rollback.threshold / 100 if rollback and rollback.threshold is not None else None
        rolling = ROLLBACKS if rollback and rollback.enabled else ()
        scaling = [(tool, one.service) for one in self.auto_scale if one.enabled for tool in SCALINGS]
        return (
            *(Grant(tool=tool, max_risk="medium", min_error_share=share) for tool in rolling),
            *(Grant(tool=tool, services=services) for tool, services in scaling),
        )


_CHANNEL = re.compile(r"(?P<kind>slack|pagerduty|mail|email)(?::\s*(?P<to>\S.*))?", re.IGNORECASE)
_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class ChannelShape(Shape):
    """`slack:#incidents`, `pagerduty:checkout`, `pagerduty:severity-critical`, `mail:team@example.com`."""

    kind: Literal["slack", "pagerduty", "mail"]
    to: Name = ""
    severity: SeverityWord = "low"

    def channel(self) -> Channel:
        """As the incident sees it."""
        return Channel(kind=self.kind, to=self.to, severity=self.severity)


def _channel(value: object) -> object:
    pairs = list((mapping(value) or {}).items())
    value = f"{pairs[0][0]}:{pairs[0][1]}" if len(pairs) == 1 else value
    found = _CHANNEL.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is not a channel; write slack:#name, pagerduty:service or mail:address")
    kind, to = found["kind"].lower(), (found["to"] or "").strip()
    kind = "mail" if kind == "email" else kind
    if to.casefold().startswith("severity-"):
        return {"kind": kind, "severity": to}
    if kind == "mail" and not _ADDRESS.fullmatch(to):
        raise ValueError(f"{to!r} is not a mail address; write mail:team@example.com")
    return {"kind": kind, "to": to}


class NotificationsShape(Shape):
    """Who is told."""

    channels: Annotated[
        tuple[
            Annotated[
                ChannelShape,
                BeforeValidator(_channel),
                WithJsonSchema({"type": "string", "pattern": r"^(slack|pagerduty|e?mail)(:.+)?$"}),
            ],
            ...,
        ],
        Several,
    ] = ()
    """`slack:#name`, `pagerduty:service`, `pagerduty:severity-critical`, `mail:address`."""
