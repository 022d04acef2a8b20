"""The ticket of an incident as its state makes it, for every phase."""

from typing import Literal

from autopilot.incident.state import IncidentState
from autopilot.incident.telling import Ticket
from autopilot.incident.view import ticket_text

Resolution = Literal["", "fixed", "self_healed", "handed_over"]


def incident_ticket(state: IncidentState, phase: str = "", *, resolved: bool = False) -> Ticket:
    """What the incident's ticket says now.

    Args:
        state: The incident.
        phase: What is told of, such as `diagnosis` or `decision 2`; each is noted once. Empty: whatever is new.
        resolved: Whether the ticket is closed.
    """
    return Ticket(
        key=f"{state.incident_id}/ticket",
        incident_id=state.incident_id,
        title=f"[{state.severity}] {state.alert.title}",
        body=ticket_text(state),
        priority=state.snapshot.playbook.ticket_priority if state.snapshot else "high",
        service=state.service,
        state="resolved" if resolved else "open",
        resolution=_resolution(state) if resolved else "",
        phase=phase,
        report=state.report,
        dossier=state.dossier.uri if state.dossier else "",
    )


def _resolution(state: IncidentState) -> Resolution:
    """How it ended: what people repaired after the hand-over is their work, not ours."""
    if state.verdict == "self_healed":
        return "self_healed"
    if state.verdict == "fixed":
        return "handed_over" if state.outcome == "handed_over" else "fixed"
    return ""
