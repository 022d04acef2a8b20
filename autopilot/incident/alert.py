"""An alert as every trigger delivers it, and how alerts are grouped."""

from typing import Literal

from pydantic import Field

from autopilot.incident.base import Block, Line, Link, Model, Name, Time
from autopilot.incident.ids import digest, group_id
from autopilot.incident.metric import Signal

Severity = Literal["critical", "high", "medium", "low"]
SEVERITIES: tuple[Severity, ...] = ("critical", "high", "medium", "low")


class Alert(Model):
    """A normalised alert. `external_id` is the sender's own id: a redelivery carries the same one."""

    source: Name
    external_id: Name
    title: Line
    service: Name
    environment: Name = "production"
    region: Name = ""
    account: Name = ""
    severity: Severity = "high"
    status: Literal["firing", "resolved"] = "firing"
    description: Block = ""
    started_at: Time
    received_at: Time
    labels: dict[str, str] = Field(default={}, max_length=64)
    signal: Signal | None = None
    """The series that alarmed, when the sender says so: verification watches it."""
    links: tuple[Link, ...] = Field(default=(), max_length=10)
    raw: str = Field(default="", max_length=16_000)
    """The payload as it came, bounded."""

    @property
    def grouping_labels(self) -> dict[str, str]:
        """The labels that decide which incident this alert belongs to."""
        return {"environment": self.environment, "region": self.region, "service": self.service}

    @property
    def group(self) -> str:
        """The workflow id of the alert's group."""
        return group_id(self.grouping_labels)

    @property
    def alert_fingerprint(self) -> str:
        """Equal for repeated firings of one rule on one target."""
        return digest(self.source, self.grouping_labels, self.title)

    @property
    def alert_digest(self) -> str:
        """Changes with whatever a playbook may be chosen by."""
        named = (self.source, self.external_id, self.title, self.account, self.severity)
        return digest(named, self.grouping_labels, self.labels)

    @property
    def delivery_key(self) -> str:
        """Equal for redeliveries of one and the same notification."""
        return digest(self.source, self.external_id, self.status)


def worst(severities: tuple[Severity, ...]) -> Severity:
    """The most severe of some severities; `low` for none."""
    return SEVERITIES[min((SEVERITIES.index(s) for s in severities), default=len(SEVERITIES) - 1)]
