"""Tickets as steps: ask the owning team where no other tool helps. The key keeps a ticket from being made twice."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from autopilot.channels.base import TicketSystem
from autopilot.incident.alert import Severity
from autopilot.incident.base import Scalar
from autopilot.incident.plan import DryRun, ExpectedEffect, Step, TargetState
from autopilot.incident.ports import Ticket
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Tool, argument_problem
from autopilot.remediation.parts import Parts
from autopilot.remediation.people import PeopleTool, incident_of, speaks_for_service

WRITES = {
    "servicenow": (
        "table:incident.read",
        "table:incident.create",
        "table:incident.write",
        "table:problem.read",
        "table:change_request.read",
        "table:sys_attachment.read",
        "table:sys_attachment.create",
    ),
    "jira": ("read:jira-work", "write:jira-work"),
}
PREFIX = "ticket"


class NewTicket(Arguments):
    """What the ticket says."""

    title: str = Field(min_length=1, max_length=200)
    text: str = Field(default="", max_length=4_000)
    priority: Severity = "high"


class TicketUpdate(Arguments):
    """What is added to the incident's own ticket, or to the one that a step created."""

    of: Literal["incident", "step"] = "incident"
    title: str = Field(min_length=1, max_length=200)
    text: str = Field(default="", max_length=4_000)
    priority: Severity = "high"
    state: Literal["open", "resolved"] = "open"


class _TicketTool(PeopleTool):
    """What the ticket tools share: the systems, and targets such as `ticket:jira:checkout`."""

    system: str = "tickets"

    def __init__(self, systems: tuple[TicketSystem, ...]) -> None:
        """The configured systems that may be written to, the preferred one first."""
        self._systems = {system.name: system for system in systems}

    @property
    def permissions(self) -> tuple[str, ...]:
        """Scopes of the configured systems."""
        return tuple(scope for name in self._systems for scope in WRITES.get(name, (f"{name}: write tickets",)))

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        kind, _, rest = step.target.partition(":")
        system = rest.partition(":")[0]
        if kind != PREFIX or system not in self._systems:
            return f"{step.target!r} is not a configured ticket system ({', '.join(self._systems) or 'none'})"
        return argument_problem(self.takes, step)

    def command(self, step: Step) -> str:
        """Words for a person: tickets are written in the system's own page."""
        return f"In {self._of(step).name}: {step.summary}"

    def _of(self, step: Step) -> TicketSystem:
        return self._systems[step.target.split(":")[1]]


class CreateTicket(_TicketTool):
    """Opens a ticket for the team that owns a service."""

    name: str = "ticket.create"
    reversible: bool = True
    takes: ClassVar[type[Arguments]] = NewTicket
    words: ClassVar[Mapping[str, str]] = {"title": "{} needs its owners"}

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """One per service, in the preferred system."""
        if not self._systems or not speaks_for_service(item, context):
            return ()
        step = self._step(
            item,
            f"Open a ticket for the owners of {item.service}",
            {"title": self.words["title"].format(item.service), "priority": "high"},
            {"title": f"service {item.service}", "priority": self._own("its default")},
            target=f"{PREFIX}:{next(iter(self._systems))}:{item.service}",
        )
        effect = ExpectedEffect(description="the owners know and act", within=3_600.0)
        return self._ask(item, context, step, effect, "its owners")

    @override
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """A ticket can always be tried."""
        return self._dry(f"new ticket in {self._of(step).name}: {step.arguments.get('title')}")

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Create the ticket under the step's key."""
        wanted, system = NewTicket.model_validate(step.arguments), self._of(step)
        if number := system.find(key):
            return "already", f"ticket {number} exists in {system.name}"
        number = system.upsert(
            Ticket(
                key=key,
                incident_id=incident_of(key),
                title=wanted.title,
                body=wanted.text or step.summary,
                priority=wanted.priority,
                service=step.service,
            )
        )
        return "done", f"ticket {number} was created in {system.name}"

    @override
    def undo(self, step: Step, before: TargetState) -> Step | None:
        """Resolve the ticket: it cannot be unmade."""
        arguments: dict[str, Scalar] = {
            "of": "step",
            "title": str(step.arguments.get("title")),
            "text": "The step that opened this ticket was undone.",
            "state": "resolved",
        }
        back = self._back(step, f"Resolve the ticket {step.arguments.get('title')!r}", arguments)
        return back.model_copy(update={"tool": UpdateTicket.name})


class UpdateTicket(_TicketTool):
    """Brings a ticket up to date. Not offered by itself: the incident keeps its own ticket current."""

    name: str = "ticket.update"
    reversible: bool = False
    takes: ClassVar[type[Arguments]] = TicketUpdate

    @override
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """A note can always be tried."""
        return self._dry(f"note in {self._of(step).name}: {step.arguments.get('text')}")

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Say it; what was said last is not said again."""
        wanted, system = TicketUpdate.model_validate(step.arguments), self._of(step)
        ticket_key = f"{incident_of(key)}/ticket" if wanted.of == "incident" else key.removesuffix("/undo") + "/do"
        if wanted.state == "resolved" and not system.find(ticket_key):
            return "already", f"there is no such ticket in {system.name}"
        number = system.upsert(
            Ticket(
                key=ticket_key,
                incident_id=incident_of(key),
                title=wanted.title,
                body=wanted.text or step.summary,
                priority=wanted.priority,
                service=step.service,
                state=wanted.state,
            )
        )
        return "done", f"ticket {number} was updated in {system.name}"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    systems = parts.ticket_systems
    return (CreateTicket(systems), UpdateTicket(systems)) if systems else ()
