"""Reviewing: the report, what is remembered."""

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.evidence import Document
from autopilot.incident.ports import Knowledge, Reviewer
from autopilot.incident.state import IncidentState


class Reviewing:
    """IncidentReviewer's activities."""

    def __init__(self, reviewer: Reviewer, knowledge: Knowledge) -> None:
        self._reviewer = reviewer
        self._knowledge = knowledge

    @activity.defn
    @guarded
    def write_report(self, state: IncidentState) -> Document:
        """The root cause report while the incident is open."""
        return self._reviewer.report(state)

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
