"""Running the failed jobs of a workflow or pipeline again. Hosts take no token: the attempt is the trace."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from pydantic import Field
from typing_extensions import override

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import (
    Arguments,
    Candidate,
    Context,
    Effect,
    InventoryItem,
    Missing,
    Refusal,
    RepeatGuard,
    argument_problem,
)
from autopilot.remediation.cloud import now, send_once
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.tool import BaseTool

KIND = "workflow_run"
RERUN_SECONDS = 900.0
"""How long a run usually needs."""
FIT_SHARE = 0.3
"""Share of the fit that a rerun keeps: it helps where something passing broke a deployment halfway."""
PAUSE = 0.5
"""Seconds between sendings that surely did nothing."""


@dataclass(frozen=True)
class Run:
    """A run as the host shows it now."""

    name: str
    attempt: str
    """Changes when it is run again, by whomever."""
    finished: bool
    failed: bool
    conclusion: str
    url: str


class RunsWorkflows(Protocol):
    """A code host that runs workflows. Both methods raise Refusal, Missing, NoAnswer or Failure."""

    name: str
    tier: Literal["A", "B"]
    run_scopes: tuple[str, ...]
    """Scopes for reading a run and for running it again."""

    def run(self, repository: str, run: str) -> Run:
        """A run."""
        ...

    def rerun(self, repository: str, run: str) -> None:
        """Run what failed of it again; never repeated by itself."""
        ...

    def rerun_command(self, repository: str, run: str) -> str:
        """What a person could type."""
        ...


class WhichRun(Arguments):
    """The run by its id at the host."""

    run: str = Field(pattern=r"^([0-9]{1,20}|\{[0-9a-f-]{36}\})$")


class RerunFailedJobs(BaseTool):
    """Runs the failed jobs of a workflow or pipeline again, once, on the commit they failed on."""

    risk: Risk = "medium"
    reversible: bool = False
    repeat_guard: RepeatGuard = "trace"
    takes: ClassVar[type[Arguments]] = WhichRun
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"bad_deploy", "startup", "image", "dependency"})

    def __init__(self, host: RunsWorkflows, repositories: Iterable[str], verb: str) -> None:
        """Only runs of these repositories; `verb` is how the host calls it."""
        self._host, self._repositories = host, frozenset(repositories)
        self.name, self.system = f"{host.name}.{verb}", host.name
        self.tier: Literal["A", "B"] = host.tier
        self.permissions = host.run_scopes

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The failed runs of the repositories of suspected services."""
        if item.kind != KIND or not self._knows(item.resource):
            return ()
        suspected = any(
            s.service == item.service and s.cause_kind in self.addresses for s in context.dossier.suspects
        )
        if not suspected:
            return ()
        step = self._step(
            item, f"Run the failed jobs of {item.name} again", {"run": item.settings.get("run")}, {"run": "run"}
        )
        effect = expected(context, "the deployment that broke off is completed", RERUN_SECONDS)
        why = f"{item.name} of {item.service} failed; a passing cause may be gone"
        share = round(fit(item, context, self.addresses) * FIT_SHARE, 3)
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), share),)

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        if not self._knows(step.target):
            return f"{step.target!r} is not a run of a configured repository of {self._host.name}"
        problem = argument_problem(WhichRun, step)
        if not problem and not step.target.endswith(f"#{step.arguments['run']}"):
            return f"{step.target!r} is not run {step.arguments['run']}"
        return problem

    def command(self, step: Step) -> str:
        """What a person could type."""
        return self._host.rerun_command(*self._where(step))

    def inspect(self, step: Step) -> TargetState:
        """Attempt and outcome of the run."""
        try:
            run = self._host.run(*self._where(step))
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        settings: dict[str, Scalar] = {"attempt": run.attempt, "conclusion": run.conclusion, "failed": run.failed}
        return TargetState(
            target=step.target,
            settings=settings,
            observed={"name": run.name, "url": run.url},
            deploying=not run.finished,
            observed_at=now(),
        )

    @override
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether there is anything to run again."""
        if before.deploying:
            return DryRun(feasible=False, reason="the run has not finished yet")
        if not before.settings.get("failed"):
            return DryRun(feasible=False, reason="nothing of this run failed: there is nothing to run again")
        return DryRun(
            feasible=True,
            changes=(f"attempt {before.settings.get('attempt')} → another attempt of the failed jobs",),
            reach="whatever its jobs change: a deployment job changes what is live",
            cost="the minutes of its jobs",
            warnings=("the same commit is built again; a run cannot be undone",),
        )

    def trace(self, step: Step, present: TargetState, expected: TargetState | None) -> str:
        """Another attempt than the one that was seen."""
        was = expected.settings.get("attempt") if expected else None
        there = present.settings.get("attempt")
        return f"{step.target} is at attempt {there}, was {was}" if was is not None and there != was else ""

    @override
    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask once."""
        repository, run = self._where(step)

        def call() -> Effect:
            self._host.rerun(repository, run)
            return "done"

        return send_once(call, PAUSE), f"the failed jobs of run {run} of {repository} were asked to run again"

    def _knows(self, target: str) -> bool:
        found = re.fullmatch(rf"{self._host.name}:(?P<repository>[^#]+)#.+", target)
        return found is not None and found["repository"] in self._repositories

    def _where(self, step: Step) -> tuple[str, str]:
        if not self._knows(step.target):
            raise Refusal(f"{step.target!r} is not a run of a configured repository")
        repository, _, run = step.target.partition(":")[2].partition("#")
        return repository, run
