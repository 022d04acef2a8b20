"""Analysing: Case → Dossier without a model, then Dossier → Diagnosis."""

from temporalio import activity

from activities.edge import guarded
from autopilot.incident.base import Model
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier, DossierBrief
from autopilot.incident.ports import Analyst, Analyzer, CaseStore, DiagnoseRequest
from autopilot.incident.verification import symptom_signals


class AnalyzeCase(Model):
    """Analyse one sealed revision; finding ids go on from `first_finding`."""

    manifest: CaseManifest
    first_finding: int = 1


class Analyzing:
    """RootCauseAnalyzer's activities."""

    def __init__(self, analyzer: Analyzer, analyst: Analyst, store: CaseStore) -> None:
        self._analyzer = analyzer
        self._analyst = analyst
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
    def diagnose(self, request: DiagnoseRequest) -> Diagnosis:
        """Weigh competing explanations; every claim cites findings."""
        return self._analyst.diagnose(request)
