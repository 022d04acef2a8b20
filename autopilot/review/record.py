"""From the incident's state to what a review tells: pure, and content with whatever is there."""

from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.incident.base import Time
from autopilot.incident.course import chosen
from autopilot.incident.decision import Judgement
from autopilot.incident.evidence import Gap
from autopilot.incident.finding import Dossier, Finding, Impact, TimelineEntry
from autopilot.incident.metric import Signal
from autopilot.incident.plan import Option, PreparedStep, StepResult
from autopilot.incident.reasoning_words import standing_words
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verification
from autopilot.incident.wording import figure, headline, metric_words, shortened, step_words, unit_of
from autopilot.review.wording import STATUSES, clock, date, duration, number, setting_changes

MAX_MOMENTS = 120


@dataclass(frozen=True)
class Act:
    """One step that was carried out, with what is known of its undo."""

    result: StepResult
    told: str
    """What it did, in words."""
    command: str
    status: str
    changes: list[tuple[str, str, str]]
    undo: str
    """Undone, possible, or irreversible."""


@dataclass(frozen=True)
class Readings:
    """One verification as a table: a row per reading, a column per signal."""

    verification: Verification
    columns: list[str]
    rows: list[tuple[str, list[tuple[str, bool]]]]
    """(time, [(value, whether it is on the sick side)])."""


def signals(state: IncidentState) -> list[Signal]:
    """The series in the order in which verification watches them."""
    found: list[Signal] = list(state.signals)
    for alert in state.alerts:
        if not state.signals and alert.signal is not None and alert.signal not in found:
            found.append(alert.signal)
    return found


def impact(state: IncidentState, dossier: Dossier | None) -> Impact:
    """The best known impact."""
    known = (dossier.impact if dossier else None, state.dossier.impact if state.dossier else None,
             state.diagnosis.impact if state.diagnosis else None)  # fmt: skip
    return next((i for i in known if i is not None and i != Impact()), Impact())


def gaps(state: IncidentState, dossier: Dossier | None) -> list[Gap]:
    """Everything that could not be learned, each once."""
    found: list[Gap] = []
    for some in (
        state.manifest.gaps if state.manifest else (),
        dossier.gaps if dossier else (),
        state.dossier.gaps if state.dossier else (),
        state.diagnosis.gaps if state.diagnosis else (),
    ):
        found += [gap for gap in some if gap not in found]
    return found


def judgements(state: IncidentState) -> list[Judgement]:
    """Every decision with its answer, oldest first."""
    known = {j.decision_id for j in state.judgements}
    extra = [state.decision] if state.decision and state.decision.decision_id not in known else []
    return sorted([*state.judgements, *extra], key=lambda j: j.at)


def who(judgement: Judgement) -> str:
    """The person behind a decision."""
    return judgement.actor_name or judgement.actor or "unknown"


def accepted_option(state: IncidentState) -> Option | None:
    """The option that the last accepted decision chose, if the present plan still has it."""
    decision = state.decision
    same = state.plan is not None and decision is not None and decision.plan_revision in {0, state.plan.revision}
    return state.plan.option(decision.option) if state.plan and decision and same else None


def _prepared(state: IncidentState, result: StepResult) -> PreparedStep | None:
    for option in state.plan.options if state.plan else ():
        for step in option.steps:
            if (step.step.tool, step.step.target) == (result.tool, result.target):
                return step
    return None


def acts(state: IncidentState) -> list[Act]:
    """The executed steps, oldest first."""
    reverted = {r.key.removesuffix("/undo"): r for r in state.undone}
    found: list[Act] = []
    for result in state.executed:
        prepared, back = _prepared(state, result), reverted.get(result.key.removesuffix("/do"))
        if back is not None:
            undo = f"Undone at {clock(back.at)}: {STATUSES[back.status]}" + (
                f" ({back.detail})" if back.detail else ""
            )
        elif prepared is not None and prepared.undo is not None:
            undo = f"Possible: {prepared.undo.summary or prepared.undo.tool}"
        else:
            undo = "None is known" if prepared is None else "Irreversible"
        found.append(Act(
            result=result,
            told=step_words(result),
            command=prepared.step.command if prepared else "",
            status=STATUSES[result.status],
            changes=setting_changes(result.before, result.after),
            undo=undo,
        ))  # fmt: skip
    return found


def readings(state: IncidentState) -> list[Readings]:
    """The verifications as tables."""
    watched = signals(state)
    tables: list[Readings] = []
    for verification in state.verifications:
        taken = ([verification.before] if verification.before else []) + list(verification.readings)
        width = max((len(r.values) for r in taken), default=0)
        known = watched[:width]
        limits = [
            f"{'≤' if s.comparison == 'above' else '≥'} {figure(s.threshold, unit_of(s.metric))}" for s in known
        ]
        columns = [f"{metric_words(s.metric)} ({limit})" for s, limit in zip(known, limits, strict=True)]
        columns += [f"signal {n + 1}" for n in range(len(known), width)]
        rows = [
            (
                clock(r.at) + (" (before)" if r is verification.before else ""),
                [
                    (number(v), n < len(known) and v is not None and known[n].breached(v))
                    for n, v in enumerate(r.values)
                ],
            )
            for r in taken
        ]
        tables.append(Readings(verification, columns, rows))
    return tables


