"""What every tool is: candidates out of the inventory, inspect, dry run, one effect, a stated undo."""

from dataclasses import dataclass
from typing import Literal, Protocol

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier
from autopilot.incident.metric import MetricRef
from autopilot.incident.plan import DryRun, ExpectedEffect, Reversibility, Risk, Step, TargetState


@dataclass(frozen=True)
class InventoryItem:
    """One resource as a source observed it: what tools take their arguments from."""

    resource: str
    kind: str
    name: str
    service: str
    region: str
    settings: dict[str, Scalar]
    versions: tuple[dict[str, Scalar], ...]
    """Newest first; keys: version, created_at, description, active."""
    health: str


@dataclass(frozen=True)
class Candidate:
    """A step that could be taken on an inventory item, before anybody has chosen it."""

    step: Step
    addresses: frozenset[CauseKind]
    """Causes it helps against."""
    risk: Risk
    reversibility: Reversibility
    expected: ExpectedEffect
    why: str
    """One clause with its evidence: "v41 served healthily until 03:00 (F7)"."""
    finding_ids: tuple[str, ...] = ()
    fit: float = 0.5
    """How well it fits this case beyond the cause kind, 0 to 1."""


@dataclass(frozen=True)
class Context:
    """What a tool may look at when it offers candidates."""

    dossier: Dossier
    inventory: tuple[InventoryItem, ...]
    symptom: MetricRef | None
    """The primary symptom, for the expected effect."""


Effect = Literal["done", "already", "unknown"]


class Tool(Protocol):
    """One typed remediation. Adapters only speak the vendor's API; rules about when live elsewhere."""

    name: str
    """`<system>.<verb>` such as `lambda.rollback_alias`."""
    system: str
    tier: Literal["A", "B"]
    risk: Risk
    reversible: bool
    permissions: tuple[str, ...]
    """IAM actions or scopes, exactly."""

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The steps this tool could take on an item. Pure; arguments come from the item only."""
        ...

    def inspect(self, step: Step) -> TargetState:
        """Read the present state of the fields the step reads or writes."""
        ...

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The state the target will have after the step. Pure."""
        ...

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """What would happen and whether it can work. Changes nothing."""
        ...

    def execute(self, step: Step, key: str, attempt: int) -> tuple[Effect, str]:
        """Act once; the returned text says what was done. `unknown`: it may or may not have taken effect.

        The key goes where the vendor takes a token; where none is taken the present state is compared first.
        Raises Failure when it surely did not take effect.
        """
        ...

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The step that restores `before`; None when it cannot be undone. Pure."""
        ...
