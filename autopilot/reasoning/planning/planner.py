"""The planner: offers out of the catalogue and the inventory, ranked by code, chosen by code or by a model."""

from collections.abc import Sequence
from typing import Protocol

import structlog

from autopilot.incident.base import clean
from autopilot.incident.effect import same_series
from autopilot.incident.finding import Dossier
from autopilot.incident.ids import digest
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.plan import DraftOption, Offer, PlanDraft, Shortlist
from autopilot.incident.ports import Attempt, CaseStore, ChooseRequest, Failure, PlanRequest
from autopilot.reasoning.asking.asker import asker_for, spent
from autopilot.reasoning.asking.models import Models
from autopilot.reasoning.casefile import load_dossier, load_edges, load_inventory
from autopilot.reasoning.investigating.explaining import symptom_service
from autopilot.reasoning.judging.citations import enforce, neighbourhood
from autopilot.reasoning.labels import no_model, unavailable
from autopilot.reasoning.planning.calls import Chosen, askable, functions, labels, options_of
from autopilot.reasoning.planning.past import TrackRecord
from autopilot.reasoning.planning.prompt import messages
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.reasoning.planning.ranking import Group, back_to, choose, combined, idea, offer_of, score, spread
from autopilot.reasoning.planning.recommendations import recommendations
from autopilot.reasoning.prompts.redaction import Redaction
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.settings import Model

log = structlog.get_logger()

NAME = "built-in planner"
MAX_NOTES = 8


class OffersCandidates(Protocol):
    """The one thing that planning needs of a tool; it cannot inspect or change anything."""

    @property
    def name(self) -> str:
        """See `Tool`."""
        ...

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """See `Tool`."""
        ...


def primary_symptom(dossier: Dossier, service: str, signals: Sequence[Signal] = ()) -> MetricRef | None:
    """The first watched series that was measured; else what alarmed, then the most unusual of the service."""
    measured = [f for f in dossier.findings if f.metric is not None]
    watched = (f.metric for s in signals for f in measured if f.metric and same_series(f.metric, s.metric))
    if (first := next(watched, None)) is not None:
        return first
    measured.sort(key=lambda f: (f.kind != "alarm", f.service != service, -f.score, f.id))
    return measured[0].metric if measured else None


def candidates_for(tools: Sequence[OffersCandidates], context: Context, avoid: Sequence[str]) -> list[Candidate]:
    """What could be done to every observed resource, without what was tried in vain or has no provenance.

    A version that was gone back to in vain helps no more when another tool goes back to it.
    """
    found: list[Candidate] = []
    for item in context.inventory:
        for tool in tools:
            for candidate in tool.candidates(item, context):
                problem = provenance_problem(candidate, context.inventory, context.dossier)
                if problem:
                    log.warning("step refused for want of provenance", problem=clean(problem, 300))
                else:
                    found.append(candidate)
    tried = [c.step for c in found if f"{c.step.tool} {c.step.target}" in avoid]
    gone = {back for step in tried if (back := back_to(step))}
    return [c for c in found if c.step not in tried and back_to(c.step) not in gone]


def differences(chosen: Sequence[Group], ours: Sequence[Group], planted: bool) -> list[str]:
    """One note per option of a model that code alone would not have put there."""
    place = {idea(group): number for number, group in enumerate(ours, start=1)}
    mark = "Mind: orders were found planted in the collected data. " if planted else ""
    notes: list[str] = []
    for number, group in enumerate(chosen, start=1):
        at = place.get(idea(group))
        if at == number:
            continue
        instead = combined(ours[number - 1]).title if number <= len(ours) else "nothing"
        besides = f"this as option {at}" if at else "not offered this"
        alone = f"code alone would have put {instead} there and {besides}"
        notes.append(f"{mark}Option {number} was chosen by the model; {alone}.")
    return notes


