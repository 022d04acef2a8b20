"""The incident as its workflow carries it: the whole state in one model, shown by the `state` query."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from autopilot.incident.alert import Alert, Severity
from autopilot.incident.base import Block, Line, Link, Model
from autopilot.incident.decision import DecisionRequest, DecisionSignal, Judgement
from autopilot.incident.diagnosis import Diagnosis, Doubted, DroppedClaim, Usage
from autopilot.incident.evidence import CaseManifest, Document
from autopilot.incident.finding import DossierBrief, TimelineEntry
from autopilot.incident.investigation import Investigation, Limits
from autopilot.incident.metric import Signal
from autopilot.incident.plan import ExpectedEffect, Plan, PreparedStep, StepResult
from autopilot.incident.playbook import Snapshot
from autopilot.incident.track_record import Proposal
from autopilot.incident.verification import Reading, Verdict, Verification
from autopilot.incident.warrant import Warrant

Phase = Literal["open", "collect", "analyze", "plan", "decide", "execute", "verify", "handover", "review", "closed"]
Outcome = Literal["resolved", "self_healed", "handed_over", "aborted", "observed", "joined"]

MAX_ALERTS = 50
"""Alerts kept whole; beyond, only counters grow."""


class Summary(Model):
    """The incident in plain words, as far as the record supports them."""

    text: Block = ""
    analyst: Line = ""
    dropped_claims: tuple[DroppedClaim, ...] = Field(default=(), max_length=30)
    usage: Usage = Usage()
    """What models have used for the whole incident."""


class UndoEntry(BaseModel):
    """An undo registered before its step acts, so that no crash can forget it."""

    prepared: PreparedStep
    key: str
    do_key: str
    plan: int = 0
    """The plan revision whose approval covers it."""


class IncidentState(BaseModel):
    """Everything the workflow knows. Mutable only inside the workflow; carried whole over continue-as-new."""

    model_config = ConfigDict(extra="ignore", ser_json_timedelta="float")

    incident_id: str
    group: str
    previous_run: str = ""
    phase: Phase = "open"
    opened_at: datetime
    severity: Severity = "high"
    service: str = ""
    services: list[str] = []
    environment: str = "production"
    regions: list[str] = []
    snapshot: Snapshot | None = None

    alerts: list[Alert] = []
    alert_count: int = 0
    deliveries: list[str] = []
    """Delivery keys seen, so that a redelivery is not counted twice."""
    fingerprints: dict[str, int] = {}
    resolved_fingerprints: list[str] = []
    joined: list[str] = []
    """Incidents that joined this one."""
    joined_into: str = ""

    manifest: CaseManifest | None = None
    dossier: DossierBrief | None = None
    investigation: Investigation | None = None
    """The latest one: its turns, and what its probes found."""
    diagnosis: Diagnosis | None = None
    rounds: int = 0
    feedback: list[str] = []
    doubted: list[Doubted] = []
    """What led when a person asked for another analysis."""

    plan: Plan | None = None
    plan_revision: int = 0
    proposals: list[Proposal] = []
    """Every plan that was shown, in short."""
    failed_actions: list[str] = []
    """`tool target` pairs that were tried and did not help."""
    request: DecisionRequest | None = None
    judgements: list[Judgement] = []
    decision: Judgement | None = None
    approvals: list[DecisionSignal] = []
    """The decisions that count, as they were sealed: the executor checks them once more."""
    claimed_by: str = ""
    handled_by: str = ""
    snoozed_until: datetime | None = None

    executed: list[StepResult] = []
    undone: list[StepResult] = []
    undo_stack: list[UndoEntry] = []
    held: list[str] = []
    """Targets that nobody else may change meanwhile."""
    warrants: dict[int, Warrant] = {}
    """By plan revision: what was decided, for its steps and their undo."""
    verifications: list[Verification] = []
    verdict: Verdict | None = None
    outcome: Outcome | None = None

    messages: dict[str, str] = {}
    """Channel → its own reference of the incident's message."""
    tickets: list[str] = []
    timeline: list[TimelineEntry] = Field(default=[])
    """What happened in the incident itself; the dossier has the telemetry's side."""
    usage: Usage = Usage()
    milestones: dict[str, datetime] = {}
    """first_message, diagnosis, options, decision, acted, recovery, closed."""
    next_step: str = ""
    explained_plan: int = 0
    """The last plan whose details were told in the thread."""
    asked_policy: int = 0
    """The last plan about which the playbook was asked whether it decides."""
    world_changed: str = ""
    """How a target differs from what the plan was made for; the plan is then made anew."""
    rung: int = 0
    """How far the decision ladder has been climbed for the pending request."""
    before: Reading | None = None
    """The symptom as last read before acting."""
    earlier: list[Reading] = []
    """Readings while people decided: whether it was on its way back already."""
    readings: list[Reading] = []
    """Of the verification under way."""
    signals: list[Signal] = []
    """What verification watches."""
    links: list[Link] = []
    sources: list[str] = []
    report: Document | None = None
    summary: Summary | None = None

    @property
    def alert(self) -> Alert:
        """The alert that opened the incident."""
        return self.alerts[0]

    @property
    def limits(self) -> Limits:
        """How far an investigation of this incident may go."""
        return self.snapshot.playbook.investigation if self.snapshot else Limits()

    @property
    def expected(self) -> ExpectedEffect:
        """What the option under way should change; nothing measurable once people have taken over."""
        acting = self.phase in ("execute", "verify")
        option = self.plan.option(self.decision.option) if acting and self.plan and self.decision else None
        return option.expected if option is not None else ExpectedEffect()

    def seconds(self) -> dict[str, float | None]:
        """How long after the alert each milestone was reached, in seconds."""
        start = self.alerts[0].started_at if self.alerts else self.opened_at
        return {
            f"to_{name}": round((self.milestones[name] - start).total_seconds(), 1)
            if name in self.milestones
            else None
            for name in ("first_message", "diagnosis", "options", "decision", "recovery")
        }

    def keep_feedback(self, text: str) -> None:
        """Keep what another analysis should look for and, when a person asked for it, what led until now."""
        self.feedback = [*self.feedback, text][-10:]
        decision, best = self.decision, self.diagnosis.best if self.diagnosis else None
        if decision is None or decision.choice != "reanalyse" or best is None:
            return
        by = decision.actor_name or decision.actor
        doubted = Doubted(hypothesis=best, said=decision.comment, by=by, at=decision.at)
        self.doubted = [*self.doubted, doubted][-10:]
