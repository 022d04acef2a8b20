"""Realistic incident states for the review's tests, made of the domain's own models."""

from autopilot.case.store import FolderCaseStore
from autopilot.incident.alert import Alert
from autopilot.incident.decision import Judgement
from autopilot.incident.diagnosis import Diagnosis, DroppedClaim, Hypothesis, Trial, Usage
from autopilot.incident.evidence import CaseManifest, Gap, Scope
from autopilot.incident.finding import DossierBrief, TimelineEntry
from autopilot.incident.metric import Signal
from autopilot.incident.plan import (
    DryRun,
    ExpectedEffect,
    Option,
    Plan,
    PreparedStep,
    Step,
    StepResult,
    TargetState,
)
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Reading, Verification
from tests.unit.review.shop import BASELINE, DOSSIER, ID, LATENCY, READS, TABLE, WINDOW, T, after, samples

DIAGNOSIS = Diagnosis(
    revision=1,
    hypotheses=(
        Hypothesis(
            statement="v2.4.1 multiplied the reads of orders beyond its capacity",
            cause_kind="throttled",
            service="orders",
            resource=TABLE,
            change_id="github:900141",
            supporting=("F2", "F1"),
            tests=(Trial(text="reads per request before and after the deploy", outcome="held", decisive=True),),
            standing="confirmed",
            confidence=0.86,
        ),
        Hypothesis(
            statement="catalog-db is slow",
            cause_kind="dependency",
            service="catalog-db",
            contradicting=("F9",),
            standing="refuted",
            confidence=0.05,
        ),
    ),
    causal_chain=("v2.4.1 reads each order by itself", "the table throttles", "checkout waits and fails"),
    dropped_claims=(DroppedClaim(claim="DNS is broken", reason="finding F77 does not exist"),),
    analyst="gpt-4o",
)


def table_state(units: int, **delta: float) -> TargetState:
    return TargetState(
        target=TABLE, settings={"read_capacity": units, "write_capacity": 100}, observed_at=after(**delta)
    )


def step(units: int) -> Step:
    return Step(
        tool="dynamodb.capacity",
        target=TABLE,
        service="orders",
        region="us-east-1",
        arguments={"read_capacity": units},
        summary=f"Set the read capacity of orders to {units}",
        command=f"aws dynamodb update-table … ReadCapacityUnits={units}",
    )


PLAN = Plan(
    incident_id=ID,
    revision=1,
    options=(
        Option(
            id=1,
            title="Raise the read capacity of orders",
            why="the reads exceed it",
            risk="low",
            reversibility="reversible",
            expected=ExpectedEffect(description="latency below 1000 ms within 3 min"),
            steps=(
                PreparedStep(
                    step=step(800),
                    before=table_state(400),
                    expects="x",
                    undo=step(400),
                    dry_run=DryRun(feasible=True, changes=("read_capacity: 400 → 800",)),
                ),
            ),
        ),
    ),
    recommendations=("Enable auto scaling on orders.",),
)


def judgement(number: int, accepted: bool, reason: str, **more: object) -> Judgement:
    return Judgement.model_validate(
        {
            "decision_id": f"d{number}",
            "accepted": accepted,
            "reason": reason,
            "choice": "option",
            "option": 1,
            "message": "Your decision was accepted."
            if accepted
            else "Your identity is not proven on this channel.",
            "actor": "slack:U024BE7LH",
            "actor_name": "Kim Larsen",
            "proven": True,
            "channel": "slack",
            "plan_revision": 1,
            "at": after(seconds=80 + number),
        }
        | more
    )


def reading(seconds: float, value: float | None) -> Reading:
    return Reading(at=after(seconds=seconds), values=(value, 0.0))


def alert(title: str = "API latency above 1000 ms", *, signal: bool = True) -> Alert:
    return Alert(
        source="sns",
        external_id="e1",
        title=title,
        service="checkout",
        region="us-east-1",
        severity="critical",
        started_at=T,
        received_at=after(seconds=1),
        signal=Signal(metric=LATENCY, threshold=1000) if signal else None,
    )


def stored_case(store: FolderCaseStore) -> tuple[CaseManifest, DossierBrief]:
    """A case with two series and a dossier."""
    parts = (
        store.put_part(
            ID,
            1,
            "cloudwatch",
            "metrics",
            samples(LATENCY, '{"ApiName": "checkout-api", "Stage": "prod"}', 240, 1240),
        ),
        store.put_part(ID, 1, "cloudwatch", "metrics", samples(READS, '{"TableName":"orders"}', 210, 1900)),
    )
    scope = Scope(incident_id=ID, services=("checkout",), baseline=BASELINE, incident=WINDOW, alerted_at=T)
    manifest = CaseManifest(
        revision=1,
        scope=scope,
        parts=parts,
        sources={"cloudwatch": "ok", "xray": "failed"},
        queries=31,
        gaps=(Gap(source="xray", kind="failed", what="traces", remedy="Give the worker xray:GetTraceSummaries."),),
    )
    document = store.put(ID, "dossier-1.json", DOSSIER.model_dump_json().encode(), "application/json")
    return manifest, DossierBrief(
        uri=document.uri, revision=1, findings=3, timeline=DOSSIER.timeline, impact=DOSSIER.impact
    )


def resolved(store: FolderCaseStore) -> IncidentState:
    """An incident that a person ended by an approved action."""
    manifest, brief = stored_case(store)
    verification = Verification(
        verdict="fixed",
        explanation="every watched signal stayed within its limit",
        before=reading(85, 1250),
        readings=(reading(120, 1100), reading(150, 420), reading(180, None), reading(210, 260)),
        seconds=125,
    )
    executed = StepResult(
        key=f"{ID}/1/1/1/do",
        tool="dynamodb.capacity",
        target=TABLE,
        status="done",
        at=after(seconds=90),
        before=table_state(400, seconds=88),
        after=table_state(800, seconds=92),
    )
    accepted = judgement(2, True, "accepted", comment="capacity first, then the query")
    milestones = {"first_message": 4, "diagnosis": 40, "options": 55, "decision": 82, "acted": 92, "recovery": 312}
    return IncidentState(
        incident_id=ID,
        group=ID.partition(".")[0],
        phase="review",
        opened_at=after(seconds=1),
        severity="critical",
        service="checkout",
        services=["checkout", "orders"],
        regions=["us-east-1"],
        alerts=[alert()],
        alert_count=3,
        manifest=manifest,
        dossier=brief,
        diagnosis=DIAGNOSIS,
        rounds=1,
        plan=PLAN,
        plan_revision=1,
        judgements=[judgement(1, False, "unproven", actor="local:kim", proven=False, channel="cli"), accepted],
        decision=accepted,
        executed=[executed],
        verifications=[verification],
        verdict="fixed",
        outcome="resolved",
        tickets=["INC0010061"],
        usage=Usage(calls=3, input_tokens=9_000, output_tokens=700, cost_usd=0.0295),
        milestones={name: after(seconds=s) for name, s in milestones.items()},
        timeline=[TimelineEntry(at=after(seconds=90), kind="action", text="read capacity 400 → 800")],
    )
