"""Enforcement: what a statement says must occur in the findings it cites, or it is not said.

Pure, and without any trust in the author: names, quantities, times, things and directions are compared with the
cited findings' own words and values (see `checks`). What fails is dropped with its reason, so that a reader can see
how much was invented.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.finding import Dossier, Finding
from autopilot.reasoning.judging.checks import unsupported
from autopilot.reasoning.judging.sentences import joined, sentences
from autopilot.reasoning.judging.signs import short_name
from autopilot.reasoning.judging.tokens import CITED


@dataclass(frozen=True)
class Verified:
    """What is left of a text, and what was taken out."""

    text: str
    cited: tuple[str, ...]
    dropped: tuple[DroppedClaim, ...]
    checked: int = 0
    """How many sentences were looked at."""


class Existing(NamedTuple):
    """The ids that may be cited, the others with their reason, and how many were looked at."""

    ids: tuple[str, ...]
    dropped: tuple[DroppedClaim, ...]
    checked: int


def known_services(dossier: Dossier) -> frozenset[str]:
    """Every service the dossier speaks about."""
    return frozenset(
        name
        for name in (
            *(f.service for f in dossier.findings),
            *(s.service for s in dossier.suspects),
            *(v.service for v in dossier.versions),
            *dossier.impact.services,
        )
        if name
    )


def known_names(dossier: Dossier) -> frozenset[str]:
    """Services and resources the dossier speaks about, in small letters: to name one needs a citation."""
    resources = (x.resource for x in (*dossier.findings, *dossier.suspects, *dossier.versions))
    names = (*known_services(dossier), *(short_name(r) for r in resources))
    return frozenset(name.lower() for name in names if len(name) > 2)


def _citable(
    ids: Iterable[str], dossier: Dossier, service: str, neighbours: Mapping[str, frozenset[str]]
) -> tuple[list[Finding], list[str]]:
    """The cited findings that may be cited for a service, and why the others may not."""
    scope, near = dossier.scope_incident, neighbours.get(service, frozenset()) | {service, ""}
    findings: list[Finding] = []
    problems: list[str] = []
    for finding_id in dict.fromkeys(ids):
        found = dossier.finding(finding_id)
        if found is None:
            problems.append(f"finding {finding_id} does not exist")
        elif found.window.start >= scope.end or (
            found.kind not in ("record", "change", "version") and found.window.end <= scope.start
        ):
            problems.append(f"finding {finding_id} lies outside the incident's window")
        elif found.service not in near:
            problems.append(
                f"finding {finding_id} is about {found.service!r}, which is no neighbour of {service!r}"
            )
        else:
            findings.append(found)
    return findings, problems


def neighbourhood(edges: Iterable[tuple[str, str]]) -> dict[str, frozenset[str]]:
    """Service → the services up to two calls away, in either direction, out of (caller, callee) pairs."""
    near: dict[str, set[str]] = {}
    for caller, callee in edges:
        near.setdefault(caller, set()).add(callee)
        near.setdefault(callee, set()).add(caller)
    return {name: frozenset(one | {two for n in one for two in near[n]}) for name, one in near.items()}


def _cited_in(said: Sequence[str], number: int) -> list[str]:
    """The ids in a statement; a clause before a semicolon without any shares those of the next one."""
    inside = CITED.findall(said[number])
    more = said[number].endswith(";") and number + 1 < len(said)
    return inside if inside or not more else _cited_in(said, number + 1)


def enforce(
    text: str,
    cited: Sequence[str],
    dossier: Dossier,
    service: str,
    neighbours: Mapping[str, frozenset[str]] | None = None,
    *,
    kind: CauseKind | None = None,
) -> Verified:
    """Keep the sentences whose every detail occurs in what they cite; drop the others.

    Args:
        text: What somebody (a model) claims about `service`.
        cited: Finding ids given for the whole text. They count for a sentence that names none itself, and for a
            text that is one sentence.
        dossier: Where findings must exist.
        service: The claimed service; cited findings must concern it or a neighbour.
        neighbours: Service → services nearby. None: every service the dossier knows counts as near.
        kind: The cause that the text puts forward as a hypothesis; None for statements of fact.
    """
    near = neighbours if neighbours is not None else {service: known_services(dossier)}
    series = frozenset(f.metric.name.lower() for f in dossier.findings if f.metric)
    others = known_names(dossier) | {name.lower() for name in near}
    kept: list[str] = []
    used: dict[str, None] = {}
    dropped: list[DroppedClaim] = []
    said = sentences(text)
    for number, sentence in enumerate(said):
        inside = _cited_in(said, number)
        own = inside if inside and len(said) > 1 else (*inside, *cited)
        findings, problems = _citable(own, dossier, service, near)
        invented = [p for p in problems if p.split()[1] in inside]
        reason = (
            (invented[0] if invented else "")
            or ("" if findings else (problems[0] if problems else "nothing is cited"))
            or unsupported(sentence, tuple(findings), service=service, others=others, series=series, kind=kind)
        )
        if reason:
            dropped.append(DroppedClaim(claim=sentence, reason=reason))
        else:
            kept.append(sentence)
            used.update(dict.fromkeys(f.id for f in findings))
    return Verified(joined(kept), tuple(used), tuple(dropped), len(said))


def existing(
    ids: Sequence[str], dossier: Dossier, service: str, neighbours: Mapping[str, frozenset[str]] | None = None
) -> Existing:
    """The ids that may be cited for a service; the others as dropped claims."""
    near = neighbours if neighbours is not None else {service: known_services(dossier)}
    findings, problems = _citable(ids, dossier, service, near)
    return Existing(
        tuple(f.id for f in findings),
        tuple(DroppedClaim(claim=f"citation for {service}", reason=problem) for problem in problems),
        len(findings) + len(problems),
    )
