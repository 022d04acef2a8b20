"""Watching while people act: in observe mode, and after an incident was handed over."""

from collections.abc import Callable
from datetime import datetime, timedelta

from temporalio import workflow

from autopilot.incident.state import IncidentState
from workflows.watch import Watch


class ByHand:
    """Nothing is done by us; the verdict says what became of it."""

    def __init__(self, state: IncidentState, watch: Watch) -> None:
        self._state = state
        self._watch = watch

    async def observed(self, *, leave: Callable[[], bool]) -> bool:
        """Watch what people do until the verification's deadline; False when `leave` asked to stop watching."""
        ended = await self._until("observing", self._watch.plan().deadline, leave)
        if ended and self._state.signals:
            self._state.verdict = self._state.verdict or "still_broken"
        return ended

    async def handed_over(self, *, leave: Callable[[], bool]) -> bool:
        """Watch until people have fixed it or the playbook's deadline; False when `leave` asked to stop."""
        state = self._state
        if state.snapshot is not None and state.signals:
            state.readings = []
            watched = state.snapshot.playbook.verification.manual_watch
            if not await self._until("handed_over", watched, leave):
                return False
        state.verdict = state.verdict or ("still_broken" if state.signals else "no_data")
        return True

    async def _until(self, milestone: str, seconds: float, leave: Callable[[], bool]) -> bool:
        state = self._state
        deadline: datetime = state.milestones.setdefault(milestone, workflow.now()) + timedelta(seconds=seconds)
        if not state.signals:
            return True
        if await self._watch.until_healthy(deadline, leave=leave):
            by_people = state.decision is not None or bool(state.claimed_by or state.handled_by)
            state.verdict = "fixed" if by_people else "self_healed"
            state.milestones["recovery"] = workflow.now()
            return True
        return not leave()
