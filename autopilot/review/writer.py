"""Writes the review: gathers what is stored, fills two templates, stores both documents."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import structlog
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from pydantic import ValidationError

from autopilot.case.of_record import keep_plan
from autopilot.incident import offering
from autopilot.incident.course import chosen, course
from autopilot.incident.effect import seen_words
from autopilot.incident.evidence import Document
from autopilot.incident.finding import Dossier, Finding, TimelineEntry
from autopilot.incident.metric import MetricRef
from autopilot.incident.ports import CaseStore, Failure
from autopilot.incident.state import IncidentState
from autopilot.plots.drawing import Mark, MarkKind, load
from autopilot.review import record, wording
from autopilot.review.markdown import escaped
from autopilot.review.plots import Chart, span, svg
from autopilot.review.proposals import follow_ups, improvements
from autopilot.review.series import CaseSeries, Series

TEMPLATES = Path(__file__).parent / "templates"
MAX_CHARTS = 4
MARKED: dict[str, MarkKind] = {"change": "change", "decision": "decision", "action": "action", "alarm": "alarm"}

log = structlog.get_logger()


@dataclass(frozen=True)
class Picture:
    """A chart with the words under it."""

    title: str
    caption: str
    svg: Markup


class ReviewWriter:
    """Implements `Reviewer`. What is missing is said in the review; it never stops it from being written."""

    def __init__(self, store: CaseStore) -> None:
        """`store` is where the case's parts and documents are, and where the review goes."""
        self._store = store
        self._html = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
                                 trim_blocks=True, lstrip_blocks=True)  # fmt: skip
        # Markdown has no autoescape: `finalize` escapes the value of every expression instead.
        self._markdown = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False, finalize=escaped,  # noqa: S701
                                     undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)  # fmt: skip

    @staticmethod
    def preload() -> None:
        """Load the plotting library now (seconds on a busy machine), so that the first report does not wait."""
        load()

    def write(self, state: IncidentState) -> Document:
        """Store `review.md`, `review.html`, a final `report.html` and the last plan; returns the HTML review.

        Raises Failure.
        """
        values = self._gathered(state)
        html = self._html.get_template("review.html").render(values | {"kind": "Post-incident review"})
        markdown = self._markdown.get_template("review.md").render(values | {"kind": "Post-incident review"})
        self._store.put(state.incident_id, "review.md", markdown.encode(), "text/markdown; charset=utf-8")
        self._store.put(state.incident_id, "report.html", html.encode(), "text/html; charset=utf-8")
        document = self._store.put(state.incident_id, "review.html", html.encode(), "text/html; charset=utf-8")
        if state.plan is not None:
            keep_plan(self._store, state.plan)
        log.info("review written", incident_id=state.incident_id, size=document.size)
        return document

    def report(self, state: IncidentState) -> Document:
        """Store `report.html`: the same account while the incident is open. Raises Failure."""
        values = self._gathered(state) | {"kind": "Root cause report"}
        html = self._html.get_template("review.html").render(values)
        return self._store.put(state.incident_id, "report.html", html.encode(), "text/html; charset=utf-8")

    def _dossier(self, state: IncidentState, problems: list[str]) -> Dossier | None:
        if state.dossier is None or not state.dossier.uri:
            return None
        try:
            return Dossier.model_validate_json(self._store.get(state.dossier.uri))
        except (Failure, ValidationError, OSError) as error:
            problems.append(f"The dossier could not be read again; findings are missing here: {error}")
            return None

    def _gathered(self, state: IncidentState) -> dict[str, Any]:
        problems: list[str] = []
        dossier = self._dossier(state, problems)
        moments = record.timeline(state, dossier)
        case = CaseSeries(self._store, state.manifest)
        pictures = self._pictures(state, dossier, moments, case)
        return {
            "w": wording,
            "offering": offering,
            "seen_words": seen_words,
            "state": state,
            "dossier": dossier,
            "summary": record.summary(state, dossier),
            "account": record.told(state),
            "impact": record.impact(state, dossier),
            "timeline": moments,
            "pictures": pictures,
            "recovery": self._recovery(state, moments, len(pictures)),
            "evidence": partial(record.evidence, dossier),
            "judgements": record.judgements(state),
            "who": record.who,
            "chosen": partial(chosen, state),
            "course": course(state),
            "option": record.accepted_option(state),
            "acts": record.acts(state),
            "verifications": record.readings(state),
            "gaps": record.gaps(state, dossier),
            "improvements": improvements(state, dossier),
            "follow_ups": follow_ups(state, dossier),
            "seconds": state.seconds(),
            "problems": problems + case.problems,
        }

    def _pictures(
        self, state: IncidentState, dossier: Dossier | None, moments: Sequence[TimelineEntry], case: CaseSeries
    ) -> list[Picture]:
        found: list[Picture] = []
        for finding in record.key_findings(state, dossier, MAX_CHARTS * 2):
            series = case.of(finding.metric) if finding.metric else None
            if series is None or finding.metric is None or len(found) == MAX_CHARTS:
                continue
            chart = Chart(
                series=series,
                unit=finding.unit or finding.metric.unit,
                limit=_limit(state, finding.metric),
                marks=_marks(moments, finding),
                start=_start(state, series),
                later=_later(state, finding.metric),
            )
            found.append(Picture(finding.metric.label, f"{finding.id}: {finding.summary}", svg(chart, len(found))))
        return found

    def _recovery(self, state: IncidentState, moments: Sequence[TimelineEntry], number: int) -> Picture | None:
        """The primary symptom over the verifications."""
        watched = record.signals(state)
        points = _later(state, watched[0].metric) if watched else ()
        if len(points) < 2:
            return None
        series = Series([t for t, _ in points], [v for _, v in points], None)
        chart = Chart(series, watched[0].metric.unit, watched[0].threshold, _marks(moments, None), points[0][0])
        return Picture(
            watched[0].metric.label,
            "The watched symptom, before and after acting.",
            svg(chart, number),
        )


def _limit(state: IncidentState, metric: MetricRef) -> float | None:
    return next((s.threshold for s in record.signals(state) if s.metric == metric), None)


def _later(state: IncidentState, metric: MetricRef) -> tuple[tuple[datetime, float], ...]:
    """What verification read of a metric, oldest first."""
    index = next((n for n, s in enumerate(record.signals(state)) if s.metric == metric), None)
    if index is None:
        return ()
    taken = [r for v in state.verifications for r in ((v.before, *v.readings) if v.before else v.readings)]
    points = {r.at: r.values[index] for r in taken if index < len(r.values)}
    return tuple((at, value) for at, value in sorted(points.items()) if value is not None)


def _marks(moments: Sequence[TimelineEntry], finding: Finding | None) -> tuple[Mark, ...]:
    marks = [Mark(m.at, MARKED[m.kind]) for m in moments if m.kind in MARKED]
    onset = [Mark(finding.onset, "onset")] if finding and finding.onset else []
    return tuple(dict.fromkeys([*marks, *onset]))[:40]


def _start(state: IncidentState, series: Series) -> datetime | None:
    if state.manifest is None:
        return None
    window = state.manifest.scope.incident
    return span(series.times, window.start, window.seconds)
