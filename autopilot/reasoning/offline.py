"""An investigation without Temporal: stored cases re-analysed, benchmarks, tests. The same turns, in one call."""

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from autopilot.incident.evidence import CaseManifest
from autopilot.incident.finding import DossierBrief
from autopilot.incident.investigation import Investigation, Limits, ProbeResult, Turn, stopped_because
from autopilot.incident.ports import (
    Analyst,
    Attempt,
    Conclusion,
    Failure,
    InvestigateRequest,
    ProbeOrder,
    Prober,
)
from autopilot.incident.rounds import probe_orders, unanswered, with_results, with_turn

ATTEMPTS = 3
"""Model calls per turn before code goes on alone."""
TURN_SECONDS, ATTEMPT_SECONDS, LEAST_SECONDS = 60.0, 45.0, 5.0
"""Of all attempts of a turn, of one attempt, and what a turn gets although the time limit is near."""


def investigate(
    analyst: Analyst,
    prober: Prober,
    manifest: CaseManifest,
    dossier: DossierBrief,
    *,
    limits: Limits | None = None,
    feedback: Sequence[str] = (),
    pause: Callable[[float], None] = time.sleep,
) -> tuple[Conclusion, Investigation]:
    """Turns and probes until a limit, then the conclusion. Raises Failure only when code alone cannot conclude.

    Args:
        analyst: Who proposes and judges.
        prober: Who answers probes.
        manifest: The case.
        dossier: What analysis found in it.
        limits: How far the investigation may go.
        feedback: What people want to be tested.
        pause: How the seconds between two attempts at a model are spent.
    """
    limits = limits or Limits()
    request = InvestigateRequest(
        incident_id=manifest.scope.incident_id,
        manifest=manifest,
        dossier=dossier,
        investigation=Investigation(started=datetime.now(UTC), next_finding=dossier.next_finding),
        limits=limits,
        feedback=tuple(feedback),
    )
    while not request.stopped:
        request = with_turn(request, _turn(request, analyst, pause))
        request = with_results(request, [_ask(order, prober) for order in probe_orders(request)])
        why = stopped_because(request.investigation, limits, datetime.now(UTC))
        request = request.model_copy(update={"stopped": why})
    return analyst.conclude(request), request.investigation


def _turn(request: InvestigateRequest, analyst: Analyst, pause: Callable[[float], None]) -> Turn:
    """The analyst's turn; a model that fails, or that asks to wait for too long, is done without."""
    spent = (datetime.now(UTC) - request.investigation.started).total_seconds()
    left, why = max(LEAST_SECONDS, min(TURN_SECONDS, request.limits.seconds - spent)), ""
    for number in range(1, ATTEMPTS + 1):
        started = time.monotonic()
        try:
            return analyst.propose(request, Attempt(number=number, seconds=min(ATTEMPT_SECONDS, left)))
        except Failure as failure:
            why = str(failure)
            wait = failure.retry_after if failure.retry_after is not None else 2.0 ** (number - 1)
            left -= time.monotonic() - started + wait
            if failure.who in ("operator", "developer") or number == ATTEMPTS or left <= 0:
                break
            pause(wait)
    return analyst.propose(request.model_copy(update={"without_model": why}), Attempt())


def _ask(order: ProbeOrder, prober: Prober) -> ProbeResult:
    """One follow-up query; one that fails is an unanswered test."""
    try:
        return prober.probe(order)
    except Failure as failure:
        return unanswered(order.probe, failure)
