"""Watching the symptom: readings on a timer until the rules allow a verdict."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Protocol

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.verify import ReadSymptom, Verifying
from autopilot.incident.attribution import attribute
from autopilot.incident.effect import last_word, seen, watched
from autopilot.incident.metric import Control
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import (
    Reading,
    Verdict,
    Verification,
    VerificationPlan,
    calm_again,
    judge,
    steady,
)
from workflows.calls import QUICK, call

KEPT = 200
"""Readings kept of one verification."""

EXPLAINED: dict[Verdict, str] = {
    "fixed": "every watched signal stayed within its limit for the stabilisation time after acting",
    "self_healed": "the symptom went away before anything was done",
    "no_data": "the watched systems deliver no data, which is not health; a person has to look",
    "still_broken": "the symptom has not gone away by the deadline",
    "worse": "the symptom grew well beyond its level before acting",
}


NOT_OURS = "the symptom went away, but {}: what was done is not proven to have helped"


class Pause(Protocol):
    """Wait for a predicate, at most so many seconds; True when it came true."""

    def __call__(self, until: Callable[[], bool], seconds: float, summary: str) -> Awaitable[bool]: ...


class Watch:
    """RecoveryVerifier's orchestration. Readings live in the state, so a continued run goes on watching."""

    def __init__(self, state: IncidentState, pause: Pause) -> None:
        self._state = state
        self._pause = pause

    def plan(self) -> VerificationPlan:
        """What is watched, under the playbook's rules."""
        if self._state.snapshot is None:
            raise ValueError("an incident is watched only after it was opened")
        rules, effect = self._state.snapshot.playbook.verification, self._state.expected
        return VerificationPlan(
            signals=watched(self._state.signals, effect),
            interval=rules.interval,
            window=rules.window,
            stabilisation=rules.stabilisation,
            deadline=last_word(rules, effect),
            settle=rules.settle,
            controls=self._controls(),
        )

    def _controls(self) -> tuple[Control, ...]:
        """What the option under way does not touch."""
        state = self._state
        option = state.plan.option(state.decision.option) if state.plan and state.decision else None
        touched = {p.step.service for p in option.steps} if option else set[str]()
        known = state.dossier.controls if state.dossier else ()
        return tuple(c for c in known if c.kind == "demand" or c.of not in touched)

    async def read(self, summary: str) -> Reading:
        """One look. A source that fails reads as silence: it never counts as health."""
        plan = self.plan()
        try:
            order = ReadSymptom(signals=plan.asked, seconds=plan.window, incident_id=self._state.incident_id)
            return await call(Verifying.read_symptom, order, QUICK, summary)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return Reading(at=workflow.now(), values=tuple(None for _ in plan.asked))

    async def verify(self, acted_at: datetime, *, leave: Callable[[], bool]) -> Verification | None:
        """Watch after acting until there is a verdict; None when `leave` asks to stop watching."""
        plan, state = self.plan(), self._state
        while True:
            await self._look("is it better?")
            verdict = judge(plan, acted_at, state.before, state.readings, workflow.now())
            if verdict is not None:
                return self._record(plan, verdict, acted_at)
            if await self._pause(leave, plan.interval, "next reading"):
                return None

    async def until_calm(self, acted_at: datetime) -> bool:
        """After an undo: whether the harm is gone before the deadline."""
        plan, state = self.plan(), self._state
        while (workflow.now() - acted_at).total_seconds() < plan.deadline:
            await self._look("has the undo helped?")
            settled = [r for r in state.readings if (r.at - acted_at).total_seconds() >= plan.settle]
            if state.before is None or calm_again(state.before, plan, settled):
                return True
            await self._pause(lambda: False, plan.interval, "next reading after the undo")
        return False

    async def until_healthy(self, deadline: datetime, *, leave: Callable[[], bool]) -> bool:
        """Watch while people work: True once healthy for the stabilisation time, False at the deadline."""
        plan = self.plan()
        while workflow.now() < deadline and not leave():
            await self._look("has somebody fixed it?")
            if steady(plan, self._state.readings) >= plan.stabilisation:
                return True
            await self._pause(leave, plan.interval, "next reading while people work")
        return False

    async def _look(self, summary: str) -> None:
        self._state.readings = [*self._state.readings, await self.read(summary)][-KEPT:]

    def _record(self, plan: VerificationPlan, verdict: Verdict, acted_at: datetime) -> Verification:
        state, otherwise = self._state, ""
        if verdict == "fixed" and state.before is not None:
            otherwise = attribute(plan, acted_at, state.earlier, state.before, state.readings).reason
        verification = Verification(
            verdict="self_healed" if otherwise else verdict,
            explanation=NOT_OURS.format(otherwise) if otherwise else EXPLAINED[verdict],
            before=state.before,
            readings=tuple(state.readings),
            seconds=(workflow.now() - acted_at) / timedelta(seconds=1),
            effect=seen(state.expected, plan, acted_at, state.readings),
            otherwise=otherwise,
        )
        self._state.verifications.append(verification)
        self._state.verdict = verification.verdict
        return verification
