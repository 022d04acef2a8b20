"""A candidate cause while it is being weighed."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from autopilot.analysis.changes.change import Change
from autopilot.analysis.clue import Clue
from autopilot.incident.cause import CauseKind, Mechanism

CEILING = 0.95
"""Statistics alone never make a cause certain."""


@dataclass(frozen=True)
class Candidate:
    """A possible cause with the clues for it; the first clue is the strongest."""

    service: str
    resource: str
    cause: CauseKind
    score: float
    clues: tuple[Clue, ...]
    reason: str
    change: Change | None = None
    region: str = ""
    mechanism: Mechanism | None = None
    commit: str = ""
    """The commit of the change that the evidence points at, when it brought several."""

    @property
    def onset(self) -> int | None:
        """When its first effect may have begun."""
        return min((c.onset - c.uncertainty for c in self.clues if c.onset is not None), default=None)


def weigh(clues: Iterable[Clue], weights: Mapping[str, float], prior: float = 0.0) -> float:
    """Noisy-or over the kinds of evidence: each kind counts by its strongest clue."""
    strongest: dict[str, float] = {}
    for clue in clues:
        weight = weights.get(clue.signal, weights.get(clue.finding.kind, 0.0))
        strongest[_kind(clue)] = max(strongest.get(_kind(clue), 0.0), weight * clue.score)
    doubt = (1 - prior) * math.prod(1 - value for value in sorted(strongest.values()))
    return min(1 - doubt, CEILING)


def _kind(clue: Clue) -> str:
    own = ("work_per_request", "utilisation", "version")
    return clue.signal if clue.signal in own else clue.finding.kind


def strongest_first(clues: Iterable[Clue], most: int = 12) -> tuple[Clue, ...]:
    """Distinct clues, best first, in an order that does not depend on where they came from."""
    distinct = {id(clue): clue for clue in clues}.values()
    return tuple(sorted(distinct, key=lambda c: (-c.score, c.service, c.finding.summary)))[:most]


def until(clues: Iterable[Clue]) -> int:
    """The latest moment (µs) at which the clues may have begun; 0 when none has a beginning."""
    return max((c.onset + c.uncertainty for c in clues if c.onset is not None), default=0)
