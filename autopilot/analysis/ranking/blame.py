"""Blame: which service and resource each clue speaks against, following calls to where the trouble lies."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autopilot.analysis.clue import SYMPTOMS, Clue
from autopilot.analysis.logs.signatures import SIGNATURES
from autopilot.analysis.state.clues import Item
from autopilot.analysis.topology import DEPTH, Graph
from autopilot.incident.cause import CauseKind, family

_WELL = 0.5
"""How well trouble passes through a service that is measured and shows none."""
_OUTWARD = frozenset(s.cause for s in SIGNATURES if s.points_outward)


@dataclass(frozen=True)
class Place:
    """What the analysis knows about the surroundings of an incident."""

    graph: Graph
    items: Sequence[Item]
    scope: frozenset[str]
    focus: frozenset[str]
    support: Mapping[str, float] = field(default_factory=dict[str, float])
    """Service → how well trouble can have come from it to the symptom; missing: as far as calls tell."""
    requests: Mapping[str, float] = field(default_factory=dict[str, float])
    """Service → how much it is usually asked, where that is comparable."""

    def relevance(self, service: str) -> float:
        """How much a clue about a service counts: full in scope and below it, less around, little elsewhere.

        Where no call of the scope is known, nothing can be said about who is related. Below the scope it counts
        less where everything in between is known to be well.
        """
        if service in self.scope or any(service in self.graph.callees(s) for s in self.scope):
            return self.support.get(service, 1.0)
        unknown = not any(s in self.graph.down or s in self.graph.up for s in self.scope)
        return 0.8 if unknown or service in self.focus else 0.3

    def share(self, caller: str, callee: str) -> float:
        """How many of a caller's requests can have met a callee at most, 0 to 1; 1 when nothing is known."""
        asked, calls = self.requests.get(caller, 0.0), self.requests.get(callee)
        return 1.0 if calls is None or asked <= 0 else min(1.0, calls / asked)

    def resource(self, service: str, seen: str) -> str:
        """The inventory's id of a resource that telemetry named; the only one of the service when it named none."""
        own = [item for item in self.items if item.service == service]
        named = [i for i in (own or self.items) if seen and seen in (i.resource, i.name, i.name.split(":")[0])]
        if named:
            return named[0].resource
        return own[0].resource if len(own) == 1 else seen


def support(
    clues: Sequence[Clue], graph: Graph, scope: frozenset[str], observed: frozenset[str]
) -> dict[str, float]:
    """For everything below the scope: how well its trouble can have reached the symptom.

    A chain of calls is as good as its weakest service in between: one that suffers hands trouble on, one that is
    measured and well does so badly, of one that nobody measures nothing is known. The best chain counts.

    Args:
        clues: Everything found.
        graph: Who calls whom.
        scope: Services with the symptom.
        observed: Services whose slowness or failures are measured at all.
    """
    worst: dict[str, float] = {}
    for clue in clues:
        if clue.adverse and clue.signal in SYMPTOMS | {"utilisation", "log"}:
            worst[clue.service] = max(worst.get(clue.service, 0.0), clue.score)
    best = dict.fromkeys(scope, 1.0)
    layer = sorted(scope)
    for _ in range(DEPTH):
        reached: dict[str, float] = {}
        for caller in layer:
            known = caller in observed and caller not in scope
            through = min(best[caller], max(_WELL, min(1.0, 2 * worst.get(caller, 0.0))) if known else 1.0)
            for callee in graph.down.get(caller, ()):
                reached[callee] = max(reached.get(callee, 0.0), through)
        layer = sorted(s for s, value in reached.items() if value > best.get(s, 0.0))
        best |= {s: reached[s] for s in layer}
    return best


def blamed(clue: Clue, clues: Sequence[Clue], place: Place) -> str:
    """The service a clue speaks against.

    A log line written by the victim ("throttled", "connection refused") points at what it calls: the callee it
    names, else the callee that shows the same trouble, else (nothing is known) the writer itself.
    """
    cause = clue.finding.cause_kind
    if clue.signal != "log" or cause not in _OUTWARD:
        return clue.service
    callees = place.graph.callees(clue.service)
    named = [callee for callee in sorted(callees) if _named(callee, clue.mentions, place.items)]
    suffering = {
        c.service: max((o.score for o in clues if o.service == c.service and _agrees(o, cause)), default=0.0)
        for c in clues if c.service in callees and _agrees(c, cause)
    }  # fmt: skip
    if named:
        return max(named, key=lambda s: (suffering.get(s, 0.0), s))
    return max(suffering, key=lambda s: (suffering[s], s)) if suffering else clue.service


def _agrees(clue: Clue, cause: CauseKind) -> bool:
    """Whether a callee's clue shows the trouble that its caller complains about."""
    if not clue.adverse or clue.signal == "log":
        return False
    own = clue.finding.cause_kind
    return own in family(cause) if own else cause in ("dependency", "network") and clue.signal in SYMPTOMS


def _named(service: str, text: str, items: Sequence[Item]) -> bool:
    names = {service, *(item.name for item in items if item.service == service)}
    return any(len(n) > 2 and re.search(rf"(?<!\w){re.escape(n)}(?!\w)", text, re.IGNORECASE) for n in names)


def passes_through(service: str, since: int, clues: Sequence[Clue], graph: Graph) -> bool:
    """Whether something the service calls suffers at least as early: then it only hands the trouble on."""
    callees = graph.callees(service)
    return any(
        c.adverse and c.score >= 0.3 and c.service in callees and c.signal in SYMPTOMS | {"utilisation"}
        and c.moved_by(since, c.uncertainty)
        for c in clues
    )  # fmt: skip
