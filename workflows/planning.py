"""From a diagnosis to a plan whose every option was inspected and dry-run: ActionPlanner's orchestration."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.plan import Planning as Activities
from activities.plan import PrepareOption
from autopilot.incident.ids import digest
from autopilot.incident.plan import DraftOption, Offer, Option, Plan, PlanDraft
from autopilot.incident.playbook import Playbook
from autopilot.incident.ports import ChooseRequest, PlanRequest
from autopilot.incident.state import IncidentState
from workflows.calls import ASK, QUICK, THINK, call
from workflows.people import People

MAX_INFEASIBLE = 5
CHOICE_SECONDS = 30.0
"""Time for a model to choose; people are waiting for the options."""


class Planning:
    """A shortlist, what of it can work now, and the choice among that; the plan lands in the state."""

    def __init__(self, state: IncidentState, people: People) -> None:
        self._state = state
        self._people = people

    async def plan(self) -> None:
        """Make the next plan revision. No options is a valid plan: people are asked all the same."""
        state, request = self._state, self._request()
        state.plan_revision += 1
        shortlist = await call(Activities.shortlist, request, THINK, "look for steps that would help")
        offers = await self._inspected(shortlist.offers)
        can_work = tuple(o for o in offers if o.prepared and o.prepared.feasible)
        draft = await self._choose(ChooseRequest(plan=request, offers=can_work))
        state.usage = draft.usage
        state.plan = Plan(
            incident_id=state.incident_id,
            revision=state.plan_revision,
            options=await self._options(draft, can_work),
            infeasible=tuple(o.prepared for o in offers if o.prepared and not o.prepared.feasible)[:MAX_INFEASIBLE],
            recommendations=shortlist.recommendations,
            analyst=draft.analyst,
            refused=draft.refused,
            notes=draft.notes,
            ask_people=draft.ask_people,
            opened_by=state.alert.alert_digest,
            change_authors=request.diagnosis.best.change_authors if request.diagnosis.best else (),
        )
        state.decision = None
        state.milestones["options"] = workflow.now()

    def _request(self) -> PlanRequest:
        state = self._state
        if state.diagnosis is None or state.manifest is None or state.dossier is None:
            raise ValueError("a plan needs a diagnosis")
        playbook = state.snapshot.playbook if state.snapshot else Playbook()
        return PlanRequest(
            incident_id=state.incident_id,
            manifest=state.manifest,
            dossier=state.dossier,
            diagnosis=state.diagnosis,
            max_options=playbook.max_options,
            avoid=tuple(state.failed_actions),
            signals=tuple(state.signals),
            limits=state.limits,
        )

    async def _choose(self, request: ChooseRequest) -> PlanDraft:
        """A model's choice among the offers, else the built-in one."""
        try:
            kind = ASK.within(min(CHOICE_SECONDS, request.plan.limits.seconds))
            return await call(Activities.choose_options, request, kind, "choose options that really differ")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            alone = request.model_copy(update={"without_model": str(error.cause)})
            return await call(Activities.choose_options, alone, QUICK, "choose options without a model")

    async def _inspected(self, offers: tuple[Offer, ...]) -> tuple[Offer, ...]:
        """Every offer with what its inspection said; one that could not be inspected is left out, and said."""
        prepared = await self._prepared([offer.draft for offer in offers])
        pairs = zip(offers, prepared, strict=True)
        return tuple(offer.model_copy(update={"prepared": option}) for offer, option in pairs if option is not None)

    async def _options(self, draft: PlanDraft, offers: tuple[Offer, ...]) -> tuple[Option, ...]:
        """The chosen options with their numbers; what is new in a combination is inspected as a whole."""
        known = {digest(*offer.draft.steps): offer.prepared for offer in offers}
        fresh = [option for option in draft.options if digest(*option.steps) not in known]
        inspected = await self._prepared(fresh)
        known |= {digest(*draft.steps): option for draft, option in zip(fresh, inspected, strict=True)}
        found = [(option, known[digest(*option.steps)]) for option in draft.options]
        told = [
            prepared.model_copy(
                update={"title": option.title, "why": option.why, "finding_ids": option.finding_ids}
            )
            for option, prepared in found
            if prepared is not None
        ]
        return tuple(option.model_copy(update={"id": number}) for number, option in enumerate(told, start=1))

    async def _prepared(self, drafts: list[DraftOption]) -> list[Option | None]:
        """Inspect and dry-run side by side; None where that failed."""
        orders = [PrepareOption(number=n, draft=draft) for n, draft in enumerate(drafts, start=1)]
        calls = [call(Activities.prepare_option, o, QUICK, f"dry-run: {o.draft.title}") for o in orders]
        results = await asyncio.gather(*calls, return_exceptions=True)
        for error in results:
            if isinstance(error, ActivityError) and not is_cancelled_exception(error):
                self._people.record("note", f"an option was left out, it could not be prepared: {error.cause}")
            elif isinstance(error, BaseException):
                raise error
        return [option if isinstance(option, Option) else None for option in results]
