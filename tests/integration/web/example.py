"""A finished incident, whole enough for every part of the page."""

from datetime import UTC, datetime, timedelta

from autopilot.incident.alert import Alert
from autopilot.incident.base import Link, TimeWindow
from autopilot.incident.decision import Judgement
from autopilot.incident.diagnosis import Diagnosis, Hypothesis, Trial
from autopilot.incident.evidence import CaseManifest, Gap, Scope
from autopilot.incident.finding import Dossier, DossierBrief, Finding, Impact, Provenance, Suspect, TimelineEntry
from autopilot.incident.metric import MetricRef, Signal
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
from autopilot.incident.ports import CaseStore
from autopilot.incident.state import IncidentState
from autopilot.incident.verification import Reading, Verification

T = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
GROUP = "incident-checkout-api-0123456789"
INCIDENT = f"{GROUP}.abcdef012345"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
SCRIPT = "<script>alert('x')</script>"


def at(seconds: float) -> datetime:
    """Seconds after the alert."""
    return T + timedelta(seconds=seconds)


def alert(**changes: object) -> Alert:
    """The alert that opened it."""
    values: dict[str, object] = {
        "source": "cloudwatch", "external_id": "m-1", "title": "checkout-api-latency: Latency above 1000",
        "service": "checkout-api", "region": "us-east-1", "severity": "critical", "started_at": T,
        "received_at": at(1), "description": "API latency 1,850 ms", "links": [Link(title="Alarm", url="https://console.example.test/a")],
    }  # fmt: skip
    return Alert.model_validate(values | changes)


def plan() -> Plan:
    """Two options; the first raises the table's capacity."""
    before = TargetState(target=TABLE, settings={"read_capacity": 100}, observed_at=T)
    step = Step(
        tool="dynamodb.set_capacity", target=TABLE, service="orders", arguments={"read_capacity": 200},
        summary="Raise read capacity of orders from 100 to 200",
        command="aws dynamodb update-table --table-name orders --provisioned-throughput ReadCapacityUnits=200",
    )  # fmt: skip
    undo = step.model_copy(update={"summary": "Set read capacity of orders back to 100"})
    dry = DryRun(feasible=True, changes=("read_capacity: 100 → 200",), cost="about $9 a month")
    prepared = PreparedStep(step=step, before=before, expects=before.target_state_digest, undo=undo, dry_run=dry)
    return Plan(
        incident_id=INCIDENT,
        revision=1,
        options=(
            Option(
                id=1, title="Raise the table's read capacity", why="Reads are throttled (F1)", steps=(prepared,),
                risk="low", reversibility="reversible", reach="table orders",
                expected=ExpectedEffect(description="throttled requests fall to 0", within=120),
            ),
            Option(
                id=2, title="Roll checkout back to v2.4.0", why="v2.4.1 reads more (F2)", steps=(prepared,),
                risk="medium", reversibility="reversible", feasible=False, infeasible_reason="no healthy version",
            ),
        ),
        recommendations=("Add auto scaling to orders",),
    )  # fmt: skip


def dossier() -> Dossier:
    """Three findings on a timeline."""
    window = TimeWindow(start=at(-1_800), end=at(60))

    def finding(number: int, summary: str, score: float, link: str = "") -> Finding:
        return Finding(
            id=f"F{number}", kind="metric", service="orders", resource=TABLE, window=window, onset=at(-60),
            onset_uncertainty=30, score=score, summary=summary,
            provenance=Provenance(source="cloudwatch", query="AWS/DynamoDB ReadThrottleEvents Sum", link=link),
        )  # fmt: skip

    return Dossier(
        incident_id=INCIDENT,
        revision=1,
        scope_incident=window,
        onset=at(-60),
        findings=(
            finding(
                1, "Throttled reads on orders rose from 0 to 41 a minute", 0.98, "https://console.example.test/m"
            ),
            finding(2, "v2.4.1 makes 3.1 reads per request, v2.4.0 made 1.2", 0.91),
            finding(3, f"New log line {SCRIPT} 120 times", 0.4, "javascript:alert(1)"),
        ),
        timeline=(
            TimelineEntry(at=at(-900), kind="change", text="deploy of checkout v2.4.1"),
            TimelineEntry(at=at(-60), kind="onset", text="orders: throttled reads", finding_id="F1"),
            TimelineEntry(at=T, kind="alarm", text="checkout-api-latency fires"),
        ),
        contradictions=("Memory is unchanged",),
    )


