"""Changes as causes: what began with each change, what its content can do, and what explains the trouble better.

A change is blamed for effects that were measured to begin with it and for content that is known for the trouble at
hand. Standing right before the onset earns little, and less again when what was changed cannot do this while
something else explains it: another change whose content meets the symptoms, or a cause that is nobody's commit.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.analysis.changes.diffs import HARM
from autopilot.analysis.changes.placing import Placed
from autopilot.analysis.clue import Clue, amount
from autopilot.analysis.ranking.blame import Place
from autopilot.analysis.ranking.candidate import CEILING, Candidate, strongest_first, weigh
from autopilot.analysis.ranking.weights import Weights
from autopilot.analysis.windows import MICROS
from autopilot.incident.cause import MECHANISMS, CauseKind, Mechanism

_SOON = 5 * 60 * MICROS
"""Effects of a change show within this time."""
_TOGETHER = 2 * 60 * MICROS
_SKEW = 2 * 60 * MICROS
"""How far clocks of unlike systems may part."""
_NEAR = 0.25
"""What standing right before the onset is worth without any effect."""
_BY_TRAFFIC = 0.25
"""What counts of an effect or of content when a simultaneous rise of traffic explains the trouble as well."""
_MENTIONED = 0.08
_CONTENT = 0.85
"""What content is worth that fully meets the symptoms, right before the onset."""
_MEETS = 0.4
"""Content from here on explains the trouble well enough to clear others."""
_CLEARED = 0.35
"""What effects count for a change whose content explains nothing while something else does."""
_UNREAD = 0.6
"""What effects count for a change that nobody can read while the content of another explains the trouble."""
_MET = 0.25
"""Content from here on has something to do with the symptoms."""
_UNMET = 0.5
"""What effects count for a change that was read and edits nothing known for the trouble."""
_NAMED = 0.45
"""Score of a named cause that such a change does not reach."""
_LATE = 0.8
"""What a change counts that is stamped after the onset though the evidence ties it to the errors."""
_HALVING_OF_GROWTH = 12 * 3600
"""Seconds in which content with growing harm loses half of what its age can cost it."""
CAUSES: dict[str, CauseKind] = {
    "deploy": "bad_deploy", "commit": "bad_deploy", "config": "config_change", "flag": "config_change",
    "scaling": "capacity", "maintenance": "config_change",
}  # fmt: skip
"""Kind of change → kind of cause."""
CLEARS: frozenset[Mechanism] = frozenset({
    "expired_certificate", "provider_outage", "node_down", "container_runtime_down", "kubelet_down",
    "scheduler_down", "proxy_down",
})  # fmt: skip
"""What happens without anybody's change, and clears those that are near."""

TELLING: frozenset[CauseKind] = frozenset({
    "memory", "cpu", "disk", "certificate", "permission", "network", "connection_pool", "lock_contention",
    "slow_query", "throttled", "quota", "data",
})  # fmt: skip
"""Causes precise enough that a change which has nothing to do with them is an unlikely origin."""


@dataclass(frozen=True)
class _Case:
    """A change with what speaks for it."""

    placed: Placed
    own: tuple[Clue, ...]
    """Effects that began with it."""
    shared: tuple[Clue, ...]
    """Effects that a rise of traffic explains as well."""
    content: float
    """How far its content explains the trouble, by its age."""


def change_candidates(
    placed: Sequence[Placed], clues: Sequence[Clue], place: Place, weights: Weights, named: Sequence[Candidate] = ()
) -> list[Candidate]:
    """A candidate per change that may be a cause.

    A change recorded after the onset is one only when clocks may differ and independent evidence ties it to the
    errors: a stack frame in a file it edited, or requests that carry its version and fail.
    """
    cases = [_case(p, clues, place) for p in placed if not p.after_onset or tied(p, clues)]
    return [_candidate(case, cases, named, clues, place, weights) for case in cases]


def tied(p: Placed, clues: Sequence[Clue]) -> str:
    """What ties a change to the errors independently of its time stamp, "" when nothing does."""
    first = min((c.onset for c in clues if c.adverse and c.onset is not None), default=p.change.first)
    if p.change.first - first > _SKEW:
        return ""
    if p.relation.frame:
        return f"the errors name {p.relation.frame}, which it edits"
    return f"requests served by {p.change.version} fail" if _served(p, clues) else ""


def _served(p: Placed, clues: Sequence[Clue]) -> list[Clue]:
    """That what the change's own version served is bad, by series that carry the version themselves."""
    return [
        c for c in clues
        if c.signal == "version" and c.mentions and c.finding.direction == "up"
        and c.service == p.change.service and c.mentions == p.change.version
    ]  # fmt: skip


