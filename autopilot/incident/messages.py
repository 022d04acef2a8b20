"""What goes into an incident workflow and what comes out."""

from pydantic import BaseModel, ConfigDict

from autopilot.incident.alert import Alert
from autopilot.incident.evidence import Document
from autopilot.incident.state import IncidentState, Outcome
from autopilot.incident.verification import Verdict


class StartIncident(BaseModel):
    """The start input; alerts come by signal. `state` is what a continued run carries over."""

    model_config = ConfigDict(extra="ignore")

    state: IncidentState | None = None
    history_limit: int = 0
    """Continue as new at this many events; 0 leaves it to the server's suggestion."""


class HandOver(BaseModel):
    """Alerts that move to another incident."""

    model_config = ConfigDict(extra="ignore")

    group: str
    """The incident that takes them."""
    joining: str
    """The incident that gives them."""
    alerts: tuple[Alert, ...] = ()


class IncidentResult(BaseModel):
    """How it ended. The first fields are for a person who looks at the closed run."""

    model_config = ConfigDict(extra="ignore")

    what_broke: str = ""
    ended: str = ""
    cause: str = ""
    confidence: str = ""
    what_happened: tuple[str, ...] = ()
    """Decisions, steps, undos and verdicts in words, oldest first."""
    incident_id: str
    outcome: Outcome
    verdict: Verdict | None = None
    report: Document | None = None
    joined_into: str = ""
