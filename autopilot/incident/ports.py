"""What activities and the gateway need from outside: small Protocols that adapters implement.

Ports are synchronous unless they say otherwise: activities run them on worker threads. An adapter raises a
`Failure` when it cannot do its work; the activity maps it to Temporal's retry behaviour.
"""

from collections.abc import Sequence
from typing import Literal, Protocol

from autopilot.incident.alert import Alert
from autopilot.incident.base import Line, Model, Time
from autopilot.incident.decision import Judgement
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.evidence import CaseManifest, Document, QueryRecord, Scope, SourceReport
from autopilot.incident.finding import DossierBrief, TimelineEntry
from autopilot.incident.investigation import Investigation, Limits, Probe, ProbeResult, Turn
from autopilot.incident.metric import Signal
from autopilot.incident.plan import (
    DraftOption,
    ExecuteStep,
    Offer,
    Option,
    PlanDraft,
    Shortlist,
    Step,
    StepResult,
    TargetState,
)
from autopilot.incident.playbook import Snapshot
from autopilot.incident.state import IncidentState, Summary
from autopilot.incident.telling import Question, Ticket
from autopilot.incident.track_record import Experience, Move
from autopilot.incident.verification import Reading
from autopilot.incident.view import IncidentView


class Failure(Exception):
    """Something outside did not work. `who` can mend it decides whether trying again makes sense."""

    def __init__(
        self,
        message: str,
        *,
        who: Literal["retry", "model", "operator", "developer"] = "retry",
        retry_after: float | None = None,
    ) -> None:
        """`message` says what, where and what to do next; `retry_after` is in seconds."""
        super().__init__(message)
        self.who = who
        self.retry_after = retry_after


class PlaybookSource(Protocol):
    """Playbooks and on-call schedules."""

    def snapshot(self, alert: Alert, now: Time) -> Snapshot:
        """The playbook that matches the alert and who is on duty."""
        ...


class Collector(Protocol):
    """The configured read-only sources, each under its time and call budget."""

    @property
    def names(self) -> Sequence[str]:
        """The configured sources, in a stable order."""
        ...

    def collect(self, source: str, revision: int, scope: Scope) -> SourceReport:
        """Ask one source everything about the scope and store the parts. Failing is a report, not an error."""
        ...

    def recent_changes(self, scope: Scope, limit: int) -> tuple[TimelineEntry, ...]:
        """The last changes, from the quickest sources, within five seconds; empty rather than late."""
        ...

    def edges(self, services: Sequence[str], environment: str) -> tuple[tuple[str, str], ...]:
        """Known calls (caller, callee) around some services, from configuration and past cases."""
        ...

    def read(
        self, signals: Sequence[Signal], seconds: float, incident_id: str = "", /
    ) -> tuple[Reading, tuple[QueryRecord, ...]]:
        """The mean of each signal over the last `seconds`; None where the system had no data.

        `incident_id`: on whose behalf, for the record of what was asked.
        """
        ...


class CaseStore(Protocol):
    """Where cases and their documents live: a local folder or S3."""

    def seal(self, manifest: CaseManifest) -> CaseManifest:
        """Write a manifest once; the same revision again must be equal."""
        ...

    def put(self, incident_id: str, name: str, content: bytes, media_type: str) -> Document:
        """Store a document under the incident."""
        ...

    def create(self, incident_id: str, name: str, content: bytes, media_type: str) -> bool:
        """Store a document unless there is one of that name; whether it was stored. Atomic over machines."""
        ...

    def get(self, uri: str) -> bytes:
        """Read a part or document."""
        ...


class Analyzer(Protocol):
    """The evidence engine: Case → Dossier, off the event loop and out of this process."""

    def analyze(self, manifest: CaseManifest, first_finding: int) -> DossierBrief:
        """Analyse a sealed case revision; the whole dossier is stored as a document."""
        ...


class Attempt(Model):
    """Which attempt of an activity this is, and how many seconds it may take."""

    number: int = 1
    seconds: float = 45.0


class InvestigateRequest(Model):
    """What to conclude about, and what was tested so far."""

    incident_id: str
    manifest: CaseManifest
    dossier: DossierBrief
    investigation: Investigation
    limits: Limits = Limits()
    feedback: tuple[Line, ...] = ()
    """What people asked to be looked at: hypotheses to test, never truths."""
    without_model: Line = ""
    """Why no model is asked any more; empty while one may be."""
    stopped: Line = ""
    """Why no further turn follows; empty while another one may."""


