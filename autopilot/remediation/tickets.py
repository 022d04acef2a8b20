"""Tickets as steps: ask the owning team where no other tool helps. The key keeps a ticket from being made twice."""

from typing import ClassVar, Literal

from pydantic import Field

from autopilot.channels.base import TicketSystem
from autopilot.incident.alert import Severity
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, ExpectedEffect, Risk, Step, TargetState
from autopilot.incident.ports import Ticket
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

FOR_PEOPLE: frozenset[CauseKind] = frozenset({"unknown", "data", "certificate", "permission", "quota"})
"""Causes that no other tool helps against: somebody who owns the service has to act."""
WRITES = {
    "servicenow": ("table:incident.read", "table:incident.create", "table:incident.write"),
    "jira": ("read:jira-work", "write:jira-work"),
}
PREFIX = "ticket"


def first_of_service(item: InventoryItem, context: Context) -> bool:
    """Whether this is the item that speaks for its service: people are asked once, not per resource."""
    first = next((i for i in context.inventory if i.service == item.service), None)
    return first is not None and first.resource == item.resource


def incident_of(key: str) -> str:
    """The incident id that an idempotency key begins with."""
    return key.partition("/")[0]


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


class _TicketTool:
    """What the ticket tools share: the systems, and targets such as `ticket:jira:checkout`."""

    name: str
    system: str = "tickets"
    tier: Literal["A", "B"] = "A"
    risk: Risk = "low"
    repeat_guard: RepeatGuard = "token"
    takes: ClassVar[type[Arguments]]

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

    def inspect(self, step: Step) -> TargetState:
        """Nothing a step depends on: the receiver compares the key."""
        return TargetState(target=step.target, observed_at=now())

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - every tool's signature
        """The watched systems stay as they are."""
        return before

    def _of(self, step: Step) -> TicketSystem:
        return self._systems[step.target.split(":")[1]]

    def _dry(self, change: str) -> DryRun:
        return DryRun(feasible=True, changes=(change,), reach="people only; no system is changed", cost="none")


class CreateTicket(_TicketTool):
    """Opens a ticket for the team that owns a service."""

    name: str = "ticket.create"
    reversible: bool = True
    takes: ClassVar[type[Arguments]] = NewTicket

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """One per service, in the preferred system."""
        if not self._systems or not item.service or not first_of_service(item, context):
            return ()
        system = next(iter(self._systems))
        step = Step(
            tool=self.name,
            target=f"{PREFIX}:{system}:{item.service}",
            service=item.service,
            region=item.region,
            arguments={"title": f"{item.service} needs its owners", "priority": "high"},
            sources={"title": f"inventory {item.name}: service", "priority": "the tool's default"},
            summary=f"Open a ticket for the owners of {item.service}",
        )
        return (
            Candidate(
                step=step.model_copy(update={"command": self.command(step)}),
                addresses=FOR_PEOPLE,
                risk=self.risk,
                reversibility="reversible",
                expected=ExpectedEffect(description="the owners know and act", within=3_600.0),
                why=f"no tool changes what {item.service} suffers from; its owners can",
                finding_ids=evidence(item, context, FOR_PEOPLE),
                fit=0.1,
            ),
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:  # noqa: ARG002 - every tool's signature
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

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - every tool's signature
        """Resolve the ticket: it cannot be unmade."""
        arguments = {
            "of": "step",
            "title": str(step.arguments.get("title")),
            "text": "The step that opened this ticket was undone.",
            "state": "resolved",
        }
        back = step.model_copy(
            update={
                "tool": UpdateTicket.name,
                "arguments": arguments,
                "sources": dict.fromkeys(arguments, "the step that is undone"),
                "summary": f"Resolve the ticket {step.arguments.get('title')!r}",
            }
        )
        return back.model_copy(update={"command": self.command(back)})


class UpdateTicket(_TicketTool):
    """Brings a ticket up to date. Not offered by itself: the incident keeps its own ticket current."""

    name: str = "ticket.update"
    reversible: bool = False
    takes: ClassVar[type[Arguments]] = TicketUpdate

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:  # noqa: ARG002 - as above
        """None."""
        return ()

    def dry_run(self, step: Step, before: TargetState) -> DryRun:  # noqa: ARG002 - every tool's signature
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

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - every tool's signature
        """None: what was said stays said."""
        return None
