"""What people are told about an incident: one small model that every channel renders in its own way."""

from pydantic import Field

from autopilot.incident.base import Line, Link, Model, Name, Time
from autopilot.incident.course import chosen, course, who
from autopilot.incident.offering import approvals_needed, asides, expectation, impossible
from autopilot.incident.plan import Option
from autopilot.incident.reasoning_words import dropped_words, planted_words, standing_words, trials_words
from autopilot.incident.state import IncidentState
from autopilot.incident.wording import VERDICTS, clock, effects, gap_words, headline, plain, worst_first


class OptionView(Model):
    """An option in a few words."""

    id: int
    title: Line
    why: Line
    steps: tuple[Line, ...]
    risk: str
    reversibility: str
    expected: Line = ""
    reach: Line = ""
    feasible: bool = True
    note: Line = ""
    approval: Line = ""
    """How many people it takes and who has approved; empty where the first one decides."""


class IncidentView(Model):
    """The incident in one message: what is going on, the cause, what comes next, what can be chosen."""

    incident_id: str
    group: str
    title: Line
    service: Name
    environment: Name
    severity: str
    phase: str
    mode: str = "advise"
    started_at: Time
    alerts: int = 1
    services: tuple[Name, ...] = ()
    whats_going_on: Line
    recent_changes: tuple[Line, ...] = ()
    cause: Line = ""
    confidence: str = ""
    tests: Line = ""
    """How many tests of the cause came out how."""
    dropped: Line = ""
    """How many statements were dropped, and why."""
    planted: Line = ""
    """A warning: collected text tries to give orders."""
    analyst: Line = ""
    gaps: tuple[Line, ...] = ()
    next_step: Line = ""
    options: tuple[OptionView, ...] = ()
    impossible: tuple[Line, ...] = ()
    """What would have been offered and cannot work now, with the reason."""
    asides: tuple[Line, ...] = ()
    """What to know of how the options were chosen."""
    decidable: bool = False
    """Whether buttons are open."""
    plan_revision: int = 0
    plan_digest: str = ""
    decision: Line = ""
    actions: tuple[Line, ...] = ()
    """Decisions, steps, undos and verdicts with their times, oldest first."""
    effects: tuple[Line, ...] = ()
    """How the watched series moved, by the last verification."""
    verdict: str = ""
    outcome: str = ""
    on_call: Line = ""
    claimed_by: Line = ""
    cost: Line = ""
    links: tuple[Link, ...] = ()
    refs: dict[str, str] = Field(default={})
    """Channel → reference of the message to edit."""


def _option_view(option: Option, state: IncidentState) -> OptionView:
    warnings = [w for p in option.steps for w in p.dry_run.warnings]
    return OptionView(
        id=option.id,
        title=plain(option.title),
        why=option.why,
        steps=tuple(plain(p.step.summary) for p in option.steps),
        risk=option.risk,
        reversibility=option.reversibility,
        expected=expectation(option),
        reach=option.reach,
        feasible=option.feasible,
        note=option.infeasible_reason or "; ".join(warnings),
        approval=approvals_needed(state.request, state.judgements, option.id),
    )


def incident_view(state: IncidentState) -> IncidentView:
    """Tell the state of an incident. Pure: the same state always reads the same."""
    alert, best = state.alert, state.diagnosis.best if state.diagnosis else None
    decision = state.decision
    impact = state.dossier.impact.summary if state.dossier else ""
    last = state.verifications[-1] if state.verifications else None
    usage = state.usage
    return IncidentView(
        incident_id=state.incident_id,
        group=state.group,
        title=headline(alert),
        service=state.service or alert.service,
        environment=state.environment,
        severity=state.severity,
        phase=state.phase,
        mode=state.snapshot.playbook.mode if state.snapshot else "advise",
        started_at=alert.started_at,
        alerts=state.alert_count,
        services=tuple(state.services),
        whats_going_on=impact or alert.description or alert.title,
        recent_changes=tuple(e.text for e in state.timeline if e.kind == "change")[-3:],
        cause=best.statement if best else "",
        confidence=standing_words(best) if best else "",
        tests=trials_words(best) if best else "",
        dropped=dropped_words(state.diagnosis) if state.diagnosis else "",
        planted=planted_words(state.diagnosis) if state.diagnosis else "",
        analyst=state.diagnosis.analyst if state.diagnosis else "",
        gaps=tuple(gap_words(g) for g in worst_first(state.manifest.gaps if state.manifest else ())),
        next_step=state.next_step,
        options=tuple(_option_view(o, state) for o in state.plan.options) if state.plan else (),
        impossible=impossible(state.plan) if state.plan else (),
        asides=asides(state.plan) if state.plan else (),
        decidable=state.request is not None and state.decision is None,
        plan_revision=state.plan.revision if state.plan else 0,
        plan_digest=state.plan.plan_digest if state.plan else "",
        decision=f"{who(decision)} chose {chosen(state, decision)}" if decision else "",
        actions=tuple(f"{clock(m.at)} {m.text}" for m in course(state)[-12:]),
        effects=tuple(effects(state.signals, last)) if last else (),
        verdict=state.verdict or "",
        outcome=state.outcome or "",
        on_call=state.snapshot.on_call.primary.name if state.snapshot and state.snapshot.on_call.primary else "",
        claimed_by=state.claimed_by,
        cost=(
            f"{usage.calls} model calls, {usage.input_tokens + usage.output_tokens} tokens"
            + (f", ${usage.cost_usd:.4f}" if usage.cost_usd is not None else "")
            if usage.calls
            else "no model calls"
        ),
        links=tuple(state.links),
        refs=state.messages,
    )


def ticket_text(state: IncidentState) -> str:
    """The incident as plain text for a ticket."""
    best = state.diagnosis.best if state.diagnosis else None
    done = [f"- {clock(m.at)} {m.text}" for m in course(state)]
    lines = [
        headline(state.alert),
        f"Incident {state.incident_id}, {state.alert_count} alerts, services: {', '.join(state.services)}",
        f"Cause: {best.statement} ({standing_words(best)})" if best else "Cause: not known",
        *(["What was done:", *done] if done else []),
        f"Verdict: {VERDICTS[state.verdict].lower() if state.verdict else 'open'}",
        *(f"{link.title}: {link.url}" for link in state.links),
    ]
    return "\n".join(lines)
