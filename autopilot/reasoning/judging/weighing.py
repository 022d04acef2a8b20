"""From a proposed explanation to a tested hypothesis: the one road for the built-in analyst and for a model."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autopilot.incident.diagnosis import Hypothesis, Standing
from autopilot.incident.finding import Dossier, Finding, FindingKind, Suspect
from autopilot.incident.investigation import ProbeResult
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.signs import change, happened, limits
from autopilot.reasoning.judging.trials import trials_for
from autopilot.reasoning.judging.verdict import Weights, verdict

UNRANKED = 0.2
"""Prior of an explanation that analysis did not suspect."""

_LATER: dict[FindingKind, int] = {"change": 0, "state": 2, "log": 2, "alarm": 3, "impact": 4}
"""Which of two findings of the same moment is the consequence."""
_RANK: dict[Standing, int] = {"confirmed": 0, "likely": 1, "inconclusive": 2, "refuted": 3}


@dataclass(frozen=True)
class Proposal:
    """An explanation before it was tested."""

    claim: Claim
    statement: str
    region: str = ""
    prior: float = UNRANKED
    supporting: tuple[str, ...] = ()
    contradicting: tuple[str, ...] = ()
    asked_by: str = ""
    """The person's idea that this is, as it was said."""


def suspect_for(claim: Claim, dossier: Dossier) -> Suspect | None:
    """The suspect of analysis that says the same as a claim."""
    for suspect in dossier.suspects:
        same_change = bool(claim.change_id) and suspect.change_id == claim.change_id
        if same_change or (suspect.service == claim.service and suspect.cause_kind == claim.cause_kind):
            return suspect
    return None


def _findings(dossier: Dossier, ids: Iterable[str]) -> tuple[Finding, ...]:
    return tuple(f for f in (dossier.finding(i) for i in ids) if f is not None)


def _prior(proposal: Proposal, dossier: Dossier) -> float:
    """What analysis thinks of it beforehand: what it looked for and did not suspect is behind all that it does."""
    if suspect_for(proposal.claim, dossier) is not None:
        return proposal.prior
    return min([proposal.prior, *(s.score for s in dossier.suspects)])


def weigh(proposal: Proposal, dossier: Dossier, results: Sequence[ProbeResult] = ()) -> Hypothesis:
    """Test a proposal and compute its standing. Ids that do not exist in the dossier are left out.

    Args:
        proposal: What is claimed.
        dossier: What analysis found, with the findings of the probes.
        results: What the probes answered.
    """
    claim = proposal.claim
    trials = trials_for(claim, dossier, results)
    held = {i for t in trials if t.outcome == "held" for i in t.finding_ids}
    refuted = {i for t in trials if t.outcome == "refuted" for i in t.finding_ids} - held
    against = dict.fromkeys((*proposal.contradicting, *sorted(refuted)))
    for_it = dict.fromkeys(i for i in (*proposal.supporting, *sorted(held)) if i not in against)
    supporting, contradicting = _findings(dossier, for_it), _findings(dossier, against)
    standing, confidence = verdict(
        Weights(
            prior=_prior(proposal, dossier),
            supporting=supporting,
            contradicting=contradicting,
            trials=trials,
            gaps=dossier.gaps,
            # To say that the cause is unknown is no explanation, however well it is supported.
            insufficient=dossier.insufficient_evidence or claim.cause_kind == "unknown",
        )
    )
    blamed = change(dossier, claim.change_id)
    return Hypothesis(
        statement=proposal.statement,
        cause_kind=claim.cause_kind,
        service=claim.service,
        resource=claim.resource,
        region=proposal.region,
        change_id=claim.change_id,
        change_authors=blamed.authors if blamed else (),
        supporting=tuple(f.id for f in supporting),
        contradicting=tuple(f.id for f in contradicting),
        tests=trials,
        asked_by=proposal.asked_by,
        standing=standing,
        confidence=confidence,
    )


def ranked(hypotheses: Sequence[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Best first, refuted last; equal ones keep their order.

    Of two that stand alike, one that passed a test which could have refuted it goes before one that met none.
    """

    def place(hypothesis: Hypothesis) -> tuple[int, bool, float]:
        passed = any(t.decisive and t.outcome == "held" for t in hypothesis.tests)
        return _RANK[hypothesis.standing], not passed, -hypothesis.confidence

    return tuple(sorted(hypotheses, key=place))


def causal_chain(best: Hypothesis | None, dossier: Dossier) -> tuple[str, ...]:
    """What led to what: the evidence of the leading hypothesis in the order of time, with finding ids."""
    if best is None or best.standing == "inconclusive":
        return ()
    own = [f for f in _findings(dossier, best.supporting) if f.kind not in ("record", "recurrence", "version")]
    chosen = dict.fromkeys(f.id for f in own[:5])
    chosen |= dict.fromkeys(f.id for f in sorted(limits(dossier), key=lambda f: (-f.score, f.id))[:2])
    outcome = sorted((f for f in dossier.findings if f.kind in ("alarm", "impact")), key=lambda f: (-f.score, f.id))
    chosen |= dict.fromkeys(f.id for f in outcome[: 8 - len(chosen)][:2])

    def moment(finding: Finding) -> tuple[str, int, str]:
        return f"{happened(finding):%Y-%m-%d %H:%M}", _LATER.get(finding.kind, 1), finding.id

    steps = sorted(_findings(dossier, chosen), key=moment)
    return tuple(f"{happened(f):%H:%M} {f.summary} ({f.id})" for f in steps)
