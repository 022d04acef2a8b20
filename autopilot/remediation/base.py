"""What every tool is: candidates out of the inventory, inspect, dry run, one effect, a stated undo."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal, Protocol, runtime_checkable

from pydantic import BaseModel, ConfigDict, ValidationError

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier
from autopilot.incident.metric import MetricRef
from autopilot.incident.plan import DryRun, ExpectedEffect, Reversibility, Risk, Step, TargetState
from autopilot.incident.ports import Failure


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
    own: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict[str, tuple[Scalar, ...]])
    """Argument → values that are the tool's own: its defaults, closed choices, what its rules make of the observed
    value, and texts in which `{}` stands for the observed value."""
    unproven: bool = False
    """It goes back to a state that nothing shows to have been healthy: offered last, and marked."""


@dataclass(frozen=True)
class Context:
    """What a tool may look at when it offers candidates."""

    dossier: Dossier
    inventory: tuple[InventoryItem, ...]
    symptom: MetricRef | None
    """The primary symptom, for the expected effect."""


Effect = Literal["done", "already", "unknown"]

RepeatGuard = Literal["state", "token", "trace"]
"""What keeps a repeated call from acting twice: `state`, the wanted state is compared before sending; `token`, the
receiver knows the key; `trace`, neither exists: what an earlier call left behind is looked for, and a person is
asked when nothing can be told."""


class Refusal(Exception):
    """The target does not allow the step: not found, conflicting, beyond a limit. Nothing was changed."""


class Missing(Refusal):
    """The target does not exist."""


class NoAnswer(Failure):
    """The request may have arrived and its answer was lost: for tools of repeat guard `trace` that is `unknown`."""


class Arguments(BaseModel):
    """A tool's typed arguments: no coercion, nothing it does not know."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class Nothing(Arguments):
    """No arguments."""


def argument_problem(kind: type[Arguments], step: Step) -> str:
    """Why the step's arguments are not what its tool takes; empty when they are."""
    try:
        kind.model_validate(step.arguments)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "arguments"
        return f"{step.tool} does not take {where!r} like this: {first['msg']}"
    return ""


class Tool(Protocol):
    """One typed remediation. Adapters only speak the vendor's API; rules about when live elsewhere."""

    addresses: ClassVar[frozenset[CauseKind]]
    """Causes it helps against."""

    @property
    def name(self) -> str:
        """`<system>.<verb>` such as `lambda.rollback_alias`."""
        ...

    @property
    def system(self) -> str:
        """The system it changes, such as `lambda`."""
        ...

    @property
    def tier(self) -> Literal["A", "B"]:
        """A: tested against a running emulator; B: against wire-format fixtures."""
        ...

    @property
    def risk(self) -> Risk:
        """The risk of the tool as such, before the state of the world is known."""
        ...

    @property
    def reversible(self) -> bool:
        """Whether a step of it usually has an undo."""
        ...

    @property
    def permissions(self) -> tuple[str, ...]:
        """IAM actions or scopes, exactly."""
        ...

    @property
    def exclusive(self) -> bool:
        """Whether two incidents must not use it on one target at the same time."""
        ...

    @property
    def repeat_guard(self) -> RepeatGuard:
        """How a repeated call is kept from acting twice."""
        ...

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The steps this tool could take on an item. Pure; arguments come from the item only."""
        ...

    def problem(self, step: Step) -> str:
        """Why the step's target or arguments are not ones this tool takes; empty when they are. Pure."""
        ...

    def command(self, step: Step) -> str:
        """What a person could type to do the same by hand. Pure."""
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

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Act; the returned text says what was done. `unknown`: it may or may not have taken effect.

        The key marks the call, and goes where the vendor takes a token. Whether acting is right at all, the
        caller has found out by `inspect` (and `LeavesTrace.trace`) just before.

        Raises:
            Refusal: the vendor did not allow it and nothing was changed.
            Failure: it did not take effect, or may safely be tried again.
        """
        ...

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The step that restores `before`; None when it cannot be undone. Pure."""
        ...


@runtime_checkable
class LeavesTrace(Protocol):
    """A tool whose call cannot be compared or tokenised, but whose effect can be looked up afterwards."""

    def trace(self, step: Step, present: TargetState, expected: TargetState | None) -> str:
        """What shows that the effect took place since `expected` was observed; empty when nothing does."""
        ...
