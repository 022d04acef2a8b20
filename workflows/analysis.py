"""From a sealed case to a diagnosis: RootCauseAnalyzer's orchestration."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.analyze import AnalyzeCase, Analyzing
from activities.review import Reviewing
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import DossierBrief
from autopilot.incident.investigation import Investigation, ProbeResult, Turn, stopped_because
from autopilot.incident.ports import InvestigateRequest, ProbeOrder
from autopilot.incident.rounds import probe_orders, unanswered, with_results, with_turn
from autopilot.incident.state import IncidentState
from workflows.calls import ASK, COLLECT, QUICK, THINK, Kind, call
from workflows.people import People


class Analysis:
    """What is found, tested and concluded; every result lands in the state."""

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
        """Dossier → hypotheses ⇄ probes → diagnosis, and the readable report of it."""
        state = self._state
        request = self._request()
        while not request.stopped:
            request = with_turn(request, await self._propose(request))
            request = with_results(request, await self._probe(request))
            state.investigation = request.investigation
            why = stopped_because(request.investigation, request.limits, workflow.now())
            request = request.model_copy(update={"stopped": why})
        conclusion = await call(Analyzing.conclude, request, THINK, "check every claim and judge")
        state.dossier, state.diagnosis = conclusion.dossier, conclusion.diagnosis
        state.milestones["diagnosis"] = workflow.now()
        await self._report()
        return state.diagnosis

    async def _propose(self, request: InvestigateRequest) -> Turn:
        """One turn of the analyst; a model that does not answer in time is done without."""
        number, kind = len(request.investigation.turns) + 1, ASK.within(_left(request))
        try:
            turn = await call(Analyzing.propose, request, kind, f"turn {number}: explanations and tests")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            alone = request.model_copy(update={"without_model": str(error.cause)})
            turn = await call(Analyzing.propose, alone, QUICK, f"turn {number} without a model")
        self._state.usage = turn.usage
        return turn

    async def _probe(self, request: InvestigateRequest) -> list[ProbeResult]:
        """Ask all probes of the last turn at once."""
        kind = COLLECT.within(_left(request))
        return await asyncio.gather(*(self._ask(order, kind) for order in probe_orders(request)))

    async def _ask(self, order: ProbeOrder, kind: Kind) -> ProbeResult:
        """One follow-up query; one that fails or takes too long is an unanswered test."""
        probe = order.probe
        try:
            return await call(Analyzing.probe, order, kind, f"{probe.id} {probe.name}: {probe.why}")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return unanswered(probe, error.cause)

    async def _report(self) -> None:
        """The readable root cause report; without it the incident goes on."""
        try:
            self._state.report = await call(Reviewing.write_report, self._state, THINK, "write the cause report")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._people.record("note", f"the report was not written: {error.cause}")

    def _request(self) -> InvestigateRequest:
        dossier = self._dossier()
        return InvestigateRequest(
            incident_id=self._state.incident_id,
            manifest=self._manifest(),
            dossier=dossier,
            investigation=Investigation(started=workflow.now(), next_finding=dossier.next_finding),
            limits=self._state.limits,
            feedback=tuple(self._state.feedback),
        )

    def _manifest(self) -> CaseManifest:
        if self._state.manifest is None:
            raise ValueError("there is nothing to analyse before a case was collected")
        return self._state.manifest

    def _dossier(self) -> DossierBrief:
        if self._state.dossier is None:
            raise ValueError("there is nothing to conclude from before a case was analysed")
        return self._state.dossier


def _left(request: InvestigateRequest) -> float:
    """Seconds until the investigation's time limit; negative when it has passed."""
    return request.limits.seconds - (workflow.now() - request.investigation.started).total_seconds()
