"""Telling people: the one message, its thread, pages and tickets."""

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.base import Model
from autopilot.incident.ports import Notifier, Question, Ticket
from autopilot.incident.view import IncidentView


class Note(Model):
    """Detail under the message; the same key is said once."""

    view: IncidentView
    text: str
    key: str


class Notifying:
    """Activities that talk to people."""

    def __init__(self, notifier: Notifier) -> None:
        self._notifier = notifier

    @activity.defn
    @guarded
    def publish(self, view: IncidentView) -> dict[str, str]:
        """Create or edit the incident's message in every channel."""
        return self._notifier.publish(view)

    @activity.defn
    @guarded
    def add_note(self, note: Note) -> None:
        """Say something in the thread."""
        self._notifier.note(note.view, note.text, note.key)

    @activity.defn
    @guarded
    def page(self, question: Question) -> str:
        """Page somebody."""
        return self._notifier.page(question)

    @activity.defn
    @guarded
    def write_ticket(self, ticket: Ticket) -> str:
        """Create or update a ticket."""
        return self._notifier.ticket(ticket)
