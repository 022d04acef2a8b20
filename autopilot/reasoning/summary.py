"""The incident in plain words for people who were not there; every sentence is held to the record."""

from autopilot.incident.ports import Attempt, CaseStore, SummaryRequest
from autopilot.incident.state import Summary
from autopilot.settings import Model


class ConfiguredSummariser:
    """The Summariser port."""

    def __init__(self, settings: Model, store: CaseStore) -> None:
        """`kind: none` writes no summary: the review then has the rule-based one alone."""
        self._settings, self._store = settings, store

    def summarise(self, request: SummaryRequest, attempt: Attempt) -> Summary:  # noqa: ARG002 - see the port
        """See `Summariser`."""
        return Summary(analyst="no model configured", usage=request.state.usage)