class ConfiguredPlanner:
    """Diagnosis → at most three different options. A model may choose among offers, never write one."""

    def __init__(
        self,
        settings: Model,
        store: CaseStore,
        tools: Sequence[OffersCandidates],
        *,
        models: Models | None = None,
        track_record: TrackRecord | None = None,
    ) -> None:
        """Raises Failure when a model is configured without a usable key.

        Args:
            settings: `kind: none` never asks a model.
            store: Where dossiers, inventories and answers are.
            tools: The remediation catalogue.
            models: Models to share with the analyst; built from settings when absent.
            track_record: (service, tool) → (times it worked, times it was tried).
        """
        self._store, self._tools, self._track = store, tools, track_record
        self._models = models or Models(settings)
        self._about = {tool.name: clean((type(tool).__doc__ or tool.name).split("\n")[0], 200) for tool in tools}

    def shortlist(self, request: PlanRequest) -> Shortlist:
        """See `Planner`."""
        dossier = load_dossier(self._store, request.dossier)
        near = neighbourhood(load_edges(self._store, request.manifest))
        candidates = self._candidates(request, dossier)
        scored = spread(score(candidates, request.diagnosis, dossier, near, _Remembered(self._track)))
        return Shortlist(
            offers=tuple(offer_of(number, one) for number, one in enumerate(scored, start=1)),
            recommendations=recommendations(request.diagnosis.hypotheses, dossier),
        )

    def choose(self, request: ChooseRequest, attempt: Attempt) -> PlanDraft:
        """See `Planner`. No options is a valid result: the incident is then handed to people."""
        dossier = load_dossier(self._store, request.plan.dossier)
        offers = self._still_offered(request, dossier)
        ours = choose(offers, request.plan.max_options)
        plain = PlanDraft(
            options=tuple(combined(group) for group in ours),
            analyst=no_model(NAME),
            usage=spent(self._store, request.plan.incident_id),
        )
        if not self._models.configured:
            return plain
        if request.without_model:
            return plain.model_copy(update={"analyst": unavailable(NAME, request.without_model)})
        redaction = Redaction(ips=self._models.settings.mask_ips, key=request.plan.incident_id)
        known = askable(offers, redaction)
        if not known:
            return plain.model_copy(update={"analyst": f"{NAME} (nothing for a model to choose from)"})
        return self._by_model(request.plan, dossier, known, plain, ours, attempt, redaction)

    def _by_model(
        self,
        request: PlanRequest,
        dossier: Dossier,
        known: Sequence[Offer],
        plain: PlanDraft,
        ours: Sequence[Group],
        attempt: Attempt,
        redaction: Redaction,
    ) -> PlanDraft:
        """The model's choice, filled up with what code would have offered besides. Raises Failure."""
        asker = asker_for(self._models, "planning", self._store, request.incident_id, attempt, request.limits)
        named, limit = labels(known, redaction), request.max_options
        calls = asker.call(
            messages(request.diagnosis, known, named, limit, redaction),
            functions(known, named, limit, self._about),
        )
        chosen = options_of(calls, known, named, limit)
        counted = plain.model_copy(update={"usage": asker.usage, "refused": chosen.refused})
        if not chosen.groups:
            why = f"{NAME} ({asker.label} chose nothing that was offered)"
            return counted.model_copy(update={"analyst": why})
        options, notes = _told(chosen, dossier, redaction)
        taken = {idea(group) for group in chosen.groups}
        added = [group for group in ours if idea(group) not in taken][: limit - len(options)]
        differing = differences(chosen.groups, ours, bool(request.diagnosis.planted))
        notes = [*differing, *notes]
        notes += [
            f"Option {number} was added by code; the model did not choose it."
            for number, _ in enumerate(added, start=len(options) + 1)
        ]
        options = (*options, *(combined(group) for group in added))
        return counted.model_copy(
            update={
                "options": options,
                "analyst": asker.label,
                "notes": tuple(notes[:MAX_NOTES]),
                "ask_people": bool(differing and request.diagnosis.planted),
            }
        )

    def _candidates(self, request: PlanRequest, dossier: Dossier) -> list[Candidate]:
        inventory = load_inventory(self._store, request.manifest)
        services = request.manifest.scope.services
        service = symptom_service(dossier, services[0] if services else "")
        symptom = primary_symptom(dossier, service, request.signals)
        context = Context(dossier=dossier, inventory=inventory, symptom=symptom)
        return candidates_for(self._tools, context, request.avoid)

    def _still_offered(self, request: ChooseRequest, dossier: Dossier) -> tuple[Offer, ...]:
        """The offers that can work and whose step the catalogue offers on the sealed inventory, to the letter."""
        known = {digest(candidate.step) for candidate in self._candidates(request.plan, dossier)}
        return tuple(
            offer
            for offer in request.offers
            if (offer.prepared is None or offer.prepared.feasible)
            and all(digest(step) in known for step in offer.draft.steps)
        )


class _Remembered:
    """The track record as one plan reads it: once per service and tool, and not again after it could not be read.

    A plan is worth more than its ranking, so what cannot be read counts as nothing tried.
    """

    def __init__(self, track: TrackRecord | None) -> None:
        self._track = track
        self._known: dict[tuple[str, str], tuple[int, int]] = {}

    def __call__(self, service: str, tool: str) -> tuple[int, int]:
        if (service, tool) not in self._known and self._track is not None:
            try:
                self._known[service, tool] = self._track(service, tool)
            except Failure as failure:
                self._track = None
                log.warning("track record not read", service=service, tool=tool, reason=clean(str(failure), 300))
        return self._known.get((service, tool), (0, 0))


def _told(chosen: Chosen, dossier: Dossier, redaction: Redaction) -> tuple[tuple[DraftOption, ...], list[str]]:
    """The chosen options with the reasons that findings support; the others keep ours, and a note says so.

    A reason is held to the findings as readers see them: what was masked in the prompt is restored first.
    """
    options: list[DraftOption] = []
    notes: list[str] = []
    for number, (group, reason) in enumerate(zip(chosen.groups, chosen.reasons, strict=True), start=1):
        plain = combined(group)
        supported = enforce(redaction.restore(reason), plain.finding_ids, dossier, plain.steps[0].service)
        if reason and not supported.text:
            notes.append(f"The model's reason for option {number} was replaced by ours: no finding supports it.")
        options.append(combined(group, supported.text))
    return tuple(options), notes
