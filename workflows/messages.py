"""The incident's signals, update and query. Handlers only put things down; phases and clerk act on them."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from autopilot.incident.alert import Alert
    from autopilot.incident.decision import DecisionSignal, Judgement, PersonNote
    from autopilot.incident.ids import incident_id
    from autopilot.incident.intake import take_alert, take_handed_over
    from autopilot.incident.messages import HandOver, StartIncident
    from autopilot.incident.state import IncidentState
    from workflows.desk import Desk
    from workflows.people import People

MAX_SNOOZE = timedelta(hours=12)


class Messages:
    """What can be said to a running incident."""

    def __init__(self, start: StartIncident) -> None:
        info = workflow.info()
        self._aborting = False
        self._state = start.state or IncidentState(
            incident_id=incident_id(info.workflow_id, info.first_execution_run_id),
            group=info.workflow_id,
            opened_at=workflow.now(),
        )
        self._people = People(self._state)
        self._desk = Desk(self._state, self._people)

    @workflow.signal(description="An alert of this group, firing or resolved")
    def alert(self, alert: Alert) -> None:
        """Count it; a redelivery changes nothing."""
        if take_alert(self._state, alert):
            verb = "resolved" if alert.status == "resolved" else "fired"
            self._people.record("alarm", f"{alert.title} {verb} ({alert.source})")

    @workflow.signal(description="Alerts of a younger incident that joins this one")
    def adopt(self, order: HandOver) -> None:
        """Take the alerts of an incident that turned out to be this one."""
        if take_handed_over(self._state, order.joining, order.alerts):
            services = ", ".join(sorted({alert.service for alert in order.alerts}))
            self._people.record("note", f"{order.joining} ({services}) joined this incident")

    @workflow.signal(description="Choose an option, re-analyse, or handle manually")
    def decide(self, signal: DecisionSignal) -> None:
        """Queue a decision for judgement."""
        self._desk.put(signal)

    @workflow.update(description="Like decide, but returns whether it was accepted and why not")
    async def decide_checked(self, signal: DecisionSignal) -> Judgement:
        """A business refusal is a result, not an error: it is kept."""
        decision_id = self._desk.put(signal)
        await workflow.wait_condition(lambda: self._desk.idle or self._desk.answer_to(decision_id) is not None)
        judgement = self._desk.answer_to(decision_id)
        if judgement is None:
            raise ValueError(f"decision {decision_id!r} left the desk without an answer")
        return judgement

    @workflow.signal(description="'I have it': reminders and pages stop")
    def claim(self, note: PersonNote) -> None:
        """Somebody is on it."""
        self._state.claimed_by = self._state.claimed_by or _who(note)
        self._people.record("note", f"claimed by {self._state.claimed_by}")

    @workflow.signal(description="'I fixed it by hand': verification still runs")
    def handled(self, note: PersonNote) -> None:
        """Somebody fixed it."""
        self._state.handled_by = _who(note)
        self._people.record("note", f"{_who(note)} says it is handled: {note.comment}")

    @workflow.signal(description="Not now: the ladder waits so many minutes")
    def snooze(self, note: PersonNote) -> None:
        """Move the ladder's deadlines."""
        try:
            asked = timedelta(minutes=max(float(note.minutes), 1.0))
        except (ValueError, OverflowError):
            self._people.record("note", f"snooze refused: {note.minutes!r} is not a number of minutes")
            return
        self._state.snoozed_until = workflow.now() + min(asked, MAX_SNOOZE)
        self._people.record("note", f"snoozed by {_who(note)} for {min(asked, MAX_SNOOZE)}")

    @workflow.signal(description="Stop: undo what was done, write the review, close")
    def abort(self, note: PersonNote) -> None:
        """The documented way to stop an incident."""
        self._aborting = True
        self._people.record("note", f"aborted by {_who(note)}: {note.comment}")

    @workflow.query(description="The whole state of the incident")
    def state(self) -> IncidentState:
        """What the incident page shows."""
        return self._state


def _who(note: PersonNote) -> str:
    return note.actor_name or note.actor or "somebody"
