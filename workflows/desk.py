"""The decision desk: an inbox that is judged in order; every entry gets a stored answer."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.decide import Deciding, JudgeDecision
from autopilot.incident.decision import DecisionSignal, Judgement, first_answer, kept
from autopilot.incident.state import IncidentState
from workflows.calls import QUICK, call
from workflows.people import People

KEPT = 200
"""Judgements kept in the state."""


class Desk:
    """Handlers put decisions in; one clerk judges them. The first accepted one wins."""

    def __init__(self, state: IncidentState, people: People) -> None:
        self._state = state
        self._people = people
        self._inbox: list[DecisionSignal] = []

    @property
    def idle(self) -> bool:
        """Whether every decision has its answer."""
        return not self._inbox

    def put(self, signal: DecisionSignal) -> str:
        """Queue a decision; returns its id, made up when the sender gave none."""
        if not signal.decision_id:
            signal = signal.model_copy(update={"decision_id": f"{signal.channel or 'raw'}-{workflow.uuid4()}"})
        self._inbox.append(signal)
        return signal.decision_id

    def answer_to(self, decision_id: str) -> Judgement | None:
        """The first judgement of a decision."""
        return first_answer(self._state.judgements, decision_id)

    async def serve(self) -> None:
        """Judge entries in the order in which they came, for as long as the incident lives."""
        while True:
            await workflow.wait_condition(lambda: bool(self._inbox))
            signal = self._inbox[0]
            judgement = await self._judge(signal)
            self._state.judgements = kept([*self._state.judgements, judgement], KEPT)
            if judgement.counted:
                self._state.approvals = [*self._state.approvals, signal][-KEPT:]
            if judgement.accepted:
                self._state.decision = judgement
                self._state.milestones["decision"] = workflow.now()
            if judgement.reason == "changed_world":
                self._state.world_changed = judgement.message
            self._people.record("decision", _line(judgement))
            self._inbox.pop(0)
            await self._people.answer(judgement, signal.reply_to)
            if judgement.counted and not judgement.accepted:
                await self._people.show("an approval counts, more people are needed")

    async def _judge(self, signal: DecisionSignal) -> Judgement:
        state = self._state
        order = JudgeDecision(
            signal=signal,
            incident_id=state.incident_id,
            request=state.request,
            plan=state.plan,
            first_answer=self.answer_to(signal.decision_id),
            taken=state.decision,
            approvals=tuple(j for j in state.judgements if j.counted),
        )
        summary = f"judge {signal.choice} {signal.option or ''} by {signal.actor_name or signal.actor}"
        try:
            return await call(Deciding.judge_decision, order, QUICK, summary)
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return _not_judged(signal, f"The decision could not be judged: {error.cause}. Send it again.")


def _not_judged(signal: DecisionSignal, message: str) -> Judgement:
    return Judgement(
        decision_id=signal.decision_id,
        accepted=False,
        reason="malformed",
        message=message,
        choice=signal.choice,
        option=signal.option_number,
        actor=signal.actor or "unknown",
        actor_name=signal.actor_name,
        channel=signal.channel,
        comment=signal.comment,
        at=workflow.now(),
    )


def _line(judgement: Judgement) -> str:
    who = judgement.actor_name or judgement.actor
    what = f"option {judgement.option}" if judgement.choice == "option" else judgement.choice
    how = "accepted" if judgement.accepted else f"refused: {judgement.reason}"
    return f"{who}{'' if judgement.proven else ' (unproven)'} chose {what} ({how})"
