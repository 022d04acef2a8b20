"""Which candidate helps most, and which few differ enough to be worth a person's choice. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autopilot.incident.base import Scalar
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.finding import Dossier
from autopilot.incident.plan import DraftOption, Offer, Reversibility, Risk, Step
from autopilot.reasoning.planning.aims import Aim, aims, nearness, sharpened
from autopilot.reasoning.planning.past import Past, TrackRecord, past_of
from autopilot.remediation.base import Candidate

RISK_COST: dict[Risk, float] = {"low": 0.0, "medium": 0.06, "high": 0.20}
REVERSIBILITY_COST: dict[Reversibility, float] = {"reversible": 0.0, "partly": 0.06, "irreversible": 0.20}
FIT_WEIGHT = 0.3
UNPROVEN_COST = 0.3
"""What a way back costs that nothing shows to have been healthy."""
LATE = 1_800.0
"""Seconds after which an effect comes too late to end an incident: people have to do the rest."""
LATE_COST = 0.4
MAX_STEPS = 4
OFFERED = 8
"""Offers that are inspected and chosen among."""
PER_TOOL = 3
"""Targets of one tool among the offers, while other tools have something to offer."""
WORTHY = 0.6
"""Share of the second option's score from which another idea is worth a choice of its own."""

Group = tuple[Offer, ...]
"""Offers that make one option together."""
Idea = frozenset[tuple[str, str]]
"""Tools and targets: what is the same with other arguments is the same idea."""


@dataclass(frozen=True)
class Scored:
    """A candidate with its score (about 0 to 1.5) and what the past says about it."""

    candidate: Candidate
    score: float
    aim: Aim
    """What it helps against most."""
    past: Past
    clause: str = ""
    """How it fits what exactly is wrong."""

    @property
    def key(self) -> tuple[str, str]:
        """Tool and target."""
        return self.candidate.step.tool, self.candidate.step.target

    @property
    def why(self) -> str:
        """The tool's own reason, and what else raised or lowered it."""
        return "; ".join(part for part in (self.candidate.why, self.clause, self.past.sentence) if part)


def score(
    candidates: Iterable[Candidate],
    diagnosis: Diagnosis,
    dossier: Dossier,
    near: Mapping[str, frozenset[str]],
    track: TrackRecord | None = None,
) -> tuple[Scored, ...]:
    """Candidates that help against something believed, best first; equal ones in a stable order.

    Belief in the cause by nearness to its place, plus fit, what exactly is wrong and the past, less risk,
    irreversibility and lateness.
    """
    goals = aims(diagnosis, dossier)
    scored: list[Scored] = []
    for candidate in candidates:
        step = candidate.step
        reach = [(a.weight * nearness(step, a, near), a) for a in goals if a.kind in candidate.addresses]
        hits = [(weight + sharpened(step.tool, a.mechanism)[0], a) for weight, a in reach if weight > 0]
        if not hits:
            continue
        weight, aim = max(hits, key=lambda hit: hit[0])
        past = past_of(step, dossier, diagnosis.planted, track)
        total = (
            weight
            + FIT_WEIGHT * candidate.fit
            + past.bonus
            - RISK_COST[candidate.risk]
            - REVERSIBILITY_COST[candidate.reversibility]
            - (UNPROVEN_COST if candidate.unproven else 0.0)
            - (LATE_COST if candidate.expected.within >= LATE else 0.0)
        )
        scored.append(Scored(candidate, round(total, 4), aim, past, sharpened(step.tool, aim.mechanism)[1]))
    return tuple(sorted(scored, key=lambda s: (-s.score, s.key, str(s.candidate.step.arguments))))


def spread(scored: Sequence[Scored], limit: int = OFFERED) -> tuple[Scored, ...]:
    """At most `limit` candidates that cover different ideas, best first.

    The best setting of each target; every tool has its say before the many targets of one.
    """
    best: dict[tuple[str, str], Scored] = {}
    for one in scored:
        best.setdefault(one.key, one)
    place: dict[str, int] = {}
    ranked: list[tuple[bool, int, Scored]] = []
    for number, one in enumerate(best.values()):
        tool = one.candidate.step.tool
        place[tool] = place.get(tool, 0) + 1
        ranked.append((place[tool] > PER_TOOL, number, one))
    kept = sorted(ranked, key=lambda entry: entry[:2])[:limit]
    return tuple(one for _, _, one in sorted(kept, key=lambda entry: entry[1]))


