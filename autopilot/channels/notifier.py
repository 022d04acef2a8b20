"""Everything that talks to people, behind one port: what is configured is told, and one failing stops no other."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, TypeVar

import structlog
from pydantic import ValidationError

from autopilot.channels.base import Attachment, MessageChannel, Pager, TicketSystem
from autopilot.channels.jira_tickets import JiraTickets
from autopilot.channels.pagerduty import PagerDuty
from autopilot.channels.servicenow_tickets import ServiceNowTickets
from autopilot.channels.slack import SlackChannel
from autopilot.incident.decision import Judgement
from autopilot.incident.finding import Dossier
from autopilot.incident.ports import Failure, Question, Ticket
from autopilot.incident.related import Related, related_records
from autopilot.incident.view import IncidentView
from autopilot.settings import Settings

Told = TypeVar("Told")
Said = TypeVar("Said", MessageChannel, Pager, TicketSystem)


class ReadsDocuments(Protocol):
    """What the notifier needs of the case store."""

    def get(self, uri: str) -> bytes:
        """A stored document. Raises Failure."""
        ...


class ChannelNotifier:
    """The Notifier port over any number of channels."""

    def __init__(
        self,
        messages: Sequence[MessageChannel] = (),
        pagers: Sequence[Pager] = (),
        tickets: Sequence[TicketSystem] = (),
        cases: ReadsDocuments | None = None,
    ) -> None:
        """An empty sequence means that nobody is told that way.

        `cases` holds the reports that are attached and the dossiers that name related records; without it tickets
        have neither.
        """
        self._cases = cases
        self._messages, self._pagers, self._tickets = tuple(messages), tuple(pagers), tuple(tickets)

    def publish(self, view: IncidentView) -> dict[str, str]:
        """Create or edit the incident's message everywhere; a channel that fails keeps its old reference."""
        said = _everywhere(self._messages, "publish", view.incident_id, lambda c: c.publish(view))
        return {**view.refs, **said}

    def note(self, view: IncidentView, text: str, key: str) -> None:
        """Add detail under the message, once per key."""
        _everywhere(self._messages, "note", view.incident_id, lambda c: c.note(view, text, key))

    def answer(self, view: IncidentView, judgement: Judgement, reply_to: str) -> None:
        """Tell the sender of a decision what became of it, on the channel it came from."""
        told = _everywhere(
            self._messages, "answer", view.incident_id, lambda c: c.answer(view, judgement, reply_to)
        )
        if not any(told.values()):
            structlog.get_logger().info(
                "decision answered nowhere", incident_id=view.incident_id, decision_id=judgement.decision_id
            )

    def page(self, question: Question) -> str:
        """Page somebody; empty when no pager is configured."""
        said = _everywhere(self._pagers, "page", question.incident_id, lambda p: p.page(question))
        return ", ".join(said.values())

    def ticket(self, ticket: Ticket) -> str:
        """Create or update the ticket in every ticket system; the numbers, empty when none is configured.

        What is related is linked and the report attached; where that fails the ticket stands, and the next call
        tries again.
        """
        said = _everywhere(self._tickets, "ticket", ticket.incident_id, lambda t: t.upsert(ticket))
        written = [system for system in self._tickets if system.name in said]
        related = (*ticket.related, *self._named(ticket)) if written else ()
        file = self._report(ticket) if written else None
        for system in written:
            _besides(ticket, "linking", lambda s=system: s.relate(ticket.key, related) if related else None)
            _besides(ticket, "attaching", lambda s=system: s.attach(ticket.key, file) if file else None)
        return ", ".join(said.values())

    def _named(self, ticket: Ticket) -> tuple[Related, ...]:
        """The records that the dossier names."""
        content = self._read(ticket, ticket.dossier)
        try:
            return related_records(Dossier.model_validate_json(content)) if content else ()
        except ValidationError as error:
            structlog.get_logger().warning("dossier not readable", incident_id=ticket.incident_id, error=str(error))
            return ()

    def _report(self, ticket: Ticket) -> Attachment | None:
        """The report as a file."""
        report = ticket.report
        content = self._read(ticket, report.uri) if report else b""
        if report is None or not content:
            return None
        ending = "html" if "html" in report.media_type else "txt"
        return Attachment(f"incident-report-{report.sha256[:10]}.{ending}", report.media_type, content)

    def _read(self, ticket: Ticket, uri: str) -> bytes:
        found: list[bytes] = []
        if uri and self._cases is not None:
            cases = self._cases
            _besides(ticket, "reading", lambda: found.append(cases.get(uri)))
        return found[0] if found else b""


def _besides(ticket: Ticket, doing: str, act: Callable[[], None]) -> None:
    """Do what must not keep a ticket from being written."""
    try:
        act()
    except Failure as failure:
        structlog.get_logger().warning(
            "ticket incomplete", doing=doing, incident_id=ticket.incident_id, error=str(failure)
        )


def _everywhere(
    channels: Iterable[Said], doing: str, incident_id: str, tell: Callable[[Said], Told]
) -> dict[str, Told]:
    """Tell every channel; failures are logged, and raised only when nobody could be told."""
    told: dict[str, Told] = {}
    failures: list[tuple[str, Failure]] = []
    for channel in channels:
        try:
            told[channel.name] = tell(channel)
        except Failure as failure:
            failures.append((channel.name, failure))
            structlog.get_logger().warning(
                "channel failed", channel=channel.name, doing=doing, incident_id=incident_id, error=str(failure)
            )
    if failures and not told:
        raise _together(doing, failures)
    return told


def _together(doing: str, failures: Sequence[tuple[str, Failure]]) -> Failure:
    """One failure for all: worth a retry when any of them is."""
    blamed = {failure.who for _, failure in failures}
    who = "retry" if "retry" in blamed else "operator" if "operator" in blamed else "developer"
    waits = [f.retry_after for _, f in failures if f.retry_after is not None]
    told = "; ".join(str(failure) for _, failure in failures)
    return Failure(f"{doing} reached nobody: {told}", who=who, retry_after=min(waits, default=None))


def build_notifier(settings: Settings, cases: ReadsDocuments | None = None) -> ChannelNotifier:
    """The configured channels; nothing is opened yet. `cases` is where reports and dossiers are."""
    return ChannelNotifier(
        messages=[SlackChannel(settings.slack)] if settings.slack else [],
        pagers=[PagerDuty(settings.pager)] if settings.pager else [],
        tickets=ticket_systems(settings),
        cases=cases,
    )


def ticket_systems(settings: Settings) -> list[TicketSystem]:
    """The ticket systems that may be written to."""
    systems: list[TicketSystem] = []
    if settings.servicenow and settings.servicenow.write:
        systems.append(ServiceNowTickets(settings.servicenow))
    if settings.jira and settings.jira.write:
        systems.append(JiraTickets(settings.jira))
    return systems
