"""The incident page's words: pure functions from an incident's state to what a person reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from autopilot.incident.decision import Judgement
from autopilot.incident.finding import Dossier, Finding, TimelineEntry
from autopilot.incident.metric import Signal
from autopilot.incident.plan import StepResult
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verdict, Verification

Tone = Literal["good", "bad", "wait", "plain"]

VERDICTS: dict[Verdict, tuple[str, Tone]] = {
    "fixed": ("Yes: recovered and stayed healthy", "good"),
    "self_healed": ("Recovered by itself; nothing of ours did it", "good"),
    "no_data": ("Unknown: the symptom has no data", "wait"),
    "still_broken": ("No: still broken", "bad"),
    "worse": ("No: it made things worse", "bad"),
}
OUTCOMES: dict[str, str] = {
    "resolved": "resolved",
    "self_healed": "self-healed",
    "handed_over": "handed over to people",
    "aborted": "aborted",
    "observed": "observed only",
    "joined": "joined another incident",
}
GOOD_OUTCOMES = ("resolved", "self_healed")
PHASES: dict[str, str] = {
    "open": "opened",
    "collect": "collecting evidence",
    "analyze": "looking for the cause",
    "plan": "preparing options",
    "decide": "waiting for a decision",
    "execute": "carrying out",
    "verify": "checking recovery",
    "handover": "in people's hands",
    "review": "writing the review",
    "closed": "closed",
}
TIMELINE_LIMIT = 150
FINDINGS_LIMIT = 60
SPARK_WIDTH, SPARK_HEIGHT = 260, 56


@dataclass(frozen=True)
class Tile:
    """One answer of the headline."""

    question: str
    answer: str
    details: tuple[str, ...] = ()
    tone: Tone = "plain"


@dataclass(frozen=True)
class Curve:
    """A watched signal over its readings, drawn in a box of SPARK_WIDTH by SPARK_HEIGHT."""

    label: str
    limit: str
    before: str
    last: str
    points: str
    """SVG polyline points; empty when fewer than two readings have data."""
    limit_y: float


@dataclass(frozen=True)
class Story:
    """Everything the incident page shows beside the state itself."""

    title: str
    standing: str
    tone: Tone
    tiles: tuple[Tile, ...]
    timeline: tuple[TimelineEntry, ...]
    findings: tuple[Finding, ...]
    findings_left_out: int
    cited: frozenset[str]
    curves: tuple[Curve, ...]
    milestones: tuple[tuple[str, str], ...]
    duration: str
    open: bool
    evidence_note: str


def short(target: str) -> str:
    """The telling end of a resource's name: `table/orders` rather than the whole ARN."""
    return target.split(":", 5)[-1] if target.startswith("arn:") and target.count(":") >= 5 else target


def web_link(url: str) -> str:
    """The URL when a browser may follow it, else empty: nothing but http and https."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in ("http", "https") and parts.netloc else ""


def span(seconds: float) -> str:
    """A duration for people, such as `3 min 20 s`."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3_600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 172_800:
        return f"{whole // 3_600} h {whole % 3_600 // 60} min"
    return f"{whole // 86_400} days"


def _what_broke(state: IncidentState) -> Tile:
    alert = state.alerts[0] if state.alerts else None
    impact = state.dossier.impact.summary if state.dossier else ""
    details = [impact] if impact else [alert.description] if alert and alert.description else []
    if state.alert_count > 1:
        details.append(f"{state.alert_count} alerts, services: {', '.join(state.services)}")
    return Tile("What broke", alert.title if alert else state.service, tuple(details), "bad")


def _why(state: IncidentState) -> Tile:
    best = state.diagnosis.best if state.diagnosis else None
    if state.diagnosis is None or best is None:
        waiting = state.phase in ("open", "collect", "analyze")
        answer = "Being analysed" if waiting else "No cause could be established"
        return Tile("Why", answer, (), "wait")
    sure = f"{best.standing}, {best.confidence:.0%} confidence (uncalibrated)"
    evidence = f"evidence {', '.join(best.supporting[:6])}" if best.supporting else "no supporting finding"
    return Tile("Why", best.statement, (sure, f"{evidence}; by {state.diagnosis.analyst}"))


def chosen(state: IncidentState, judgement: Judgement) -> str:
    """What a person chose, in words."""
    if judgement.choice != "option":
        return {"reanalyse": "analyse again", "manual": "handle it by hand"}.get(judgement.choice, judgement.choice)
    option = state.plan.option(judgement.option) if state.plan else None
    same = state.plan is not None and state.plan.revision == judgement.plan_revision
    return f"option {judgement.option}" + (f": {option.title}" if option and same else "")


def _who(judgement: Judgement) -> str:
    return (judgement.actor_name or judgement.actor) + ("" if judgement.proven else " (identity unproven)")


def _who_decided(state: IncidentState) -> Tile:
    accepted = [j for j in state.judgements if j.accepted]
    last = state.decision or (accepted[-1] if accepted else None)
    refused = len(state.judgements) - len(accepted)
    notes = [f"{refused} refused, see the decision log"] if refused else []
    if last:
        when = f"{last.at:%H:%M:%S} UTC" + (f", through {last.channel}" if last.channel else "")
        details = [when, *([f"“{last.comment}”"] if last.comment else []), *notes]
        return Tile("Who decided", f"{_who(last)} chose {chosen(state, last)}", tuple(details))
    if state.handled_by or state.claimed_by:
        word = f"{state.handled_by} fixed it by hand" if state.handled_by else f"{state.claimed_by} has it in hand"
        return Tile("Who decided", word, tuple(notes))
    if state.request:
        return Tile("Who decided", f"Waiting until {state.request.expires_at:%H:%M} UTC", tuple(notes), "wait")
    return Tile("Who decided", "Nobody was asked yet" if state.phase != "closed" else "Nobody", tuple(notes))


