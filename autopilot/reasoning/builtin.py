"""The built-in analyst: it explains, tests and judges without any model, and is always there."""

from collections.abc import Sequence

from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Limits, Probe, ProbeResult, Turn
from autopilot.reasoning.investigating.conclusion import Evidence, conclude
from autopilot.reasoning.investigating.explaining import propose, symptom_service
from autopilot.reasoning.investigating.feedback import ideas
from autopilot.reasoning.investigating.testing import attacks_on
from autopilot.reasoning.judging.claim import Claim
from autopilot.reasoning.labels import BUILT_IN

STOPPED = "code judges its hypotheses by the answers to these tests; it asks no further ones"


def turn(
    dossier: Dossier,
    *,
    service: str = "",
    feedback: Sequence[str] = (),
    limits: Limits | None = None,
    asked: Sequence[Probe] = (),
    label: str = BUILT_IN,
    number: int = 1,
) -> Turn:
    """The explanations that code weighs, each with the probes that could refute it. It needs no second turn.

    Args:
        dossier: What analysis found.
        service: The service that alarmed, when known.
        feedback: What people want to be tested.
        limits: How many probes may be made.
        asked: Probes of earlier turns; none is asked twice.
        label: How the analyst is named to readers.
        number: The number of the turn.
    """
    service = symptom_service(dossier, service)
    proposed = propose(dossier, service, ideas(feedback, dossier, service))
    claims = {n: Claim(p.cause_kind, p.service, p.resource, p.change_id) for n, p in enumerate(proposed, start=1)}
    probes = attacks_on(claims, asked, (limits or Limits()).probes, alarmed=service)
    return Turn(number=number, proposed=proposed, probes=probes, analyst=label, stopped=STOPPED)


def diagnose(
    dossier: Dossier,
    *,
    service: str = "",
    feedback: Sequence[str] = (),
    results: tuple[ProbeResult, ...] = (),
    label: str = BUILT_IN,
) -> Diagnosis:
    """What code alone concludes from a dossier. Deterministic; never raises on thin evidence but abstains."""
    service = symptom_service(dossier, service)
    said = turn(dossier, service=service, feedback=feedback, label=label)
    evidence = Evidence(dossier, service, results, ideas(feedback, dossier, service))
    return conclude((said,), evidence)
