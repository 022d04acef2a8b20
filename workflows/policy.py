"""Asking the playbook whether it decides, in autonomous mode."""

from collections.abc import Callable

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.decide import Deciding
from autopilot.incident.autonomy import PolicyAnswer, policy_order
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import proposal
from workflows.calls import QUICK, call
from workflows.people import People


class Policy:
    """What the playbook grants runs unasked; when it asks nevertheless, people are told why."""

    def __init__(self, state: IncidentState, people: People, *, settled: Callable[[], bool]) -> None:
        """`settled`: every decision of people has its answer."""
        self._state = state
        self._people = people
        self._settled = settled

    async def decide(self) -> None:
        """Ask once per plan, and only in autonomous mode; whatever people decide meanwhile comes first."""
        state, snapshot, plan = self._state, self._state.snapshot, self._state.plan
        if snapshot is None or plan is None or state.asked_policy == plan.revision:
            return
        state.asked_policy = plan.revision
        state.proposals = [*state.proposals, proposal(plan, state.service)]
        if snapshot.playbook.mode != "autonomous":
            return
        try:
            order = policy_order(state, plan, snapshot.playbook)
            answer = await call(Deciding.decide_by_policy, order, QUICK, "may the playbook decide?")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._people.record("note", f"the playbook cannot decide, people are asked: {error.cause}")
            return
        await workflow.wait_condition(self._settled)
        await self._follow(answer)

    async def _follow(self, answer: PolicyAnswer) -> None:
        state, said = self._state, [one.words for one in answer.asks]
        for words in said:
            self._people.record("note", words)
        if answer.decision is not None and state.decision is None:
            state.decision = answer.decision
            state.judgements = [*state.judgements, answer.decision]
            state.milestones["decision"] = workflow.now()
            self._people.record("decision", answer.decision.message)
        if said:
            await self._people.note("\n".join(said))
