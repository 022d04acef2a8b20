"""One round of an investigation: its probes in order, and what they found. Pure; the same in Temporal and out."""

from collections.abc import Sequence

from autopilot.incident.evidence import Gap
from autopilot.incident.investigation import FINDINGS_PER_PROBE, Probe, ProbeResult, Turn, probes_left
from autopilot.incident.ports import InvestigateRequest, ProbeOrder


def with_turn(request: InvestigateRequest, turn: Turn) -> InvestigateRequest:
    """The request after another turn of the analyst."""
    investigation = request.investigation
    return _with(request, turns=(*investigation.turns, turn))


def probe_orders(request: InvestigateRequest) -> tuple[ProbeOrder, ...]:
    """The probes of the last turn that the limits allow; their findings follow the dossier's in their order."""
    first = request.investigation.next_finding
    return tuple(
        ProbeOrder(
            manifest=request.manifest,
            dossier=request.dossier,
            probe=probe,
            first_finding=first + FINDINGS_PER_PROBE * index,
        )
        for index, probe in enumerate(probes_left(request.investigation, request.limits))
    )


def with_results(request: InvestigateRequest, results: Sequence[ProbeResult]) -> InvestigateRequest:
    """The request with what the probes of its last turn found."""
    investigation = request.investigation
    following = investigation.next_finding + FINDINGS_PER_PROBE * len(results)
    return _with(request, results=(*investigation.results, *results), next_finding=following)


def unanswered(probe: Probe, why: object) -> ProbeResult:
    """A probe that failed is a test that could not be made, and a gap."""
    gap = Gap(source=probe.name, kind="failed", what=f"probe {probe.id} was not answered: {why}")
    return ProbeResult(probe=probe, outcome="unknown", summary=gap.what, gaps=(gap,))


def _with(request: InvestigateRequest, **changes: object) -> InvestigateRequest:
    return request.model_copy(update={"investigation": request.investigation.model_copy(update=changes)})
