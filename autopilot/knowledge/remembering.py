"""What is kept when an incident closes: its lesson, and the calls that its case showed."""

from autopilot.case.reading import load_case
from autopilot.incident.ports import CaseStore
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import Experience, Move
from autopilot.knowledge.by_hand import ByHandReader
from autopilot.knowledge.outcomes import Aims
from autopilot.knowledge.sqlite import KnowledgeBase


class Remembering:
    """The Knowledge port over the knowledge base and the case store."""

    def __init__(
        self,
        knowledge: KnowledgeBase,
        store: CaseStore,
        aims: Aims | None = None,
        by_hand: ByHandReader | None = None,
    ) -> None:
        """Over a knowledge base.

        Args:
            knowledge: Where it is kept.
            store: Where cases are.
            aims: Tool → the kinds of cause it helps against, by which a fix tells which explanation was right.
            by_hand: Looks at what people did by themselves; without it that is not known.
        """
        self._by_hand = by_hand
        self._knowledge = knowledge
        self._store = store
        self._aims = aims or {}

    def remember(self, state: IncidentState) -> None:
        """Record the lesson once per incident, and who was seen calling whom. Raises Failure."""
        seen = self._by_hand.seen(state) if self._by_hand else None
        self._knowledge.remember(state, self._aims, seen)
        if state.manifest is None:
            return
        topology = tuple(part for part in state.manifest.parts if part.table == "topology")
        seen = load_case(self._store, state.manifest.model_copy(update={"parts": topology})).table("topology")
        pairs = seen.select("caller", "callee").unique(maintain_order=True)
        self._knowledge.save_edges(state.environment, ((str(a), str(b)) for a, b in pairs.iter_rows()))

    def experiences(self, environment: str, move: Move) -> tuple[Experience, ...]:
        """See `Experiences`."""
        return self._knowledge.experiences(environment, move)
