"""Which candidate helps most, and which few differ enough to be worth a person's choice. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.finding import Dossier, Finding
from autopilot.incident.plan import RISKS, DraftOption, Reversibility
from autopilot.reasoning.judging.signs import short_name
from autopilot.remediation.base import Candidate

TrackRecord = Callable[[str, str], tuple[int, int]]
"""(service, tool) → (times it worked, times it was tried)."""

RISK_COST = {"low": 0.0, "medium": 0.06, "high": 0.20}
REVERSIBILITY_COST: dict[Reversibility, float] = {"reversible": 0.0, "partly": 0.06, "irreversible": 0.20}
SUSPECTED = 0.6
"""Weight of a suspect of analysis against a tested hypothesis."""
MAX_STEPS = 4
WORTHY = 0.6
"""Share of the second option's score from which another idea is worth a choice of its own."""

SPREADING: frozenset[CauseKind] = frozenset({"dependency", "traffic_surge", "network", "batch_job"})
"""Causes that acting on a caller or callee can mend; every other one is mended where it is."""

_ORDER: tuple[Reversibility, ...] = ("reversible", "partly", "irreversible")
_PAST: dict[str, str] = {
    "capacity": r"capacity|\brcu\b|\bwcu\b|provision",
    "scal": r"auto.?scal|scal(e|ed|ing)",
    "rollback": r"roll(ed)?.?back|revert",
    "restart": r"restart|reboot|redeploy",
    "reboot": r"restart|reboot",
    "concurrency": r"concurrency",
}
"""Part of a tool's name → how a past incident's record says that it was done."""


@dataclass(frozen=True)
class Aim:
    """A cause somebody believes in, where, and how much."""

    kind: CauseKind
    service: str
    resource: str
    weight: float


