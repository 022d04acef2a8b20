"""Trouble: how much each service suffers, in which way, and since when; read off the clues of every modality."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from autopilot.analysis.clue import Clue
from autopilot.analysis.topology import Graph
from autopilot.analysis.windows import MICROS, micros

Kind = Literal["slow", "failing", "full"]
"""Answers late; answers wrong or not at all; runs out of something of its own."""

_KIND: dict[str, Kind] = {
    "latency": "slow", "self_time": "slow", "errors": "failing", "availability": "failing", "throttling": "failing",
    "own_errors": "failing", "log": "failing", "pattern": "failing", "saturation": "full", "headroom": "full",
    "utilisation": "full",
}  # fmt: skip
_WORDLESS = ("log", "pattern")
SLACK = 60 * MICROS
"""Clocks and sampling differ by that much without any meaning."""
_UNTIL_ALARM = 5 * 60 * MICROS
"""Alarms fire within such a time; where the symptom's series tell nothing, it began that much before, or so."""
_UNRELATED = 0.2
"""What trouble counts whose course is not that of the symptom."""
_FILLING = 0.6
"""The same for what fills slowly until it hurts."""
_OTHERWISE = 0.7
"""What trouble of one kind explains of trouble of another: errors make callers slow, slowness makes them fail."""
_LEAST = 0.1
"""Weaker trouble explains nothing."""


@dataclass(frozen=True)
class Span:
    """A piece of time (µs) whose ends are known with some uncertainty."""

    start: int
    end: int
    uncertainty: int

    def likeness(self, other: "Span", older: bool = False) -> float:
        """Time in common against time of either alone, 0 to 1; differences within the uncertainty are none.

        Args:
            other: What is compared.
            older: Whether it may have begun earlier without losing likeness.
        """
        slack = max(self.uncertainty, other.uncertainty) + SLACK
        late, early = other.start - self.start, 0 if older else self.start - other.start
        apart = sum(gap for gap in (late, early, abs(other.end - self.end)) if gap > slack)
        common = max(min(self.end, other.end) - max(self.start, other.start), slack)
        return common / (common + apart)

    def before(self, other: "Span") -> float:
        """How well it can have brought about the other: fully when it began first, half within the uncertainty."""
        slack = max(self.uncertainty, other.uncertainty) + SLACK
        return 1.0 if self.start <= other.start else 0.5 if self.start <= other.start + slack else 0.0


@dataclass(frozen=True)
class Trouble:
    """What the clues say of all services."""

    own: Mapping[str, Mapping[Kind, Clue]]
    """Service → the strongest clue of each kind that speaks of itself and came with the symptom."""
    outward: Mapping[str, Clue]
    """Service → the strongest clue measured where its calls leave."""
    starved: Mapping[str, Clue]
    """Service → the strongest clue that it is asked less, or does less, than before."""
    symptom: "Span | None"
    """When it hurts; None when nothing in scope tells."""

    def strength(self, service: str, kind: Kind) -> float:
        """How badly a service suffers in one way, 0 to 1."""
        clue = self.own.get(service, {}).get(kind)
        return clue.score if clue else 0.0

    def worst(self, service: str) -> float:
        """How badly a service suffers in any way, its calls included."""
        outward = self.outward.get(service)
        scores = [clue.score for clue in self.own.get(service, {}).values()]
        return max([*scores, outward.score if outward else 0.0], default=0.0)

    def timely(self, clue: Clue) -> float:
        """How well the time of a clue fits that of the symptom, 0 to 1; a slow filling may be older."""
        if clue.follows is not None:
            return _together(clue)
        own = span_of(clue)
        filling = _KIND.get(clue.signal) == "full"
        return 1.0 if self.symptom is None or own is None else self.symptom.likeness(own, older=filling)


def _together(clue: Clue) -> float:
    """What a clue counts by how closely it follows the symptom; fully when that is not known."""
    least = _FILLING if _KIND.get(clue.signal) == "full" else _UNRELATED
    return 1.0 if clue.follows is None else least + (1 - least) * clue.follows


def span_of(clue: Clue) -> Span | None:
    """When a clue holds; None when it has no beginning."""
    return None if clue.onset is None else Span(clue.onset, micros(clue.finding.window.end), clue.uncertainty)


def kind_of_trouble(clue: Clue) -> Kind | None:
    """The kind of trouble an adverse clue shows; None when it shows none."""
    if not clue.adverse or (clue.signal in _WORDLESS and clue.finding.cause_kind is not None):
        return None
    return _KIND.get(clue.signal)


