"""Reviewing: the report, the summary, what is remembered."""

from temporalio import activity

from activities.edge import guarded, this_attempt
from autopilot.incident.evidence import Document
from autopilot.incident.ports import Knowledge, Reviewer, Summariser, SummaryRequest
from autopilot.incident.state import IncidentState, Summary


class Reviewing:
    """IncidentReviewer's activities."""

    def __init__(self, reviewer: Reviewer, summariser: Summariser, knowledge: Knowledge) -> None:
        self._reviewer = reviewer
        self._summariser = summariser
        self._knowledge = knowledge

    @activity.defn
    @guarded
    def write_report(self, state: IncidentState) -> Document:
        """The root cause report while the incident is open."""
        return self._reviewer.report(state)

    @activity.defn
    @guarded
    def summarise(self, request: SummaryRequest) -> Summary:
        """The incident in plain words: at most one model call per attempt."""
        return self._summariser.summarise(request, this_attempt())

    @activity.defn
    @guarded
    def write_review(self, state: IncidentState) -> Document:
        """The post-incident review."""
        return self._reviewer.write(state)

    @activity.defn
    @guarded
    def remember(self, state: IncidentState) -> None:
        """Record the outcome once per incident."""
        self._knowledge.remember(state)
