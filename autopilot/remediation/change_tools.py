"""What tools that change files of a repository share: offers, inspection, and the patch as their dry run."""

from collections.abc import Iterable
from typing import ClassVar

from typing_extensions import override

from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import (
    Candidate,
    Context,
    InventoryItem,
    Missing,
    Refusal,
    RepeatGuard,
    argument_problem,
)
from autopilot.remediation.cloud import now
from autopilot.remediation.code_hosts import CodeHost, Place
from autopilot.remediation.evidence import expected
from autopilot.remediation.repository_changes import Change, Look
from autopilot.remediation.tool import BaseTool

KIND = "git_repository"
"""Kind of the inventory items that these tools work on."""
REVIEW_SECONDS = 3_600.0
"""How long people need to review, merge and deploy a change."""
SHOWN = 40
"""Lines of a patch that are shown with an option."""
FIT = 0.1
"""A change helps only after people have merged and deployed it."""
REACH = "nothing runs differently until people review, merge and deploy it"


class RepositoryTool(BaseTool):
    """A tool whose targets are repositories such as `github:paperplane/checkout`. The branch knows the key."""

    risk: Risk = "low"
    repeat_guard: RepeatGuard = "token"
    exclusive: bool = False

    def __init__(self, places: Iterable[Place]) -> None:
        """Only the repositories of these places are touched."""
        self._places = {place.host.name: place for place in places}

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        if not self._knows(step.target):
            return f"{step.target!r} is not a configured repository"
        return argument_problem(self.takes, step)

    def _knows(self, target: str) -> bool:
        host, _, repository = target.partition(":")
        return host in self._places and repository in self._places[host].repositories

    def _place(self, step: Step) -> tuple[CodeHost, str]:
        """Host and repository of a step."""
        if not self._knows(step.target):
            raise Refusal(f"{step.target!r} is not a configured repository")
        host, _, repository = step.target.partition(":")
        return self._places[host].host, repository


class ChangeTool(RepositoryTool):
    """A tool that offers a change of files."""

    change: ClassVar[Change]

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """One per change that the suspects suggest."""
        if item.kind != KIND or not self._knows(item.resource):
            return ()
        effect = expected(context, "the change is gone once people have merged and deployed it", REVIEW_SECONDS)
        return tuple(
            self._offer(self._step(item, f.summary, f.arguments, f.sources), effect, f.why, f.finding_ids, FIT)
            for f in self.change.found(item, context)
        )

    def command(self, step: Step) -> str:
        """What makes the same change in a checkout."""
        return self.change.command(step)

    def inspect(self, step: Step) -> TargetState:
        """What the change would write now."""
        try:
            look = self._look(step)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        return TargetState(target=step.target, settings=look.settings, observed=look.observed, observed_at=now())

    @override
    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """Nothing that an undo compares: what was written is known by its key alone."""
        return before.model_copy(update={"settings": {}})

    @override
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """The patch itself, and what is left to people."""
        look = self._look(step)
        if look.reason:
            return DryRun(feasible=False, reason=look.reason)
        lines = look.patch.splitlines()
        more = [f"… {len(lines) - SHOWN} more lines"] if len(lines) > SHOWN else []
        return DryRun(
            feasible=True,
            changes=(self._does(step, look), *lines[:SHOWN], *more),
            reach=REACH,
            cost="none",
            warnings=look.warnings,
        )

    def _does(self, step: Step, look: Look) -> str:
        """What is made, in one line."""
        raise NotImplementedError

    def _look(self, step: Step) -> Look:
        host, repository = self._place(step)
        return self.change.look(host, repository, step)
