"""The analyst that settings ask for: a model behind enforcement, with the built-in analyst behind the model."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from autopilot.clients.model import ModelClient
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Turn
from autopilot.incident.ports import Attempt, CaseStore, Conclusion, InvestigateRequest
from autopilot.reasoning import builtin, model_analyst
from autopilot.reasoning.asking.answers import CaseAnswers
from autopilot.reasoning.asking.asker import Asker
from autopilot.reasoning.asking.budget import Ledger
from autopilot.reasoning.asking.prices import price_of
from autopilot.reasoning.casefile import load_dossier, load_edges
from autopilot.reasoning.investigating.conclusion import Calibrate, Evidence, conclude
from autopilot.reasoning.investigating.explaining import symptom_service
from autopilot.reasoning.investigating.feedback import ideas
from autopilot.reasoning.investigating.merging import store_tested, with_answers
from autopilot.reasoning.judging.citations import neighbourhood
from autopilot.reasoning.labels import BUILT_IN, left_early, no_model, unavailable
from autopilot.reasoning.prompts.planted import planted
from autopilot.settings import Model

UNPRICED = "price unknown: only the token limit counts"


@dataclass(frozen=True)
class Patience:
    """How long and how often a model is tried before the built-in analyst takes over."""

    seconds: float = 40.0
    attempts: int = 3
    sleep: Callable[[float], None] = time.sleep


def model_label(model: ModelClient) -> str:
    """How a model is named to readers."""
    return model.name if price_of(model.settings) else f"{model.name} ({UNPRICED})"


def asker_for(
    model: ModelClient,
    store: CaseStore,
    incident_id: str,
    patience: Patience,
    tokens_left: int | None = None,
    usd_left: float | None = None,
) -> Asker:
    """Questions on behalf of one incident: its stored answers, its ledger, one deadline from now."""
    answers, settings = CaseAnswers(store, incident_id), model.settings
    ledger = Ledger(
        answers=answers,
        max_tokens=settings.max_tokens_per_incident,
        max_usd=settings.max_usd_per_incident,
        price=price_of(settings),
        tokens_left=tokens_left,
        usd_left=usd_left,
    )
    return Asker(model, answers, ledger, patience.seconds, patience.attempts, patience.sleep)


class ConfiguredAnalyst:
    """Dossier → Diagnosis as settings say. A model that fails costs time and money, never the diagnosis."""

    def __init__(
        self,
        settings: Model,
        store: CaseStore,
        *,
        client: ModelClient | None = None,
        patience: Patience | None = None,
        mask_ips: bool = False,
        calibrate: Calibrate | None = None,
    ) -> None:
        """Raises Failure when a model is configured without a usable key.

        Args:
            settings: `kind: none` never asks a model.
            store: Where dossiers and answers are.
            client: A client to share with the planner; built from settings when absent.
            patience: When to give up on the model.
            mask_ips: Whether IP addresses are masked in prompts too.
            calibrate: How often a confidence was right; without it every confidence is called uncalibrated.
        """
        self._store = store
        self._model = (client or ModelClient(settings)) if settings.kind == "openai" else None
        self._patience = patience or Patience()
        self._mask_ips = mask_ips
        self._calibrate = calibrate

    def propose(self, request: InvestigateRequest, attempt: Attempt) -> Turn:
        """See `Analyst`."""
        dossier = load_dossier(self._store, request.dossier)
        if self._model is None:
            return self._alone(request, dossier, no_model(BUILT_IN))
        if request.without_model:
            return self._without(request, dossier)
        service = self._service(request, dossier)
        patience = replace(self._patience, seconds=min(self._patience.seconds, attempt.seconds))
        asker = asker_for(
            self._model, self._store, request.incident_id, patience, request.limits.tokens, request.limits.usd
        )
        proposed, chain = model_analyst.propose(
            asker, dossier, service=service, feedback=request.feedback, ips=self._mask_ips
        )
        number = len(request.investigation.turns) + 1
        return Turn(
            number=number, proposed=proposed, chain=chain, analyst=model_label(self._model), usage=asker.usage
        )

    def conclude(self, request: InvestigateRequest) -> Conclusion:
        """See `Analyst`."""
        results = request.investigation.results
        found = load_dossier(self._store, request.dossier)
        dossier = with_answers(found, results)
        edges = load_edges(self._store, request.manifest)
        service = self._service(request, found)
        evidence = Evidence(
            dossier,
            service,
            results,
            ideas(request.feedback, found, service),
            neighbourhood(edges) if edges else None,
        )
        diagnosis = conclude(
            request.investigation.turns, evidence, calibrate=self._calibrate, planted=planted(dossier)
        )
        tested = store_tested(self._store, request.dossier, dossier, request.investigation)
        return Conclusion(diagnosis=diagnosis, dossier=tested)

    def _alone(self, request: InvestigateRequest, dossier: Dossier, label: str) -> Turn:
        """The turn of the built-in analyst."""
        return builtin.turn(
            dossier,
            service=self._service(request, dossier),
            feedback=request.feedback,
            limits=request.limits,
            label=label,
        )

    def _without(self, request: InvestigateRequest, dossier: Dossier) -> Turn:
        """The turn after a model failed: code's own at the start, later the model's last words as they stand."""
        said, why = request.investigation.turns, request.without_model
        if not said:
            return self._alone(request, dossier, unavailable(BUILT_IN, why))
        number = len(said) + 1
        label = left_early(said[-1].analyst, number, why)
        stopped = f"the model was unavailable in turn {number}; code judges what it proposed before"
        return said[-1].model_copy(
            update={"number": number, "probes": (), "refused": (), "analyst": label, "stopped": stopped}
        )

    @staticmethod
    def _service(request: InvestigateRequest, dossier: Dossier) -> str:
        services = request.manifest.scope.services
        return symptom_service(dossier, services[0] if services else "")
