"""What is kept when an incident closes: its lesson, and the calls that its case showed."""

from autopilot.case.reading import load_case
from autopilot.incident.ports import CaseStore
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import Experience, Move
from autopilot.knowledge.by_hand import ByHandReader, SeenByHand
from autopilot.knowledge.experience import experiences
from autopilot.knowledge.outcomes import Aims
from autopilot.knowledge.sqlite import KnowledgeBase
from autopilot.knowledge.vouching import Vouching


class Remembering:
    """The Knowledge port over the knowledge base and the case store."""

    def __init__(
        self,
        knowledge: KnowledgeBase,
        store: CaseStore,
        aims: Aims | None = None,
        by_hand: ByHandReader | None = None,
        vouching: Vouching | None = None,
    ) -> None:
        """Over a knowledge base.

        Args:
            knowledge: Where it is kept.
            store: Where cases are.
            aims: Tool → the kinds of cause it helps against, by which a fix tells which explanation was right.
            by_hand: Looks at what people did by themselves; without it that is not known.
            vouching: Knows what was really decided and done; without it states are taken at their word.
        """
        self._vouching = vouching
        self._by_hand = by_hand
        self._knowledge = knowledge
        self._store = store
        self._aims = aims or {}

    def remember(self, state: IncidentState) -> None:
        """Record the lesson once per incident, and who was seen calling whom. Raises Failure."""
        self._knowledge.remember(state, self._aims, self._learned(state))
        if state.manifest is None:
            return
        topology = tuple(part for part in state.manifest.parts if part.table == "topology")
        seen = load_case(self._store, state.manifest.model_copy(update={"parts": topology})).table("topology")
        pairs = seen.select("caller", "callee").unique(maintain_order=True)
        self._knowledge.save_edges(state.environment, ((str(a), str(b)) for a, b in pairs.iter_rows()))

    def _learned(self, state: IncidentState) -> tuple[Experience, ...]:
        seen = self._by_hand.seen(state) if self._by_hand else SeenByHand()
        if self._vouching is None:
            return experiences(state, self._aims, seen)
        return experiences(self._vouching.borne_out(state), self._aims, seen, self._vouching.step)

    def experiences(self, environment: str, move: Move) -> tuple[Experience, ...]:
        """See `Experiences`."""
        return self._knowledge.experiences(environment, move)
