"""Impact: requests, failures, people and error budget since the onset, where users enter.

Metrics count best; access logs stand in for them, then traces. What nothing measured stays None.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.impact.entry import Traffic, entry_traffic, traced_traffic
from autopilot.analysis.impact.objectives import Burn, burned, find_objective
from autopilot.analysis.impact.people import People, read_access
from autopilot.analysis.metrics.table import SeriesTable
from autopilot.analysis.onset import Onset
from autopilot.analysis.ranking.blame import Place
from autopilot.analysis.windows import MICROS, Windows, moment
from autopilot.case.case import Case
from autopilot.incident.finding import Impact, Provenance

_SHOWN = 12
_WORTH_TELLING = 2.0
"""Burn rate from which the budget's end is forecast: below it, it lasts for half its window."""


@dataclass(frozen=True)
class _Measured:
    traffic: Traffic | None
    people: People | None
    burn: Burn | None
    failed: float | None


def measure_impact(
    table: SeriesTable, case: Case, clues: Sequence[Clue], place: Place, onset: Onset
) -> tuple[Impact, tuple[Clue, ...]]:
    """The impact, and the findings that carry its figures; none when nothing was measurable or hit."""
    hit = [clue for clue in clues if clue.adverse and clue.score >= 0.3 and clue.service in place.focus]
    if not hit:
        return Impact(summary="No service in scope shows a clear symptom."), ()
    # Busier than usual is not yet hurt: such services are told only when nothing else shows.
    hurt = [clue for clue in hit if clue.signal not in ("capacity", "saturation", "trend")] or hit
    services = frozenset(clue.service for clue in hurt)
    measured = _measure(table, case, services, place, onset)
    requests = measured.traffic.requests if measured.traffic else None
    failed = measured.failed
    share = failed / requests if requests and failed is not None else None
    impact = Impact(
        requests=None if requests is None else round(requests),
        failed_requests=None if failed is None else round(failed),
        error_share=None if share is None else round(min(share, 1.0), 4),
        users=measured.people.count if measured.people else None,
        services=tuple(sorted(services))[:_SHOWN],
        regions=tuple(sorted({clue.finding.region for clue in hurt if clue.finding.region}))[:_SHOWN],
        slo_budget_used=round(measured.burn.used, 4) if measured.burn else None,
    )
    impact = Impact.model_validate(impact.model_dump() | {"summary": _sentence(impact, measured, onset)})
    if requests is None and measured.people is None:
        return impact, ()
    told = [_clue(impact, measured, table.windows, onset)]
    if measured.burn is not None and measured.burn.pace >= _WORTH_TELLING:
        told.append(_burning(measured.burn, impact, table.windows, onset))
    return impact, tuple(told)


def _measure(table: SeriesTable, case: Case, services: frozenset[str], place: Place, onset: Onset) -> _Measured:
    traffic = entry_traffic(table, place.graph, place.focus, services, onset)
    access, people = read_access(case.table("logs"), place.focus, onset, table.windows)
    if traffic is None and access is not None:
        traffic = Traffic((), access.requests, access.failed, 0.0, "access logs", "logs")
    traffic = traffic or traced_traffic(case.table("spans"), place.focus, onset, table.windows)
    failed = traffic.failed if traffic else None
    if traffic is not None and failed is None and access is not None:
        # The logs may hold a part of the lines; their share of failures holds for all requests.
        failed = traffic.requests * access.failed / access.requests
    burn = None
    if traffic is not None and failed is not None and not traffic.traced:
        known = (*traffic.services, *sorted(place.scope))
        objective = find_objective(known, place.items, case.table("records"), case.table("alarms"))
        burn = burned(objective, traffic.requests, failed, traffic.usual_per_second) if objective else None
    return _Measured(traffic, people, burn, failed)


def _sentence(impact: Impact, measured: _Measured, onset: Onset) -> str:
    parts: list[str] = []
    what = "traced requests" if measured.traffic and measured.traffic.traced else "requests"
    if impact.requests is not None and impact.failed_requests is not None:
        share = f" ({amount(100 * impact.error_share)}%)" if impact.error_share is not None else ""
        parts.append(f"{impact.failed_requests:,} of {impact.requests:,} {what} failed{share}")
    elif impact.requests is not None:
        parts.append(f"{impact.requests:,} {what} were served meanwhile")
    if measured.people:
        many = "" if measured.people.count == 1 else "s"
        parts.append(f"{measured.people.count:,} {measured.people.kind}{many} saw errors")
    if measured.burn is not None:
        parts.append(
            f"{amount(100 * measured.burn.used)}% of the error budget ({measured.burn.objective.name}) used"
        )
    where = f" in {', '.join(impact.regions)}" if impact.regions else ""
    parts.append(f"affected: {', '.join(impact.services)}{where}")
    return f"Since {clock(onset.at)}: {'; '.join(parts)}."


def _clue(impact: Impact, measured: _Measured, windows: Windows, onset: Onset) -> Clue:
    share, traffic = impact.error_share, measured.traffic
    finding = make_finding(
        "impact",
        service=traffic.services[0] if traffic and traffic.services else impact.services[0],
        window=windows.since(onset.at), onset=onset.at, uncertainty=onset.uncertainty,
        observed=None if share is None else 100 * share, unit="Percent", score=min(1.0, (share or 0.0) * 5),
        summary=impact.summary,
        provenance=Provenance(
            source=(traffic.source if traffic else "logs") or "metrics",
            query=traffic.query if traffic else "failing lines that name somebody", window=windows.since(onset.at),
        ),
    )  # fmt: skip
    return Clue(finding, "impact", onset.at, onset.uncertainty)


def _burning(burn: Burn, impact: Impact, windows: Windows, onset: Onset) -> Clue:
    """When the error budget is spent if it goes on like this: a forecast about what comes, blaming nobody."""
    about, soonest, latest = (_when(onset.at + seconds * MICROS) for seconds in burn.seconds_left)
    service = impact.services[0]
    finding = make_finding(
        "trend",
        service=service, window=windows.since(onset.at), onset=onset.at, uncertainty=onset.uncertainty,
        direction="up", size=burn.pace, baseline=100 * burn.objective.budget,
        observed=100 * (impact.error_share or 0.0), unit="Percent", score=min(0.3 + burn.pace / 100, 0.9),
        summary=(
            f"Errors spend the error budget of {burn.objective.name} {amount(burn.pace)} times too fast: "
            f"{amount(100 * burn.used)}% of it used since {clock(onset.at)}; a full one would be spent at {about} "
            f"({soonest} to {latest})"
        ),
        provenance=Provenance(
            source=burn.objective.source, query=f"objective {burn.objective.name}", window=windows.whole
        ),
    )  # fmt: skip
    return Clue(finding, "trend", onset.at, onset.uncertainty)


def _when(at: float) -> str:
    return f"{moment(at).replace(second=0, microsecond=0):%Y-%m-%d %H:%M} UTC"
