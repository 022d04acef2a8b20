"""What an incident taught about tools: each proposal with what people chose and what verification found. Pure."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from autopilot.incident.decision import Judgement
from autopilot.incident.plan import StepResult
from autopilot.incident.state import IncidentState
from autopilot.incident.track_record import Decider, Experience, Move, Proposal, proposal
from autopilot.incident.verification import Verdict
from autopilot.knowledge.by_hand import SeenByHand
from autopilot.knowledge.outcomes import Aims, attempt_of, places_of

_NOTHING_SEEN = SeenByHand()


@dataclass(frozen=True)
class _Carried:
    """An option that was carried out, wholly or in part."""

    plan: int
    moves: tuple[Move, ...]
    at: datetime
    verdict: Verdict | None


def experiences(
    state: IncidentState,
    aims: Aims | None = None,
    seen: SeenByHand = _NOTHING_SEEN,
    vouched: Callable[[StepResult], bool] | None = None,
) -> tuple[Experience, ...]:
    """One experience for each plan, tool and service that was proposed first, chosen or carried out.

    Args:
        state: The closed incident.
        aims: What each tool helps against: a tool that helps against nothing, such as a ticket, fixes nothing.
        seen: What people did by hand.
        vouched: Whether a step is known to have been carried out: without that nothing was fixed by it, while a
            failure counts whoever tells of it. None: the state is taken at its word.
    """
    carried = list(_carried(state, vouched))
    proposals = {p.plan: p for p in state.proposals}
    if state.plan is not None:
        proposals.setdefault(state.plan.revision, proposal(state.plan, state.service))
    for one in carried:
        proposals.setdefault(one.plan, Proposal(plan=one.plan))
    return tuple(
        experience
        for number in sorted(proposals)
        for experience in _of_plan(state, proposals[number], carried, aims or {}, seen)
    )


def _of_plan(
    state: IncidentState, shown: Proposal, carried: list[_Carried], aims: Aims, seen: SeenByHand
) -> Iterator[Experience]:
    """`seen` tells of the last plan only: the targets of earlier ones were not looked at."""
    judgement = _decision(state, shown.plan)
    by_hand = seen if state.plan is not None and shown.plan == state.plan.revision else _NOTHING_SEEN
    first = shown.moves(shown.options[0].option) if shown.options else ()
    chosen = shown.moves(judgement.option) if judgement and judgement.choice == "option" else ()
    done = {move: one for one in carried if one.plan == shown.plan for move in one.moves}
    decider = _decider(state, judgement, by_hand)
    start = state.alerts[0].started_at if state.alerts else state.opened_at
    for move in dict.fromkeys((*first, *chosen, *done)):
        by_people = judgement is not None and judgement.channel != "policy" and judgement.proven
        acted = done.get(move)
        yield Experience(
            incident_id=state.incident_id,
            plan=shown.plan,
            at=acted.at if acted else start,
            environment=state.environment,
            service=move.service,
            tool=move.tool,
            mode=state.snapshot.playbook.mode if state.snapshot else "advise",
            proposed=move in first,
            decided_by=decider,
            agreed=_agreed(judgement, move in chosen, decider, by_hand, move) if move in first else None,
            approved=by_people and move in chosen,
            verdict=acted.verdict if acted and aims.get(move.tool) != frozenset() else None,
            options_after=_after(start, state.milestones.get("options")),
            acted_after=_after(start, _acted_by_hand(state, by_hand)) if decider == "by_hand" else None,
        )


def _decision(state: IncidentState, plan: int) -> Judgement | None:
    """The last accepted decision about a plan: a person's overrides the playbook's."""
    about = [j for j in state.judgements if j.accepted and j.plan_revision == plan]
    return about[-1] if about else None


def _decider(state: IncidentState, judgement: Judgement | None, seen: SeenByHand) -> Decider:
    if judgement is not None:
        return "policy" if judgement.channel == "policy" else "people"
    return "by_hand" if seen.touched or state.handled_by or state.claimed_by else ""


def _agreed(
    judgement: Judgement | None, chosen: bool, decider: Decider, seen: SeenByHand, move: Move
) -> bool | None:
    """Whether people would have done the same; None where nobody knows, or nobody can vouch for who it was.

    Who handles it by hand and then does the same agreed with what, not with letting us do it: that is neither.
    """
    found = seen.found(move)
    same = "same" in found and len(found) == 1
    if decider == "by_hand":
        return same if found else None
    if decider != "people" or judgement is None or not judgement.proven:
        return None
    return chosen or (None if same else False)


def _acted_by_hand(state: IncidentState, seen: SeenByHand) -> datetime | None:
    """When people acted, as they said or as the changes show; whichever was first."""
    said = f"{state.handled_by} says it is handled"
    told = (entry.at for entry in state.timeline if state.handled_by and entry.text.startswith(said))
    return min((*told, *([seen.changed_at] if seen.changed_at else [])), default=None)


def _after(start: datetime, moment: datetime | None) -> float | None:
    return (moment - start).total_seconds() if moment else None


def _carried(state: IncidentState, vouched: Callable[[StepResult], bool] | None) -> Iterator[_Carried]:
    """What was carried out, in order, each with the verdict of the verification that followed it."""
    places = places_of(state)
    attempts: dict[str, list[StepResult]] = {}
    for result in state.executed:
        attempts.setdefault(attempt_of(result.key), []).append(result)
    begun = [results[0].at for results in attempts.values()]
    known = {p.plan: p for p in state.proposals}
    for number, (attempt, results) in enumerate(attempts.items()):
        plan, option = (int(part) for part in attempt.rsplit("/", 2)[1:])
        done = [r for r in results if r.took_effect]
        until = begun[number + 1] if number + 1 < len(begun) else None
        shown = known[plan].moves(option) if plan in known else ()
        moves = [Move(service=places.get((r.tool, r.target), state.service), tool=r.tool) for r in done]
        if not done:
            continue
        whole = len(done) == len(results)
        verdict = _verdict(state, done[-1].at, until) if whole else None
        if verdict == "fixed" and vouched is not None and not all(map(vouched, results)):
            verdict = None
        yield _Carried(
            plan=plan,
            moves=shown if whole and shown else tuple(dict.fromkeys(moves)),
            at=done[-1].at,
            verdict=verdict,
        )


def _verdict(state: IncidentState, acted: datetime, until: datetime | None) -> Verdict | None:
    """What verification found after acting and before the next action; None when nothing can be credited to it."""
    for verification in state.verifications:
        seen = verification.readings[-1].at if verification.readings else None
        if seen is None or seen < acted or (until is not None and seen > until):
            continue
        meddled = until is None and bool(state.handled_by)
        return None if meddled and verification.verdict == "fixed" else verification.verdict
    return None
