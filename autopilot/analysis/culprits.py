"""Changes as causes: how strongly effects began with each change."""

import re
from collections.abc import Sequence

from autopilot.analysis.blame import Place
from autopilot.analysis.candidate import Candidate, strongest_first, weigh
from autopilot.analysis.changes import Placed
from autopilot.analysis.clue import Clue, amount
from autopilot.analysis.weights import Weights
from autopilot.analysis.windows import MICROS
from autopilot.incident.cause import CauseKind

_SOON = 5 * 60 * MICROS
"""Effects of a change show within this time."""
_TOGETHER = 2 * 60 * MICROS
_NEAR = 0.25
"""What standing right before the onset is worth without any effect."""
_BY_TRAFFIC = 0.25
"""What an effect counts that a simultaneous rise of traffic explains as well."""
_MENTIONED = 0.08
CAUSES: dict[str, CauseKind] = {
    "deploy": "bad_deploy", "commit": "bad_deploy", "config": "config_change", "flag": "config_change",
    "scaling": "capacity", "maintenance": "config_change",
}  # fmt: skip
"""Kind of change → kind of cause."""


def change_candidates(
    placed: Sequence[Placed], clues: Sequence[Clue], place: Place, weights: Weights
) -> list[Candidate]:
    """A candidate per change before the onset. A change recorded after it is never a cause here."""
    surges = [c for c in clues if c.signal == "traffic" and c.finding.direction == "up" and c.score >= 0.3]
    return [_candidate(p, clues, surges, place, weights) for p in placed if not p.after_onset]


def _candidate(
    p: Placed, clues: Sequence[Clue], surges: Sequence[Clue], place: Place, weights: Weights
) -> Candidate:
    effects = [clue for clue in clues if _effect(p, clue, place)]
    own = [c for c in effects if c.signal in ("work_per_request", "version") or not _with_traffic(c, surges)]
    shared = [c for c in effects if c not in own]
    mentioned = _mentioned(p, clues)
    prior = _NEAR * p.closeness * p.relation + (_MENTIONED if mentioned else 0.0)
    score = weigh(own, weights.effects, prior)
    weak = weigh(shared, {kind: weight * _BY_TRAFFIC for kind, weight in weights.effects.items()})
    score = (1 - (1 - score) * (1 - weak)) * (0.4 + 0.6 * p.relation)
    best = strongest_first(own or shared, 8)
    lead = max(own, key=lambda c: (weights.effects.get(c.signal, 0.0), c.score), default=None)
    name = f"{p.change.kind} {p.change.version}".strip()
    minutes = max(p.clue.onset or 0, 0)
    reason = (
        f"{name} of {p.change.service}: right after it, {_told(lead, minutes)}"
        if lead
        else f"{name} of {p.change.service} came before the onset; no effect of its own was measured"
    )
    return Candidate(
        p.change.service, place.resource(p.change.service, p.change.resource),
        CAUSES.get(p.change.kind, "config_change"), min(score, 0.95), (p.clue, *best), reason, p.change,
        p.change.region,
    )  # fmt: skip


def _told(clue: Clue, at: int) -> str:
    after = ((clue.onset or at) - at) / MICROS / 60
    text = clue.finding.summary
    return f"{text[0].lower()}{text[1:]}" + (f" ({amount(after)} min after)" if after > 0 else "")


def _effect(p: Placed, clue: Clue, place: Place) -> bool:
    """Whether a clue is on the change's path and began with it."""
    if clue.onset is None or clue.signal in ("change", "traffic", "impact", "recurrence", "work", "alarm"):
        return False
    if clue.signal == "version":
        bad = clue.finding.direction == "up" and clue.service == p.change.service
        return bad and (not p.change.version or p.change.version in clue.finding.summary) and _began_with(p, clue)
    service = p.change.service
    on_path = clue.service == service or clue.service in place.graph.callees(service) | place.graph.callers(service)
    return clue.adverse and on_path and _began_with(p, clue)


def _began_with(p: Placed, clue: Clue) -> bool:
    onset = clue.onset or 0
    return onset + clue.uncertainty >= p.change.first and onset - clue.uncertainty <= p.change.last + _SOON


def _with_traffic(clue: Clue, surges: Sequence[Clue]) -> bool:
    """Whether traffic rose about when the clue began."""
    onset = clue.onset or 0
    return any(abs(onset - (s.onset or 0)) <= _TOGETHER + max(clue.uncertainty, s.uncertainty) for s in surges)


def _mentioned(p: Placed, clues: Sequence[Clue]) -> bool:
    """Whether what was written about the change names a resource that suffers."""
    names = {
        name for c in clues if c.adverse and c.score >= 0.3
        for name in (c.service, c.finding.resource.rsplit("/", 1)[-1])
        if len(name) > 3 and name.lower() != p.change.service.lower()
    }  # fmt: skip
    text = p.change.text.lower()
    return any(re.search(rf"(?<![a-z0-9]){re.escape(name.lower())}", text) for name in sorted(names))