def read_trouble(clues: Sequence[Clue], scope: frozenset[str]) -> Trouble:
    """The trouble of every service; `scope` are the services whose symptom is being explained."""
    own: dict[str, dict[Kind, Clue]] = defaultdict(dict)
    outward: dict[str, Clue] = {}
    starved: dict[str, Clue] = {}
    for clue in sorted(clues, key=lambda c: (-c.score * _together(c), c.service, c.finding.summary)):
        kind = kind_of_trouble(clue)
        if kind is not None and clue.about == "callees":
            outward.setdefault(clue.service, clue)
        elif kind is not None:
            own[clue.service].setdefault(kind, clue)
        elif clue.signal in ("traffic", "work") and clue.finding.direction == "down" and clue.about == "itself":
            starved.setdefault(clue.service, clue)
    return Trouble(own, outward, starved, _symptom(own, outward, clues, scope))


def _symptom(
    own: Mapping[str, Mapping[Kind, Clue]],
    outward: Mapping[str, Clue],
    clues: Sequence[Clue],
    scope: frozenset[str],
) -> Span | None:
    """The time of the clearest symptom in scope; without one, from shortly before the first alarm."""
    told = [c for s in sorted(scope) for c in own.get(s, {}).values()]
    told += [outward[s] for s in sorted(scope) if s in outward]
    best = max((c for c in told if c.onset is not None), key=lambda c: c.score, default=None)
    if best is not None:
        return span_of(best)
    fired = min((c for c in clues if c.signal == "alarm" and c.onset is not None), key=_onset, default=None)
    if fired is None:
        return None
    half = _UNTIL_ALARM // 2
    return Span(_onset(fired) - half, max(micros(fired.finding.window.end), _onset(fired)), half)


def _onset(clue: Clue) -> int:
    return clue.onset or 0


def passed_up(service: str, kind: Kind, trouble: Trouble, graph: Graph) -> float:
    """How strong the trouble of callees is against one of a service's own: from 1 on it explains everything."""
    clue = trouble.own[service][kind]
    below = [c for callee in sorted(graph.callees(service)) for c in trouble.own.get(callee, {}).values()]
    if kind != "full" and service in trouble.outward:
        below.append(trouble.outward[service])
    begun = span_of(clue)
    explaining = [
        c.score * trouble.timely(c) * span.before(begun) * (1.0 if kind_of_trouble(c) == kind else _OTHERWISE)
        for c in below
        if c.score >= _LEAST and begun is not None and (span := span_of(c)) is not None
    ]
    return max(explaining, default=0.0) / clue.score if clue.score else 0.0


def called_slowly(trouble: Trouble, graph: Graph) -> dict[str, tuple[float, Clue]]:
    """Services that callers wait for or fail on without their own measurements showing why: the way to them.

    Spectrum-based localisation with the coefficient of Ochiai (Abreu et al. 2007), over calls: a service is
    suspected the more, the more of the suffering callers call it, and the fewer of its callers do not suffer. What
    another callee explains by suffering itself is taken off.
    """
    every = math.fsum(c.score for _, c in sorted(trouble.outward.items()))
    found: dict[str, tuple[float, Clue]] = {}
    for callee in sorted({c for caller in trouble.outward for c in graph.down.get(caller, ())}):
        callers = graph.up.get(callee, ())
        suffering = [trouble.outward[c] for c in callers if c in trouble.outward]
        total = math.fsum(c.score for c in suffering)
        worst = max(suffering, key=lambda c: (c.score, c.service))
        likeness = total / math.sqrt(every * worst.score * len(callers))
        found[callee] = (worst.score * min(likeness, 1.0) * (1 - _explained(worst, callee, trouble, graph)), worst)
    return found


def _explained(call: Clue, callee: str, trouble: Trouble, graph: Graph) -> float:
    """Which share of slow or failing calls another callee of the same caller explains."""
    others = sorted(graph.callees(call.service) - {callee})
    known = [
        trouble.strength(other, kind) * trouble.timely(trouble.own[other][kind])
        for other in others for kind in sorted(trouble.own.get(other, {}))
    ]  # fmt: skip
    return min(1.0, max(known, default=0.0) / call.score)


def called_off(service: str, trouble: Trouble, graph: Graph) -> Clue | None:
    """What a service calls less than before although it is asked as ever: it gives up on the way there."""
    asked_less = trouble.starved[service].score if service in trouble.starved else 0.0
    left: Sequence[Clue] = [
        trouble.starved[c] for c in graph.down.get(service, ())
        if c in trouble.starved and trouble.starved[c].score > 2 * asked_less
        and not any(caller in trouble.starved for caller in graph.up.get(c, ()) if caller != service)
    ]  # fmt: skip
    return max(left, key=lambda c: (c.score, c.service), default=None)
