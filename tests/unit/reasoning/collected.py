"""A whole synthetic case in a folder store, analysed as a live one: what an investigation starts from."""

from pathlib import Path

from autopilot.analysis.dossier import analyze
from autopilot.analysis.engine import brief
from autopilot.case.case import Case
from autopilot.case.store import FolderCaseStore
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Investigation, Limits
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.casefile import load_dossier
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.settings import Model


class Collected:
    """Every table of a case as a part of a sealed manifest, and its dossier."""

    def __init__(self, path: Path, case: Case) -> None:
        """Writes parts, manifest and dossier."""
        self.store = FolderCaseStore(path)
        scope = case.scope
        parts = tuple(
            self.store.put_part(scope.incident_id, 1, "test", table, rows) for table, rows in case.tables.items()
        )
        self.manifest = self.store.seal(CaseManifest(revision=1, scope=scope, parts=parts))
        self.found = analyze(case)
        content = self.found.model_dump_json().encode()
        uri = self.store.put(scope.incident_id, "dossier-1.json", content, "application/json").uri
        self.brief = brief(self.found, uri, 1, 0.0)

    def investigated(
        self, model: Model | None = None, *, limits: Limits | None = None, feedback: tuple[str, ...] = ()
    ) -> tuple[Diagnosis, Investigation, Dossier]:
        """The diagnosis, by real probes over the stored tables; the rounds; and the tested dossier."""
        analyst = ConfiguredAnalyst(model or Model(), self.store)
        conclusion, investigation = investigate(
            analyst, ConfiguredProber(self.store), self.manifest, self.brief, limits=limits, feedback=feedback
        )
        return conclusion.diagnosis, investigation, load_dossier(self.store, conclusion.dossier)