def _ran(result: StepResult, word: str) -> str:
    became = f" ({result.detail})" if result.detail else ""
    return f"{word}{result.tool} on {short(result.target)}: {result.status.replace('_', ' ')}{became}"


def _what_ran(state: IncidentState) -> Tile:
    done = [_ran(r, "") for r in state.executed]
    undone = [_ran(r, "undo ") for r in state.undone]
    if not done and not undone:
        return Tile("What ran", "Nothing was changed")
    good = all(r.took_effect for r in (*state.executed, *state.undone))
    # The newest say most: after a failed attempt the first steps are history.
    latest = (*done, *undone)[-4:]
    earlier = len(done) + len(undone) - len(latest)
    details = [*latest[1:], *([f"and {earlier} earlier"] if earlier else [])]
    return Tile("What ran", latest[0], tuple(details), "plain" if good else "bad")


def _did_it_help(state: IncidentState) -> Tile:
    last: Verification | None = state.verifications[-1] if state.verifications else None
    verdict = state.verdict or (last.verdict if last else None)
    if verdict is None:
        waiting = "Being checked" if state.phase == "verify" else "Not checked"
        return Tile("Did it help", waiting, (), "wait")
    answer, tone = VERDICTS[verdict]
    return Tile("Did it help", answer, (last.explanation,) if last else (), tone)


def _figure(value: float | None) -> str:
    return "no data" if value is None else f"{value:,.4g}"


def _curve(index: int, signal: Signal, verification: Verification) -> Curve:
    """One signal: before acting, then every reading."""
    readings = [*([verification.before] if verification.before else []), *verification.readings]
    values = [r.values[index] if index < len(r.values) else None for r in readings]
    known = [v for v in values if v is not None]
    top = max([*known, signal.threshold, 1e-9]) * 1.1
    low = min([*known, signal.threshold, 0.0])

    def y(value: float) -> float:
        return round(SPARK_HEIGHT - (value - low) / (top - low) * SPARK_HEIGHT, 1)

    step = SPARK_WIDTH / max(1, len(values) - 1)
    points = [f"{i * step:.1f},{y(v)}" for i, v in enumerate(values) if v is not None]
    before = verification.before.values[index] if verification.before and values else None
    sick = f"{signal.comparison} {_figure(signal.threshold)}"
    return Curve(
        label=signal.metric.label,
        limit=f"sick {'at or ' if signal.inclusive else ''}{sick}",
        before=_figure(before),
        last=_figure(values[-1]) if values else "no data",
        points=" ".join(points) if len(points) > 1 else "",
        limit_y=y(signal.threshold),
    )


def _curves(state: IncidentState) -> tuple[Curve, ...]:
    last = state.verifications[-1] if state.verifications else None
    if last is None or not (last.readings or last.before):
        return ()
    width = max(len(r.values) for r in (*last.readings, *([last.before] if last.before else [])))
    return tuple(_curve(i, s, last) for i, s in enumerate(state.signals[:width]))


def _timeline(state: IncidentState, dossier: Dossier | None) -> tuple[TimelineEntry, ...]:
    """The telemetry's side and the incident's own side, in one order."""
    brief = state.dossier.timeline if state.dossier else ()
    telemetry: Sequence[TimelineEntry] = dossier.timeline if dossier else brief
    unique = {(e.at, e.text): e for e in (*telemetry, *state.timeline)}
    return tuple(sorted(unique.values(), key=lambda e: e.at)[-TIMELINE_LIMIT:])


def _standing(state: IncidentState) -> tuple[str, Tone]:
    if state.outcome:
        tone: Tone = "good" if state.outcome in GOOD_OUTCOMES else "plain"
        return OUTCOMES.get(state.outcome, state.outcome), tone
    return PHASES.get(state.phase, state.phase), "wait"


def tell(state: IncidentState, dossier: Dossier | None, now: datetime, evidence_note: str = "") -> Story:
    """The story of an incident at `now`. The same input always reads the same."""
    standing, tone = _standing(state)
    findings = sorted(dossier.findings, key=lambda f: -f.score) if dossier else []
    best = state.diagnosis.best if state.diagnosis else None
    suspects = state.dossier.suspects if state.dossier else ()
    cited = {*(best.supporting if best else ()), *(i for s in suspects[:1] for i in s.finding_ids)}
    named = [(name.removeprefix("to_").replace("_", " "), value) for name, value in state.seconds().items()]
    ended = state.milestones.get("closed", now)
    return Story(
        title=state.alerts[0].title if state.alerts else state.group,
        standing=standing,
        tone=tone,
        tiles=(
            _what_broke(state), _why(state), _who_decided(state), _what_ran(state), _did_it_help(state),
        ),
        timeline=_timeline(state, dossier),
        findings=tuple(sorted(findings[:FINDINGS_LIMIT], key=lambda f: (f.id not in cited, -f.score))),
        findings_left_out=max(0, len(findings) - FINDINGS_LIMIT),
        cited=frozenset(cited),
        curves=_curves(state),
        milestones=tuple((name, span(value) if value is not None else "not reached") for name, value in named),
        duration=span((ended - state.opened_at).total_seconds()),
        open=state.outcome is None and state.phase != "closed",
        evidence_note=evidence_note,
    )  # fmt: skip
