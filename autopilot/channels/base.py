"""What the notifier drives: channels with one message per incident, pagers, ticket systems."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from autopilot.incident.decision import Judgement
from autopilot.incident.ports import Question, Ticket
from autopilot.incident.related import Related
from autopilot.incident.view import IncidentView


@dataclass(frozen=True)
class Attachment:
    """A file for a ticket. Its name carries a digest of its content: another content is another file."""

    name: str
    media_type: str
    content: bytes


class MessageChannel(Protocol):
    """Shows each incident as one message that is edited in place. All methods raise Failure."""

    name: str

    def publish(self, view: IncidentView) -> str:
        """Create or edit the incident's message; returns its reference. Repeating it posts nothing new."""
        ...

    def note(self, view: IncidentView, text: str, key: str) -> None:
        """Say something under the incident's message; the same key is said once."""
        ...

    def answer(self, view: IncidentView, judgement: Judgement, reply_to: str) -> bool:
        """Answer the sender of a decision; False when the decision did not come through this channel."""
        ...


class Pager(Protocol):
    """Wakes people up."""

    name: str

    def page(self, question: Question) -> str:
        """Page; the same key reaches nobody twice. Returns the pager's reference. Raises Failure."""
        ...


class TicketSystem(Protocol):
    """Where the organisation keeps its tickets."""

    name: str

    def find(self, key: str) -> str:
        """The number of the ticket with this correlation key; empty when there is none. Raises Failure."""
        ...

    def upsert(self, ticket: Ticket) -> str:
        """Create the ticket or bring it up to date; returns its number. Safe to repeat. Raises Failure.

        With a phase the body is noted once per phase, else whenever it says something new.
        """
        ...

    def relate(self, key: str, related: Sequence[Related]) -> None:
        """Link records to the ticket with this key; what is linked already stays. Raises Failure."""
        ...

    def attach(self, key: str, file: Attachment) -> None:
        """Attach a file to the ticket with this key, unless a file of that name is there. Raises Failure."""
        ...
