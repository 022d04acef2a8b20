"""The analyst that settings ask for: a model behind enforcement, with the built-in analyst behind the model."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from autopilot.clients.model import ModelClient
from autopilot.incident.base import clean
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.ports import CaseStore, DiagnoseRequest, Failure
from autopilot.reasoning import builtin, model_analyst
from autopilot.reasoning.asking.answers import CaseAnswers
from autopilot.reasoning.asking.asker import Asker
from autopilot.reasoning.asking.budget import Ledger
from autopilot.reasoning.casefile import load_dossier, load_edges
from autopilot.reasoning.judging.citations import neighbourhood
from autopilot.reasoning.asking.prices import price_of
from autopilot.settings import Model

log = structlog.get_logger()

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


def unavailable(name: str, failure: Failure) -> str:
    """The label of work that a model was meant to do."""
    return f"{name} (model unavailable: {clean(str(failure), 200)})"


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
    ) -> None:
        """Raises Failure when a model is configured without a usable key.

        Args:
            settings: `kind: none` never asks a model.
            store: Where dossiers and answers are.
            client: A client to share with the planner; built from settings when absent.
            patience: When to give up on the model.
            mask_ips: Whether IP addresses are masked in prompts too.
        """
        self._store = store
        self._model = (client or ModelClient(settings)) if settings.kind == "openai" else None
        self._patience = patience or Patience()
        self._mask_ips = mask_ips

    def diagnose(self, request: DiagnoseRequest) -> Diagnosis:
        """See `Analyst`. Usage counts every answer used, whether paid now or by an attempt that was lost."""
        dossier = load_dossier(self._store, request.dossier)
        services = request.manifest.scope.services
        service = builtin.symptom_service(dossier, services[0] if services else "")
        if self._model is None:
            label = f"{builtin.NAME} (no model configured)"
            return builtin.diagnose(dossier, service=service, feedback=request.feedback, analyst=label)
        model = self._model
        asker = asker_for(
            model, self._store, request.incident_id, self._patience, request.tokens_left, request.money_left_usd
        )
        try:
            edges = load_edges(self._store, request.manifest)
            diagnosis = model_analyst.diagnose(
                asker,
                dossier,
                service=service,
                feedback=request.feedback,
                neighbours=neighbourhood(edges) if edges else None,
                ips=self._mask_ips,
            )
        except Failure as failure:
            log.warning("model gave no diagnosis", incident_id=request.incident_id, model=model.name,
                        who=failure.who, reason=clean(str(failure), 300))  # fmt: skip
            plain = builtin.diagnose(
                dossier, service=service, feedback=request.feedback, analyst=unavailable(builtin.NAME, failure)
            )
            dropped = failure.dropped if isinstance(failure, model_analyst.NothingSupported) else ()
            return plain.model_copy(update={"usage": asker.usage, "dropped_claims": dropped})
        return diagnosis.model_copy(update={"analyst": model_label(model)})
