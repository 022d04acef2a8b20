"""The built-in analyst: competing hypotheses out of the dossier, tested and judged, without any model."""

import re
from collections.abc import Sequence

from autopilot.incident.cause import CAUSE_MEANING, CauseKind
from autopilot.incident.diagnosis import Diagnosis, Hypothesis
from autopilot.incident.evidence import Gap
from autopilot.incident.finding import Dossier, Finding, Suspect
from autopilot.incident.investigation import Proposed
from autopilot.reasoning.judging import signs
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.weighing import UNRANKED, Proposal, causal_chain, ranked, weigh

NAME = "built-in analyst"
MAX_HYPOTHESES = 4
ENOUGH_HYPOTHESES = 3
LONGEST = 400
"""Characters of a statement."""

_HEADS: dict[CauseKind, str] = {
    "unknown": "{service} suffers, and the evidence does not say why",
    "bad_deploy": "{change} caused this",
    "config_change": "{change} caused this",
    "capacity": "{place} gets more work than its capacity allows",
    "throttled": "{place} gets more work than its limit allows and rejects the rest",
    "traffic_surge": "Demand on {service} rose beyond what it can serve",
    "slow_query": "Queries of {service} need more work than before",
    "dependency": "Something {service} calls fails or is slow",
    "network": "The network between {service} and what it calls fails",
}
_HINTS: dict[CauseKind, str] = {
    "bad_deploy": r"deploy|release|version|rollback|code",
    "config_change": r"config|setting|flag",
    "capacity": r"capacity|rcu|wcu|provision",
    "throttled": r"throttl|limit",
    "traffic_surge": r"traffic|surge|spike|load",
    "slow_query": r"quer(y|ies)|index|sql",
    "network": r"network|dns|packet|route",
    "memory": r"memory|oom|heap",
    "cpu": r"cpu|processor",
    "disk": r"disk|storage",
    "connection_pool": r"connection|pool",
    "certificate": r"cert|tls|ssl",
    "permission": r"permission|iam|denied",
    "dependency": r"dependency|upstream|downstream",
}


def _short(text: str, limit: int = 150) -> str:
    """A text without its full stop, cut between words: half a number would be another number."""
    text = text.strip().rstrip(".")
    return text if len(text) <= limit else text[: limit - 1].rpartition(" ")[0].rstrip(",;:") + "…"


def _evidence(dossier: Dossier, ids: Sequence[str]) -> list[Finding]:
    """The two findings that say most, without the change itself and without old records."""
    found = (dossier.finding(i) for i in ids)
    measured = [f for f in found if f is not None and f.kind not in ("change", "record", "version")]
    return sorted(measured, key=lambda f: (-f.score, f.id))[:2]


def _quoted(finding: Finding) -> str:
    """A finding inside a sentence; the names of services and metrics keep their case."""
    text = _short(finding.summary)
    return f"each{text[4:]}" if text.startswith("Each ") else text


def statement(claim: Claim, dossier: Dossier, ids: Sequence[str], change_summary: str = "") -> str:
    """The hypothesis in one plain sentence, its numbers quoted from findings."""
    found = signs.change(dossier, claim.change_id)
    told = found.summary.partition(", ")[0] if found else change_summary
    change = _short(told or claim.change_id or "A change", 120)
    meaning = CAUSE_MEANING[claim.cause_kind]
    head = _HEADS.get(claim.cause_kind, f"{meaning[:1].upper()}{meaning[1:]} at {{place}}")
    text = head.format(
        change=change, service=claim.service, place=signs.short_name(claim.resource) or claim.service
    )
    text = text[:1].upper() + text[1:] if claim.change_id else text  # names of services keep their case
    proof = "; ".join(f"{_quoted(f)} ({f.id})" for f in _evidence(dossier, ids))
    whole = f"{text}: {proof}." if proof else f"{text}."
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST].rpartition(';')[0]}."


def _from_suspect(suspect: Suspect, dossier: Dossier, asked_by: str = "") -> Proposal:
    claim = Claim(suspect.cause_kind, suspect.service, suspect.resource, suspect.change_id)
    return Proposal(
        claim=claim,
        statement=statement(claim, dossier, suspect.finding_ids, suspect.change_summary),
        region=suspect.region,
        prior=suspect.score,
        supporting=suspect.finding_ids,
        asked_by=asked_by,
    )


def _from_kind(kind: CauseKind, service: str, dossier: Dossier, asked_by: str = "") -> Proposal:
    """An explanation that analysis did not rank, proposed so that it can be tested."""
    own = tuple(f.id for f in dossier.findings if f.cause_kind == kind)[:4]
    if kind == "traffic_surge":
        asked = signs.demand(dossier)
        own = (asked.id,) if asked else own
    claim = Claim(kind, service)
    return Proposal(claim, statement(claim, dossier, own), supporting=own, asked_by=asked_by, prior=UNRANKED)


def _kinds_in(hint: str) -> list[CauseKind]:
    return [kind for kind, pattern in _HINTS.items() if re.search(rf"\b(?:{pattern})", hint, re.IGNORECASE)]


