"""The toolbox: prepares options; carries out their steps at most once, and only in the world that was shown."""

from collections.abc import Mapping

import structlog

from autopilot.incident.base import Scalar
from autopilot.incident.plan import (
    RISKS,
    DraftOption,
    DryRun,
    ExecuteStep,
    Option,
    PreparedStep,
    Reversibility,
    Risk,
    Step,
    StepResult,
    StepStatus,
    TargetState,
)
from autopilot.incident.ports import Failure
from autopilot.remediation.base import LeavesTrace, Refusal, Tool
from autopilot.remediation.catalogue import Catalogue
from autopilot.remediation.cloud import now

log = structlog.get_logger()


def _no_state(step: Step) -> TargetState:
    return TargetState(target=step.target, exists=False, health="unknown", observed_at=now())


def _with_earlier(state: TargetState, earlier: Mapping[str, Scalar]) -> TargetState:
    """The state as the steps before will have left it: only settings that this step looks at."""

    def overlaid(settings: Mapping[str, Scalar]) -> dict[str, Scalar]:
        return {name: earlier.get(name, value) for name, value in settings.items()}

    return state.model_copy(
        update={"settings": overlaid(state.settings), "observed": overlaid(state.observed)} if earlier else {}
    )


def _settings(state: TargetState) -> str:
    told = ", ".join(f"{name}={value}" for name, value in state.settings.items())
    return told if state.exists else "gone"


