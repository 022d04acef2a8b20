"""The incident page's words: pure functions from an incident's state to what a person reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from urllib.parse import urlsplit

from autopilot.incident.course import Moment, chosen, course, who
from autopilot.incident.finding import Dossier, Finding, TimelineEntry
from autopilot.incident.metric import Signal
from autopilot.incident.reasoning_words import standing_words, trials_words
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verdict, Verification
from autopilot.incident.wording import OUTCOMES, PHASES, effects, figure, headline, metric_words, unit_of

Tone = Literal["good", "bad", "wait", "plain"]

VERDICTS: dict[Verdict, tuple[str, Tone]] = {
    "fixed": ("Yes: recovered and stayed healthy", "good"),
    "self_healed": ("Recovered by itself; nothing of ours did it", "good"),
    "no_data": ("Unknown: the symptom has no data", "wait"),
    "still_broken": ("No: still broken", "bad"),
    "worse": ("No: it made things worse", "bad"),
}
GOOD_OUTCOMES = ("resolved", "self_healed")
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
    moves: tuple[TimelineEntry, ...]
    """Measured moves that the story does not need."""
    findings: tuple[Finding, ...]
    findings_left_out: int
    cited: frozenset[str]
    curves: tuple[Curve, ...]
    milestones: tuple[tuple[str, str], ...]
    duration: str
    open: bool
    evidence_note: str


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
    told = headline(alert) if alert else state.service
    impact = state.dossier.impact.summary if state.dossier else ""
    details = [impact] if impact else [alert.description] if alert and alert.description else []
    if state.alert_count > 1:
        details.append(f"{state.alert_count} alerts on {', '.join(state.services)}")
    return Tile("What broke", told, tuple(details), "bad")


def _why(state: IncidentState) -> Tile:
    best = state.diagnosis.best if state.diagnosis else None
    if state.diagnosis is None or best is None:
        waiting = state.phase in ("open", "collect", "analyze")
        answer = "Being analysed" if waiting else "No cause could be established"
        return Tile("Why", answer, (), "wait")
    sure = "; ".join(text for text in (standing_words(best), trials_words(best)) if text)
    evidence = f"evidence {', '.join(best.supporting[:6])}" if best.supporting else "no supporting finding"
    return Tile("Why", best.statement, (sure, f"{evidence}; by {state.diagnosis.analyst}"))


def _who_decided(state: IncidentState) -> Tile:
    accepted = [j for j in state.judgements if j.accepted]
    last = state.decision or (accepted[-1] if accepted else None)
    refused = len(state.judgements) - len(accepted)
    notes = [f"{refused} refused, see the decision log"] if refused else []
    if last:
        through = f", through {last.channel}" if last.channel else ""
        details = [f"{last.at:%H:%M:%S} UTC{through}", *([f"“{last.comment}”"] if last.comment else [])]
        before = [f"Before, at {j.at:%H:%M:%S}: {chosen(state, j)}" for j in accepted if j != last][-2:]
        return Tile("Who decided", f"{who(last)} chose {chosen(state, last)}", (*details, *before, *notes))
    if state.handled_by or state.claimed_by:
        word = f"{state.handled_by} fixed it by hand" if state.handled_by else f"{state.claimed_by} has it in hand"
        return Tile("Who decided", word, tuple(notes))
    if state.request:
        return Tile(
            "Who decided", f"Nobody yet: waiting until {state.request.expires_at:%H:%M} UTC", tuple(notes), "wait"
        )
    return Tile("Who decided", "Nobody was asked yet" if state.phase != "closed" else "Nobody", tuple(notes))


def _what_ran(state: IncidentState) -> Tile:
    done = [m for m in course(state) if m.kind in ("action", "undo")]
    if not done:
        return Tile("What ran", "Nothing was changed")
    # The newest says most: after a failed attempt the first steps are history.
    before = [f"Before, at {m.at:%H:%M:%S}: {m.text}" for m in done[-5:-1]]
    tone: Tone = "plain" if all(m.good for m in done) else "bad"
    return Tile("What ran", done[-1].text, (f"{done[-1].at:%H:%M:%S} UTC", *before), tone)


def _did_it_help(state: IncidentState) -> Tile:
    last: Verification | None = state.verifications[-1] if state.verifications else None
    verdict = state.verdict or (last.verdict if last else None)
    if verdict is None:
        waiting = (
            "Being checked" if state.phase == "verify" else "Not checked yet" if _open(state) else "Not checked"
        )
        return Tile("Did it help", waiting, (), "wait")
    answer, tone = VERDICTS[verdict]
    measured = tuple(effects(state.signals, last)[:3]) if last else ()
    return Tile("Did it help", answer, (*measured, *((last.explanation,) if last else ())), tone)


def _open(state: IncidentState) -> bool:
    return state.outcome is None and state.phase != "closed"


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
    unit = unit_of(signal.metric)
    sick = f"{signal.comparison} {figure(signal.threshold, unit)}"
    return Curve(
        label=metric_words(signal.metric),
        limit=f"sick {'at or ' if signal.inclusive else ''}{sick}",
        before=figure(before, unit),
        last=figure(values[-1], unit) if values else "no data",
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
    """The telemetry's side and the incident's own side, in one order. Our own deeds are told in words."""
    brief = state.dossier.timeline if state.dossier else ()
    telemetry: Sequence[TimelineEntry] = dossier.timeline if dossier else brief
    deeds = [_as_entry(m) for m in course(state)]
    told = {e.kind for e in deeds}
    own = [e for e in state.timeline if e.kind not in told]
    unique = {(e.at, e.text): e for e in (*telemetry, *own, *deeds)}
    return tuple(sorted(unique.values(), key=lambda e: e.at)[-TIMELINE_LIMIT:])


def _as_entry(moment: Moment) -> TimelineEntry:
    return TimelineEntry(at=moment.at, kind="action" if moment.kind == "undo" else moment.kind, text=moment.text)


def _telling(entry: TimelineEntry, cited: frozenset[str]) -> bool:
    """Whether a moment belongs to the story; a measured move that nobody cites is kept aside."""
    return entry.kind not in ("note", "log") or not entry.finding_id or entry.finding_id in cited


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
    cited = frozenset({*(best.supporting if best else ()), *(i for s in suspects[:1] for i in s.finding_ids)})
    timeline = _timeline(state, dossier)
    named = [(name.removeprefix("to_").replace("_", " "), value) for name, value in state.seconds().items()]
    ended = state.milestones.get("closed", now)
    return Story(
        title=headline(state.alerts[0]) if state.alerts else state.group,
        standing=standing,
        tone=tone,
        tiles=(
            _what_broke(state), _why(state), _who_decided(state), _what_ran(state), _did_it_help(state),
        ),
        timeline=tuple(e for e in timeline if _telling(e, cited)),
        moves=tuple(e for e in timeline if not _telling(e, cited)),
        findings=tuple(sorted(findings[:FINDINGS_LIMIT], key=lambda f: (f.id not in cited, -f.score))),
        findings_left_out=max(0, len(findings) - FINDINGS_LIMIT),
        cited=cited,
        curves=_curves(state),
        milestones=tuple((name, span(value) if value is not None else "not reached") for name, value in named),
        duration=span((ended - state.opened_at).total_seconds()),
        open=_open(state),
        evidence_note=evidence_note,
    )  # fmt: skip
