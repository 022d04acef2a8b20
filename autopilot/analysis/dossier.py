"""Case → Dossier: runs every detector and assembles what they found. Pure and deterministic."""

from collections.abc import Mapping
from dataclasses import dataclass

from autopilot.analysis.alarms import alarm_clues
from autopilot.analysis.blame import Place
from autopilot.analysis.candidate import Candidate
from autopilot.analysis.changes import Placed, place_changes, read_changes
from autopilot.analysis.clue import Clue
from autopilot.analysis.demand import limit_clues, work_per_request
from autopilot.analysis.impact import measure_impact
from autopilot.analysis.logs import log_clues
from autopilot.analysis.metrics import metric_clues, read_series
from autopilot.analysis.onset import Onset, find_onset
from autopilot.analysis.recurrence import recurrence_clues
from autopilot.analysis.state import read_inventory, state_clues
from autopilot.analysis.suspects import ENOUGH, rank
from autopilot.analysis.timeline import tell
from autopilot.analysis.topology import read_graph
from autopilot.analysis.traces import trace_clues
from autopilot.analysis.versions import version_health
from autopilot.analysis.windows import Windows, moment
from autopilot.case.case import Case
from autopilot.incident.finding import Dossier, Finding, Impact, Suspect, VersionHealth
from autopilot.incident.ids import digest

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
class _Evidence:
    """Everything found, before it is numbered."""

    clues: tuple[Clue, ...]
    placed: tuple[Placed, ...]
    versions: tuple[tuple[VersionHealth, Clue], ...]
    onset: Onset
    impact: Impact
    candidates: tuple[Candidate, ...]


def analyze(case: Case, first_finding: int = 1) -> Dossier:
    """Analyse a case: findings numbered from `first_finding`, suspects, timeline, impact and gaps."""
    evidence = _gather(case)
    findings, ids = _numbered(evidence, first_finding)
    clear = any(c.adverse and c.score >= 0.3 for c in evidence.clues)
    enough = clear and any(c.score >= ENOUGH for c in evidence.candidates)
    suspects = tuple(_suspect(c, ids) for c in evidence.candidates)
    return Dossier(
        incident_id=case.scope.incident_id,
        revision=case.manifest.revision,
        scope_incident=case.scope.incident,
        onset=moment(evidence.onset.at) if evidence.onset.measured else None,
        findings=findings,
        timeline=tell(evidence.clues, evidence.placed, evidence.onset, ids),
        suspects=suspects,
        impact=evidence.impact,
        versions=tuple(
            health.model_copy(update={"finding_id": ids[id(clue)]}) for health, clue in evidence.versions
        ),
        contradictions=_contradictions(evidence),
        gaps=case.gaps,
        insufficient_evidence=not enough,
        dossier_signature=_signature(evidence),
    )


def _gather(case: Case) -> _Evidence:
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
        *metric_clues(table, focus), *work_per_request(table, graph), *limit_clues(table, settings),
        *log_clues(case.table("logs"), windows), *trace_clues(case.table("spans"), windows),
        *state_clues(items, case.table("state"), table), *alarm_clues(case.table("alarms"), windows),
    ]  # fmt: skip
    onset = find_onset(facts, case.table("alarms"), focus, windows)
    changes = read_changes(case.table("changes"), items, windows)
    placed = place_changes(changes, onset, scope, graph, windows)
    versions = version_health(table, items, changes, focus)
    facts += [clue for _, clue in versions]
    facts += recurrence_clues(case.table("records"), facts, focus, windows)
    impact, measured = measure_impact(table, case.table("logs"), facts, graph, focus, onset)
    candidates = rank(facts, placed, onset, Place(graph, items, scope, focus))
    clues = (*facts, *(p.clue for p in placed), *([measured] if measured else []))
    return _Evidence(clues, tuple(placed), tuple(versions), onset, impact, tuple(candidates))


def _numbered(evidence: _Evidence, first: int) -> tuple[tuple[Finding, ...], Mapping[int, str]]:
    """The findings in their order, and which clue became which. What suspects and versions cite always stays."""
    cited = {id(clue) for candidate in evidence.candidates for clue in candidate.clues}
    cited |= {id(clue) for _, clue in evidence.versions}
    clues = sorted(evidence.clues, key=lambda c: (id(c) not in cited, -c.score, c.service, c.finding.summary))
    kept = sorted(
        clues[:MOST_FINDINGS],
        key=lambda c: (_ORDER.index(c.finding.kind), -c.score, c.service, c.finding.summary, c.finding.resource),
    )
    ids = {id(clue): f"F{number}" for number, clue in enumerate(kept, start=first)}
    return tuple(clue.finding.model_copy(update={"id": ids[id(clue)]}) for clue in kept), ids


def _suspect(candidate: Candidate, ids: Mapping[int, str]) -> Suspect:
    change = candidate.change
    return Suspect(
        service=candidate.service,
        resource=candidate.resource,
        region=candidate.region,
        cause_kind=candidate.cause,
        change_id=change.id if change else "",
        change_summary=f"{change.kind} {change.version}: {change.summary}" if change else "",
        score=round(candidate.score, 4),
        finding_ids=tuple(ids[id(clue)] for clue in candidate.clues if id(clue) in ids),
        reason=candidate.reason,
    )


def _contradictions(evidence: _Evidence) -> tuple[str, ...]:
    """What speaks against the obvious reading."""
    told = [
        f"{p.clue.finding.summary} It is recorded after the onset, so it is not taken for the cause."
        for p in evidence.placed if p.after_onset
    ][:4]  # fmt: skip
    best = evidence.candidates[0] if evidence.candidates else None
    if best is not None and best.change is not None:
        healthy = [h for h, _ in evidence.versions if h.healthy and h.version == best.change.version]
        told += [f"Against the first suspect: {h.evidence}" for h in healthy[:1]]
        surge = next((c for c in evidence.candidates if c.cause == "traffic_surge" and c.score >= ENOUGH), None)
        if surge is not None:
            told.append(f"Demand moved as well and explains a part: {surge.clues[0].finding.summary}")
    return tuple(told[:6])


def _signature(evidence: _Evidence) -> str:
    """Services and cause kinds of the leading suspects and the failures in the logs, without times and numbers."""
    leading = sorted({(c.service, c.cause) for c in evidence.candidates[:3] if c.score >= ENOUGH})
    failures = sorted({
        (c.service, c.finding.cause_kind or "") for c in evidence.clues
        if c.signal == "log" and c.finding.cause_kind and c.score >= 0.3
    })  # fmt: skip
    return digest(leading, failures)