class CatalogueToolbox:
    """The Toolbox port over a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        """The catalogue decides which tools exist."""
        self._catalogue = catalogue

    def prepare(self, number: int, draft: DraftOption) -> Option:
        """Inspect and dry-run every step in order; what cannot work is marked with the reason, not dropped."""
        left: dict[str, dict[str, Scalar]] = {}
        prepared: list[PreparedStep] = []
        problems: list[str] = []
        for index, step in enumerate(draft.steps, start=1):
            one = self._prepare_step(step, left.get(step.target, {}))
            if one.after is not None:
                left[step.target] = left.get(step.target, {}) | one.after.settings
            if not one.dry_run.feasible:
                problems.append(
                    f"step {index}: {one.dry_run.reason}" if len(draft.steps) > 1 else one.dry_run.reason
                )
            prepared.append(one)
        return Option(
            id=number,
            title=draft.title,
            why=draft.why,
            finding_ids=draft.finding_ids,
            steps=tuple(prepared),
            risk=self._risk(prepared),
            reach="; ".join(dict.fromkeys(p.dry_run.reach for p in prepared if p.dry_run.reach)),
            reversibility=_reversibility(prepared),
            expected=draft.expected,
            unproven=draft.unproven,
            feasible=not problems,
            infeasible_reason="; ".join(problems),
        )

    def inspect(self, step: Step) -> TargetState:
        """Read the target. Raises Failure, also for a step that no tool takes."""
        tool, problem = self._tool(step)
        if tool is None:
            raise Failure(f"Cannot inspect: {problem}.", who="developer")
        try:
            return tool.inspect(step)
        except Refusal as refusal:
            raise Failure(str(refusal), who="operator") from refusal

    def execute(self, order: ExecuteStep, attempt: int) -> StepResult:
        """Carry out one step, only if the target is as expected; tell an earlier attempt's effect from a change.

        Raises:
            Failure: it surely did not take effect, or may safely be tried again.
        """
        step = order.step
        tool, problem = self._tool(step)
        if tool is None:
            return self._result(order, attempt, "refused", f"{problem}; nothing was sent", None, None)
        before: TargetState | None = None
        try:
            before = tool.inspect(step)
            verdict = _before_acting(tool, order, attempt, before)
            if verdict is not None:
                return self._result(order, attempt, verdict[0], verdict[1], before, before)
            effect, said = tool.execute(step, order.key)
        except Refusal as refusal:
            # The SDK repeats a call whose answer was lost: the repetition is refused after the first took effect.
            after = self._after(tool, step) if before is not None and tool.repeat_guard == "state" else None
            if after is not None and after.target_state_digest == _wanted(tool, step, after):
                return self._result(order, attempt, "done", f"took effect; then: {refusal}", before, after)
            return self._result(order, attempt, "failed", str(refusal), before, after)
        except Failure as failure:
            if before is None and attempt == 1 and failure.who == "retry" and isinstance(tool, LeavesTrace):
                # A second attempt could not know that this one never came to sending.
                return self._result(order, attempt, "failed", f"{failure}; nothing was sent", None, None)
            raise
        if effect == "unknown":
            said = f"{said}; {_reconcile(step)}"
        return self._result(order, attempt, effect, said, before, self._after(tool, step))

    def _tool(self, step: Step) -> tuple[Tool | None, str]:
        """The tool that takes this step, or why there is none."""
        tool = self._catalogue.find(step.tool)
        if tool is None:
            return None, f"there is no tool {step.tool!r} in the catalogue of this configuration"
        problem = tool.problem(step)
        return (None, problem) if problem else (tool, "")

    def _prepare_step(self, step: Step, earlier: Mapping[str, Scalar]) -> PreparedStep:
        tool, problem = self._tool(step)
        if tool is None:
            return _infeasible(step, _no_state(step), problem)
        step = step.model_copy(update={"command": tool.command(step)})
        before = _no_state(step)
        try:
            before = _with_earlier(tool.inspect(step), earlier)
            if not before.exists:
                return _infeasible(step, before, f"{step.target} does not exist")
            after, dry_run = tool.leaves(step, before), tool.dry_run(step, before)
        except (Refusal, Failure) as error:
            return _infeasible(step, before.model_copy(update={"health": "unknown"}), str(error))
        unchanged = after.target_state_digest == before.target_state_digest
        if dry_run.feasible and unchanged and tool.repeat_guard == "state":
            dry_run = DryRun(feasible=False, reason=f"{step.target} is so already ({_settings(before)})")
        return PreparedStep(
            step=step,
            before=before,
            expects=before.target_state_digest,
            leaves=after.target_state_digest,
            after=after,
            undo=tool.undo(step, before),
            dry_run=dry_run,
            exclusive=tool.exclusive,
        )

    def _risk(self, prepared: list[PreparedStep]) -> Risk:
        """The riskiest step; one level more when something is being deployed or could not be read."""
        tools = [self._catalogue.find(p.step.tool) for p in prepared]
        level = max(RISKS.index(tool.risk) if tool else len(RISKS) - 1 for tool in tools)
        unclear = any(p.before.deploying or p.before.health == "unknown" for p in prepared)
        return RISKS[min(level + unclear, len(RISKS) - 1)]

    def _after(self, tool: Tool, step: Step) -> TargetState | None:
        """The state after acting, for the record; the step stands also when it cannot be read."""
        try:
            return tool.inspect(step)
        except (Refusal, Failure) as error:
            log.warning("state after a step not readable", tool=step.tool, target=step.target, error=str(error))
            return None

    def _result(
        self,
        order: ExecuteStep,
        attempt: int,
        status: StepStatus,
        detail: str,
        before: TargetState | None,
        after: TargetState | None,
    ) -> StepResult:
        log.info(
            "step carried out", key=order.key, tool=order.step.tool, target=order.step.target,
            mode=order.mode, status=status, attempt=attempt,
        )  # fmt: skip
        return StepResult(
            key=order.key,
            tool=order.step.tool,
            target=order.step.target,
            status=status,
            detail=detail,
            attempt=attempt,
            before=before,
            after=after,
            at=now(),
        )


def _before_acting(
    tool: Tool, order: ExecuteStep, attempt: int, present: TargetState
) -> tuple[StepStatus, str] | None:
    """Why nothing must be sent, as status and detail; None when the step may act."""
    step = order.step
    if not present.exists:
        return "refused", f"{step.target} does not exist any more; nothing was sent"
    as_expected = present.target_state_digest == order.expects
    if isinstance(tool, LeavesTrace):
        if trace := tool.trace(step, present, order.expected):
            return "already", f"not sent again: {trace}"
        if attempt > 1:
            return "unknown", f"an earlier attempt left no trace and is not repeated blindly; {_reconcile(step)}"
    if tool.repeat_guard == "state" and present.target_state_digest == _wanted(tool, step, present):
        return "already", f"found as wanted ({_settings(present)}); nothing was sent"
    if as_expected or _half_done(tool, order, present):
        return None
    was = f"was {_settings(order.expected)}, " if order.expected else ""
    told = f"{was}is {_settings(present)}"
    whose = "someone changed it after our step" if order.mode == "undo" else "it changed since the plan was made"
    verdict: tuple[StepStatus, str] = ("changed_world", f"{told}: {whose}; nothing was sent")
    if tool.repeat_guard == "token" and attempt > 1:
        verdict = ("unknown", f"{told}: an earlier attempt may have made it so; {_reconcile(step)}")
    return verdict


def _wanted(tool: Tool, step: Step, state: TargetState) -> str:
    return tool.leaves(step, state).target_state_digest


def _half_done(tool: Tool, order: ExecuteStep, present: TargetState) -> bool:
    """Whether every setting is either as expected or as wanted: what a step of several calls leaves in a crash."""
    if tool.repeat_guard != "state" or order.expected is None:
        return False
    was, wanted = order.expected.settings, tool.leaves(order.step, order.expected).settings
    names = set(was) | set(wanted) | set(present.settings)
    return order.expected.target_state_digest == order.expects and all(
        present.settings.get(name) in (was.get(name), wanted.get(name)) for name in names
    )


def _reconcile(step: Step) -> str:
    return f"look at {step.target} and, if it did not happen, decide again or type: {step.command}"


def _infeasible(step: Step, before: TargetState, reason: str) -> PreparedStep:
    """A step that cannot work, kept with its reason."""
    return PreparedStep(
        step=step,
        before=before,
        expects=before.target_state_digest,
        dry_run=DryRun(feasible=False, reason=reason),
    )


def _reversibility(prepared: list[PreparedStep]) -> Reversibility:
    """Reversible when every step has an undo, irreversible when none has."""
    undoable = [p.undo is not None for p in prepared if p.after is not None]
    if not undoable or not any(undoable):
        return "irreversible"
    return "reversible" if all(undoable) else "partly"
