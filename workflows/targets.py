"""The targets that an incident holds while it acts, verifies and undoes: one incident at a time changes a thing."""

from datetime import timedelta

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)
from temporalio.workflow import ParentClosePolicy

from activities.open import Neighbourhood
from autopilot.incident.plan import Option
from autopilot.incident.playbook import Ladder
from autopilot.incident.state import IncidentState
from autopilot.incident.target import RELEASE, WORKFLOW, Hold, Holder, target_id
from workflows.calls import QUICK, call
from workflows.people import People
from workflows.watch import Pause

RETRY = 5.0
"""Seconds between tries for a target that another incident holds."""


class Targets:
    """What this incident holds; the names are in its state, so that a continued run holds them too."""

    def __init__(self, state: IncidentState, people: People, pause: Pause) -> None:
        self._state = state
        self._people = people
        self._pause = pause

    async def take(self, option: Option) -> str:
        """Take all targets of an option, in one order for everybody so that nobody waits in a circle.

        Returns who was in the way for longer than the playbook allows, in words; empty when all are held.
        """
        ladder = self._state.snapshot.playbook.ladder if self._state.snapshot else Ladder()
        deadline = workflow.now() + timedelta(seconds=ladder.busy)
        wanted = {p.step.target for p in option.steps if p.exclusive} - set(self._state.held)
        for target in sorted(wanted):
            told = False
            while not await self._start(target, option):
                holder = await self._holder(target)
                if workflow.now() >= deadline:
                    return holder.words
                if not told:
                    told = True
                    await self._people.note(f"{holder.words}. Waiting for it, until {deadline:%H:%M} UTC at most.")
                await self._pause(lambda: False, RETRY, f"busy: {holder.words}")
            self._state.held = [*self._state.held, target]
        return ""

    async def release(self) -> None:
        """Let go of everything."""
        for target in self._state.held:
            handle = workflow.get_external_workflow_handle(target_id(target))
            try:
                await handle.signal(RELEASE, self._state.incident_id)
            except ApplicationError:
                workflow.logger.info("target was not held any more", extra={"target": target})
        self._state.held = []

    async def _start(self, target: str, option: Option) -> bool:
        hold = Hold(
            target=target,
            incident_id=self._state.incident_id,
            group=self._state.group,
            doing=f"option {option.id}: {option.title}"[:200],
        )
        try:
            # It outlives a run that continues as new, and lets go by itself when the incident is gone.
            await workflow.start_child_workflow(
                WORKFLOW,
                hold,
                id=target_id(target),
                parent_close_policy=ParentClosePolicy.ABANDON,
                static_summary=f"{target} is changed by {self._state.group}"[:180],
            )
        except WorkflowAlreadyStartedError:
            return False
        return True

    async def _holder(self, target: str) -> Holder:
        try:
            return await call(Neighbourhood.who_holds, target, QUICK, f"who holds {target}?")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return Holder(target=target)
