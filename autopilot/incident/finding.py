"""What analysis found in a case: findings with provenance, ranked suspects, a timeline."""

from typing import Literal

from pydantic import Field

from autopilot.incident.base import Line, Model, Name, Query, Time, TimeWindow
from autopilot.incident.cause import CauseKind, Mechanism
from autopilot.incident.evidence import Gap
from autopilot.incident.metric import Control, MetricRef, Signal

FindingKind = Literal[
    "metric", "log", "trace", "change", "state", "alarm", "trend", "recurrence", "impact", "record", "version"
]


class Provenance(Model):
    """Where a finding comes from, so that anybody can ask the same question again."""

    source: Name
    query: Query = ""
    window: TimeWindow | None = None
    link: str = ""


class Finding(Model):
    """One measured fact. Ids ("F1", "F2" …) never restart within an incident."""

    id: str
    kind: FindingKind
    service: Name
    resource: Name = ""
    region: Name = ""
    window: TimeWindow
    onset: Time | None = None
    onset_uncertainty: float = 0.0
    """Seconds either side of the onset."""
    direction: Literal["up", "down", "new", "gone", "none"] = "none"
    size: float = 0.0
    """Ratio against the baseline for metrics and traces, lines per minute for logs."""
    baseline: float | None = None
    """The usual level, in `unit`."""
    observed: float | None = None
    """The level during the incident, in `unit`."""
    unit: str = ""
    score: float = Field(ge=0, le=1)
    """How unlike the baseline, 0 to 1."""
    summary: Line
    """One sentence with numbers and units."""
    cause_kind: CauseKind | None = None
    mechanism: Mechanism | None = None
    change_id: str = ""
    authors: tuple[Name, ...] = Field(default=(), max_length=20)
    """Of a change: everybody who is named as having made it."""
    metric: MetricRef | None = None
    provenance: Provenance


class Suspect(Model):
    """A possible root cause: how much evidence speaks for it, and how often such suspects are right."""

    service: Name
    resource: Name = ""
    region: Name = ""
    cause_kind: CauseKind
    mechanism: Mechanism | None = None
    """What exactly is wrong, where the evidence is that precise; it belongs to the kind."""
    change_id: str = ""
    commit: Name = ""
    """The commit of that change that the evidence points at, by the id of its record."""
    change_summary: Line = ""
    score: float = Field(ge=0, le=1)
    """Evidence, weighed."""
    likelihood: float | None = Field(default=None, ge=0, le=1)
    """The calibrated score: the share of such suspects that were right on public incidents."""
    finding_ids: tuple[str, ...]
    reason: Line


class TimelineEntry(Model):
    """One moment of the story."""

    at: Time
    kind: Literal["change", "onset", "alarm", "log", "decision", "action", "verification", "note"]
    text: Line
    finding_id: str = ""
    after_onset: bool = False
    """A change recorded after the onset: on the timeline, never the cause without independent support."""


class Impact(Model):
    """Who was hit. None means: not measurable from what was collected."""

    requests: int | None = None
    failed_requests: int | None = None
    error_share: float | None = None
    users: int | None = None
    services: tuple[Name, ...] = ()
    regions: tuple[Name, ...] = ()
    slo_budget_used: float | None = None
    summary: Line = ""


class VersionHealth(Model):
    """How a deployed version behaved while it served, from telemetry."""

    service: Name
    resource: Name
    version: Name
    window: TimeWindow
    healthy: bool
    finding_id: str
    evidence: Line


class Dossier(Model):
    """The result of analysing one case revision without a model; deterministic and bounded."""

    incident_id: str
    revision: int
    scope_incident: TimeWindow
    onset: Time | None = None
    onset_uncertainty: float = 0.0
    """Seconds either side of the onset."""
    findings: tuple[Finding, ...] = Field(default=(), max_length=120)
    timeline: tuple[TimelineEntry, ...] = Field(default=(), max_length=80)
    suspects: tuple[Suspect, ...] = Field(default=(), max_length=10)
    impact: Impact = Impact()
    versions: tuple[VersionHealth, ...] = ()
    contradictions: tuple[Line, ...] = ()
    gaps: tuple[Gap, ...] = ()
    insufficient_evidence: bool = False
    dossier_signature: str = ""
    """Equal for incidents that look alike: services, cause kinds and templates, without times and numbers."""
    controls: tuple[Control, ...] = Field(default=(), max_length=4)
    """What a verification should read along."""

    def finding(self, finding_id: str) -> Finding | None:
        """The finding with this id, if it exists."""
        return next((f for f in self.findings if f.id == finding_id), None)


class DossierBrief(Model):
    """What the workflow keeps of a dossier; the whole is a stored document."""

    uri: str
    revision: int
    onset: Time | None = None
    findings: int = 0
    next_finding: int = 1
    suspects: tuple[Suspect, ...] = ()
    timeline: tuple[TimelineEntry, ...] = Field(default=(), max_length=20)
    impact: Impact = Impact()
    gaps: tuple[Gap, ...] = ()
    insufficient_evidence: bool = False
    dossier_signature: str = ""
    signals: tuple[Signal, ...] = ()
    """Series that show the symptom, for alerts that named none."""
    controls: tuple[Control, ...] = Field(default=(), max_length=4)
    """See `Dossier`."""
    seconds: float = 0.0
