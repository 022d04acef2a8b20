"""The Prober port: a probe is answered from the case, and what the case lacks is asked of its source."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import structlog
from polars.exceptions import PolarsError
from pydantic import ValidationError

from autopilot.analysis.probes.catalogue import CATALOGUE, arguments_of, probe_problem
from autopilot.analysis.probes.places import match
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments
from autopilot.case.case import Case
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Gap, Scope, SourceReport, Table
from autopilot.incident.investigation import FINDINGS_PER_PROBE, Probe, ProbeResult
from autopilot.incident.ports import CaseStore, Collector, ProbeOrder
from autopilot.reasoning.judging.asked import unechoed
from autopilot.reasoning.tables import Shared, StoredTables

_SOURCES = 2
"""Sources that one probe may ask anew."""
_BASELINE = timedelta(hours=6)
"""Of the baseline that is asked for anew: enough to compare with, without a second collection."""
_QUERIES, _GAPS = 20, 10
_REPORTS = 32
_log = structlog.get_logger()


class ConfiguredProber:
    """Probes over a stored case, with the sources behind it. Safe to use from several threads."""

    def __init__(self, store: CaseStore, collector: Collector | None = None) -> None:
        """`collector` is None for stored cases: nothing is asked of any system then."""
        self._tables, self._collector = StoredTables(store), collector
        self._reports: Shared[tuple[str, int, str, str], SourceReport] = Shared(_REPORTS)

    def probe(self, order: ProbeOrder) -> ProbeResult:
        """See `Prober`. Raises only the Failure of a store that cannot be read or written."""
        try:
            arguments = arguments_of(order.probe)
        except ValidationError:
            return ProbeResult(probe=order.probe, outcome="unknown", summary=probe_problem(order.probe))
        answer = self._answer(arguments, order, order.manifest)
        asked = self._asked_anew(arguments, answer, order)
        if asked is not None and asked.told:
            answer = self._answer(arguments, order, _with(order.manifest, asked))
        return unechoed(_result(order, answer, asked))

    def _answer(self, arguments: ProbeArguments, order: ProbeOrder, manifest: CaseManifest) -> Answer:
        tables = CATALOGUE[order.probe.name].tables
        case = Case(manifest, {table: self._tables.read(manifest, table) for table in tables})
        try:
            return arguments.answer(Observed(case, order.dossier.onset))
        except (PolarsError, ArithmeticError, LookupError, ValueError) as error:
            _log.warning(
                "probe not answered", probe=order.probe.name, error=f"{type(error).__name__}: {error!s:.300}"
            )
            return Answer("unknown", f"{order.probe.name} could not be answered ({type(error).__name__})")

    def _asked_anew(self, arguments: ProbeArguments, answer: Answer, order: ProbeOrder) -> "_Asked | None":
        """What the sources of the missing tables say about the service; None when nothing was asked."""
        manifest = order.manifest
        sources = _sources(manifest, answer.missing, self._collector)
        if self._collector is None or answer.outcome != "unknown" or not sources:
            return None
        service = self._known_service(arguments.service, order)
        if not service:
            return None
        return _Asked(
            service, tuple(self._collected(self._collector, source, service, manifest) for source in sources)
        )

    def _collected(self, collector: Collector, source: str, service: str, manifest: CaseManifest) -> SourceReport:
        """What a source says about a service: asked once for all probes of a case revision."""
        scope = _narrowed(manifest.scope, service)
        key = (scope.incident_id, manifest.revision, source, service)
        report = self._reports.get(key, lambda: collector.collect(source, manifest.revision, scope))
        if report.status == "failed":
            self._reports.forget(key)
        return report

    def _known_service(self, asked: str, order: ProbeOrder) -> str:
        """The service, when the system itself named it: what only a message or a model named is asked of nobody."""
        manifest = order.manifest
        topology, inventory = (self._tables.read(manifest, t) for t in ("topology", "inventory"))
        known = {
            *manifest.scope.services, *topology["caller"].to_list(), *topology["callee"].to_list(),
            *inventory["service"].to_list(), *(suspect.service for suspect in order.dossier.suspects),
        }  # fmt: skip
        return next(iter(match(asked, sorted(known - {""}))), "")


@dataclass(frozen=True)
class _Asked:
    """What was collected anew for one probe."""

    service: str
    reports: tuple[SourceReport, ...]

    @property
    def told(self) -> bool:
        """Whether anything came, or the sources say that there is nothing."""
        return any(report.parts for report in self.reports) or self.answered

    @property
    def answered(self) -> bool:
        """Whether every source could be asked."""
        return all(report.status in ("ok", "no_data") for report in self.reports)


def _sources(manifest: CaseManifest, missing: Sequence[Table], collector: Collector | None) -> tuple[str, ...]:
    """The sources that filled the missing tables of this case, those that filled most of them first."""
    names = frozenset(collector.names) if collector else frozenset[str]()
    filled: dict[str, set[Table]] = {}
    for part in manifest.parts:
        if part.table in missing and part.source in names:
            filled.setdefault(part.source, set()).add(part.table)
    return tuple(sorted(filled, key=lambda name: (-len(filled[name]), name))[:_SOURCES])


def _narrowed(scope: Scope, service: str) -> Scope:
    """The scope for one service, with the last hours of the baseline."""
    start = max(scope.baseline.start, scope.baseline.end - _BASELINE)
    baseline = TimeWindow(start=min(start, scope.baseline.end), end=scope.baseline.end)
    return scope.model_copy(update={"services": (service,), "baseline": baseline, "hint": ""})


def _with(manifest: CaseManifest, asked: _Asked) -> CaseManifest:
    """The manifest with what was collected anew, for this answer only."""
    scope = manifest.scope
    if asked.answered and asked.service not in scope.services:
        scope = scope.model_copy(update={"services": (*scope.services, asked.service)})
    parts = [part for report in asked.reports for part in report.parts]
    return manifest.model_copy(update={"scope": scope, "parts": (*manifest.parts, *parts)})


def _result(order: ProbeOrder, answer: Answer, asked: _Asked | None) -> ProbeResult:
    probe: Probe = order.probe
    findings = tuple(
        finding.model_copy(update={"id": f"F{number}"})
        for number, finding in enumerate(answer.findings[:FINDINGS_PER_PROBE], start=order.first_finding)
    )
    result = ProbeResult(probe=probe, outcome=answer.outcome, summary=answer.summary, findings=findings)
    if asked is None:
        return result
    names = ", ".join(report.source for report in asked.reports)
    told = answer.summary if answer.outcome != "unknown" else f"{answer.summary}; asked anew in vain: {names}"
    gaps: list[Gap] = [gap for report in asked.reports for gap in report.gaps]
    return ProbeResult.model_validate(
        result.model_dump()
        | {
            "summary": told,
            "parts": [part for report in asked.reports for part in report.parts],
            "queries": [query for report in asked.reports for query in report.queries][:_QUERIES],
            "gaps": gaps[:_GAPS],
        }
    )
