"""What the gateway needs from the place where incidents live; `starter.py` implements it on Temporal."""

from typing import Protocol

from autopilot.incident.alert import Alert
from autopilot.incident.base import Line, Model, Name, Time
from autopilot.incident.decision import DecisionSignal, PersonNote
from autopilot.incident.state import IncidentState


class NotRunning(Exception):
    """No incident of this group is open: it was closed, or never existed."""


class Started(Model):
    """Where an alert went."""

    group: str
    incident_id: str = ""
    run_id: str = ""
    """Empty when a resolved alert found no open incident: nothing is started for it."""
    joined: bool | None = None
    """Whether the group's incident was open already; None when the store of record does not say."""


class IncidentRow(Model):
    """An incident in a list, as far as it can be told without its worker."""

    group: str
    run_id: str = ""
    incident_id: str = ""
    title: Line = ""
    service: Name = ""
    environment: Name = ""
    severity: str = ""
    phase: str = ""
    status: str = "running"
    """running, completed, failed, canceled, terminated or timed_out."""
    outcome: str = ""
    opened_at: Time
    closed_at: Time | None = None


class Incidents(Protocol):
    """Starts incidents, carries people's words to them and shows them.

    Every method raises `Failure` when the store of record cannot be reached. A method that returned has stored what
    it was given, whether or not a worker is up.
    """

    async def start(self, alert: Alert) -> Started:
        """Signal-with-start the alert's group. A resolved alert is only noted in an open incident."""
        ...

    async def decide(self, group: str, signal: DecisionSignal) -> None:
        """Append a decision to the incident's inbox. Raises NotRunning."""
        ...

    async def claim(self, group: str, note: PersonNote) -> None:
        """Somebody has it in hand. Raises NotRunning."""
        ...

    async def handled(self, group: str, note: PersonNote) -> None:
        """Somebody fixed it by hand. Raises NotRunning."""
        ...

    async def snooze(self, group: str, note: PersonNote) -> None:
        """Be quiet for a while. Raises NotRunning."""
        ...

    async def abort(self, group: str, note: PersonNote) -> None:
        """Stop the incident. Raises NotRunning."""
        ...

    async def list(self, limit: int) -> tuple[IncidentRow, ...]:
        """The newest incidents, open and closed, newest first; also answers when no worker is up."""
        ...

    async def show(self, incident: str) -> IncidentState | None:
        """The state of an incident by its id, or of a group's newest one by the group; None when unknown."""
        ...
