"""How an incident run waits, stops, goes back to an earlier phase and continues in a fresh history."""

import asyncio
from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import is_cancelled_exception

from autopilot.incident.messages import StartIncident
from autopilot.incident.plan import Option
from autopilot.incident.state import Outcome, Phase
from workflows.messages import Messages

MAX_PLANS = 5
"""Plans made for one incident before it is handed over."""


class Lifecycle(Messages):
    """The run around the phases."""

    def __init__(self, start: StartIncident) -> None:
        super().__init__(start)
        self._history_limit = start.history_limit
        self._stopping = False

    def _go(self, phase: Phase, next_step: str) -> None:
        self._state.phase, self._state.next_step = phase, next_step

    def _finish(self, outcome: Outcome) -> None:
        self._state.outcome = outcome

    async def _pause(self, until: Callable[[], bool], seconds: float, summary: str) -> bool:
        """Every wait ends early when the incident is stopped."""
        try:
            await workflow.wait_condition(
                lambda: self._stopping or until(), timeout=max(seconds, 0.01), timeout_summary=summary
            )
        except TimeoutError:
            return False
        if self._stopping:
            raise asyncio.CancelledError
        return True

    async def _until_done_or_stopped(self, response: asyncio.Task[None]) -> bool:
        """Wait for the response; stop it on abort or cancellation. Returns whether the run was cancelled."""
        cancelled = False
        try:
            await workflow.wait_condition(lambda: response.done() or self._aborting)
        except asyncio.CancelledError:
            cancelled = True
        if not response.done():
            self._stopping = True
            response.cancel()
            await workflow.wait([response])
        error = None if response.cancelled() else response.exception()
        if error is not None and not is_cancelled_exception(error):
            raise error
        return cancelled

    def _too_long(self) -> bool:
        info = workflow.info()
        limit = self._history_limit
        return info.is_continue_as_new_suggested() or (0 < limit <= info.get_current_history_length())

    async def _continue_when_long(self) -> None:
        """Go on in a fresh history, with the whole state and nothing left on the desk."""
        if self._stopping:
            raise asyncio.CancelledError
        if not self._too_long():
            return
        await workflow.wait_condition(lambda: self._desk.idle and workflow.all_handlers_finished())
        workflow.continue_as_new(StartIncident(state=self._state, history_limit=self._history_limit))

    def _act_now(self) -> None:
        self._state.milestones["acted"] = workflow.now()
        self._state.readings = []

    def _analyse_again(self, why: str) -> None:
        """Bounded rounds: then people have to go on by hand."""
        state = self._state
        state.keep_feedback(why)
        limit = state.snapshot.playbook.max_analysis_rounds if state.snapshot else 1
        state.decision, state.before, state.world_changed = None, None, ""
        if state.rounds >= limit:
            return self._go("handover", f"{limit} rounds of analysis are used up; a person has to go on.")
        return self._go("collect", f"Analysing again: {why}")

    def _plan_again(self, option: Option | None, why: str) -> None:
        """Offer what is left as a new decision; what was tried is not offered again."""
        state = self._state
        tried = [f"{p.step.tool} {p.step.target}" for p in option.steps] if option else []
        state.failed_actions = [*state.failed_actions, *(t for t in tried if t not in state.failed_actions)]
        state.handled_by = ""
        state.before = None
        if state.plan_revision >= MAX_PLANS:
            return self._go("handover", f"{why} {MAX_PLANS} plans were tried; a person has to go on.")
        state.decision = None
        return self._go("plan", f"{why} Preparing other options.")
