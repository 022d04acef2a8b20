"""Closing an incident: summary, review, ticket, what is remembered. None of it can keep it open."""

from temporalio import workflow
from temporalio.exceptions import ActivityError

from activities.review import Reviewing
from autopilot.incident.ports import SummaryRequest
from autopilot.incident.state import IncidentState
from workflows.calls import ASK, QUICK, THINK, call
from workflows.people import People

SUMMARY_SECONDS = 30.0


class Closing:
    """IncidentReviewer's orchestration."""

    def __init__(self, state: IncidentState, people: People) -> None:
        self._state = state
        self._people = people

    async def review(self) -> None:
        """Write the review, bring ticket and message up to date, remember."""
        state = self._state
        state.phase = "review"
        state.next_step = "Read the review."
        state.milestones["closed"] = workflow.now()
        await self._summarise()
        try:
            state.report = await call(Reviewing.write_review, state, THINK, "write the post-incident review")
        except ActivityError as error:
            state.report = None
            self._people.record("note", f"the review was not written: {error.cause}")
        if state.tickets:
            await self._people.ticket("review", resolved=state.verdict in ("fixed", "self_healed"))
        try:
            await call(Reviewing.remember, state, QUICK, "remember the outcome")
        except ActivityError as error:
            self._people.record("note", f"the outcome was not remembered: {error.cause}")
        state.phase = "closed"
        await self._people.show(f"closed: {state.outcome}")

    async def _summarise(self) -> None:
        """The incident in plain words, where a model is configured; the review does without."""
        state = self._state
        if state.diagnosis is None:
            return
        order, kind = SummaryRequest(state=state), ASK.within(min(SUMMARY_SECONDS, state.limits.seconds))
        try:
            state.summary = await call(Reviewing.summarise, order, kind, "tell it in plain words")
            state.usage = state.summary.usage
        except ActivityError as error:
            self._people.record("note", f"no plain summary: {error.cause}")
