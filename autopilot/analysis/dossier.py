"""Case → Dossier: runs every detector and assembles what they found. Pure and deterministic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autopilot.analysis.alarms import alarm_clues
from autopilot.analysis.changes.change import read_changes
from autopilot.analysis.changes.outside import outside_clues
from autopilot.analysis.changes.placing import Placed, place_changes
from autopilot.analysis.changes.versions import version_health
from autopilot.analysis.clue import Clue
from autopilot.analysis.controls import siblings, user_demand
from autopilot.analysis.history.recurrence import recurrence_clues
from autopilot.analysis.history.told import chosen, told_clues
from autopilot.analysis.impact.measure import measure_impact
from autopilot.analysis.logs.clues import log_clues
from autopilot.analysis.metrics.delays import delay_clues, hosts_of
from autopilot.analysis.metrics.demand import limit_clues, work_per_request
from autopilot.analysis.metrics.regions import split_clues
from autopilot.analysis.metrics.table import measured_services, metric_clues, read_series, usual_requests
from autopilot.analysis.metrics.trend import trend_clues
from autopilot.analysis.onset import Onset, find_onset
from autopilot.analysis.ranking.blame import Place, support
from autopilot.analysis.ranking.calibration import likelihoods
from autopilot.analysis.ranking.candidate import Candidate
from autopilot.analysis.ranking.counterevidence import counterevidence, lowered, missing_kinds, watched_services
from autopilot.analysis.ranking.doubts import doubts
from autopilot.analysis.ranking.suspects import ENOUGH, rank
from autopilot.analysis.ranking.weights import WEIGHTS, Weights
from autopilot.analysis.state.clues import read_inventory, state_clues
from autopilot.analysis.timeline import tell
from autopilot.analysis.topology import read_graph
from autopilot.analysis.traces.clues import trace_clues
from autopilot.analysis.windows import MICROS, Windows, moment
from autopilot.case.case import Case
from autopilot.incident.finding import Dossier, Finding, Impact, Suspect, VersionHealth
from autopilot.incident.ids import digest
from autopilot.incident.metric import Control

MOST_FINDINGS = 120
_ORDER = (
    "impact",
    "alarm",
    "metric",
    "trend",
    "state",
    "log",
    "trace",
    "version",
    "change",
    "recurrence",
    "record",
)


@dataclass(frozen=True)
class Evidence:
    """Everything found, before it is ranked and numbered."""

    facts: tuple[Clue, ...]
    """What the detectors found."""
    measured: tuple[Clue, ...]
    """The impact, when it could be measured."""
    placed: tuple[Placed, ...]
    versions: tuple[tuple[VersionHealth, Clue], ...]
    onset: Onset
    impact: Impact
    watched: frozenset[str]
    """Services whose symptoms are measured."""
    place: Place
    demand: tuple[Control, ...]
    """How much users ask of the services in scope."""
    told: tuple[Clue, ...]
    """What people wrote down; it is chosen from when the suspects are known, and moves none of them."""

    @property
    def clues(self) -> tuple[Clue, ...]:
        """Everything that may become a finding."""
        shifts = (clue for p in self.placed for clue in p.shifts)
        return (*self.facts, *(p.clue for p in self.placed), *shifts, *self.measured)


def analyze(case: Case, first_finding: int = 1) -> Dossier:
    """Analyse a case: findings numbered from `first_finding`, suspects, timeline, impact and gaps."""
    return conclude(case, gather(case), first_finding)


def conclude(case: Case, evidence: Evidence, first_finding: int = 1, weights: Weights = WEIGHTS) -> Dossier:
    """The dossier of gathered evidence: the cheap half of an analysis, which weights alone decide."""
    missing = missing_kinds(case)
    ranked = rank(evidence.facts, evidence.placed, evidence.onset, evidence.place, weights)
    candidates = lowered(ranked, len(missing), weights)
    told = chosen(evidence.told, [*case.scope.services, *(c.service for c in candidates)])
    findings, ids = _numbered(evidence, candidates, told, first_finding)
    clear = any(c.adverse and c.score >= 0.3 for c in evidence.clues)
    enough = clear and any(c.score >= ENOUGH for c in candidates)
    shares = likelihoods([c.score for c in candidates])
    suspects = tuple(_suspect(c, likelihood, ids) for c, likelihood in zip(candidates, shares, strict=True))
    return Dossier(
        incident_id=case.scope.incident_id,
        revision=case.manifest.revision,
        scope_incident=case.scope.incident,
        onset=moment(evidence.onset.at) if evidence.onset.measured else None,
        onset_uncertainty=evidence.onset.uncertainty / MICROS if evidence.onset.measured else 0.0,
        findings=findings,
        timeline=tell(evidence.clues, evidence.placed, evidence.onset, ids),
        suspects=suspects,
        impact=evidence.impact,
        versions=tuple(
            health.model_copy(update={"finding_id": ids[id(clue)]}) for health, clue in evidence.versions
        ),
        contradictions=(
            *doubts(evidence.placed, candidates, evidence.versions, evidence.facts),
            *counterevidence(candidates, evidence.clues, evidence.place.graph, evidence.watched),
        ),
        gaps=(*case.gaps, *missing),
        insufficient_evidence=not enough,
        dossier_signature=_signature(evidence, candidates),
        controls=(*evidence.demand, *siblings(evidence.facts, evidence.place.graph, evidence.place.scope)),
    )


def gather(case: Case) -> Evidence:
    """Run every detector: the expensive half of an analysis."""
    windows = Windows.of(case.scope)
    graph = read_graph(case.table("topology"), case.table("spans"))
    scope = frozenset(case.scope.services)
    items = read_inventory(case.table("inventory"))
    table = read_series(case.table("metrics"), windows)
    focus = graph.focus(scope, table.identity["service"].unique().to_list())
    settings = {
        (item.service, name): value
        for item in items for name in ("read_capacity", "write_capacity") if (value := item.number(name))
    }  # fmt: skip
    facts = [
        *metric_clues(table, focus, scope), *work_per_request(table, graph), *limit_clues(table, settings),
        *trend_clues(table, items, case.table("alarms")),
        *split_clues(table, case.table("logs"), case.table("spans"), focus),
        *log_clues(case.table("logs"), windows),
        *trace_clues(case.table("spans"), case.table("logs"), windows),
        *state_clues(items, case.table("state"), table, case.table("logs")),
        *alarm_clues(case.table("alarms"), windows),
        *delay_clues(table, graph, hosts_of(case.table("state"))),
    ]  # fmt: skip
    facts += outside_clues(facts, [*graph.down, *graph.up, *scope])
    onset = find_onset(facts, case.table("alarms"), focus, windows)
    changes = read_changes(case.table("changes"), items, windows)
    placed = place_changes(changes, facts, table, onset, scope, graph)
    versions = version_health(table, case.table("spans"), items, changes, focus)
    facts += [clue for _, clue in versions]
    facts += recurrence_clues(case.table("records"), facts, focus, windows, changes)
    observed = measured_services(table) | frozenset(case.table("spans")["service"].unique().to_list())
    impact, measured = measure_impact(table, case, facts, Place(graph, items, scope, focus), onset)
    return Evidence(
        tuple(facts), measured, tuple(placed), tuple(versions), onset, impact, watched_services(table),
        Place(graph, items, scope, focus, support(facts, graph, scope, observed), usual_requests(table)),
        user_demand(table, graph, scope),
        tuple(told_clues(case.table("records"), facts, windows)),
    )  # fmt: skip


def _numbered(
    evidence: Evidence, candidates: Sequence[Candidate], told: Sequence[Clue], first: int
) -> tuple[tuple[Finding, ...], Mapping[int, str]]:
    """The findings in their order, and which clue became which. What suspects and versions cite always stays."""
    cited = {id(clue) for candidate in candidates for clue in candidate.clues}
    cited |= {id(clue) for _, clue in evidence.versions}
    clues = sorted(evidence.clues, key=lambda c: (id(c) not in cited, -c.score, c.service, c.finding.summary))
    kept = sorted(
        [*clues[: MOST_FINDINGS - len(told)], *told],
        key=lambda c: (_ORDER.index(c.finding.kind), -c.score, c.service, c.finding.summary, c.finding.resource),
    )
    ids = {id(clue): f"F{number}" for number, clue in enumerate(kept, start=first)}
    return tuple(clue.finding.model_copy(update={"id": ids[id(clue)]}) for clue in kept), ids


def _suspect(candidate: Candidate, likelihood: float, ids: Mapping[int, str]) -> Suspect:
    change = candidate.change
    return Suspect(
        service=candidate.service,
        resource=candidate.resource,
        region=_region(candidate),
        cause_kind=candidate.cause,
        mechanism=candidate.mechanism,
        change_id=change.id if change else "",
        commit=candidate.commit,
        change_summary=f"{change.kind} {change.version}: {change.summary}" if change else "",
        score=round(candidate.score, 4),
        likelihood=round(likelihood, 4),
        finding_ids=tuple(ids[id(clue)] for clue in candidate.clues if id(clue) in ids),
        reason=candidate.reason,
    )


def _region(candidate: Candidate) -> str:
    """The region in which all evidence of a candidate lies; empty when it lies in several or nothing tells."""
    regions = {clue.finding.region for clue in candidate.clues if clue.finding.region}
    return next(iter(regions)) if len(regions) == 1 else "" if regions else candidate.region


def _signature(evidence: Evidence, candidates: Sequence[Candidate]) -> str:
    """Services and cause kinds of the leading suspects and the failures in the logs, without times and numbers."""
    leading = sorted({(c.service, c.cause) for c in candidates[:3] if c.score >= ENOUGH})
    failures = sorted({
        (c.service, c.finding.cause_kind or "") for c in evidence.clues
        if c.signal == "log" and c.finding.cause_kind and c.score >= 0.3
    })  # fmt: skip
    return digest(leading, failures)
