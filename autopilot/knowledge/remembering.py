"""What is kept when an incident closes: its lesson, and the calls that its case showed."""

from autopilot.case.reading import load_case
from autopilot.incident.ports import CaseStore
from autopilot.incident.state import IncidentState
from autopilot.knowledge.outcomes import Aims
from autopilot.knowledge.sqlite import KnowledgeBase


class Remembering:
    """The Knowledge port over the knowledge base and the case store."""

    def __init__(self, knowledge: KnowledgeBase, store: CaseStore, aims: Aims | None = None) -> None:
        """`aims`: tool → the kinds of cause it helps against, by which a fix tells which explanation was right."""
        self._knowledge = knowledge
        self._store = store
        self._aims = aims or {}

    def remember(self, state: IncidentState) -> None:
        """Record the lesson once per incident, and who was seen calling whom. Raises Failure."""
        self._knowledge.remember(state, self._aims)
        if state.manifest is None:
            return
        topology = tuple(part for part in state.manifest.parts if part.table == "topology")
        seen = load_case(self._store, state.manifest.model_copy(update={"parts": topology})).table("topology")
        pairs = seen.select("caller", "callee").unique(maintain_order=True)
        self._knowledge.save_edges(state.environment, ((str(a), str(b)) for a, b in pairs.iter_rows()))
