"""Enforcement: what a statement says must occur in the findings it cites, or it is not said.

Pure, and without any trust in the author: names, numbers and times are compared with the cited findings' own
words and values. What fails is dropped with its reason, so that a reader can see how much was invented.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from autopilot.incident.diagnosis import DroppedClaim
from autopilot.incident.finding import Dossier, Finding

_CITED = re.compile(r"\bF\d+\b")
_SENTENCE = re.compile(r"(?<=[.!?;])\s+(?=[A-Z0-9\"'`(])")
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}(?::\d{2})?\b")
_NUMBER = re.compile(r"(?<![\w.])[-+]?\d+(?:,\d{3})*(?:\.\d+)?")
_CAMEL = r"[A-Z]+[a-z0-9]+(?:[A-Z]+[a-z0-9]*)+|[a-z0-9]+(?:[A-Z]+[a-z0-9]*)+|[A-Z]{2,}[a-z0-9]+"
_NAME = re.compile(rf"[A-Za-z][A-Za-z0-9]*(?:[-_./:][A-Za-z0-9]+)+|[A-Za-z]+\d[A-Za-z0-9]*|{_CAMEL}")
_QUOTED = re.compile(r"`([^`]{1,200})`|\"([^\"]{1,200})\"|“([^”]{1,200})”")
_UNIT_FACTORS = (1.0, 100.0, 0.01, 1_000.0, 0.001, 60.0, 1 / 60)
"""Share and percent, seconds and milliseconds, minutes and seconds: the same fact in another unit."""
_COMPOUND = re.compile(
    r"(?:[a-z]+-)*(?:facing|related|side|based|level|time|only|induced|bound|wide|term|heavy|limited|driven|free|up|out"
    r"|off|down|in|to|end|per|request)|(?:high|low|long|short|pre|post|re|non|over|under|multi|well|then|now)(?:-[a-z]+)+"
)
"""Compounds that are ordinary words, not names of anything."""
_PLAIN_WORDS = frozenset({"e.g", "i.e", "and/or", "read-only", "p50", "p90", "p95", "p99", "5xx", "4xx", "vs"})


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


def sentences(text: str) -> list[str]:
    """The sentences of a text; a full stop inside a version or a number does not end one."""
    return [part.strip() for part in _SENTENCE.split(text.strip()) if part.strip()]


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


def _vocabulary(findings: Sequence[Finding]) -> str:
    parts: list[str] = []
    for f in findings:
        parts += [
            f.id,
            f.kind,
            f.service,
            f.resource,
            f.region,
            f.summary,
            f.change_id,
            f.unit,
            f.provenance.source,
        ]
        if f.metric:
            parts += [f.metric.name, f.metric.namespace, f.metric.statistic, *f.metric.dimensions.values()]
        parts += [f.cause_kind or "", f.provenance.source]
    return "\n".join(parts).lower()


def _values(findings: Sequence[Finding]) -> Iterator[float]:
    for f in findings:
        yield from (v for v in (f.baseline, f.observed, f.size, f.score) if v is not None)
        yield from (float(n.replace(",", "")) for n in _NUMBER.findall(_CLOCK.sub(" ", f.summary)))


def _clocks(findings: Sequence[Finding]) -> set[str]:
    stamps = [t for f in findings for t in (f.onset, f.window.start, f.window.end) if t is not None]
    said = (c for f in findings for c in _CLOCK.findall(f.summary))
    return {f"{t:%H:%M}" for t in stamps} | {f"{t:%H:%M:%S}" for t in stamps} | set(said)


def _same(quoted: str, value: float) -> bool:
    """Whether a quoted number is this value, in its own unit or a usual other one, rounded as quoted."""
    number = float(quoted.replace(",", "").lstrip("+"))
    decimals = len(quoted.partition(".")[2])
    for factor in _UNIT_FACTORS:
        scaled = abs(value * factor)
        rounding = 0.5 * 10**-decimals if scaled < 1_000 or decimals else scaled * 0.005
        if abs(abs(number) - scaled) <= max(rounding, 1e-9):
            return True
    return False


def _unsupported(sentence: str, findings: Sequence[Finding], allowed: frozenset[str]) -> str:
    """The first thing in a sentence that its citations do not contain; empty when all is there."""
    words = _vocabulary(findings)
    text = _CITED.sub(" ", sentence)
    clocks = _clocks(findings)
    for clock in _CLOCK.findall(text):
        if clock not in clocks and clock.zfill(5) not in clocks:
            return f"the time {clock} does not occur in what is cited"
    text = _CLOCK.sub(" ", text)
    quoted = [next(g for g in groups if g) for groups in _QUOTED.findall(text)]
    for name in (*quoted, *_NAME.findall(text)):
        plain = name.lower().rstrip(".,:;")
        known = plain in words or plain in allowed or plain in _PLAIN_WORDS
        if plain and not known and not _COMPOUND.fullmatch(name):
            return f"the name {name!r} does not occur in what is cited"
    values = list(_values(findings))
    for number in _NUMBER.findall(_NAME.sub(" ", text)):
        if not any(_same(number, value) for value in values):
            return f"the number {number} does not occur in what is cited"
    return ""


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


def enforce(
    text: str,
    cited: Sequence[str],
    dossier: Dossier,
    service: str,
    neighbours: Mapping[str, frozenset[str]] | None = None,
) -> Verified:
    """Keep the sentences whose names, numbers and times occur in what they cite; drop the others.

    Args:
        text: What somebody (a model) claims about `service`.
        cited: Finding ids given for the whole text; ids inside a sentence are added for that sentence.
        dossier: Where findings must exist.
        service: The claimed service; cited findings must concern it or a neighbour.
        neighbours: Service → services nearby. None: every service the dossier knows counts as near.
    """
    everywhere = known_services(dossier)
    near = neighbours if neighbours is not None else {service: everywhere}
    names = frozenset(n.lower() for n in near.get(service, frozenset()) | {service})
    kept: list[str] = []
    used: dict[str, None] = {}
    dropped: list[DroppedClaim] = []
    said = sentences(text)
    for sentence in said:
        inside = _CITED.findall(sentence)
        findings, problems = _citable((*inside, *cited), dossier, service, near)
        invented = [p for p in problems if any(p.split()[1] == i for i in inside)]
        reason = (
            (invented[0] if invented else "")
            or ("" if findings else (problems[0] if problems else "nothing is cited"))
            or _unsupported(sentence, findings, names)
        )
        if reason:
            dropped.append(DroppedClaim(claim=sentence, reason=reason))
        else:
            kept.append(sentence)
            used.update(dict.fromkeys(f.id for f in findings))
    return Verified(" ".join(kept), tuple(used), tuple(dropped), len(said))


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
