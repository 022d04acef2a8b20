"""The built-in analyst: it explains, tests and judges without any model, and is always there."""

from collections.abc import Sequence

from autopilot.incident.diagnosis import Diagnosis
from autopilot.incident.finding import Dossier
from autopilot.incident.investigation import Limits, Turn
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
    label: str = BUILT_IN,
) -> Turn:
    """The explanations that code weighs, each with the probes that could refute it. It needs no second turn.

    Args:
        dossier: What analysis found.
        service: The service that alarmed, when known.
        feedback: What people want to be tested.
        limits: How many probes may be made.
        label: How the analyst is named to readers.
    """
    service = symptom_service(dossier, service)
    proposed = propose(dossier, service, ideas(feedback, dossier, service))
    claims = {n: Claim.of(p) for n, p in enumerate(proposed, start=1)}
    probes = attacks_on(claims, (), (limits or Limits()).probes, alarmed=service)
    return Turn(number=1, proposed=proposed, probes=probes, analyst=label, by_model=False, stopped=STOPPED)


def diagnose(
    dossier: Dossier,
    *,
    service: str = "",
    feedback: Sequence[str] = (),
) -> Diagnosis:
    """What code alone concludes from a dossier. Deterministic; never raises on thin evidence but abstains."""
    service = symptom_service(dossier, service)
    said = turn(dossier, service=service, feedback=feedback)
    evidence = Evidence(dossier, service, asked=ideas(feedback, dossier, service))
    return conclude((said,), evidence)