class Conclusion(Model):
    """A diagnosis, and the dossier with the findings of the probes."""

    diagnosis: Diagnosis
    dossier: DossierBrief


class Analyst(Protocol):
    """Dossier → Diagnosis: a model behind code-enforced citations, or the built-in analyst."""

    def propose(self, request: InvestigateRequest, attempt: Attempt) -> Turn:
        """The next turn: hypotheses, and probes that could refute them. At most one paid model call per attempt.

        Raises Failure when a model was to answer and did not; with `without_model` it answers without one.
        """
        ...

    def conclude(self, request: InvestigateRequest) -> Conclusion:
        """Check every claim, weigh the tests, judge. Asks no model."""
        ...


class ProbeOrder(Model):
    """Carry out one probe; its findings are numbered from `first_finding`."""

    manifest: CaseManifest
    dossier: DossierBrief
    probe: Probe
    first_finding: int


class Prober(Protocol):
    """The catalogue of read-only queries: answered from the case, else asked of the source."""

    def probe(self, order: ProbeOrder) -> ProbeResult:
        """Ask. What cannot be answered is a result, not an error."""
        ...


class PlanRequest(Model):
    """What to plan for."""

    incident_id: str
    manifest: CaseManifest
    dossier: DossierBrief
    diagnosis: Diagnosis
    max_options: int = 3
    avoid: tuple[str, ...] = ()
    """`tool target` pairs that were tried in this incident and did not help."""
    signals: tuple[Signal, ...] = ()
    """What verification watches: the effect is expected of it where its usual level was measured."""
    limits: Limits = Limits()


class ChooseRequest(Model):
    """Choose among offers that were inspected and dry-run."""

    plan: PlanRequest
    offers: tuple[Offer, ...]
    """Only those that can work now."""
    without_model: Line = ""
    """See `InvestigateRequest`."""


class Planner(Protocol):
    """Diagnosis → at most three draft options out of the candidates the catalogue offers."""

    def shortlist(self, request: PlanRequest) -> Shortlist:
        """The candidates worth inspecting, best first; nothing is asked of a watched system. Asks no model."""
        ...

    def choose(self, request: ChooseRequest, attempt: Attempt) -> PlanDraft:
        """At most three really different options. At most one paid model call per attempt.

        Raises Failure when a model was to choose and did not; with `without_model` it chooses without one.
        """
        ...


class SummaryRequest(Model):
    """What to tell in plain words."""

    state: IncidentState


class Summariser(Protocol):
    """The incident in a few plain sentences for people who were not there."""

    def summarise(self, request: SummaryRequest, attempt: Attempt) -> Summary:
        """Sentences that the record supports; empty text when no model is configured. See `Analyst.propose`."""
        ...


class Toolbox(Protocol):
    """The remediation catalogue."""

    def prepare(self, number: int, draft: DraftOption) -> Option:
        """Inspect and dry-run every step of an option and prepare its undo."""
        ...

    def inspect(self, step: Step) -> TargetState:
        """Read the fields of the target that the step reads or writes."""
        ...

    def execute(self, order: ExecuteStep, attempt: int) -> StepResult:
        """Carry out one step at most once. A changed world or an uncertain outcome is a result, not an error."""
        ...


class Notifier(Protocol):
    """Everything that talks to people."""

    def publish(self, view: IncidentView) -> dict[str, str]:
        """Create or edit the one message per channel; returns channel → reference."""
        ...

    def note(self, view: IncidentView, text: str, key: str) -> None:
        """Add detail under the message (thread). The same key is said once."""
        ...

    def answer(self, view: IncidentView, judgement: Judgement, reply_to: str) -> None:
        """Tell the sender of a decision what became of it."""
        ...

    def page(self, question: Question) -> str:
        """Page somebody; returns the pager's reference, empty when no pager is configured."""
        ...

    def ticket(self, ticket: Ticket) -> str:
        """Create or update a ticket; returns its number, empty when no ticket system is configured."""
        ...


class Reviewer(Protocol):
    """Writes the post-incident review."""

    def report(self, state: IncidentState) -> Document:
        """Store a root cause report of the open incident; returns the HTML document."""
        ...

    def write(self, state: IncidentState) -> Document:
        """Store markdown and self-contained HTML with the case; returns the HTML document."""
        ...


class Knowledge(Protocol):
    """What past incidents taught."""

    def remember(self, state: IncidentState) -> None:
        """Record the outcome once per incident."""
        ...

    def experiences(self, environment: str, move: Move) -> tuple[Experience, ...]:
        """See `Experiences`."""
        ...