def incident(store: CaseStore) -> IncidentState:
    """Resolved by option 1 after a refused click, with dossier and report in the store."""
    evidence = store.put(INCIDENT, "dossier-1.json", dossier().model_dump_json().encode(), "application/json")
    report = store.put(INCIDENT, "review.html", b"<!doctype html><h1>Review</h1>", "text/html; charset=utf-8")
    metric = MetricRef(source="cloudwatch", namespace="AWS/ApiGateway", name="Latency", service="checkout-api")
    accepted = Judgement(
        decision_id="d-2", accepted=True, reason="accepted", message="Your decision was accepted.", choice="option",
        option=1, actor="slack:U1", actor_name="Kim Okafor", proven=True, channel="slack", plan_revision=1,
        at=at(95),
    )  # fmt: skip
    refused = accepted.model_copy(
        update={"decision_id": "d-1", "accepted": False, "reason": "not_allowed", "actor_name": f"Eve {SCRIPT}",
                "message": "Eve may not decide here", "option": 2, "at": at(90)}
    )  # fmt: skip
    cause = Hypothesis(
        statement="v2.4.1 needs more reads per request than the table orders provides, so its reads are throttled",
        cause_kind="throttled", service="orders", supporting=("F1", "F2"), standing="confirmed", confidence=0.86,
        tests=(Trial(text="Version v2.4.0 was healthy in the same hour", outcome="held", decisive=True),),
    )  # fmt: skip
    impact = Impact(summary="15 % of requests failed (1,204 of 8,026) for about 310 users")
    done = StepResult(
        key=f"{INCIDENT}/1/1/1/do", tool="dynamodb.set_capacity", target=TABLE, status="done", at=at(99),
        detail="read capacity is 200",
        before=TargetState(target=TABLE, settings={"read_capacity": 100}, observed_at=at(98)),
        after=TargetState(target=TABLE, settings={"read_capacity": 200}, observed_at=at(100)),
    )  # fmt: skip
    readings = tuple(
        Reading(at=at(110 + 30 * i), values=(v,)) for i, v in enumerate((1_500.0, 700.0, 310.0, 290.0))
    )
    scope = Scope(
        incident_id=INCIDENT, services=("checkout-api",), alerted_at=T,
        baseline=TimeWindow(start=at(-9_000), end=at(-1_800)), incident=TimeWindow(start=at(-1_800), end=at(60)),
    )  # fmt: skip
    return IncidentState(
        incident_id=INCIDENT,
        group=GROUP,
        phase="closed",
        opened_at=at(1),
        severity="critical",
        service="checkout-api",
        services=["checkout-api", "checkout", "orders"],
        regions=["us-east-1"],
        alerts=[alert()],
        alert_count=3,
        manifest=CaseManifest(
            revision=1, scope=scope,
            gaps=(Gap(source="xray", kind="no_data", what="no traces", remedy="enable it"),),
        ),
        dossier=DossierBrief(
            uri=evidence.uri, revision=1, findings=3, impact=impact,
            suspects=(
                Suspect(
                    service="orders", cause_kind="throttled", score=0.93, finding_ids=("F1",),
                    reason="first to move",
                ),
            ),
        ),
        diagnosis=Diagnosis(
            revision=1, hypotheses=(cause,), impact=impact,
            causal_chain=("v2.4.1", "more reads", "throttling", "slow API"),
        ),
        plan=plan(),
        plan_revision=1,
        judgements=[refused, accepted],
        decision=accepted,
        executed=[done],
        signals=[Signal(metric=metric, threshold=1_000)],
        verifications=[
            Verification(
                verdict="fixed", explanation="Latency fell from 1,850 to 290 ms and stayed below 1,000 ms for 60 s",
                before=Reading(at=at(97), values=(1_850.0,)), readings=readings, seconds=120,
            )
        ],
        verdict="fixed",
        outcome="resolved",
        timeline=[TimelineEntry(at=at(95), kind="decision", text="Kim Okafor chose option 1")],
        milestones={"first_message": at(4), "diagnosis": at(40), "options": at(55), "decision": at(95),
                    "recovery": at(230), "closed": at(240)},
        links=[
            Link(title="Slack message", url="https://slack.example.test/p1"), Link(title="bad", url="javascript:1")
        ],
        report=report,
    )  # fmt: skip
