"""What people and we did about an incident, in the order in which it happened. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from autopilot.incident.decision import Judgement
from autopilot.incident.messages import IncidentResult
from autopilot.incident.plan import StepResult
from autopilot.incident.reasoning_words import standing_words
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verification
from autopilot.incident.wording import OUTCOMES, VERDICTS, clock, effects, headline, plain, step_words

CHOICES = {"reanalyse": "to analyse again", "manual": "to handle it by hand"}


@dataclass(frozen=True)
class Moment:
    """One thing that was decided, done, undone or found out."""

    at: datetime
    kind: Literal["decision", "action", "undo", "verification"]
    text: str
    good: bool = True


def who(judgement: Judgement) -> str:
    """The person behind a decision; says so when the channel did not prove it."""
    return (judgement.actor_name or judgement.actor) + ("" if judgement.proven else " (identity not proven)")


def chosen(state: IncidentState, judgement: Judgement) -> str:
    """What a person chose. An option of an earlier plan is told by what it did."""
    if judgement.choice != "option":
        return CHOICES.get(judgement.choice, judgement.choice)
    plan, option = state.plan, f"option {judgement.option}"
    same = plan is not None and judgement.plan_revision in (0, plan.revision)
    known = plan.option(judgement.option) if plan and same else None
    if known is not None:
        return f"{option}: {plain(known.title)}"
    mark = f"/{judgement.plan_revision}/{judgement.option}/"
    did = [step_words(r) for r in state.executed if r.key.removeprefix(state.incident_id).startswith(mark)]
    return f"{option} of plan {judgement.plan_revision}" + (f": {'; '.join(did)}" if did else "")


def _decisions(state: IncidentState) -> list[Moment]:
    given = [j for j in state.judgements if j.accepted]
    if state.decision is not None and state.decision.decision_id not in {j.decision_id for j in given}:
        given.append(state.decision)
    return [Moment(j.at, "decision", f"{who(j)} chose {chosen(state, j)}") for j in given]


def _steps(results: Sequence[StepResult], *, undo: bool) -> list[Moment]:
    kind: Literal["action", "undo"] = "undo" if undo else "action"
    return [Moment(r.at, kind, step_words(r, undo=undo), r.took_effect) for r in results]


def _verdict(state: IncidentState, verification: Verification) -> list[Moment]:
    seen = verification.readings or ((verification.before,) if verification.before else ())
    if not seen:
        return []
    good = verification.verdict in ("fixed", "self_healed")
    moved = effects(state.signals, verification)[:1]
    text = f"{VERDICTS[verification.verdict]}: {'; '.join(moved) or verification.explanation}"
    return [Moment(seen[-1].at, "verification", text, good)]


def course(state: IncidentState) -> list[Moment]:
    """Decisions, steps, undos and verdicts, oldest first."""
    found = [
        *_decisions(state),
        *_steps(state.executed, undo=False),
        *_steps(state.undone, undo=True),
        *(moment for v in state.verifications for moment in _verdict(state, v)),
    ]
    return sorted(found, key=lambda moment: moment.at)


def result_of(state: IncidentState) -> IncidentResult:
    """How it ended, told so that the closed run can be understood without asking a worker."""
    best = state.diagnosis.best if state.diagnosis else None
    outcome = state.outcome or "aborted"
    return IncidentResult(
        what_broke=headline(state.alerts[0]) if state.alerts else state.service,
        cause=best.statement if best else "",
        confidence=standing_words(best) if best else "",
        what_happened=tuple(f"{clock(m.at)} {m.text}" for m in course(state)[-20:]),
        ended=OUTCOMES.get(outcome, outcome) + (f": {VERDICTS[state.verdict].lower()}" if state.verdict else ""),
        incident_id=state.incident_id,
        outcome=outcome,
        verdict=state.verdict,
        report=state.report,
        joined_into=state.joined_into,
    )