def offer_of(number: int, one: Scored) -> Offer:
    """A candidate as an offer of one step."""
    candidate = one.candidate
    option = DraftOption(
        title=candidate.step.summary or f"{candidate.step.tool} on {candidate.step.target}",
        why=one.why,
        finding_ids=tuple(dict.fromkeys((*candidate.finding_ids, *one.past.finding_ids))),
        steps=(candidate.step,),
        risk=candidate.risk,
        reversibility=candidate.reversibility,
        expected=candidate.expected,
        unproven=candidate.unproven,
    )
    return Offer(id=f"C{number}", draft=option, score=one.score)


def idea(group: Sequence[Offer]) -> Idea:
    """What an option does to what."""
    return frozenset((step.tool, step.target) for offer in group for step in offer.draft.steps)


def group_problem(group: Sequence[Offer]) -> str:
    """Why offers cannot stand in one option; empty when they can: few enough, and no two on one target."""
    targets = [step.target for offer in group for step in offer.draft.steps]
    if not 0 < len(targets) <= MAX_STEPS:
        return f"it has {len(targets)} steps; an option has 1 to {MAX_STEPS}"
    return "" if len(set(targets)) == len(targets) else "two of its steps act on one target"


def back_to(step: Step) -> tuple[str, Scalar] | None:
    """The target and the version of it that a step goes back to; None for every other step."""
    names = (name for name, source in step.sources.items() if " versions[" in source)
    return next(((step.target, step.arguments.get(name)) for name in names), None)


def _singles(offers: Sequence[Offer]) -> list[Offer]:
    """The best offer of each tool, then what else there is.

    Three settings of one tool are one idea, and so are two tools that go back to one version.
    """
    ranked = sorted(offers, key=lambda o: -o.score)
    best: dict[str, Offer] = {}
    gone: set[tuple[str, Scalar]] = set()
    for offer in ranked:
        step = offer.draft.steps[0]
        back = back_to(step)
        if step.tool not in best and back not in gone:
            best[step.tool] = offer
            gone |= {back} if back else set()
    first = list(best.values())
    chosen = {idea((offer,)) for offer in first}
    return [*first, *(offer for offer in ranked if idea((offer,)) not in chosen)]


def choose(offers: Sequence[Offer], limit: int) -> tuple[Group, ...]:
    """At most `limit` really different groups of offers, best first.

    The third acts on a target of its own; where there is none worth it, it does the first two together.
    """
    singles = _singles(offers)
    groups: list[Group] = [(one,) for one in singles[:limit]]
    if limit < 3 or len(singles) < 2 or group_problem(singles[:2]):
        return tuple(groups)
    taken = {one.draft.steps[0].target for one in singles[:2]}
    elsewhere = next((one for one in singles[2:] if one.draft.steps[0].target not in taken), None)
    third = (elsewhere,) if elsewhere and elsewhere.score >= WORTHY * singles[1].score else tuple(singles[:2])
    return (*groups[:2], third)


def combined(group: Sequence[Offer], why: str = "") -> DraftOption:
    """An option out of chosen offers: as risky and irreversible as its worst step, as late as its slowest."""
    drafts = [offer.draft for offer in group]
    lead = max(group, key=lambda offer: offer.score).draft
    within = max(draft.expected.within for draft in drafts)
    return DraftOption(
        title=" and ".join([drafts[0].title, *(d.title[:1].lower() + d.title[1:] for d in drafts[1:])]),
        why=why or ". ".join(dict.fromkeys(draft.why for draft in drafts)),
        finding_ids=tuple(dict.fromkeys(i for draft in drafts for i in draft.finding_ids)),
        steps=tuple(step for draft in drafts for step in draft.steps),
        risk=max((draft.risk for draft in drafts), key=RISK_COST.__getitem__),
        reversibility=max((draft.reversibility for draft in drafts), key=REVERSIBILITY_COST.__getitem__),
        expected=lead.expected.model_copy(update={"within": within}),
        unproven=any(draft.unproven for draft in drafts),
    )
