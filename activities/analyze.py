"""Analysing: Case → Dossier without a model, then Dossier → hypotheses ⇄ probes → Diagnosis."""

from temporalio import activity

from activities.edge import guarded, this_attempt
from autopilot.incident.base import Model
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier, DossierBrief
from autopilot.incident.investigation import ProbeResult, Turn
from autopilot.incident.ports import (
    Analyst,
    Analyzer,
    CaseStore,
    Conclusion,
    InvestigateRequest,
    ProbeOrder,
    Prober,
)
from autopilot.incident.verification import symptom_signals


class AnalyzeCase(Model):
    """Analyse one sealed revision; finding ids go on from `first_finding`."""

    manifest: CaseManifest
    first_finding: int = 1


class Analyzing:
    """RootCauseAnalyzer's activities."""

    def __init__(self, analyzer: Analyzer, analyst: Analyst, prober: Prober, store: CaseStore) -> None:
        self._analyzer = analyzer
        self._analyst = analyst
        self._prober = prober
        self._store = store

    @activity.defn
    @guarded
    def analyze_case(self, order: AnalyzeCase) -> DossierBrief:
        """Find what changed, when, where and what moved first."""
        brief = self._analyzer.analyze(order.manifest, order.first_finding)
        dossier = Dossier.model_validate_json(self._store.get(brief.uri))
        return brief.model_copy(update={"signals": symptom_signals(dossier.findings)})

    @activity.defn
    @guarded
    def propose(self, request: InvestigateRequest) -> Turn:
        """Competing hypotheses, and the probes that could refute them: at most one model call per attempt."""
        return self._analyst.propose(request, this_attempt())

    @activity.defn
    @guarded
    def probe(self, order: ProbeOrder) -> ProbeResult:
        """One read-only follow-up query."""
        return self._prober.probe(order)

    @activity.defn
    @guarded
    def conclude(self, request: InvestigateRequest) -> Conclusion:
        """Check every claim, weigh the tests, judge: code alone decides what may be said."""
        return self._analyst.conclude(request)
