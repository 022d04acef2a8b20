"""From a sealed case to a plan: RootCauseAnalyzer's and ActionPlanner's orchestration."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.analyze import AnalyzeCase, Analyzing
from activities.plan import Planning, PrepareOption
from activities.review import Reviewing
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import DossierBrief
from autopilot.incident.plan import Option, Plan, PlanDraft
from autopilot.incident.ports import DiagnoseRequest, PlanRequest
from autopilot.incident.state import IncidentState
from workflows.calls import QUICK, THINK, call
from workflows.people import People


class Analysis:
    """What is found, concluded and proposed; every result lands in the state."""

    def __init__(self, state: IncidentState, people: People) -> None:
        self._state = state
        self._people = people

    async def find(self) -> None:
        """Case → dossier. Finding ids go on where the last round ended."""
        state, manifest = self._state, self._manifest()
        state.rounds += 1
        first = state.dossier.next_finding if state.dossier else 1
        order = AnalyzeCase(manifest=manifest, first_finding=first)
        state.dossier = await call(Analyzing.analyze_case, order, THINK, "find what changed, when and where")
        state.signals = state.signals or list(state.dossier.signals)

    async def diagnose(self) -> Diagnosis:
        """Dossier → diagnosis, and the readable report of it."""
        state = self._state
        request = DiagnoseRequest(
            incident_id=state.incident_id,
            manifest=self._manifest(),
            dossier=self._dossier(),
            feedback=tuple(state.feedback),
        )
        diagnosis = await call(Analyzing.diagnose, request, THINK, "weigh competing explanations")
        state.diagnosis = diagnosis
        state.usage = state.usage.plus(diagnosis.usage)
        state.milestones["diagnosis"] = workflow.now()
        await self._report()
        return diagnosis

    async def plan(self) -> None:
        """Diagnosis → a plan revision whose every option was inspected and dry-run."""
        state = self._state
        if state.diagnosis is None or state.snapshot is None:
            raise ValueError("a plan needs a diagnosis")
        state.plan_revision += 1
        request = PlanRequest(
            incident_id=state.incident_id,
            manifest=self._manifest(),
            dossier=self._dossier(),
            diagnosis=state.diagnosis,
            max_options=state.snapshot.playbook.max_options,
            avoid=tuple(state.failed_actions),
        )
        draft = await call(Planning.draft_plan, request, THINK, "choose options out of the catalogue")
        state.usage = state.usage.plus(draft.usage)
        state.plan = Plan(
            incident_id=state.incident_id,
            revision=state.plan_revision,
            options=await self._prepared(draft),
            recommendations=draft.recommendations,
            analyst=draft.analyst,
        )
        state.decision = None
        state.milestones["options"] = workflow.now()

    async def _prepared(self, draft: PlanDraft) -> tuple[Option, ...]:
        orders = [PrepareOption(number=n, draft=option) for n, option in enumerate(draft.options, start=1)]
        calls = [
            call(Planning.prepare_option, o, QUICK, f"dry-run option {o.number}: {o.draft.title}") for o in orders
        ]
        prepared = await asyncio.gather(*calls, return_exceptions=True)
        for error in prepared:
            if isinstance(error, ActivityError) and not is_cancelled_exception(error):
                self._people.record("note", f"an option was left out, it could not be prepared: {error.cause}")
            elif isinstance(error, BaseException):
                raise error
        return tuple(option for option in prepared if isinstance(option, Option))

    async def _report(self) -> None:
        """The readable root cause report; without it the incident goes on."""
        try:
            self._state.report = await call(Reviewing.write_report, self._state, THINK, "write the cause report")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._people.record("note", f"the report was not written: {error.cause}")

    def _manifest(self) -> CaseManifest:
        if self._state.manifest is None:
            raise ValueError("there is nothing to analyse before a case was collected")
        return self._state.manifest

    def _dossier(self) -> DossierBrief:
        if self._state.dossier is None:
            raise ValueError("there is nothing to conclude from before a case was analysed")
        return self._state.dossier
