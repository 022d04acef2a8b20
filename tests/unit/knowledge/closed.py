"""Closed incidents, as the knowledge base is given them."""

from datetime import UTC, datetime, timedelta

from autopilot.incident.alert import Alert
from autopilot.incident.cause import CauseKind
from autopilot.incident.decision import Judgement
from autopilot.incident.diagnosis import Diagnosis, Doubted, Hypothesis, Standing
from autopilot.incident.finding import DossierBrief
from autopilot.incident.plan import StepResult
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Verdict

T = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
AIMS: dict[str, frozenset[CauseKind]] = {
    "dynamodb.set_capacity": frozenset({"capacity", "throttled", "traffic_surge"}),
    "lambda.rollback_alias": frozenset({"bad_deploy", "config_change"}),
    "jira.create_ticket": frozenset(),
}


def state(
    number: int,
    *,
    service: str = "checkout",
    signature: str = "sig-a",
    verdict: Verdict | None = "fixed",
    cause: CauseKind = "capacity",
    statement: str = "reads exceed the provisioned capacity of orders",
    tried: tuple[str, ...] = ("dynamodb.set_capacity",),
) -> IncidentState:
    """A closed incident in which one option after the other was tried; the last one got the verdict."""
    incident = f"incident-{service}.{number}"
    at = T - timedelta(days=number)
    return IncidentState(
        incident_id=incident,
        group=f"incident-{service}",
        opened_at=at,
        service=service,
        services=[service, "orders"],
        alerts=[
            Alert(
                source="sns",
                external_id=str(number),
                title="latency high",
                service=service,
                started_at=at,
                received_at=at,
            )
        ],
        dossier=DossierBrief(uri="x", revision=1, dossier_signature=signature),
        diagnosis=Diagnosis(
            revision=1,
            hypotheses=(Hypothesis(statement=statement, cause_kind=cause, service=service),),
            analyst="built-in",
        ),
        judgements=[
            Judgement(
                decision_id=str(n), accepted=True, reason="accepted", message="ok", choice="option", option=n, at=at
            )
            for n in range(1, len(tried) + 1)
        ],
        executed=[
            StepResult(key=f"{incident}/1/{n}/1/do", tool=tool, target="orders", status="done", at=at)
            for n, tool in enumerate(tried, start=1)
        ],
        verdict=verdict,
        outcome="resolved" if verdict == "fixed" else "handed_over",
    )


def explanation(
    kind: CauseKind, confidence: float = 0.8, *, service: str = "checkout", standing: Standing = "likely"
) -> Hypothesis:
    return Hypothesis(
        statement=f"{kind} at {service}", cause_kind=kind, service=service, confidence=confidence, standing=standing
    )


def explained(closed: IncidentState, *hypotheses: Hypothesis) -> IncidentState:
    """The incident with another last diagnosis."""
    closed.diagnosis = Diagnosis(revision=2, hypotheses=hypotheses)
    return closed


def doubted(closed: IncidentState, hypothesis: Hypothesis, said: str) -> IncidentState:
    """The incident after a person asked for another analysis of that explanation."""
    closed.doubted = [*closed.doubted, Doubted(hypothesis=hypothesis, said=said, by="kim", at=T)]
    return closed
