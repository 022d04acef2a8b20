"""What past incidents taught: the lessons, as they are stored and as they are found again."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from autopilot.incident.base import Block, Line, Model, Name, Time
from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import Doubted
from autopilot.incident.state import IncidentState
from autopilot.knowledge.outcomes import KnownOutcome, denies, fixing_steps, places_of

_ENOUGH_TO_KNOW = 100
"""Characters by which an idea is recognised in the analysis that tested it."""


class ToolOutcome(Model):
    """Whether one tool helped one service in one incident."""

    service: Name
    tool: Name
    target: Name
    worked: bool


class Feedback(Model):
    """What a person said of an analysis, and what came of it."""

    incident_id: str
    at: Time
    service: Name
    """Where the doubted cause was said to be."""
    cause_kind: CauseKind
    statement: Line
    """The doubted explanation."""
    said: Line
    by: Name
    wrong: bool
    """Whether the explanation is known to have been wrong; a mere hint leaves that open."""
    came_of: Line = ""
    """How the person's own idea fared when it was tested."""


class Lesson(Model):
    """One closed incident in the few facts worth remembering. Seconds are counted from the alert."""

    incident_id: str
    at: Time
    environment: Name = "production"
    service: Name
    services: tuple[Name, ...] = ()
    title: Line
    dossier_signature: str = ""
    cause_kind: CauseKind = "unknown"
    statement: Line = ""
    options: tuple[Line, ...] = ()
    chosen: tuple[Line, ...] = ()
    rejected: tuple[Line, ...] = ()
    outcome: str = ""
    verdict: str = ""
    tools: tuple[ToolOutcome, ...] = ()
    feedback: tuple[Feedback, ...] = ()
    seconds: dict[str, float | None] = {}
    detail: Block = ""
    """What else could match a later incident: alerts, suspects, feedback."""


class Similar(Model):
    """A past incident that resembles the present one."""

    lesson: Lesson
    why: Literal["signature", "service", "text"]
    """The strongest reason it was found."""
    score: float = Field(ge=0, le=1)
    """How much it resembles, a little lowered where nothing helped or the analysis was wrong."""


def lesson_of(state: IncidentState, known: Sequence[KnownOutcome] = ()) -> Lesson:
    """The lesson of an incident, with its known outcomes. Pure; works for incidents that ended early, too."""
    best = state.diagnosis.best if state.diagnosis else None
    options = {o.id: o.title for o in state.plan.options} if state.plan else {}
    chosen = [j for j in state.judgements if j.accepted and j.choice == "option"]
    current = state.plan.revision if state.plan else 0
    titles = tuple(
        options.get(j.option or 0, "")
        if j.plan_revision == current
        else f"option {j.option} of plan {j.plan_revision}"
        for j in chosen
    )
    suspects = state.dossier.suspects if state.dossier else ()
    detail = [a.title for a in state.alerts[:10]] + [s.reason for s in suspects[:5]] + state.feedback[:5]
    return Lesson(
        incident_id=state.incident_id,
        at=state.alerts[0].started_at if state.alerts else state.opened_at,
        environment=state.environment,
        service=state.service or (state.alerts[0].service if state.alerts else ""),
        services=tuple(state.services),
        title=state.alerts[0].title if state.alerts else state.group,
        dossier_signature=state.dossier.dossier_signature if state.dossier else "",
        cause_kind=best.cause_kind if best else "unknown",
        statement=best.statement if best else "",
        options=tuple(options.values()),
        chosen=titles,
        rejected=tuple(title for title in options.values() if chosen and title not in titles),
        outcome=state.outcome or "",
        verdict=state.verdict or "",
        tools=_tools(state),
        feedback=_feedback(state, known),
        seconds=state.seconds(),
        detail="\n".join(dict.fromkeys(detail)),
    )


def _tools(state: IncidentState) -> tuple[ToolOutcome, ...]:
    """Only the last option acted on may be credited, only when it was fixed, and never what was undone."""
    helped = {result.key for result in fixing_steps(state)}
    services = places_of(state)
    return tuple(
        ToolOutcome(
            service=services.get((result.tool, result.target), state.service),
            tool=result.tool,
            target=result.target,
            worked=result.key in helped,
        )
        for result in state.executed
        if result.took_effect
    )


def _feedback(state: IncidentState, known: Sequence[KnownOutcome]) -> tuple[Feedback, ...]:
    """What was said when people asked for another analysis, and when they took over because this one was wrong."""
    best = state.diagnosis.best if state.diagnosis else None
    said = list(state.doubted)
    if best is not None:
        said += [
            Doubted(hypothesis=best, said=j.comment, by=j.actor_name or j.actor, at=j.at)
            for j in state.judgements
            if j.accepted and j.choice != "reanalyse" and denies(j.comment)
        ]
    wrong = {(o.cause_kind, o.service) for o in known if not o.right}
    return tuple(
        Feedback(
            incident_id=state.incident_id,
            at=doubted.at,
            service=doubted.hypothesis.service,
            cause_kind=doubted.hypothesis.cause_kind,
            statement=doubted.hypothesis.statement,
            said=doubted.said,
            by=doubted.by,
            wrong=(doubted.hypothesis.cause_kind, doubted.hypothesis.service) in wrong,
            came_of=_came_of(doubted.said, state),
        )
        for doubted in said
    )


def _came_of(said: str, state: IncidentState) -> str:
    """How the hypothesis that a person asked for fared in the last analysis; empty when none was made of it."""
    start = said[:_ENOUGH_TO_KNOW].casefold().rstrip(". ")
    for hypothesis in state.diagnosis.hypotheses if state.diagnosis else ():
        if start and hypothesis.asked_by.casefold().startswith(start):
            return f"{hypothesis.standing}: {hypothesis.statement}"
    return ""
