"""What people asked to be looked at, in the words of the taxonomy: ideas to test, never truths."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.incident.base import clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier, Finding
from autopilot.reasoning.judging.citations import known_services
from autopilot.reasoning.judging.claim import Claim

LONGEST = 200
"""Characters of a remark that are kept."""
MOST = 2
"""Explanations that one remark may stand for."""

_HINTS: dict[CauseKind, str] = {
    "bad_deploy": r"deploy|release|version|rollback|code",
    "config_change": r"config|setting|flag",
    "capacity": r"capacity|rcu|wcu|provision",
    "throttled": r"throttl|limit",
    "traffic_surge": r"traffic|surge|spike|load",
    "slow_query": r"quer(y|ies)|index|sql",
    "lock_contention": r"lock(s|ed|ing)?\b|deadlock",
    "network": r"network|dns|packet|route",
    "memory": r"memory|oom|heap",
    "cpu": r"cpu|processor",
    "disk": r"disk|storage",
    "connection_pool": r"connection|pool",
    "certificate": r"cert|tls|ssl",
    "permission": r"permission|iam|denied",
    "dependency": r"dependency|upstream|downstream|provider",
    "quota": r"quota",
    "batch_job": r"batch|cron|nightly",
    "data": r"migration|corrupt",
}
_TOKEN = re.compile(r"[\w.:/-]+")
_VERSION = re.compile(r"v?\d+(?:\.\d+)+\S*|v\d+|[0-9a-f]{7,40}")


@dataclass(frozen=True)
class Idea:
    """One remark of a person, and what it could mean here."""

    said: str
    claims: tuple[Claim, ...] = ()
    """Empty when it matches nothing that was collected."""


def ideas(feedback: Sequence[str], dossier: Dossier, service: str) -> tuple[Idea, ...]:
    """Every remark with the explanations it names.

    Args:
        feedback: What people said, as they said it.
        dossier: Where services, changes and suspects are known from.
        service: Whom a remark is about that names no service.
    """
    return tuple(Idea(clean(said, LONGEST), _claims(said, dossier, service)) for said in feedback)


def who_asked(claim: Claim, asked: Sequence[Idea]) -> str:
    """The remark that a claim answers; empty when nobody asked for it."""
    return next((idea.said for idea in asked if any(same(claim, other) for other in idea.claims)), "")


def same(one: Claim, other: Claim) -> bool:
    """Whether two claims explain an incident alike: by the same change, or by the same cause at the same place."""
    if one.change_id and other.change_id:
        return one.change_id == other.change_id
    return (one.cause_kind, one.service) == (other.cause_kind, other.service)


def unmatched(asked: Sequence[Idea]) -> tuple[str, ...]:
    """What to tell those whose remark could not be tested."""
    return tuple(
        f"The hint {idea.said!r} matches nothing that was collected; name a service, a change or a kind of cause."
        for idea in asked
        if not idea.claims
    )


def _claims(said: str, dossier: Dossier, service: str) -> tuple[Claim, ...]:
    words = {word.lower().rstrip(".,:") for word in _TOKEN.findall(said)}
    kinds: list[CauseKind] = [
        kind for kind, pattern in _HINTS.items() if re.search(rf"\b(?:{pattern})", said, re.IGNORECASE)
    ]
    places = sorted(name for name in known_services(dossier) if name.lower() in words)
    changes = [_blamed(f) for f in dossier.findings if f.change_id and _names_change(words, f)]
    if changes:
        return _distinct(changes)
    suspected = [
        Claim.of(s)
        for s in dossier.suspects
        if (s.cause_kind in kinds or not kinds) and (s.service in places or not places)
    ]
    if suspected and (kinds or places):
        return _distinct(suspected)
    if kinds:
        return (Claim(kinds[0], places[0] if places else service),)
    telling = [f for f in dossier.findings if f.service in places and f.cause_kind]
    telling.sort(key=lambda f: (-f.score, f.id))
    return _distinct([Claim(f.cause_kind, f.service, f.resource) for f in telling if f.cause_kind])


def _blamed(change: Finding) -> Claim:
    kind: CauseKind = change.cause_kind or "bad_deploy"
    return Claim(kind, change.service, change.resource, change.change_id)


def _names_change(words: set[str], finding: Finding) -> bool:
    """Whether a remark names a change by its id or by a version of its sentence."""
    versions = {word for word in words if _VERSION.fullmatch(word)}
    told = {word.lower().rstrip(".,:") for word in _TOKEN.findall(finding.summary.partition(";")[0])}
    return finding.change_id.lower() in words or (finding.kind == "change" and bool(versions & told))


def _distinct(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    kept: list[Claim] = []
    for claim in claims:
        if not any(same(claim, other) for other in kept):
            kept.append(claim)
    return tuple(kept[:MOST])
