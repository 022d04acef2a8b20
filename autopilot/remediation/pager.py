"""Paging somebody as a step. The pager knows the key: nobody is called twice."""

from collections.abc import Mapping
from typing import ClassVar

from pydantic import Field
from typing_extensions import override

from autopilot.channels.base import Pager
from autopilot.incident.alert import Severity
from autopilot.incident.plan import DryRun, ExpectedEffect, Step, TargetState
from autopilot.incident.ports import Question
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Tool, argument_problem
from autopilot.remediation.parts import Parts
from autopilot.remediation.people import PeopleTool, incident_of, speaks_for_service

PREFIX = "pager"


class Call(Arguments):
    """Who is called, about what."""

    to: str = Field(min_length=1, max_length=200)
    text: str = Field(min_length=1, max_length=1_000)
    severity: Severity = "critical"


class PagePerson(PeopleTool):
    """Pages whoever is on duty for a service."""

    name: str = "page.person"
    system: str = "pager"
    reversible: bool = False
    permissions: tuple[str, ...] = ("pagerduty: Events API v2 routing key",)
    takes: ClassVar[type[Arguments]] = Call
    words: ClassVar[Mapping[str, str]] = {"to": "on-call of {}", "text": "{} needs somebody who knows it"}

    def __init__(self, pager: Pager) -> None:
        """The configured pager."""
        self._pager = pager

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """One per service."""
        if not speaks_for_service(item, context):
            return ()
        step = self._step(
            item,
            f"Page the person on call for {item.service}",
            {name: text.format(item.service) for name, text in self.words.items()},
            dict.fromkeys(self.words, f"service {item.service}"),
            target=f"{PREFIX}:{self._pager.name}:{item.service}",
        )
        effect = ExpectedEffect(description="somebody who knows the service looks", within=900.0)
        return self._ask(item, context, step, effect, "somebody who knows it")

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        if not step.target.startswith(f"{PREFIX}:{self._pager.name}:"):
            return f"{step.target!r} is not the configured pager {self._pager.name!r}"
        return argument_problem(Call, step)

    def command(self, step: Step) -> str:
        """Words for a person."""
        return f"In {self._pager.name}: page {step.arguments.get('to')}"

    @override
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """A page can always be tried."""
        return self._dry(f"page to {step.arguments.get('to')}", "somebody's attention", "cannot be undone")

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


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (PagePerson(parts.pager),) if parts.pager else ()
