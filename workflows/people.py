"""Talking to people from a workflow. A dead channel is noted and never stops an incident."""

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.decide import AnswerDecision, Deciding
from activities.notify import Note, Notifying
from autopilot.incident.decision import Judgement
from autopilot.incident.finding import TimelineEntry
from autopilot.incident.playbook import Person
from autopilot.incident.ports import Question
from autopilot.incident.state import IncidentState
from autopilot.incident.thread import plan_note
from autopilot.incident.ticketing import incident_ticket
from autopilot.incident.view import incident_view
from workflows.calls import TELL, call
from workflows.console import Console


class People:
    """The incident's voice."""

    def __init__(self, state: IncidentState) -> None:
        self._state = state
        self._console = Console(state)
        self._said = 0

    def record(self, kind: str, text: str) -> None:
        """Put a moment on the incident's own timeline."""
        entry = TimelineEntry.model_validate({"at": workflow.now(), "kind": kind, "text": text})
        self._state.timeline = [*self._state.timeline, entry][-200:]

    def _failed(self, what: str, error: ActivityError) -> None:
        if is_cancelled_exception(error):
            raise error
        workflow.logger.warning("channel failed", extra={"what": what, "error": str(error.cause)})
        self.record("note", f"{what} failed: {error.cause}")

    def show_console(self) -> None:
        """Bring only the Temporal UI up to date."""
        self._console.show()

    async def show(self, summary: str) -> None:
        """Bring console and messages up to date."""
        self._console.show()
        try:
            refs = await call(Notifying.publish, incident_view(self._state), TELL, summary)
        except ActivityError as error:
            self._failed("updating the message", error)
            return
        self._state.messages.update(refs)
        self._state.milestones.setdefault("first_message", workflow.now())

    async def note(self, text: str) -> None:
        """Say something in the thread, once."""
        self._said += 1
        key = f"{self._state.incident_id}/note/{workflow.info().run_id[:8]}/{self._said}"
        note = Note(view=incident_view(self._state), text=text, key=key)
        try:
            await call(Notifying.add_note, note, TELL, text[:80])
        except ActivityError as error:
            self._failed("adding to the thread", error)

    async def explain_plan(self) -> None:
        """Say once per plan what each option would change."""
        plan = self._state.plan
        if plan is not None and self._state.explained_plan != plan.revision:
            self._state.explained_plan = plan.revision
            await self.note(plan_note(plan))

    async def answer(self, judgement: Judgement, reply_to: str) -> None:
        """Tell a decision's sender what became of it."""
        order = AnswerDecision(view=incident_view(self._state), judgement=judgement, reply_to=reply_to)
        summary = f"answer {judgement.actor_name or judgement.actor}: {judgement.reason}"
        try:
            await call(Deciding.answer_decision, order, TELL, summary)
        except ActivityError as error:
            self._failed("answering a decision", error)

    async def page(self, person: Person | None, role: str, text: str) -> None:
        """Page a person; with nobody on duty the pager's own routing decides."""
        state = self._state
        question = Question(
            key=f"{state.incident_id}/page/{role}",
            to=person.name if person else role,
            pager=person.pager if person else "",
            summary=text,
            severity=state.severity,
            incident_id=state.incident_id,
            link=state.links[0].url if state.links else "",
        )
        try:
            await call(Notifying.page, question, TELL, f"page {question.to}")
        except ActivityError as error:
            self._failed(f"paging {question.to}", error)
            return
        self.record("note", f"paged {question.to}: {text}")

    async def ticket(self, phase: str, *, resolved: bool = False) -> None:
        """Create the incident's ticket or bring it up to date; each phase is noted in it once."""
        state, ticket = self._state, incident_ticket(self._state, phase, resolved=resolved)
        try:
            number = await call(
                Notifying.write_ticket, ticket, TELL, "resolve ticket" if resolved else "write ticket"
            )
        except ActivityError as error:
            self._failed("writing the ticket", error)
            return
        if number and number not in state.tickets:
            state.tickets.append(number)
            self.record("note", f"ticket {number} written")
