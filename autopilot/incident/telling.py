"""What is told to people outside the incident's message: pages and tickets."""

from typing import Literal

from autopilot.incident.base import Line, Model, Name
from autopilot.incident.evidence import Document
from autopilot.incident.related import Related


class Question(Model):
    """A page: who is called, about what, and what is asked of him."""

    key: str
    """Repeating a page with the same key reaches nobody twice."""
    to: Name
    pager: str = ""
    summary: Line
    severity: str = "critical"
    incident_id: str
    link: str = ""


class Ticket(Model):
    """A ticket to create or to bring up to date."""

    key: str
    """Correlation key: the same key never creates a second ticket."""
    incident_id: str
    title: Line
    body: str
    priority: str = "high"
    service: Name = ""
    state: Literal["open", "resolved"] = "open"
    resolution: Literal["", "fixed", "self_healed", "handed_over"] = ""
    """How it ended; ticket systems turn it into their own code."""
    phase: Name = ""
    """What the body tells of, such as "diagnosis": each is noted once. Empty: whatever is new is noted."""
    related: tuple[Related, ...] = ()
    """Records that are linked."""
    report: Document | None = None
    """Attached where the system takes files."""
    dossier: str = ""
    """Address of the dossier that names related records; empty before the analysis."""
