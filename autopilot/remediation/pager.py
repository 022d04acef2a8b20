"""Paging somebody as a step. The pager knows the key: nobody is called twice."""

from typing import Literal

from pydantic import Field

from autopilot.channels.base import Pager
from autopilot.incident.alert import Severity
from autopilot.incident.plan import DryRun, ExpectedEffect, Risk, Step, TargetState
from autopilot.incident.ports import Question
from autopilot.remediation.base import (
    Arguments,
    Candidate,
    Context,
    Effect,
    InventoryItem,
    RepeatGuard,
    argument_problem,
)
from autopilot.remediation.cloud import now
from autopilot.remediation.evidence import evidence
from autopilot.remediation.tickets import FOR_PEOPLE, first_of_service, incident_of

PREFIX = "pager"


class Call(Arguments):
    """Who is called, about what."""

    to: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=1_000)
    severity: Severity = "critical"


class PagePerson:
    """Pages whoever is on duty for a service."""

    name: str = "page.person"
    system: str = "pager"
    tier: Literal["A", "B"] = "A"
    risk: Risk = "low"
    reversible: bool = False
    permissions: tuple[str, ...] = ("pagerduty: Events API v2 routing key",)
    repeat_guard: RepeatGuard = "token"

    def __init__(self, pager: Pager) -> None:
        """The configured pager."""
        self._pager = pager

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """One per service."""
        if not item.service or not first_of_service(item, context):
            return ()
        step = Step(
            tool=self.name,
            target=f"{PREFIX}:{self._pager.name}:{item.service}",
            service=item.service,
            region=item.region,
            arguments={"to": f"on-call of {item.service}", "text": f"{item.service} needs somebody who knows it"},
            sources=dict.fromkeys(("to", "text"), f"inventory {item.name}: service"),
            summary=f"Page the person on call for {item.service}",
        )
        return (
            Candidate(
                step=step.model_copy(update={"command": self.command(step)}),
                addresses=FOR_PEOPLE,
                risk=self.risk,
                reversibility="irreversible",
                expected=ExpectedEffect(description="somebody who knows the service looks", within=900.0),
                why=f"no tool changes what {item.service} suffers from; somebody who knows it can",
                finding_ids=evidence(item, context, FOR_PEOPLE),
                fit=0.1,
            ),
        )

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        if not step.target.startswith(f"{PREFIX}:{self._pager.name}:"):
            return f"{step.target!r} is not the configured pager {self._pager.name!r}"
        return argument_problem(Call, step)

    def command(self, step: Step) -> str:
        """Words for a person."""
        return f"In {self._pager.name}: page {step.arguments.get('to')}"

    def inspect(self, step: Step) -> TargetState:
        """Nothing a page depends on: the pager compares the key."""
        return TargetState(target=step.target, observed_at=now())

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - every tool's signature
        """The watched systems stay as they are."""
        return before

    def dry_run(self, step: Step, before: TargetState) -> DryRun:  # noqa: ARG002 - every tool's signature
        """A page can always be tried."""
        return DryRun(
            feasible=True,
            changes=(f"page to {step.arguments.get('to')}",),
            reach="one person; no system is changed",
            cost="somebody's attention",
            warnings=("cannot be undone",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Page under the step's key."""
        wanted = Call.model_validate(step.arguments)
        question = Question(
            key=key,
            to=wanted.to,
            summary=wanted.text,
            severity=wanted.severity,
            incident_id=incident_of(key),
        )
        return "done", f"paged {wanted.to} ({self._pager.page(question)})"

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - every tool's signature
        """None: a person who was called was called."""
        return None
