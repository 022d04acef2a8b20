"""The demo's story as a dossier: a release reads more per request, traffic rises, the table throttles."""

from datetime import UTC, datetime, timedelta

from autopilot.incident.base import TimeWindow
from autopilot.incident.cause import CauseKind
from autopilot.incident.evidence import Gap
from autopilot.incident.finding import Dossier, Finding, FindingKind, Impact, Provenance, Suspect, VersionHealth
from autopilot.incident.metric import MetricRef

ALARM = datetime(2026, 11, 18, 3, 15, tzinfo=UTC)
ONSET = ALARM - timedelta(minutes=4)
WINDOW = TimeWindow(start=ALARM - timedelta(minutes=30), end=ALARM + timedelta(minutes=1))
DEPLOY = "github:2"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
ALIAS = "arn:aws:lambda:us-east-1:000000000000:function:checkout:live"


def finding(
    number: int,
    kind: FindingKind,
    service: str,
    summary: str,
    *,
    metric: str = "",
    minutes: float = -4,
    size: float = 1.0,
    levels: tuple[float, float] | None = None,
    unit: str = "",
    score: float = 0.8,
    cause: CauseKind | None = None,
    change: str = "",
    resource: str = "",
) -> Finding:
    """A finding with its onset some minutes from the alarm."""
    at = ALARM + timedelta(minutes=minutes)
    return Finding(
        id=f"F{number}",
        kind=kind,
        service=service,
        resource=resource,
        window=TimeWindow(start=at, end=max(at + timedelta(minutes=1), ALARM)),
        onset=at,
        onset_uncertainty=30,
        direction="up" if metric else "new",
        size=size,
        baseline=levels[0] if levels else None,
        observed=levels[1] if levels else None,
        unit=unit,
        score=score,
        summary=summary,
        cause_kind=cause,
        change_id=change,
        metric=MetricRef(source="cloudwatch", name=metric, service=service) if metric else None,
        provenance=Provenance(source="cloudwatch" if metric else "github" if change else "logs"),
    )


CHANGE = finding(1, "change", "checkout", "Deploy of v2.4.1 to checkout at 03:00", minutes=-15, cause="bad_deploy",
                 change=DEPLOY)  # fmt: skip
TRAFFIC = finding(2, "metric", "checkout-api", "checkout-api Count rose from 1200 to 1800 per minute (1.5x)",
                  metric="Count", minutes=-5, size=1.5, levels=(1200, 1800), unit="Count", score=0.5)  # fmt: skip
READS = finding(3, "metric", "orders", "orders ConsumedReadCapacityUnits rose from 40 to 118 (3.0x)",
                metric="ConsumedReadCapacityUnits", size=2.95, levels=(40, 118), unit="Count",
                score=0.9, cause="capacity", resource=TABLE)  # fmt: skip
THROTTLES = finding(4, "metric", "orders", "orders ReadThrottleEvents rose from 0 to 240 per minute",
                    metric="ReadThrottleEvents", minutes=-3.5, size=240, levels=(0, 240), score=0.95,
                    cause="throttled", resource=TABLE)  # fmt: skip
DURATION = finding(5, "metric", "checkout", "checkout Duration rose from 850 to 1200 ms", metric="Duration",
                   minutes=-3, size=1.41, levels=(850, 1200), unit="Milliseconds", score=0.7,
                   resource=ALIAS)  # fmt: skip
LOGS = finding(6, "log", "checkout", "New in the log of checkout: 'provisioned throughput exceeded', 95 lines/min",
               minutes=-3.5, size=95, score=0.9, cause="throttled")  # fmt: skip
ALARMED = finding(7, "alarm", "checkout-api", "Alarm api-latency: Latency above 1000 ms", metric="Latency",
                  minutes=0, levels=(620, 1350), unit="Milliseconds", score=0.8)  # fmt: skip
VERSIONS = finding(8, "version", "checkout", "v2.4.0 served without errors, v2.4.1 with 15 % errors")
PAST = finding(9, "record", "orders", "INC0010 of 2026-11-10: throttled reads on orders, solved by more RCU",
               minutes=-11_520, score=0.4)  # fmt: skip


def version(name: str, healthy: bool, minutes: float) -> VersionHealth:
    """How a version of checkout behaved, from some minutes before the alarm."""
    start = ALARM + timedelta(minutes=minutes)
    return VersionHealth(
        service="checkout",
        resource=ALIAS,
        version=name,
        window=TimeWindow(start=start, end=start + timedelta(minutes=10)),
        healthy=healthy,
        finding_id="F8",
        evidence="0.1 % errors" if healthy else "15 % errors",
    )


def dossier(**changes: object) -> Dossier:
    """The demo story; keyword arguments replace fields."""
    story = Dossier(
        incident_id="incident-checkout.1",
        revision=1,
        scope_incident=WINDOW,
        onset=ONSET,
        findings=(CHANGE, TRAFFIC, READS, THROTTLES, DURATION, LOGS, ALARMED, VERSIONS, PAST),
        suspects=(
            Suspect(service="checkout", resource=ALIAS, cause_kind="bad_deploy", change_id=DEPLOY,
                    change_summary="Deploy of v2.4.1", score=0.8, finding_ids=("F1", "F3", "F5"),
                    reason="deployed before the onset"),
            Suspect(service="orders", resource=TABLE, cause_kind="throttled", score=0.6, finding_ids=("F3", "F4"),
                    reason="throttled"),
            Suspect(service="checkout-api", cause_kind="traffic_surge", score=0.4, finding_ids=("F2",),
                    reason="traffic rose"),
        ),
        impact=Impact(services=("checkout-api", "checkout"), summary="15 % of requests fail"),
        versions=(version("v2.4.0", True, -180), version("v2.4.1", False, -15)),
    )  # fmt: skip
    return story.model_copy(update=changes)


def gap(what: str) -> Gap:
    """A source that failed."""
    return Gap(source="xray", kind="failed", what=what, remedy="Check the role of the worker.")