@dataclass(frozen=True)
class Scored:
    """A candidate with its score (about 0 to 1.5), what it aims at and what the past says."""

    candidate: Candidate
    score: float
    aim: Aim
    """What it helps against most."""
    evidence: tuple[str, ...]
    past: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Tool and target."""
        return self.candidate.step.tool, self.candidate.step.target


def aims(diagnosis: Diagnosis, dossier: Dossier) -> tuple[Aim, ...]:
    """What a plan should aim at: standing hypotheses, then suspects that were not refuted."""
    refuted = {(h.cause_kind, h.service) for h in diagnosis.hypotheses if h.standing == "refuted"}
    believed = [
        Aim(h.cause_kind, h.service, h.resource, h.confidence)
        for h in diagnosis.hypotheses
        if h.standing != "refuted" and h.cause_kind != "unknown"
    ]
    suspected = [
        Aim(s.cause_kind, s.service, s.resource, s.score * SUSPECTED)
        for s in dossier.suspects
        if (s.cause_kind, s.service) not in refuted
    ]
    return (*believed, *suspected)


def _nearness(candidate: Candidate, aim: Aim, near: Mapping[str, frozenset[str]]) -> float:
    """How close the target is to the believed place of the cause; 0 where acting there cannot help."""
    step = candidate.step
    if aim.resource and aim.resource in (step.target, short_name(step.target)):
        return 1.0
    if step.service == aim.service:
        return 0.95
    beside = step.service in near.get(aim.service, frozenset())
    return 0.7 if beside and aim.kind in SPREADING else 0.0


def _records(dossier: Dossier, candidate: Candidate) -> list[Finding]:
    """Past incidents of the same service that were solved by something like this tool."""
    patterns = [pattern for word, pattern in _PAST.items() if word in candidate.step.tool.lower()]
    if not patterns:
        return []
    said = re.compile("|".join(patterns), re.IGNORECASE)
    past = (
        f for f in dossier.findings if f.kind in ("record", "recurrence") and f.service == candidate.step.service
    )
    return [f for f in past if said.search(f.summary)]


def _history(
    candidate: Candidate, dossier: Dossier, track: TrackRecord | None
) -> tuple[float, tuple[str, ...], str]:
    """Bonus or malus from what happened before, the records behind it, and one clause about it."""
    records = _records(dossier, candidate)[:2]
    bonus = 0.05 * len(records)
    past = f"helped in a similar incident ({', '.join(f.id for f in records)})" if records else ""
    worked, tried = track(candidate.step.service, candidate.step.tool) if track else (0, 0)
    if tried:
        # Laplace's rule: few tries move the score little.
        bonus += 0.3 * ((worked + 1) / (tried + 2) - 0.5)
        past = "; ".join(t for t in (past, f"worked {worked} of {tried} times here") if t)
    return bonus, tuple(f.id for f in records), past


def score(
    candidates: Iterable[Candidate],
    diagnosis: Diagnosis,
    dossier: Dossier,
    near: Mapping[str, frozenset[str]],
    track: TrackRecord | None = None,
) -> tuple[Scored, ...]:
    """Candidates that help against something believed, best first; equal ones in a stable order."""
    goals = aims(diagnosis, dossier)
    scored: list[Scored] = []
    for candidate in candidates:
        reach = [(a.weight * _nearness(candidate, a, near), a) for a in goals if a.kind in candidate.addresses]
        hits = [hit for hit in reach if hit[0] > 0]
        if not hits:
            continue
        bonus, records, past = _history(candidate, dossier, track)
        weight, aim = max(hits, key=lambda hit: hit[0])
        total = (
            weight
            + 0.3 * candidate.fit
            + bonus
            - RISK_COST[candidate.risk]
            - REVERSIBILITY_COST[candidate.reversibility]
        )
        evidence = tuple(dict.fromkeys((*candidate.finding_ids, *records)))
        scored.append(Scored(candidate, round(total, 4), aim, evidence, past))
    return tuple(sorted(scored, key=lambda s: (-s.score, s.key, str(s.candidate.step.arguments))))


def _different(scored: Sequence[Scored], limit: int) -> list[Scored]:
    """The best candidate of each tool: three settings of one tool are one idea."""
    best: dict[str, Scored] = {}
    for one in scored:
        best.setdefault(one.candidate.step.tool, one)
    return list(best.values())[:limit]


def compatible(parts: Sequence[Scored]) -> bool:
    """Whether steps may stand in one option: few enough and no two on one target."""
    targets = [p.candidate.step.target for p in parts]
    return 0 < len(parts) <= MAX_STEPS and len(set(targets)) == len(targets)


def choose(scored: Sequence[Scored], limit: int) -> tuple[tuple[Scored, ...], ...]:
    """At most `limit` really different groups of steps, best first.

    The third acts on a target of its own; where there is none, it does the first two together.
    """
    singles = _different(scored, 6)
    groups: list[tuple[Scored, ...]] = [(one,) for one in singles[:limit]]
    if limit < 3 or len(singles) < 2 or not compatible(singles[:2]):
        return tuple(groups)
    taken = {one.candidate.step.target for one in singles[:2]}
    elsewhere = next((one for one in singles[2:] if one.candidate.step.target not in taken), None)
    third = (elsewhere,) if elsewhere and elsewhere.score >= WORTHY * singles[1].score else tuple(singles[:2])
    return (*groups[:2], third)


def draft(parts: Sequence[Scored], why: str = "") -> DraftOption:
    """An option out of chosen candidates: as risky and irreversible as its worst step."""
    candidates = [p.candidate for p in parts]
    reasons = [f"{p.candidate.why}{f'; {p.past}' if p.past else ''}" for p in parts]
    titles = [c.step.summary or f"{c.step.tool} on {c.step.target}" for c in candidates]
    lead = max(parts, key=lambda p: p.score).candidate
    return DraftOption(
        title=" and ".join([titles[0], *(t[:1].lower() + t[1:] for t in titles[1:])]),
        why=why or ". ".join(dict.fromkeys(reasons)),
        finding_ids=tuple(dict.fromkeys(i for p in parts for i in p.evidence)),
        steps=tuple(c.step for c in candidates),
        risk=RISKS[max(RISKS.index(c.risk) for c in candidates)],
        reversibility=_ORDER[max(_ORDER.index(c.reversibility) for c in candidates)],
        expected=lead.expected,
    )
