"""From a sealed case to a diagnosis: RootCauseAnalyzer's orchestration."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ActivityError, is_cancelled_exception

from activities.analyze import AnalyzeCase, Analyzing
from activities.review import Reviewing
from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.evidence import CaseManifest, Gap
from autopilot.incident.finding import DossierBrief
from autopilot.incident.investigation import (
    FINDINGS_PER_PROBE,
    Investigation,
    Limits,
    Probe,
    ProbeResult,
    Turn,
    probes_left,
    stopped_because,
)
from autopilot.incident.ports import InvestigateRequest, ProbeOrder
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
        state, limits = self._state, self._limits()
        state.investigation = Investigation(started=workflow.now(), next_finding=self._dossier().next_finding)
        stopped = ""
        while not stopped:
            turn = await self._propose(limits)
            self._note(turns=(*self._investigation().turns, turn))
            await self._probe(probes_left(self._investigation(), limits), COLLECT.within(self._left(limits)))
            stopped = stopped_because(self._investigation(), limits, workflow.now())
        conclusion = await call(Analyzing.conclude, self._request(limits), THINK, "check every claim and judge")
        state.dossier = conclusion.dossier
        state.diagnosis = conclusion.diagnosis.model_copy(update={"stopped": stopped})
        state.milestones["diagnosis"] = workflow.now()
        await self._report()
        return state.diagnosis

    async def _propose(self, limits: Limits) -> Turn:
        """One turn of the analyst; a model that does not answer in time is done without."""
        request = self._request(limits)
        number = len(request.investigation.turns) + 1
        left = self._left(limits)
        try:
            turn = await call(
                Analyzing.propose, request, ASK.within(left), f"turn {number}: explanations and tests"
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            alone = request.model_copy(update={"without_model": str(error.cause)})
            turn = await call(Analyzing.propose, alone, QUICK, f"turn {number} without a model")
        self._state.usage = turn.usage
        return turn

    async def _probe(self, probes: tuple[Probe, ...], kind: Kind) -> None:
        """Ask all probes of a turn at once; their findings follow the dossier's in the order of the probes."""
        investigation = self._investigation()
        first = investigation.next_finding
        orders = [
            ProbeOrder(
                manifest=self._manifest(),
                dossier=self._dossier(),
                probe=probe,
                first_finding=first + FINDINGS_PER_PROBE * index,
            )
            for index, probe in enumerate(probes)
        ]
        results = await asyncio.gather(*(self._ask(order, kind) for order in orders))
        self._note(
            results=(*investigation.results, *results),
            next_finding=first + FINDINGS_PER_PROBE * len(orders),
        )

    async def _ask(self, order: ProbeOrder, kind: Kind) -> ProbeResult:
        """One follow-up query; one that fails or takes too long is an unanswered test."""
        probe = order.probe
        try:
            return await call(Analyzing.probe, order, kind, f"{probe.id} {probe.name}: {probe.why}")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            gap = Gap(source=probe.name, kind="failed", what=f"probe {probe.id} was not answered: {error.cause}")
            return ProbeResult(probe=probe, outcome="unknown", summary=gap.what, gaps=(gap,))

    async def _report(self) -> None:
        """The readable root cause report; without it the incident goes on."""
        try:
            self._state.report = await call(Reviewing.write_report, self._state, THINK, "write the cause report")
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            self._people.record("note", f"the report was not written: {error.cause}")

    def _request(self, limits: Limits) -> InvestigateRequest:
        return InvestigateRequest(
            incident_id=self._state.incident_id,
            manifest=self._manifest(),
            dossier=self._dossier(),
            investigation=self._investigation(),
            limits=limits,
            feedback=tuple(self._state.feedback),
        )

    def _note(self, **changes: object) -> None:
        self._state.investigation = self._investigation().model_copy(update=changes)

    def _left(self, limits: Limits) -> float:
        """Seconds until the investigation's time limit; negative when it has passed."""
        return limits.seconds - (workflow.now() - self._investigation().started).total_seconds()

    def _limits(self) -> Limits:
        return self._state.snapshot.playbook.investigation if self._state.snapshot else Limits()

    def _investigation(self) -> Investigation:
        if self._state.investigation is None:
            raise ValueError("no investigation is under way")
        return self._state.investigation

    def _manifest(self) -> CaseManifest:
        if self._state.manifest is None:
            raise ValueError("there is nothing to analyse before a case was collected")
        return self._state.manifest

    def _dossier(self) -> DossierBrief:
        if self._state.dossier is None:
            raise ValueError("there is nothing to conclude from before a case was analysed")
        return self._state.dossier