def _derived(state: IncidentState) -> list[TimelineEntry]:
    """Moments that the state records elsewhere, for kinds that its own timeline lacks."""
    entries = [
        TimelineEntry(at=a.started_at, kind="alarm", text=f"Alert from {a.source}: {a.title}") for a in state.alerts
    ]
    entries += [
        TimelineEntry(
            at=j.at,
            kind="decision",
            text=f"{who(j)} chose {chosen(state, j)}" + ("" if j.accepted else ": refused"),
        )
        for j in judgements(state)
    ]
    entries += [
        TimelineEntry(at=r.at, kind="action", text=step_words(r, undo=r in state.undone))
        for r in (*state.executed, *state.undone)
    ]
    entries += [
        TimelineEntry(at=v.readings[-1].at, kind="verification", text=v.explanation)
        for v in state.verifications
        if v.readings
    ]
    present = {e.kind for e in state.timeline}
    return [e for e in entries if e.kind not in present]


def timeline(state: IncidentState, dossier: Dossier | None) -> list[TimelineEntry]:
    """The incident's own moments and the telemetry's, oldest first, each once."""
    measured: Sequence[TimelineEntry] = (
        dossier.timeline if dossier else state.dossier.timeline if state.dossier else ()
    )
    found: dict[tuple[Time, str], TimelineEntry] = {}
    for entry in (*measured, *state.timeline, *_derived(state)):
        told = entry.model_copy(update={"text": shortened(entry.text)})
        found.setdefault((entry.at, told.text), told)
    return sorted(found.values(), key=lambda e: e.at)[:MAX_MOMENTS]


def key_findings(state: IncidentState, dossier: Dossier | None, most: int) -> list[Finding]:
    """The metric findings to draw: those that carry the diagnosis first, then the strongest."""
    if dossier is None:
        return []
    best = state.diagnosis.best if state.diagnosis else None
    cited = list(best.supporting) if best else []
    measured = [f for f in dossier.findings if f.kind == "metric" and f.metric is not None]
    measured.sort(key=lambda f: (cited.index(f.id) if f.id in cited else len(cited), -f.score))
    return measured[:most]


def evidence(dossier: Dossier | None, ids: Sequence[str]) -> list[tuple[str, str]]:
    """(finding id, what it says) for cited findings."""
    return [(i, found.summary if (found := dossier.finding(i) if dossier else None) else "") for i in ids]


def _cause_sentence(state: IncidentState) -> str:
    if state.diagnosis is None:
        return "" if state.outcome == "joined" else "No diagnosis was reached."
    best = state.diagnosis.best
    if best is None or best.standing == "inconclusive":
        guess = f" The best explanation so far: {best.statement}" if best else ""
        return f"The evidence does not settle the cause.{guess}"
    return f"Cause ({standing_words(best)}): {best.statement}"


def _decision_sentence(state: IncidentState) -> str:
    decision = state.decision
    if decision is None:
        return f"Handled by hand by {state.handled_by}." if state.handled_by else ""
    proof = "" if decision.proven else " (identity not proven)"
    return f"{who(decision)}{proof} decided at {clock(decision.at)} UTC: {chosen(state, decision)}."


def _end_sentence(state: IncidentState) -> str:
    if state.outcome == "joined":
        return f"It turned out to be part of incident {state.joined_into} and is continued there."
    took = state.seconds()["to_recovery"]
    if state.verifications and state.verdict:
        last = _sentence(state.verifications[-1].explanation)
        after = f" The service was healthy again {duration(took)} after the alert." if took is not None else ""
        return f"{last}{after}"
    if state.outcome == "aborted":
        return "The incident was stopped by a person before recovery was proven."
    if state.outcome == "handed_over":
        return "It was handed over to people; recovery was not proven here."
    return f"Next step: {state.next_step}" if state.outcome is None and state.next_step else ""


def _sentence(text: str) -> str:
    """With a capital and a full stop."""
    ended = text if text.rstrip().endswith((".", "!", "?")) else f"{text}."
    return ended[:1].upper() + ended[1:]


def summary(state: IncidentState, dossier: Dossier | None) -> list[str]:
    """The incident in a handful of sentences."""
    started = state.alerts[0].started_at if state.alerts else state.opened_at
    place = ", ".join(filter(None, (state.environment, *state.regions)))
    what = (
        f"\N{LEFT DOUBLE QUOTATION MARK}{headline(state.alerts[0])}\N{RIGHT DOUBLE QUOTATION MARK}"
        if state.alerts
        else "a problem"
    )
    more = f", one of {state.alert_count} alerts" if state.alert_count > 1 else ""
    first = f"On {date(started)} {what} was reported for {state.service or 'an unknown service'} ({place}){more}."
    sentences = [
        first,
        impact(state, dossier).summary,
        _cause_sentence(state),
        _decision_sentence(state),
        _end_sentence(state),
    ]
    return [_sentence(s) for s in sentences if s]


@dataclass(frozen=True)
class Told:
    """What a model wrote for people who were not there."""

    text: str
    author: str
    """Who wrote it, and how many sentences are not shown."""


def told(state: IncidentState) -> Told | None:
    """The plain summary, None when no model wrote one: the rule-based sentences then stand alone."""
    written = state.summary
    if written is None or not (written.text or written.dropped_claims):
        return None
    lost, some = len(written.dropped_claims), "All" if not written.text else str(len(written.dropped_claims))
    of = f"{some} of its sentences {'was' if some == '1' else 'were'} dropped: the record does not bear them out."
    return Told(written.text, f"Written by {written.analyst} from the record alone.{f' {of}' if lost else ''}")
