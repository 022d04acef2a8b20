"""What a case of the simulated shop holds: two series, a dossier."""

from datetime import UTC, datetime, timedelta
from math import sin

import polars as pl

from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.finding import Dossier, Finding, Impact, Provenance, TimelineEntry
from autopilot.incident.metric import MetricRef

T = datetime(2026, 3, 2, 3, 15, tzinfo=UTC)
ID = "incident-checkout-0a1b2c3d4e.0123456789ab"
TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
WINDOW = TimeWindow(start=T - timedelta(minutes=30), end=T)
BASELINE = TimeWindow(start=T - timedelta(hours=3), end=T - timedelta(minutes=30))
LATENCY = MetricRef(
    source="cloudwatch",
    namespace="AWS/ApiGateway",
    name="Latency",
    dimensions={"ApiName": "checkout-api", "Stage": "prod"},
    unit="ms",
    region="us-east-1",
    service="checkout",
)
READS = MetricRef(
    source="cloudwatch",
    namespace="AWS/DynamoDB",
    name="ConsumedReadCapacityUnits",
    dimensions={"TableName": "orders"},
    statistic="Sum",
    region="us-east-1",
    service="orders",
)
HOSTILE = "<script>alert(1)</script> [x](javascript:alert(2)) $\\frac{1}{$ *bold* |"


def after(**delta: float) -> datetime:
    return T + timedelta(**delta)


def samples(metric: MetricRef, dimensions: str, usual: float, raised: float) -> pl.DataFrame:
    """Three hours of one series by the minute; the last quarter of an hour is raised."""
    return frame(
        "metrics",
        [
            {
                "time": T - timedelta(minutes=m),
                "service": metric.service,
                "region": "us-east-1",
                "namespace": metric.namespace,
                "metric": metric.name,
                "statistic": metric.statistic,
                "dimensions": dimensions,
                "value": (raised if m < 14 else usual) * (1 + 0.05 * sin(m)),
                "unit": metric.unit,
                "source": "cloudwatch",
            }
            for m in range(180, -1, -1)
        ],
    )


def finding(number: int, metric: MetricRef, onset: float, summary: str) -> Finding:
    return Finding(
        id=f"F{number}",
        kind="metric",
        service=metric.service,
        window=WINDOW,
        onset=after(minutes=onset),
        onset_uncertainty=30,
        direction="up",
        size=4,
        baseline=100,
        observed=400,
        unit=metric.unit,
        score=0.9,
        summary=summary,
        metric=metric,
        provenance=Provenance(source="cloudwatch", query="GetMetricData …", window=WINDOW),
    )


DOSSIER = Dossier(
    incident_id=ID,
    revision=1,
    scope_incident=WINDOW,
    onset=after(minutes=-14),
    findings=(
        finding(1, LATENCY, -5, "checkout-api latency rose from 240 to 1240 ms"),
        finding(2, READS, -14, "reads of orders rose from 210 to 1,900 units a minute"),
        Finding(
            id="F3",
            kind="recurrence",
            service="orders",
            window=WINDOW,
            score=0.5,
            summary="twice in two weeks: INC0010042",
            provenance=Provenance(source="servicenow", link="https://sn.test/INC0010042"),
        ),
    ),
    timeline=(
        TimelineEntry(at=after(minutes=-15), kind="change", text="v2.4.1 was deployed to checkout"),
        TimelineEntry(at=after(minutes=-14), kind="onset", text="reads of orders rose", finding_id="F2"),
        TimelineEntry(at=after(minutes=-2), kind="change", text="flag banner on", after_onset=True),
    ),
    impact=Impact(
        requests=18_400,
        failed_requests=2_208,
        error_share=0.12,
        users=1_310,
        services=("checkout", "orders"),
        regions=("us-east-1",),
        summary="12 % of 18,400 requests failed; about 1,310 users were hit.",
    ),
)