def _asked(feedback: Sequence[str], dossier: Dossier, service: str) -> tuple[list[Proposal], list[str]]:
    """Explanations a person asked for, and hints that match nothing. A hint is tested, never believed."""
    proposals: list[Proposal] = []
    unmatched: list[str] = []
    for hint in feedback:
        kinds = _kinds_in(hint)
        words = set(re.findall(r"[\w.-]+", hint.lower()))
        remark = _short(hint, 200)
        fits = [s for s in dossier.suspects if s.cause_kind in kinds or {s.service.lower()} & words]
        proposals += [_from_suspect(s, dossier, remark) for s in fits[:2]]
        if not fits and kinds:
            proposals.append(_from_kind(kinds[0], service, dossier, remark))
        if not fits and not kinds:
            unmatched.append(f"The hint {_short(hint, 200)!r} matches nothing that was collected; name a service,"
                             " a change or a kind of cause.")  # fmt: skip
    return proposals, unmatched


def _distinct(proposals: Sequence[Proposal]) -> list[Proposal]:
    seen: set[tuple[str, str, str]] = set()
    kept: list[Proposal] = []
    for proposal in proposals:
        key = (proposal.claim.cause_kind, proposal.claim.service, proposal.claim.change_id)
        if key not in seen:
            seen.add(key)
            kept.append(proposal)
    return kept


def symptom_service(dossier: Dossier, preferred: str = "") -> str:
    """The service whose symptom opened the incident, as well as the dossier knows it."""
    known = [
        preferred,
        *(f.service for f in dossier.findings if f.kind == "alarm"),
        *dossier.impact.services,
        *(s.service for s in dossier.suspects),
        *(f.service for f in dossier.findings),
    ]
    return next((name for name in known if name), "unknown")


def _alternatives(dossier: Dossier, service: str) -> list[Proposal]:
    """What else is commonly blamed, so that the leading explanation has something to compete with."""
    if not any(f.kind in ("metric", "log", "trace") for f in dossier.findings):
        return []
    kinds: tuple[CauseKind, ...] = ("traffic_surge", "network")
    limits = signs.limits(dossier)
    hit = signs.strongest(limits)
    throttled = [_from_kind("throttled", hit.service, dossier)] if hit else []
    return [*throttled, *(_from_kind(kind, service, dossier) for kind in kinds)]


def _remedies(gaps: Sequence[Gap]) -> list[str]:
    return [f"{g.source}: {g.what}" + (f" {g.remedy}" if g.remedy else "") for g in gaps]


def next_steps(best: Hypothesis | None, dossier: Dossier, service: str) -> tuple[str, ...]:
    """What a person should look at while the evidence does not decide; empty when it does."""
    if best is not None and best.standing in ("confirmed", "likely"):
        return ()
    steps = [f"Close this gap and re-analyse: {text}" for text in _remedies(dossier.gaps)[:3]]
    open_tests = [t for t in (best.tests if best else ()) if t.outcome == "silent"]
    steps += [f"Find out what could not be tested: {t.text}" for t in open_tests[:2]]
    steps.append(f"Look at the latest changes and the logs of {service} by hand, or re-analyse with a hint.")
    return tuple(steps)


def _unknown(dossier: Dossier, service: str) -> Hypothesis:
    return Hypothesis(
        statement=f"The evidence does not say what is wrong with {service}: "
        f"{len(dossier.findings)} findings, no suspect.",
        cause_kind="unknown",
        service=service,
    )


def propose(dossier: Dossier, *, service: str = "", feedback: Sequence[str] = ()) -> tuple[Proposed, ...]:
    """The explanations that the built-in analyst would weigh, the likeliest first."""
    diagnosis = diagnose(dossier, service=service, feedback=feedback)
    return tuple(
        Proposed(
            statement=h.statement, cause_kind=h.cause_kind, service=h.service, resource=h.resource,
            change_id=h.change_id, supporting=h.supporting, contradicting=h.contradicting,
        )
        for h in diagnosis.hypotheses
    )  # fmt: skip


def diagnose(
    dossier: Dossier, *, service: str = "", feedback: Sequence[str] = (), analyst: str = NAME
) -> Diagnosis:
    """Conclude from a dossier alone. Deterministic; never raises on thin evidence but abstains.

    Args:
        dossier: What analysis found.
        service: The service that alarmed, when known.
        feedback: What people asked to be looked at; tested as hypotheses.
        analyst: The label the diagnosis carries.
    """
    service = symptom_service(dossier, service)
    asked, unmatched = _asked(feedback, dossier, service)
    suspected = [_from_suspect(s, dossier) for s in dossier.suspects]
    proposals = _distinct([*suspected[:1], *asked, *suspected[1:]])[:MAX_HYPOTHESES]
    if len(proposals) < ENOUGH_HYPOTHESES:
        kinds = {p.claim.cause_kind for p in proposals}
        others = [p for p in _alternatives(dossier, service) if p.claim.cause_kind not in kinds]
        proposals = [*proposals, *others][:ENOUGH_HYPOTHESES]
    hypotheses = ranked([weigh(p, dossier) for p in proposals])
    if not any(h.standing != "refuted" for h in hypotheses):
        hypotheses = (_unknown(dossier, service), *hypotheses[: MAX_HYPOTHESES - 1])
    best = hypotheses[0]
    return Diagnosis(
        revision=dossier.revision,
        hypotheses=hypotheses,
        causal_chain=causal_chain(best, dossier),
        impact=dossier.impact,
        gaps=dossier.gaps,
        analyst=analyst,
        next_steps=tuple(unmatched) + next_steps(best, dossier, service),
    )
