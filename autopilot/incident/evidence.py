"""The case by reference: parts, provenance and gaps. The rows themselves live in the case store."""

from typing import Literal

from pydantic import Field

from autopilot.incident.base import Line, Model, Name, Time, TimeWindow

Table = Literal["metrics", "logs", "spans", "changes", "alarms", "topology", "state", "inventory", "records"]
TABLES: tuple[Table, ...] = (
    "metrics", "logs", "spans", "changes", "alarms", "topology", "state", "inventory", "records",
)  # fmt: skip

NOTE = "note"
"""Kind of the records that a team wrote about its service."""
WRONG_ANALYSIS = "wrong_analysis"
"""Kind of the records that tell of an earlier explanation that turned out wrong; `outcome` is its kind of cause."""

GapKind = Literal["failed", "denied", "timeout", "budget", "truncated", "no_data", "unsupported"]


class QueryRecord(Model):
    """One question asked of a watched system, exactly as asked."""

    source: Name
    query: str = Field(max_length=2_000)
    window: TimeWindow | None = None
    rows: int = 0
    seconds: float = 0.0
    link: str = ""


class Gap(Model):
    """Something we wanted to know and do not. `no_data` (the answer was empty) differs from `failed`."""

    source: Name
    kind: GapKind
    what: Line
    remedy: Line = ""


class CasePart(Model):
    """One immutable file of a case."""

    table: Table
    source: Name
    uri: str
    """Store-relative key."""
    sha256: str
    rows: int
    size: int
    """Bytes."""


SourceStatus = Literal["ok", "no_data", "partial", "failed"]


class SourceReport(Model):
    """What one source contributed to a case revision."""

    source: Name
    status: SourceStatus
    parts: tuple[CasePart, ...] = ()
    queries: tuple[QueryRecord, ...] = Field(default=(), max_length=200)
    gaps: tuple[Gap, ...] = Field(default=(), max_length=50)
    seconds: float = 0.0


class Scope(Model):
    """What a collection is about: where to look, and over which time."""

    incident_id: str
    services: tuple[Name, ...]
    environment: Name = "production"
    regions: tuple[Name, ...] = ()
    baseline: TimeWindow
    incident: TimeWindow
    """From before the first symptom until now."""
    alerted_at: Time
    hint: Line = ""
    """A person's feedback from a re-analysis: something to look for, not a truth."""


class CaseManifest(Model):
    """One revision of a case: the scope and every part. It is workflow state; the rows are not."""

    revision: int
    scope: Scope
    parts: tuple[CasePart, ...] = ()
    gaps: tuple[Gap, ...] = ()
    sources: dict[str, SourceStatus] = {}
    queries: int = 0
    uri: str = ""
    """Where the store keeps this manifest; empty until it is sealed."""


class Document(Model):
    """A stored document (report, dossier, model answer) by reference."""

    uri: str
    sha256: str
    size: int
    media_type: str
