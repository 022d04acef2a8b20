"""An investigation without Temporal: stored cases re-analysed, benchmarks, tests. The same turns, in one call."""

from collections.abc import Sequence
from datetime import UTC, datetime

from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import DossierBrief
from autopilot.incident.investigation import (
    FINDINGS_PER_PROBE,
    Investigation,
    Limits,
    ProbeResult,
    Turn,
    probes_left,
    stopped_because,
)
from autopilot.incident.ports import (
    Analyst,
    Attempt,
    Conclusion,
    Failure,
    InvestigateRequest,
    ProbeOrder,
    Prober,
)

ATTEMPTS = 3
"""Model calls per turn before code goes on alone."""


def investigate(
    analyst: Analyst,
    prober: Prober,
    manifest: CaseManifest,
    dossier: DossierBrief,
    *,
    limits: Limits | None = None,
    feedback: Sequence[str] = (),
) -> tuple[Conclusion, Investigation]:
    """Turns and probes until a limit, then the conclusion. Raises Failure only when code alone cannot conclude."""
    limits = limits or Limits()
    request = InvestigateRequest(
        incident_id=manifest.scope.incident_id,
        manifest=manifest,
        dossier=dossier,
        investigation=Investigation(started=datetime.now(UTC), next_finding=dossier.next_finding),
        limits=limits,
        feedback=tuple(feedback),
    )
    stopped = ""
    while not stopped:
        request = _after_turn(request, _turn(request, analyst), prober)
        stopped = stopped_because(request.investigation, limits, datetime.now(UTC))
    conclusion = analyst.conclude(request)
    diagnosis = conclusion.diagnosis.model_copy(update={"stopped": stopped})
    return conclusion.model_copy(update={"diagnosis": diagnosis}), request.investigation


def _turn(request: InvestigateRequest, analyst: Analyst) -> Turn:
    """The analyst's turn; a model that fails is done without."""
    why = ""
    for number in range(1, ATTEMPTS + 1):
        try:
            return analyst.propose(request, Attempt(number=number))
        except Failure as failure:
            why = str(failure)
            if failure.who in ("operator", "developer"):
                break
    return analyst.propose(request.model_copy(update={"without_model": why}), Attempt())


def _after_turn(request: InvestigateRequest, turn: Turn, prober: Prober) -> InvestigateRequest:
    """The request with the turn and what its probes found."""
    before = request.investigation
    asked = before.model_copy(update={"turns": (*before.turns, turn)})
    results: list[ProbeResult] = []
    for index, probe in enumerate(probes_left(asked, request.limits)):
        first = before.next_finding + FINDINGS_PER_PROBE * index
        order = ProbeOrder(manifest=request.manifest, dossier=request.dossier, probe=probe, first_finding=first)
        results.append(prober.probe(order))
    following = before.next_finding + FINDINGS_PER_PROBE * len(results)
    after = asked.model_copy(update={"results": (*asked.results, *results), "next_finding": following})
    return request.model_copy(update={"investigation": after})
