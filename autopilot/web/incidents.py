"""The gateway's port to the running incidents; `starter.py` implements it on Temporal."""

from typing import Protocol

from autopilot.incident.alert import Alert
from autopilot.incident.base import Line, Model, Name, Time
from autopilot.incident.decision import DecisionSignal, PersonNote
from autopilot.incident.state import IncidentState


class Started(Model):
    """An alert was durably accepted."""

    group: str
    """The workflow id."""
    incident_id: str
    run_id: str


class IncidentRow(Model):
    """One incident in a list."""

    group: str
    run_id: str
    title: Line = ""
    service: Name = ""
    services: tuple[Name, ...] = ()
    environment: Name = ""
    severity: str = ""
    state: str = ""
    outcome: str = ""
    approval: str = ""
    running: bool
    started_at: Time
    closed_at: Time | None = None


class Incidents(Protocol):
    """Start, signal, list and show incidents. Every method raises Failure when Temporal cannot be reached."""

    async def start(self, alert: Alert) -> Started:
        """Durably accept an alert: the group's running incident takes it, or a new one starts."""
        ...

    async def decide(self, group: str, signal: DecisionSignal) -> None:
        """Store a decision; it is judged by the incident."""
        ...

    async def claim(self, group: str, note: PersonNote) -> None:
        """Somebody has it."""
        ...

    async def handled(self, group: str, note: PersonNote) -> None:
        """Somebody fixed it by hand."""
        ...

    async def snooze(self, group: str, note: PersonNote) -> None:
        """Move the ladder."""
        ...

    async def abort(self, group: str, note: PersonNote) -> None:
        """Stop the incident."""
        ...

    async def list(self, limit: int = 100) -> tuple[IncidentRow, ...]:
        """The newest incidents first."""
        ...

    async def show(self, incident: str) -> IncidentState | None:
        """The state of an incident by group (its newest run) or incident id; None when there is none."""
        ...
