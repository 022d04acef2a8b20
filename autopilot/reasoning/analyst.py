"""The analyst that settings ask for: a model behind enforcement, with the built-in analyst behind the model."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from autopilot.clients.model import ModelClient
from autopilot.incident.base import clean
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Turn
from autopilot.incident.ports import Attempt, CaseStore, Conclusion, InvestigateRequest
from autopilot.reasoning import builtin, model_analyst
from autopilot.reasoning.asking.answers import CaseAnswers
from autopilot.reasoning.asking.asker import Asker
from autopilot.reasoning.asking.budget import Ledger
from autopilot.reasoning.asking.prices import price_of
from autopilot.reasoning.casefile import load_dossier, load_edges
from autopilot.reasoning.judging.citations import neighbourhood
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


NO_MODEL = f"{builtin.NAME} (no model configured)"


def unavailable(name: str, why: str) -> str:
    """The label of work that a model was meant to do."""
    return f"{name} (model unavailable: {clean(why, 200)})"


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

    def propose(self, request: InvestigateRequest, attempt: Attempt) -> Turn:
        """See `Analyst`."""
        dossier, number = self._dossier(request), len(request.investigation.turns) + 1
        service = self._service(request, dossier)
        if self._model is None or request.without_model:
            why = unavailable(builtin.NAME, request.without_model) if self._model else NO_MODEL
            proposed = builtin.propose(dossier, service=service, feedback=request.feedback)
            return Turn(number=number, proposed=proposed, analyst=why, stopped="code judges its own hypotheses")
        patience = replace(self._patience, seconds=min(self._patience.seconds, attempt.seconds))
        asker = asker_for(
            self._model, self._store, request.incident_id, patience, request.limits.tokens, request.limits.usd
        )
        proposed, chain = model_analyst.propose(
            asker, dossier, service=service, feedback=request.feedback, ips=self._mask_ips
        )
        return Turn(
            number=number, proposed=proposed, chain=chain, analyst=model_label(self._model), usage=asker.usage
        )

    def conclude(self, request: InvestigateRequest) -> Conclusion:
        """See `Analyst`."""
        dossier, last = self._dossier(request), request.investigation.turns[-1]
        service = self._service(request, dossier)
        edges = load_edges(self._store, request.manifest)
        try:
            diagnosis = model_analyst.judge(
                last.proposed,
                last.chain,
                dossier,
                service=service,
                feedback=request.feedback,
                neighbours=neighbourhood(edges) if edges else None,
            )
        except model_analyst.NothingSupported as failure:
            label = unavailable(builtin.NAME, str(failure))
            plain = builtin.diagnose(dossier, service=service, feedback=request.feedback, analyst=label)
            diagnosis = plain.model_copy(update={"dropped_claims": failure.dropped})
        return Conclusion(
            diagnosis=diagnosis.model_copy(update={"analyst": last.analyst, "usage": last.usage}),
            dossier=request.dossier,
        )

    def _dossier(self, request: InvestigateRequest) -> Dossier:
        """The dossier with what the probes found."""
        dossier = load_dossier(self._store, request.dossier)
        found = tuple(f for result in request.investigation.results for f in result.findings)
        return dossier.model_copy(update={"findings": dossier.findings + found})

    @staticmethod
    def _service(request: InvestigateRequest, dossier: Dossier) -> str:
        services = request.manifest.scope.services
        return builtin.symptom_service(dossier, services[0] if services else "")