def _case(p: Placed, clues: Sequence[Clue], place: Place) -> _Case:
    above = place.graph.callers(p.change.service) | {p.change.service}
    surges = [
        c for c in clues
        if c.signal == "traffic" and c.finding.direction == "up" and c.score >= 0.3 and c.service in above
    ]  # fmt: skip
    effects = [clue for clue in clues if _effect(p, clue, place)]
    effects += [clue for clue in _served(p, clues) if clue not in effects]
    own = [c for c in effects if _steadfast(c) or not _with_traffic(c, surges)]
    shared = tuple(c for c in effects if c not in own)
    suffering = [c for c in clues if c.adverse and c.onset is not None and c.service in above]
    demand = bool(suffering) and all(_with_traffic(c, surges) for c in suffering)
    content = p.relation.score * _timely(p) * (_BY_TRAFFIC if demand and not own and not p.shifts else 1.0)
    return _Case(p, (*own, *p.shifts), shared, content)


def _steadfast(clue: Clue) -> bool:
    """Whether more traffic cannot explain a clue: it is per request, or of one version beside others."""
    return clue.signal == "work_per_request" or (clue.signal == "version" and bool(clue.mentions))


def _timely(p: Placed) -> float:
    """How well the age of a change fits its content: harm that grows may take hours to be felt."""
    if p.after_onset:
        return _LATE
    before = 1 / p.closeness - 1
    growing = p.shifts or (p.relation.hazard is not None and p.relation.hazard.grows)
    halved = before * 1_800 / _HALVING_OF_GROWTH if growing else before
    return 0.4 + 0.6 / (1 + halved)


def _cleared(case: _Case, cases: Sequence[_Case], named: Sequence[Candidate]) -> float:
    """What effects count, given what was changed and what else explains the trouble."""
    relation = case.placed.relation
    outside = max((c.score for c in named if c.mechanism in CLEARS), default=0.0)
    better = max((c.content for c in cases if c is not case), default=0.0)
    elsewhere = max(better, outside) >= _MEETS
    if relation.nature == "unknown":
        return _CLEARED if outside >= _MEETS else _UNREAD if elsewhere else 1.0
    harm = HARM[relation.nature]
    if any(_steadfast(clue) for clue in case.own):
        # What each request needs was measured to change with it: that no edit looks known refutes no measurement.
        return harm
    if case.content >= _MET:
        rest = min(case.content / max(better, outside, case.content), 1.0) if elsewhere else 1.0
        return harm * (_CLEARED + (1 - _CLEARED) * rest)
    told = any(c.cause in TELLING and c.score >= _NAMED for c in named)
    return harm * (_CLEARED if elsewhere or told else _UNMET)


def _candidate(
    case: _Case,
    cases: Sequence[_Case],
    named: Sequence[Candidate],
    clues: Sequence[Clue],
    place: Place,
    weights: Weights,
) -> Candidate:
    p = case.placed
    gate = _cleared(case, cases, named)
    mentioned = p.relation.nature == "unknown" and _mentioned(p, clues)
    prior = (_NEAR * p.closeness * p.near + (_MENTIONED if mentioned else 0.0)) * gate
    measured = weigh(case.own, weights.effects)
    weak = weigh(case.shared, {kind: weight * _BY_TRAFFIC for kind, weight in weights.effects.items()})
    doubt = (1 - measured * gate) * (1 - weak * gate) * (1 - prior) * (1 - _CONTENT * case.content)
    score = (1 - doubt) * (0.4 + 0.6 * p.near) * (_LATE if p.after_onset else 1.0)
    cause = CAUSES.get(p.change.kind, "config_change")
    return Candidate(
        p.change.service, place.resource(p.change.service, p.change.resource), cause, min(score, CEILING),
        (p.clue, *strongest_first(case.own or case.shared, 8)), _reason(case, clues, weights), p.change,
        p.change.region, mechanism=_mechanism(case, cause), commit=p.commit,
    )  # fmt: skip


def _mechanism(case: _Case, cause: CauseKind) -> Mechanism | None:
    """What exactly is wrong with the change, where its content or its effects say so."""
    relation = case.placed.relation
    wanted: Mechanism | None = None
    if case.placed.change.kind == "flag" and case.own:
        wanted = "bad_flag"
    elif relation.frame:
        wanted = "code_defect"
    elif relation.hazard is not None and case.content >= _MEETS:
        wanted = relation.hazard.mechanism
    elif any(c.signal == "work_per_request" for c in case.own):
        wanted = "costly_code"
    return wanted if wanted and MECHANISMS[wanted][0] == cause else None


def _reason(case: _Case, clues: Sequence[Clue], weights: Weights) -> str:
    p = case.placed
    name = f"{p.change.kind} {p.change.version}".strip()
    lead = max(case.own, key=lambda c: (weights.effects.get(c.signal, 0.0), c.score), default=None)
    late = tied(p, clues) if p.after_onset else ""
    if late:
        return f"{name} of {p.change.service} is stamped after the onset, clocks may differ: {late}"
    parts = [f"right after it, {_told(lead, max(p.clue.onset or 0, 0))}"] if lead else []
    if p.relation.told and (case.content >= 0.2 or not lead):
        parts.insert(0, f"it {p.relation.told}")
    if not parts:
        parts.append("it came before the onset; no effect of its own was measured")
    return f"{name} of {p.change.service}: {'; '.join(parts)}"


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
    begun = p.change.first - (_SKEW if p.after_onset else 0)
    return onset + clue.uncertainty >= begun and onset - clue.uncertainty <= p.change.last + _SOON


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
