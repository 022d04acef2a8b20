"""Which series of a case are worth a look: those the leading suspects rest on, then where it hurts."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from autopilot.analysis.metrics.series import DEVIATION
from autopilot.analysis.metrics.table import SeriesTable, read_series, reference
from autopilot.analysis.windows import Windows, micros, moment
from autopilot.case.case import Case
from autopilot.incident.finding import Dossier, Finding, Suspect

SUSPECTS = 3
PER_SUSPECT = 2
MOST = 6
_USUAL_SAMPLES = 40
"""Samples before the incident that show what is usual."""
_MEASURED = ("metric", "trend")


@dataclass(frozen=True)
class Curve:
    """One series as the analysis saw it, and the finding that speaks of it."""

    finding: Finding
    suspect: int
    """Place of the suspect it belongs to, from 1; 0 for a symptom."""
    times: list[datetime]
    values: list[float]
    band: tuple[float, float]
    """Within it a sample counts as usual."""


def read_curves(case: Case, dossier: Dossier) -> list[Curve]:
    """The series of the leading suspects and of the alerted services, at most `MOST`; empty without metrics."""
    chosen = _chosen(dossier, case.scope.services)
    if not chosen or case.table("metrics").is_empty():
        return []
    table = read_series(case.table("metrics"), Windows.of(case.scope))
    sids = _sids(table, [finding for _, finding in chosen])
    start, end = (micros(at) for at in shown(case, table, sids.values()))
    found: list[Curve] = []
    for place, finding in chosen:
        rows = table.scored.filter(pl.col("sid") == sids.get(finding.id, -1))
        for usual, spread in rows.select("baseline", "scale").iter_rows():
            samples = table.samples.filter(
                (pl.col("sid") == sids[finding.id]) & pl.col("time").is_between(start, end)
            )
            times, values = [moment(at) for at in samples["time"]], samples["value"].to_list()
            found.append(Curve(finding, place, times, values, _band(float(usual), float(spread), values)))
    return found


def _chosen(dossier: Dossier, scope: Iterable[str]) -> list[tuple[int, Finding]]:
    """Findings with a series and the place of their suspect: what suspects cite, then where it hurts."""
    measured = [f for f in dossier.findings if f.kind in _MEASURED and f.metric is not None]
    measured.sort(key=lambda f: -f.score)
    leading = list(enumerate(dossier.suspects[:SUSPECTS], start=1))
    taken: dict[str, tuple[int, Finding]] = {}
    for place, suspect in leading:
        _take(taken, place, [f for f in measured if f.id in suspect.finding_ids])
    for place, suspect in leading:
        if place not in {known for known, _ in taken.values()}:
            _take(taken, place, _effects(suspect, dossier, measured))
    _take(taken, 0, [f for f in measured if f.service in set(scope)])
    return sorted(taken.values(), key=lambda chosen: chosen[0] or SUSPECTS + 1)[:MOST]


def _effects(suspect: Suspect, dossier: Dossier, measured: Iterable[Finding]) -> list[Finding]:
    """Series for a suspect that cites none: of what it is about, those that moved when its evidence began."""
    cited = [f for f in map(dossier.finding, suspect.finding_ids) if f is not None]
    names = {suspect.service, *(name for f in cited for name in (f.service, f.resource))} - {""}
    begun = min((f.onset for f in cited if f.onset is not None), default=None)
    related = [f for f in measured if f.service in names]
    return related if begun is None else sorted(related, key=lambda f: abs((f.onset or begun) - begun))


def _take(taken: dict[str, tuple[int, Finding]], place: int, findings: Iterable[Finding]) -> None:
    """Add the first findings whose series nobody has."""
    free = [f for f in findings if _series(f) not in taken]
    for finding in free[:PER_SUSPECT]:
        taken.setdefault(_series(finding), (place, finding))


def _band(usual: float, spread: float, values: list[float]) -> tuple[float, float]:
    """What counts as usual; a series that is never negative has no usual range below zero."""
    low, high = usual - DEVIATION * spread, usual + DEVIATION * spread
    return (max(low, 0.0), high) if min([usual, *values]) >= 0 else (low, high)


def _series(finding: Finding) -> str:
    return finding.metric.model_dump_json() if finding.metric else ""


def _sids(table: SeriesTable, findings: Iterable[Finding]) -> dict[str, int]:
    """Finding → its series in the table. A name that is not found again has no entry."""
    wanted = {_series(f): f.id for f in findings}
    names = {f.metric.name for f in findings if f.metric}
    rows = table.identity.filter(pl.col("metric").is_in(sorted(names)))
    return dict(_matches(rows, wanted))


def _matches(rows: pl.DataFrame, wanted: dict[str, str]) -> Iterator[tuple[str, int]]:
    for row in rows.to_dicts():
        metric = reference(row)
        known = wanted.get(metric.model_dump_json(), "") if metric else ""
        if known:
            yield known, row["sid"]


def shown(case: Case, table: SeriesTable, sids: Iterable[int]) -> tuple[datetime, datetime]:
    """The span that plots of a case show: the incident, and enough before it to see what is usual."""
    incident = case.scope.incident
    steps = table.scored.filter(pl.col("sid").is_in(sorted(sids)))["step"]
    step = max((float(value) for value in steps.drop_nulls().to_list()), default=0.0)
    begin = micros(incident.start)
    before = max(int(incident.seconds * 1e6), int(_USUAL_SAMPLES * step))
    return moment(max(begin - before, micros(case.scope.baseline.start))), incident.end
