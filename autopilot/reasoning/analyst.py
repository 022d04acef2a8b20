"""The analyst that settings ask for: a model behind enforcement, with the built-in analyst behind the model."""

from collections.abc import Sequence

from autopilot.case.of_record import keep_diagnosis
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Turn
from autopilot.incident.ports import Attempt, CaseStore, Conclusion, InvestigateRequest
from autopilot.reasoning import builtin
from autopilot.reasoning.asking.asker import asker_for, spent
from autopilot.reasoning.asking.models import Models
from autopilot.reasoning.casefile import edges_of, load_dossier
from autopilot.reasoning.investigating.conclusion import Calibrate, Evidence, conclude
from autopilot.reasoning.investigating.explaining import symptom_service
from autopilot.reasoning.investigating.feedback import ideas
from autopilot.reasoning.investigating.merging import store_tested, with_answers
from autopilot.reasoning.investigating.model_turn import next_turn
from autopilot.reasoning.judging.citations import neighbourhood
from autopilot.reasoning.labels import BUILT_IN, left_early, no_model, unavailable
from autopilot.reasoning.prompts.collected import collected_texts
from autopilot.reasoning.prompts.planted import planted
from autopilot.reasoning.tables import StoredTables
from autopilot.settings import Model


class ConfiguredAnalyst:
    """Dossier → Diagnosis as settings say. A model that fails costs time and money, never the diagnosis."""

    def __init__(
        self,
        settings: Model,
        store: CaseStore,
        *,
        models: Models | None = None,
        calibrate: Calibrate | None = None,
    ) -> None:
        """Raises Failure when a model is configured without a usable key.

        Args:
            settings: `kind: none` never asks a model.
            store: Where dossiers and answers are.
            models: Models to share with the planner; built from settings when absent.
            calibrate: How often a confidence was right; without it every confidence is called uncalibrated.
        """
        self._store = store
        self._models = models or Models(settings)
        self._calibrate = calibrate

    def propose(self, request: InvestigateRequest, attempt: Attempt) -> Turn:
        """See `Analyst`."""
        dossier = load_dossier(self._store, request.dossier)
        if not self._models.configured:
            return self._alone(request, dossier, no_model(BUILT_IN))
        if request.without_model:
            return self._without(request, dossier)
        asker = asker_for(self._models, "analysis", self._store, request.incident_id, attempt, request.limits)
        ips = self._models.settings.mask_ips
        return next_turn(asker, request, dossier, self._service(request, dossier), ips=ips)

    def conclude(self, request: InvestigateRequest) -> Conclusion:
        """See `Analyst`."""
        results = request.investigation.results
        found = load_dossier(self._store, request.dossier)
        dossier = with_answers(found, results)
        tables = StoredTables(self._store)
        edges = edges_of(tables.read(request.manifest, "topology"))
        service = self._service(request, found)
        evidence = Evidence(
            dossier,
            service,
            results,
            ideas(request.feedback, found, service),
            neighbourhood(edges) if edges else None,
        )
        diagnosis = conclude(
            request.investigation.turns,
            evidence,
            calibrate=self._calibrate,
            planted=planted(dossier, {**_remarks(request.feedback), **collected_texts(tables, request.manifest)}),
        )
        diagnosis = diagnosis.model_copy(update={"stopped": request.stopped})
        tested = store_tested(self._store, request.dossier, dossier, request.investigation)
        keep_diagnosis(self._store, request.incident_id, diagnosis)
        return Conclusion(diagnosis=diagnosis, dossier=tested)

    def _alone(self, request: InvestigateRequest, dossier: Dossier, label: str) -> Turn:
        """The turn of the built-in analyst."""
        turn = builtin.turn(
            dossier,
            service=self._service(request, dossier),
            feedback=request.feedback,
            limits=request.limits,
            label=label,
        )
        return turn.model_copy(update={"usage": spent(self._store, request.incident_id)})

    def _without(self, request: InvestigateRequest, dossier: Dossier) -> Turn:
        """The turn after a model failed: code's own at the start, later the model's last words as they stand."""
        said, why = request.investigation.turns, request.without_model
        if not said:
            return self._alone(request, dossier, unavailable(BUILT_IN, why))
        last, number = said[-1], len(said) + 1
        return Turn(
            number=number,
            proposed=last.proposed,
            chain=last.chain,
            analyst=left_early(last.analyst, number, why),
            by_model=last.by_model,
            usage=spent(self._store, request.incident_id),
            stopped=f"the model was unavailable in turn {number}; code judges what it proposed before",
        )

    @staticmethod
    def _service(request: InvestigateRequest, dossier: Dossier) -> str:
        services = request.manifest.scope.services
        return symptom_service(dossier, services[0] if services else "")


def _remarks(feedback: Sequence[str]) -> dict[str, str]:
    return {f"remark {number} of a person": text for number, text in enumerate(feedback, start=1)}
