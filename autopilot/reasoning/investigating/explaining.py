"""Competing explanations out of a dossier, in plain sentences and without any model."""

from collections.abc import Sequence

from autopilot.incident.cause import CAUSE_MEANING, MECHANISMS, CauseKind
from autopilot.incident.finding import Dossier, Finding, Suspect
from autopilot.incident.investigation import Proposed
from autopilot.reasoning.investigating.abstaining import quiet
from autopilot.reasoning.investigating.feedback import Idea, same, who_asked
from autopilot.reasoning.judging import signs
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.weighing import UNRANKED, Proposal, suspect_for

MAX_HYPOTHESES = 4
ENOUGH_KINDS = 3
"""Of explanations: two places of the same kind do not compete as two kinds do."""
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
    "dependency": "{service} fails or is slow, and what calls it suffers",
    "network": "The network between {service} and what it calls fails",
}


def _short(text: str, limit: int = 150) -> str:
    """A text without its full stop, cut between words: half a number would be another number."""
    text = text.strip().rstrip(".")
    return text if len(text) <= limit else text[: limit - 1].rpartition(" ")[0].rstrip(",;:") + "…"


def _evidence(dossier: Dossier, ids: Sequence[str], first: Finding | None) -> list[Finding]:
    """The two findings that say most: no old records, nothing that did not move, nothing twice."""
    found = [f for f in (dossier.finding(i) for i in ids) if f is not None]
    moved = [f for f in found if f.kind != "metric" or f.direction != "none"]
    measured = [f for f in moved if f.kind not in ("change", "record", "version")]
    kept = {(f.kind, f.service, f.unit, signs.named(f) if f.metric else f.id): f for f in [first] if f is not None}
    for f in sorted(measured, key=lambda f: (-f.score, f.id)):
        kept.setdefault((f.kind, f.service, f.unit, signs.named(f) if f.metric else f.id), f)
    return list(kept.values())[:2]


def _quoted(finding: Finding) -> str:
    """A finding inside a sentence; the names of services and metrics keep their case."""
    text = _short(finding.summary)
    return f"each{text[4:]}" if text.startswith("Each ") else text


def statement(claim: Claim, dossier: Dossier, ids: Sequence[str], first: Finding | None = None) -> str:
    """The hypothesis in one plain sentence, its numbers quoted from findings.

    Args:
        claim: What is said.
        dossier: Where it is quoted from.
        ids: The findings for it, of which the two that say most are quoted.
        first: A finding to quote before all others, such as what the blamed change edits.
    """
    suspect = suspect_for(claim, dossier)
    found = signs.change(dossier, claim.change_id)
    told = found.summary.partition(", ")[0] if found else suspect.change_summary if suspect else ""
    change = _short(told or claim.change_id or "A change", 120)
    meaning = CAUSE_MEANING[claim.cause_kind]
    head = _HEADS.get(claim.cause_kind, f"{meaning[:1].upper()}{meaning[1:]} at {{place}}")
    text = head.format(
        change=change, service=claim.service, place=signs.short_name(claim.resource) or claim.service
    )
    text = text[:1].upper() + text[1:] if claim.change_id else text  # names of services keep their case
    if claim.change_id and suspect is not None and suspect.mechanism:
        text += f", because {MECHANISMS[suspect.mechanism][1]}"
    proof = "; ".join(f"{_quoted(f)} ({f.id})" for f in _evidence(dossier, ids, first))
    whole = f"{text}: {proof}." if proof else f"{text}."
    return whole if len(whole) <= LONGEST else f"{whole[:LONGEST].rpartition(';')[0]}."


def _from_suspect(suspect: Suspect, dossier: Dossier, asked_by: str) -> Proposal:
    claim = Claim.of(suspect)
    return Proposal(
        claim=claim,
        statement=statement(claim, dossier, suspect.finding_ids),
        region=suspect.region,
        prior=suspect.score,
        supporting=suspect.finding_ids,
        asked_by=asked_by,
    )


def _from_claim(claim: Claim, dossier: Dossier, asked_by: str = "") -> Proposal:
    """An explanation that analysis may not have ranked, proposed so that it can be tested."""
    suspect = suspect_for(claim, dossier)
    if suspect is not None:
        return _from_suspect(suspect, dossier, asked_by)
    own = tuple(f.id for f in dossier.findings if f.cause_kind == claim.cause_kind)[:4]
    if claim.cause_kind == "traffic_surge":
        risen = signs.demand(dossier)
        own = (risen.id,) if risen else own
    return Proposal(claim, statement(claim, dossier, own), supporting=own, asked_by=asked_by, prior=UNRANKED)


def _alternatives(dossier: Dossier, service: str) -> list[Claim]:
    """What else is commonly blamed, so that the leading explanation has something to compete with."""
    if quiet(dossier) or not any(f.kind in ("metric", "log", "trace") for f in dossier.findings):
        return []
    hit, done, risen = signs.strongest(signs.limits(dossier)), signs.work(dossier), signs.demand(dossier)
    surge, network = Claim("traffic_surge", service), Claim("network", service)
    if hit is not None:
        return [Claim("throttled", hit.service), surge, network]
    load = [Claim("capacity", done.service)] if done is not None else []
    return [*load, surge, network] if risen is not None else [*load, network, surge]


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


def proposals(dossier: Dossier, service: str, asked: Sequence[Idea] = ()) -> list[Proposal]:
    """Two to four competing explanations, the likeliest first; none where nothing unusual was found.

    Args:
        dossier: What analysis found.
        service: The service that alarmed.
        asked: What people want to be tested; it always is.
    """
    suspected = [_from_suspect(s, dossier, who_asked(Claim.of(s), asked)) for s in dossier.suspects]
    wanted = [_from_claim(claim, dossier, idea.said) for idea in asked for claim in idea.claims]
    kept = _distinct([*suspected[:1], *wanted, *suspected[1:]])[:MAX_HYPOTHESES]
    for claim in _alternatives(dossier, service):
        kinds, loaded = {p.claim.cause_kind for p in kept}, {p.claim.service for p in kept}
        told = claim.cause_kind in kinds or (claim.cause_kind in signs.LIMITS and claim.service in loaded)
        if not told and len(kinds) < ENOUGH_KINDS and len(kept) < MAX_HYPOTHESES:
            kept.append(_from_claim(claim, dossier))
    return kept


def propose(dossier: Dossier, service: str, asked: Sequence[Idea] = ()) -> tuple[Proposed, ...]:
    """The same explanations as a turn carries them."""
    return tuple(
        Proposed(
            statement=p.statement,
            cause_kind=p.claim.cause_kind,
            service=p.claim.service,
            resource=p.claim.resource,
            change_id=p.claim.change_id,
            supporting=p.supporting,
            contradicting=p.contradicting,
        )
        for p in proposals(dossier, service, asked)
    )


def _distinct(found: Sequence[Proposal]) -> list[Proposal]:
    kept: list[Proposal] = []
    for proposal in found:
        if not any(same(proposal.claim, other.claim) for other in kept):
            kept.append(proposal)
    return kept
