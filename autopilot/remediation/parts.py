"""What tools are built from: settings, and clients that already exist."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from autopilot.channels.base import Pager, TicketSystem
from autopilot.clients.aws import AwsClients
from autopilot.clients.kubernetes import Cluster
from autopilot.settings import Settings


class KeepsDocuments(Protocol):
    """What tools need of the case store."""

    def create(self, incident_id: str, name: str, content: bytes, media_type: str) -> bool:
        """Store a document unless there is one of that name; whether it was stored. Raises Failure."""
        ...


@dataclass(frozen=True)
class Parts:
    """Handed to `build_tools(parts)` of every module of this package; what is not configured is None or empty."""

    settings: Settings = field(default_factory=Settings)
    aws: AwsClients | None = None
    """Clients of the watched account."""
    ticket_systems: tuple[TicketSystem, ...] = ()
    """Those that may be written to, the preferred one first."""
    pager: Pager | None = None
    cases: KeepsDocuments | None = None
    """Where an incident's documents are kept."""

    @cached_property
    def cluster(self) -> Cluster | None:
        """The Kubernetes cluster, as one that may be changed."""
        settings = self.settings.kubernetes
        return Cluster(settings, settings.write_token) if settings and settings.write_token else None

    @cached_property
    def once(self) -> AwsClients | None:
        """Clients that never repeat a call by themselves, for calls that take no token."""
        if self.settings.aws is None or self.aws is None:
            return None
        return AwsClients(self.settings.aws.model_copy(update={"retries": 1}))
