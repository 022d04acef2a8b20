"""Waiting for a decision: remind, page the secondary, hand over; and see whether it heals by itself."""

from collections.abc import Callable
from datetime import timedelta
from typing import Literal

from temporalio import workflow

from autopilot.incident.decision import DecisionRequest
from autopilot.incident.ladder import NextRung, next_rung
from autopilot.incident.playbook import actors
from autopilot.incident.policy import requirement
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Reading, steady
from workflows.people import People
from workflows.watch import Pause, Watch

Ended = Literal["decided", "handled", "healed", "changed", "hand_over", "continue"]

PATIENCE = 90.0
"""Seconds for the desk to answer what it has."""
KEPT = 40
"""Readings kept while waiting."""


class DecisionLadder:
    """One question to people, from asking to an answer or the end of the ladder."""

    def __init__(
        self,
        state: IncidentState,
        people: People,
        watch: Watch,
        pause: Pause,
        *,
        settled: Callable[[], bool],
        too_long: Callable[[], bool],
    ) -> None:
        """`settled`: every decision has its answer. `too_long`: the run should continue as new."""
        self._state = state
        self._people = people
        self._watch = watch
        self._pause = pause
        self._settled = settled
        self._too_long = too_long

    def ask(self) -> None:
        """Open the question. A run that continues finds it open and goes on waiting."""
        state = self._state
        if state.request is not None or state.snapshot is None or state.plan is None:
            return
        snapshot, plan, now = state.snapshot, state.plan, workflow.now()
        playbook = snapshot.playbook
        state.rung = 0
        state.readings = []
        state.request = DecisionRequest(
            plan_revision=plan.revision,
            plan_digest=plan.plan_digest,
            asked_at=now,
            expires_at=now + timedelta(seconds=playbook.ladder.hand_over),
            approvers=actors(playbook.approvers, snapshot),
            requirements=tuple(requirement(snapshot, plan, option) for option in plan.options),
            accept_unproven=playbook.accept_unproven,
        )

    def close(self) -> None:
        """Close the question; later answers are refused as late."""
        self._state.request = None

    async def wait(self) -> Ended:
        """Wait for whatever comes first."""
        while True:
            # What was decided in time counts, even when no worker was there to judge it.
            if not self._settled():
                await self._pause(self._settled, PATIENCE, "judging what is on the desk")
            ended = self._ended()
            if ended is not None:
                return ended
            rung = self._next()
            if rung.rung == "hand_over" and workflow.now() >= rung.at:
                return "hand_over"
            if workflow.now() >= rung.at:
                await self._climb(rung)
            elif await self._healing():
                return "healed"
            else:
                await self._doze(rung)

    def _ended(self) -> Ended | None:
        if self._state.decision is not None:
            return "decided"
        if self._state.handled_by:
            return "handled"
        if self._state.world_changed:
            return "changed"
        return "continue" if self._too_long() else None

    def _next(self) -> NextRung:
        state = self._state
        if state.snapshot is None or state.request is None:
            raise ValueError("the ladder stands only on an open question")
        rung = next_rung(
            state.snapshot.playbook,
            state.request.asked_at,
            state.rung,
            snoozed_until=state.snoozed_until,
            claimed=bool(state.claimed_by),
        )
        expires = max(state.request.expires_at, rung.at)
        state.request = state.request.model_copy(update={"expires_at": expires})
        return rung

    async def _climb(self, rung: NextRung) -> None:
        self._state.rung += 1
        on_call = self._state.snapshot.on_call if self._state.snapshot else None
        if rung.rung == "remind":
            await self._people.note("Reminder: this incident still waits for a decision.")
        else:
            text = f"Nobody has decided on {self._state.alert.title}; please look at the options."
            await self._people.page(on_call.secondary if on_call else None, "secondary", text)

    async def _healing(self) -> bool:
        if not self._state.signals:
            return False
        reading: Reading = await self._watch.read("still broken while waiting?")
        self._state.readings = [*self._state.readings, reading][-KEPT:]
        return steady(self._watch.plan(), self._state.readings) >= self._watch.plan().stabilisation

    async def _doze(self, rung: NextRung) -> None:
        """Sleep until the next rung or reading, or until somebody does something."""
        state = self._state
        left = max((rung.at - workflow.now()).total_seconds(), 0.01)
        wait = min(left, self._watch.plan().interval) if state.signals else left
        before = (state.claimed_by, state.snoozed_until)
        await self._pause(
            lambda: self._ended() is not None or (state.claimed_by, state.snoozed_until) != before,
            wait,
            f"waiting for a decision, then {rung.rung.replace('_', ' ')}",
        )
