"""What past incidents taught: the lessons, as they are stored and as they are found again."""

from typing import Literal

from pydantic import Field

from autopilot.incident.base import Block, Line, Model, Name, Time
from autopilot.incident.cause import CauseKind
from autopilot.incident.state import IncidentState


class ToolOutcome(Model):
    """Whether one tool helped one service in one incident."""

    service: Name
    tool: Name
    target: Name
    worked: bool


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
    seconds: dict[str, float | None] = {}
    detail: Block = ""
    """What else could match a later incident: alerts, suspects, feedback."""


class Similar(Model):
    """A past incident that resembles the present one."""

    lesson: Lesson
    why: Literal["signature", "service", "text"]
    """The strongest reason it was found."""
    score: float = Field(ge=0, le=1)


def lesson_of(state: IncidentState) -> Lesson:
    """The lesson of an incident. Pure; works for incidents that ended early, too."""
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
        seconds=state.seconds(),
        detail="\n".join(dict.fromkeys(detail)),
    )


def _tools(state: IncidentState) -> tuple[ToolOutcome, ...]:
    """Only the last option acted on may be credited, only when it was fixed, and never what was undone."""
    steps = [result for result in state.executed if result.took_effect]
    if not steps:
        return ()
    last = _attempt(steps[-1].key)
    undone = {_attempt(result.key) for result in state.undone if result.took_effect}
    services = _services(state)
    return tuple(
        ToolOutcome(
            service=services.get((result.tool, result.target), state.service),
            tool=result.tool,
            target=result.target,
            worked=state.verdict == "fixed" and _attempt(result.key) == last and last not in undone,
        )
        for result in steps
    )


def _attempt(key: str) -> str:
    """Incident, plan revision and option of an idempotency key: what was chosen at once."""
    return key.rsplit("/", 2)[0]


def _services(state: IncidentState) -> dict[tuple[str, str], str]:
    """(tool, target) → service, as far as plan and undo stack still know."""
    prepared = [entry.prepared for entry in state.undo_stack]
    prepared += [step for option in (state.plan.options if state.plan else ()) for step in option.steps]
    return {(p.step.tool, p.step.target): p.step.service for p in prepared if p.step.service}
