"""What tools have in common: identity, defaults for what most of them do not do, and the shape of their steps."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Literal, get_args, get_origin

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, ExpectedEffect, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, RepeatGuard
from autopilot.remediation.evidence import UNPROVEN_FIT, WayBack

OWN = "tool "
"""How the source of an argument begins that the tool brings along itself."""


def own_values(takes: type[Arguments]) -> dict[str, tuple[Scalar, ...]]:
    """The defaults and closed choices of a tool's arguments, by argument."""
    found: dict[str, tuple[Scalar, ...]] = {}
    for name, field in takes.model_fields.items():
        choices = get_args(field.annotation) if get_origin(field.annotation) is Literal else ()
        default = () if field.is_required() else (field.default,)
        if choices or default:
            found[name] = (*choices, *default)
    return found


class BaseTool(ABC):
    """A tool that is never offered, changes no setting and cannot be undone, until it says otherwise."""

    name: str
    system: str
    tier: Literal["A", "B"] = "A"
    risk: Risk
    reversible: bool = True
    repeat_guard: RepeatGuard = "state"
    exclusive: bool = True
    takes: ClassVar[type[Arguments]]
    """The model of its arguments."""
    addresses: ClassVar[frozenset[CauseKind]] = frozenset()
    """Causes it helps against."""
    words: ClassVar[Mapping[str, str]] = {}
    """Argument → the tool's own text, in which `{}` stands for the observed value."""

    @abstractmethod
    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""

    @abstractmethod
    def command(self, step: Step) -> str:
        """What a person could type to do the same by hand."""

    @abstractmethod
    def inspect(self, step: Step) -> TargetState:
        """Read the present state of the fields the step reads or writes."""

    @abstractmethod
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """What would happen and whether it can work. Changes nothing."""

    @abstractmethod
    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Act, as `base.Tool` says."""

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:  # noqa: ARG002 - a default
        """None: it is not offered by itself."""
        return ()

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - a default
        """The same settings."""
        return before

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - a default
        """None: it cannot be taken back."""
        return None

    def _step(
        self,
        item: InventoryItem,
        summary: str,
        arguments: Mapping[str, Scalar],
        sources: Mapping[str, str],
        target: str = "",
    ) -> Step:
        """A step on an inventory item (or on `target`), with the command for it.

        Args:
            item: What the arguments were read from.
            summary: What it does, in a few words.
            arguments: The tool's arguments.
            sources: Argument → `path` or `path value` in the item, then `; ` and what else led to it; or `_own(…)`.
            target: Where it is not the item itself that is acted on.
        """
        step = Step(
            tool=self.name,
            target=target or item.resource,
            service=item.service,
            region=item.region,
            arguments=dict(arguments),
            sources={
                name: source if source.startswith(OWN) else f"inventory {item.name} {source}"
                for name, source in sources.items()
            },
            summary=summary,
        )
        return step.model_copy(update={"command": self.command(step)})

    def _own(self, note: str) -> str:
        """The source of an argument that the tool brings along itself."""
        return f"{OWN}{self.name}; {note}"

    def _offer(
        self, step: Step, effect: ExpectedEffect, why: str, finding_ids: tuple[str, ...], fit: float
    ) -> Candidate:
        """A candidate for a step of this tool."""
        return Candidate(
            step=step,
            addresses=self.addresses,
            risk=self.risk,
            reversibility="reversible" if self.reversible else "irreversible",
            expected=effect,
            why=why,
            finding_ids=finding_ids,
            fit=fit,
            own=own_values(self.takes) | {name: (text,) for name, text in self.words.items()},
        )

    def _back_to(
        self, way: WayBack, step: Step, effect: ExpectedEffect, finding_ids: tuple[str, ...], fit: float
    ) -> Candidate:
        """A candidate for an earlier version; one that nothing vouches for is marked and fits less."""
        if way.record is not None:
            return self._offer(step, effect, way.why, finding_ids, fit)
        return replace(self._offer(step, effect, way.why, finding_ids, round(fit * UNPROVEN_FIT, 3)), unproven=True)

    def _back(
        self, step: Step, summary: str, arguments: Mapping[str, Scalar], by: "BaseTool | None" = None
    ) -> Step:
        """The step with the values that were there before: of this tool, or of the one that leads back from it."""
        tool, sources = by or self, dict.fromkeys(arguments, "state before the step")
        back = step.model_copy(
            update={"tool": tool.name, "arguments": dict(arguments), "sources": sources, "summary": summary}
        )
        return back.model_copy(update={"command": tool.command(back)})
