"""From what an analyst proposed to a diagnosis: every claim checked, every hypothesis weighed. Asks no model."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import get_args

import structlog

from autopilot.incident.base import clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import Diagnosis, Hypothesis, PlantedOrder, Standing, best_of
from autopilot.incident.finding import Dossier, Finding
from autopilot.incident.investigation import ProbeResult, Turn
from autopilot.incident.ports import Failure
from autopilot.reasoning.investigating import explaining
from autopilot.reasoning.investigating.abstaining import next_steps, nothing_to_blame, quiet, second_fault
from autopilot.reasoning.investigating.enforcing import Checking, Neighbours
from autopilot.reasoning.investigating.feedback import Idea, same, unmatched, who_asked
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.judging.weighing import Proposal, causal_chain, ranked, suspect_for, weigh
from autopilot.reasoning.labels import BUILT_IN, unavailable
from autopilot.reasoning.prompts.planted import withheld

log = structlog.get_logger()

MAX_DROPPED = 30
MAX_PLANTED = 10
_STANDINGS: tuple[Standing, ...] = get_args(Standing)
"""Best first."""

Calibrate = Callable[[CauseKind, float], tuple[float | None, int]]
"""(kind, confidence) → how often that was right, None while it is not known; and from how many outcomes."""


@dataclass(frozen=True)
class Evidence:
    """What a judgement may rest on."""

    dossier: Dossier
    """With the findings of the probes."""
    service: str
    """The service that alarmed."""
    results: tuple[ProbeResult, ...] = ()
    asked: tuple[Idea, ...] = ()
    """What people want to be tested."""
    neighbours: Neighbours | None = None


def conclude(
    turns: Sequence[Turn],
    evidence: Evidence,
    *,
    calibrate: Calibrate | None = None,
    planted: Sequence[PlantedOrder] = (),
) -> Diagnosis:
    """Judge what was proposed. Deterministic; abstains where the evidence does not decide, and never raises for it.

    Args:
        turns: What the analyst said, the oldest round first.
        evidence: What was found and tested.
        calibrate: How often a confidence was right; without it every confidence is uncalibrated.
        planted: Orders that were found in collected text.
    """
    last, dossier = turns[-1], evidence.dossier
    checking = Checking(dossier, evidence.neighbours)
    written = _written(turns, checking, evidence)
    said = [weigh(p, dossier, evidence.results) for p in written]
    final = _calibrated(_compared(said, turns, evidence), calibrate)
    best = best_of(final)
    told = best is not None and any(_alike(best, h) for h in said)
    chain = checking.chain(last.chain, best.service) if best and told else ()
    return Diagnosis(
        revision=dossier.revision,
        hypotheses=final,
        causal_chain=chain or causal_chain(best, dossier),
        impact=dossier.impact,
        gaps=dossier.gaps,
        claims=checking.claims,
        dropped=len(checking.dropped),
        dropped_claims=tuple(checking.dropped[:MAX_DROPPED]),
        planted=tuple(planted[:MAX_PLANTED]),
        stopped=last.stopped,
        analyst=_label(last, written, checking),
        usage=last.usage,
        next_steps=(
            *unmatched(evidence.asked), *second_fault(final), *next_steps(best, dossier, evidence.service),
        ),
    )  # fmt: skip


def _written(turns: Sequence[Turn], checking: Checking, evidence: Evidence) -> list[Proposal]:
    """What models proposed and findings bear out; what a later round left out does not vanish by it.

    Of a hypothesis that fell in several rounds only the last wording counts as checked and dropped.
    """
    kept: list[Proposal] = []
    fallen: list[Claim] = []
    for turn in reversed([t for t in turns if t.by_model]):
        before = tuple(fallen)
        for proposed in turn.proposed:
            bare = Claim.of(proposed)
            if turn is not turns[-1] and any(same(bare, p.claim) for p in kept):
                continue
            own = Checking(checking.dossier, checking.neighbours)
            proposal = own.proposal(proposed)
            if proposal is None:
                fallen.append(bare)
            if proposal is not None or not any(same(bare, claim) for claim in before):
                checking.add(own)
            if proposal is not None and not any(same(proposal.claim, p.claim) for p in kept):
                kept.append(replace(proposal, asked_by=who_asked(proposal.claim, evidence.asked)))
    return kept


def _code(turns: Sequence[Turn], evidence: Evidence) -> list[Proposal]:
    """The explanations of the built-in analyst: those that its turn told, else what it would have told."""
    own = explaining.proposals(evidence.dossier, evidence.service, evidence.asked)
    if turns[-1].by_model:
        return own
    told = [Claim.of(p) for p in turns[-1].proposed]
    return [p for p in own if any(same(p.claim, claim) for claim in told)] or own


def _retold(proposal: Proposal, evidence: Evidence) -> Hypothesis:
    """A hypothesis of code in the light of its tests: what they found for it is quoted too."""
    tested = weigh(proposal, evidence.dossier, evidence.results)
    new = [i for t in tested.tests if t.probe and t.outcome == "held" for i in t.finding_ids]
    ids = tuple(dict.fromkeys((*proposal.supporting, *new)))
    edit = _edited(proposal.claim, evidence.results)
    if edit is not None and tested.stands:
        tested = tested.model_copy(update={"supporting": tuple(dict.fromkeys((*tested.supporting, edit.id)))})
    told = explaining.statement(proposal.claim, evidence.dossier, ids, edit)
    return tested.model_copy(update={"statement": told})


def _edited(claim: Claim, results: Sequence[ProbeResult]) -> Finding | None:
    """What the blamed change edits, or what was said of it in review: the most telling finding of its diff."""
    for result in results:
        if result.probe.name == "deploy_diff" and claim.change_id:
            # The first finding is the change itself, which the statement names anyway.
            own = [f for f in result.findings[1:] if f.change_id == claim.change_id]
            plain = [f for f in own if withheld(f.summary) == f.summary]
            return min(plain, key=lambda f: f.mechanism is None, default=None)
    return None


def _alike(one: Hypothesis, other: Hypothesis) -> bool:
    return same(Claim.of(one), Claim.of(other))


def _covered(hypothesis: Hypothesis, others: Sequence[Hypothesis]) -> bool:
    return any(_alike(hypothesis, other) for other in others)


def _compared(said: Sequence[Hypothesis], turns: Sequence[Turn], evidence: Evidence) -> tuple[Hypothesis, ...]:
    """What a model said beside what code must not leave out; without a model, what code says."""
    own = [_retold(p, evidence) for p in _code(turns, evidence)]
    leading = own[0] if own and evidence.dossier.suspects else None
    extra = [h for h in own if (h is leading or h.asked_by) and not _covered(h, said)] if said else own
    return _on_the_table([*said, *extra], leading, evidence)


def _on_the_table(
    weighed: Sequence[Hypothesis], leading: Hypothesis | None, evidence: Evidence
) -> tuple[Hypothesis, ...]:
    """At most four: the best, what statistics suspect most, what people asked for, then by rank.

    An answer that hides the leading suspect cannot win by omission; where nothing stands, nobody is blamed.
    """
    ordered = _ordered(weighed, evidence)

    def place(hypothesis: Hypothesis) -> int:
        must = leading is not None and _alike(hypothesis, leading)
        return 0 if hypothesis is ordered[0] else 1 if must else 2 if hypothesis.asked_by else 3

    kept = sorted(ordered, key=place)[: explaining.MAX_HYPOTHESES]
    standing = any(h.stands for h in kept)
    possible = any(h.standing != "refuted" for h in kept)
    if not possible or (quiet(evidence.dossier) and not standing):
        nothing = nothing_to_blame(evidence.dossier, evidence.service)
        named = [h for h in kept if h.cause_kind != "unknown"]
        return (nothing, *_ordered(named, evidence)[: explaining.MAX_HYPOTHESES - 1])
    return _ordered(kept, evidence)


def _ordered(hypotheses: Sequence[Hypothesis], evidence: Evidence) -> tuple[Hypothesis, ...]:
    """Best first. Tests decide how a hypothesis stands; of those that stand alike, the more suspected goes first.

    Confidence alone would let its caps, which only limit what may be said, shuffle what statistics tell apart. That
    something which a service calls fails is no more than likely while another one that stands says what fails.
    """

    def prior(hypothesis: Hypothesis) -> float:
        suspect = suspect_for(Claim.of(hypothesis), evidence.dossier)
        return suspect.score if suspect else 0.0

    def outdone(hypothesis: Hypothesis) -> bool:
        near = evidence.neighbours
        return hypothesis.cause_kind == "dependency" and any(
            other.stands
            and other.service != hypothesis.service
            and (near is None or other.service in near.get(hypothesis.service, ()))
            and prior(other) >= prior(hypothesis)
            for other in hypotheses
        )

    def place(hypothesis: Hypothesis) -> tuple[int, bool, float]:
        standing = "likely" if hypothesis.standing == "confirmed" and outdone(hypothesis) else hypothesis.standing
        return _STANDINGS.index(standing), hypothesis.cause_kind == "unknown", -prior(hypothesis)

    return tuple(sorted(ranked(hypotheses), key=place))


def _calibrated(hypotheses: Sequence[Hypothesis], calibrate: Calibrate | None) -> tuple[Hypothesis, ...]:
    if calibrate is None:
        return tuple(hypotheses)
    try:
        known = [(h, calibrate(h.cause_kind, h.confidence)) for h in hypotheses]
    except Failure as failure:  # a diagnosis is worth more than how often such ones were right
        log.warning("calibration not read", reason=clean(str(failure), 300))
        return tuple(hypotheses)
    return tuple(h.model_copy(update={"likelihood": share, "outcomes": n}) for h, (share, n) in known)


def _label(last: Turn, written: Sequence[Proposal], checking: Checking) -> str:
    if not last.by_model or written:
        return last.analyst
    count = len(checking.dropped)
    why = f"nothing of the answer of {last.analyst!r} is supported by findings ({count} claims dropped)"
    return unavailable(BUILT_IN, why)
