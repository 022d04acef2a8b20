"""Carrying out an option step by step, its undo registered before each act, undone last-in first-out."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.execute import CarryOut, Executing
from autopilot.incident.ids import idempotency_key
from autopilot.incident.plan import ExecuteStep, Option, PreparedStep, StepResult
from autopilot.incident.state import IncidentState, UndoEntry
from autopilot.incident.warrant import Warrant
from workflows.calls import ACT, UNDO, call
from workflows.people import People


class Remediation:
    """ActionExecutor's orchestration."""

    def __init__(self, state: IncidentState, people: People) -> None:
        self._state = state
        self._people = people

    async def carry_out(self, option: Option, actor: str) -> bool:
        """Run the steps in order; False as soon as one does not take effect."""
        warrant = self._warrant(option)
        for number, prepared in enumerate(option.steps, start=1):
            key = self._key(option, number)
            if any(result.key == key and result.took_effect for result in self._state.executed):
                continue  # done before this run continued as new
            self._register_undo(prepared, key)
            result = await self._run(
                ExecuteStep(
                    incident_id=self._state.incident_id,
                    key=key,
                    step=prepared.step,
                    expects=prepared.expects,
                    expected=prepared.before,
                    actor=actor,
                ),
                warrant,
            )
            self._state.executed.append(result)
            self._people.record("action", f"{result.tool} on {result.target}: {result.status} {result.detail}")
            if not result.took_effect:
                if result.status != "unknown":
                    self._forget_undo(key)
                return False
        return True

    async def undo_all(self, reason: str) -> bool:
        """Undo what was done, newest first; one failing undo does not stop the rest."""
        complete = True
        while self._state.undo_stack:
            entry = self._state.undo_stack[-1]
            result = await self._undo(entry)
            self._state.undo_stack.pop()
            self._state.undone.append(result)
            self._people.record("action", f"undo of {result.tool} on {result.target} ({reason}): {result.status}")
            if not result.took_effect:
                complete = False
                await self._page_failed_undo(entry, result)
        return complete

    def _warrant(self, option: Option) -> Warrant:
        """What was decided about the present plan, kept for as long as a step of it may have to be undone."""
        state = self._state
        if state.plan is None:
            raise ValueError("only an option of a plan can be carried out")
        mine = (s for s in state.approvals if s.plan_digest in ("", state.plan.plan_digest))
        approvals = tuple(s for s in mine if s.option_number == option.id)
        by_people = state.decision is not None and state.decision.channel != "policy"
        warrant = Warrant(
            alert=state.alert,
            plan=state.plan,
            option=option.id,
            approvals=approvals if by_people else (),
            error_share=state.dossier.impact.error_share if state.dossier else None,
        )
        needed = {entry.plan for entry in state.undo_stack}
        state.warrants = {n: w for n, w in state.warrants.items() if n in needed} | {state.plan.revision: warrant}
        return warrant

    def _key(self, option: Option, number: int) -> str:
        return idempotency_key(self._state.incident_id, self._state.plan_revision, option.id, number)

    def _register_undo(self, prepared: PreparedStep, key: str) -> None:
        if prepared.undo is not None and all(entry.do_key != key for entry in self._state.undo_stack):
            undo_key = key.removesuffix("/do") + "/undo"
            entry = UndoEntry(prepared=prepared, key=undo_key, do_key=key, plan=self._state.plan_revision)
            self._state.undo_stack.append(entry)

    def _forget_undo(self, key: str) -> None:
        self._state.undo_stack = [entry for entry in self._state.undo_stack if entry.do_key != key]

    async def _run(self, order: ExecuteStep, warrant: Warrant) -> StepResult:
        commission = CarryOut(order=order, warrant=warrant)
        try:
            return await call(Executing.execute_step, commission, ACT, order.step.summary or order.step.tool)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # Attempts may have reached the target before they failed: only a look at it can tell.
            return StepResult(
                key=order.key, tool=order.step.tool, target=order.step.target, status="unknown",
                detail=str(error.cause), at=workflow.now(),
            )  # fmt: skip

    async def _undo(self, entry: UndoEntry) -> StepResult:
        step = entry.prepared.undo
        if step is None:
            raise ValueError(f"{entry.do_key!r} was registered without an undo")
        order = ExecuteStep(
            incident_id=self._state.incident_id, key=entry.key, step=step, expects=entry.prepared.leaves,
            expected=entry.prepared.after,
            actor="undo", mode="undo",
        )  # fmt: skip
        commission = CarryOut(order=order, warrant=self._state.warrants.get(entry.plan))
        try:
            return await call(Executing.execute_step, commission, UNDO, f"undo: {step.summary or step.tool}")
        except ActivityError as error:
            return StepResult(
                key=order.key, tool=step.tool, target=step.target, status="failed",
                detail=str(error.cause), at=workflow.now(),
            )  # fmt: skip

    async def _page_failed_undo(self, entry: UndoEntry, result: StepResult) -> None:
        snapshot = self._state.snapshot
        command = entry.prepared.undo.command if entry.prepared.undo else ""
        found = result.before.settings if result.before else "not readable"
        text = (
            f"UNDO FAILED for {result.target}: {result.detail}. Was {entry.prepared.before.settings}, "
            f"is {found}. By hand: {command}"
        )
        await self._people.page(snapshot.on_call.primary if snapshot else None, f"undo-{entry.key[-40:]}", text)
