"""Localisation: services that suffer while nothing names a cause, and which of them the trouble starts in.

A service is suspected as far as it suffers itself (direct evidence: noisy-or over the ways of suffering, each by
its strongest clue), as far as its trouble can reach the symptom (`Place.relevance`: a chain of calls from the
symptom's service along which nobody is known to be well), and as far as what it calls does not explain it: a callee
that suffers as much, and not later. This is the search for the deepest anomalous service on the call graph, as in
the traversal baseline of the PetShop paper (Hardt et al. 2023) and in MonitorRank (Kim et al. 2013), with shares
instead of yes and no, as the walks of MicroRCA (Wu et al. 2020) have them, but each factor can be told to a person.
Trouble of the kind that hurts (slowness for a slow symptom) counts more, as does trouble that began with the
symptom. Running out of something of its own speaks against a service itself, slowness may come from below.

Two more signs speak of a service that does not look ill: its callers wait for it while it answers in time (the way
to it, see `called_slowly`; the rarer it is called, the less it can make them wait), and what it calls is hardly
called any more while it is asked as before (it gives up).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.analysis.clue import Clue
from autopilot.analysis.ranking.blame import Place
from autopilot.analysis.ranking.candidate import CEILING, Candidate, strongest_first
from autopilot.analysis.ranking.trouble import (
    Kind,
    Trouble,
    called_off,
    called_slowly,
    kind_of_trouble,
    passed_up,
    read_trouble,
)
from autopilot.analysis.ranking.weights import Weights
from autopilot.incident.cause import CauseKind

_OTHER_KIND = 0.7
"""What trouble counts that is of another kind than the symptom."""
_SHARED = 0.5
"""What counts that was measured on a host, which several services share."""
_CALLS = 0.8
"""What the view of the callers counts against that of a service itself."""
_GIVEN_UP = 0.8
"""What calls that stopped count against their caller."""
_ASKED = 2.0
"""A callee that suffers half as clearly as the symptom's service explains it."""
_CONDUIT = 0.7
"""What only carries requests to something else rarely is the cause, and that else is often not in the graph."""
_CARRIES = re.compile(
    r"(?<![a-z])([ean]lb|load[ _-]?balancer|haproxy|envoy|istio-proxy|sidecar)(?![a-z])", re.IGNORECASE
)


@dataclass(frozen=True)
class _Case:
    """Everything a service is judged by."""

    trouble: Trouble
    place: Place
    weights: Weights
    symptom: Kind | None
    """In which way the symptom's service suffers most."""


def sufferers(clues: Sequence[Clue], explained: frozenset[str], place: Place, weights: Weights) -> list[Candidate]:
    """Services that suffer without a named cause, and those whose surroundings suffer by them.

    Args:
        clues: Everything found.
        explained: Services that have a likely named cause already.
        place: The surroundings.
        weights: Of the fusion.
    """
    trouble = read_trouble(clues, place.scope)
    case = _Case(trouble, place, weights, _symptom(trouble, place.scope))
    called = called_slowly(trouble, place.graph)
    named = {*trouble.own, *called, *(c for s in trouble.starved for c in place.graph.up.get(s, ()))} - explained
    own = {
        service: [c for c in clues if c.service == service and kind_of_trouble(c) and _wordless(c)]
        for service in sorted(named)
    }
    found = [_candidate(service, own[service], called.get(service), case) for service in sorted(named)]
    return [candidate for candidate in found if candidate is not None]


def _wordless(clue: Clue) -> bool:
    """Whether it speaks of the service itself and names no cause: what names one is weighed as that cause."""
    return clue.about != "callees" and clue.finding.cause_kind is None


def _symptom(trouble: Trouble, scope: frozenset[str]) -> Kind | None:
    kinds: tuple[Kind, ...] = ("slow", "failing")
    worst = {kind: max((trouble.strength(s, kind) for s in scope), default=0.0) for kind in kinds}
    return max(kinds, key=lambda kind: worst[kind]) if any(worst.values()) else None


def _candidate(
    service: str, own: Sequence[Clue], called: tuple[float, Clue] | None, case: _Case
) -> Candidate | None:
    place, weights = case.place, case.weights
    parts = [_direct(service, kind, case) for kind in sorted(case.trouble.own.get(service, {}))]
    told: list[Clue] = list(strongest_first(own))
    if called is not None:
        often = place.share(called[1].service, service)
        parts.append(called[0] * often * _CALLS * weights.symptoms["metric"])
        told.append(called[1])
    left = called_off(service, case.trouble, place.graph)
    if left is not None:
        parts.append(left.score * case.trouble.timely(left) * _GIVEN_UP * weights.symptoms["metric"])
        told.append(left)
    doubt = 1.0
    for part in parts:
        doubt *= 1 - part
    carries = _CONDUIT if _CARRIES.search(service) else 1.0
    score = min((1 - doubt) * place.relevance(service) * carries, CEILING)
    if not told or score <= 0:
        return None
    cause: CauseKind = "dependency" if place.graph.callers(service) & place.focus else "unknown"
    lead = told[0].finding
    return Candidate(
        service, place.resource(service, lead.resource if told[0].service == service else ""), cause, score,
        tuple(told), _reason(service, told[0], left, case), region=lead.region,
    )  # fmt: skip


def _direct(service: str, kind: Kind, case: _Case) -> float:
    """What one way of suffering is worth against the service itself."""
    clue = case.trouble.own[service][kind]
    if not _wordless(clue):
        return 0.0
    value = clue.score * case.weights.symptoms.get(clue.finding.kind, 0.0) * case.trouble.timely(clue)
    if case.symptom is not None and kind not in (case.symptom, "full"):
        value *= _OTHER_KIND
    if clue.about == "host":
        value *= _SHARED
    explained = min(1.0, _explained(service, kind, case))
    # That the symptom's service suffers was known before: where something explains it, little is left.
    left = case.weights.consequence ** (2 if service in case.place.scope else 1)
    return value * (1 - (1 - left) * explained)


def _explained(service: str, kind: Kind, case: _Case) -> float:
    """How much of a trouble comes from below. That the symptom's service suffers is the question, not an answer."""
    through = passed_up(service, kind, case.trouble, case.place.graph)
    return through * (_ASKED if service in case.place.scope else 1.0)


def _reason(service: str, lead: Clue, left: Clue | None, case: _Case) -> str:
    summary = lead.finding.summary
    if lead.service != service and left is lead:
        return f"{service} hardly calls {lead.service} any more although it is asked as before: {summary}"
    if lead.service != service:
        return f"{lead.service} waits for or fails on what it calls, most likely {service}: {summary}"
    kind = kind_of_trouble(lead)
    through = kind is not None and _explained(service, kind, case) >= 0.5
    return (
        f"{service} suffers as what it calls does: {summary}" if through
        else f"{service} suffers and nothing it calls explains it: {summary}"
    )  # fmt: skip
