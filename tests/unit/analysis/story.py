"""Synthetic incidents with noise, for the tests of the analysis: one shop, several fault shapes."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from autopilot.case.case import Case
from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import CaseManifest, Scope, Table

NOW = datetime(2026, 3, 9, 10, 0, tzinfo=UTC)
MINUTES = 180
TABLE_ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/orders"
ALIAS_ARN = "arn:aws:lambda:us-east-1:000000000000:function:checkout:live"
Values = npt.NDArray[np.float64]


@dataclass
class Story:
    """A case under construction; minute 0 is three hours before now."""

    seed: int
    services: tuple[str, ...] = ("checkout", "orders")
    tables: dict[Table, list[dict[str, object]]] = field(default_factory=dict["Table", list[dict[str, object]]])

    def __post_init__(self) -> None:
        self.random = np.random.default_rng(self.seed)

    def steps(self, usual: float, *jumps: tuple[int, float], noise: float = 0.05) -> Values:
        """A level per minute, changed at (minutes before now, new level), with relative noise."""
        level = np.full(MINUTES, float(usual))
        for before, value in jumps:
            level[MINUTES - before :] = value
        return np.clip(level * (1 + noise * self.random.standard_normal(MINUTES)), 0, None)

    def add(self, table: Table, *rows: Mapping[str, object]) -> None:
        self.tables.setdefault(table, []).extend(dict(row) for row in rows)

    def metric(
        self, service: str, namespace: str, name: str, statistic: str, unit: str, values: Sequence[float] | Values,
        **dimensions: str,
    ) -> None:  # fmt: skip
        """A series that ends now, one sample a minute; NaN leaves a gap."""
        start = NOW - timedelta(minutes=len(values))
        self.add("metrics", *(
            {
                "time": start + timedelta(minutes=i), "service": service,
                "resource": next(iter(dimensions.values())),
                "region": "us-east-1", "namespace": namespace, "metric": name, "statistic": statistic,
                "dimensions": json.dumps(dimensions, sort_keys=True), "value": float(value), "unit": unit,
                "source": "cloudwatch",
            }
            for i, value in enumerate(values) if not np.isnan(value)
        ))  # fmt: skip

    def logs(self, service: str, level: str, text: str, before: float, per_minute: float, until: float = 0) -> None:
        """Lines spread over the minutes from `before` to `until` before now; `{n}` becomes a number."""
        count = int((before - until) * per_minute)
        for minute in np.sort(self.random.uniform(until, before, count)):
            self.add("logs", {
                "time": NOW - timedelta(minutes=float(minute)), "service": service, "kind": "application",
                "resource": f"/aws/lambda/{service}", "region": "us-east-1", "level": level,
                "message": text.replace("{n}", str(self.random.integers(1_000_000))), "trace_id": "", "span_id": "",
            })  # fmt: skip

    def change(self, id_: str, kind: str, before: float, summary: str, **values: object) -> None:
        row: dict[str, object] = {
            "id": id_, "kind": kind, "time": NOW - timedelta(minutes=before), "summary": summary,
            "service": "checkout",
        }  # fmt: skip
        self.add("changes", row | values)

    def case(self) -> Case:
        """The case as of now: alarm just fired, incident window of half an hour."""
        start = NOW - timedelta(minutes=30)
        scope = Scope(
            incident_id="incident-test",
            services=self.services,
            baseline=TimeWindow(start=NOW - timedelta(minutes=MINUTES), end=start),
            incident=TimeWindow(start=start, end=NOW),
            alerted_at=NOW - timedelta(seconds=20),
        )
        tables: dict[Table, pl.DataFrame] = {name: frame(name, rows) for name, rows in self.tables.items()}
        return Case(CaseManifest(revision=1, scope=scope), tables)


def neighbours(story: Story) -> None:
    """Healthy services around, with traffic, latency and processor time."""
    for name in ("inventory", "catalog-db", "search"):
        story.metric(name, "AWS/ECS", "CPUUtilization", "Average", "Percent", story.steps(35), ServiceName=name)
        story.metric(name, "AWS/ECS", "RequestCount", "Sum", "Count", story.steps(300), ServiceName=name)
        story.metric(name, "AWS/ECS", "Latency", "Average", "Milliseconds", story.steps(40), ServiceName=name)
        story.logs(name, "INFO", "handled request {n}", 180, 2)


def shop(story: Story, traffic: Values, duration: Values, errors: Values) -> None:
    """Entry API and function, with the topology and inventory of the shop."""
    story.metric(
        "checkout", "AWS/ApiGateway", "Count", "Sum", "Count", traffic, ApiName="checkout-api", Stage="prod"
    )
    story.metric("checkout", "AWS/Lambda", "Invocations", "Sum", "Count", traffic, FunctionName="checkout")
    story.metric(
        "checkout", "AWS/ApiGateway", "Latency", "Average", "Milliseconds", duration * 1.1,
        ApiName="checkout-api", Stage="prod",
    )  # fmt: skip
    story.metric("checkout", "AWS/Lambda", "Duration", "Average", "Milliseconds", duration, FunctionName="checkout")
    story.metric(
        "checkout",
        "AWS/ApiGateway",
        "5XXError",
        "Sum",
        "Count",
        np.round(errors),
        ApiName="checkout-api",
        Stage="prod",
    )
    story.add("topology", {"caller": "checkout", "callee": "orders", "weight": 1.0, "source": "configuration"})
    story.add("inventory", {
        "resource": TABLE_ARN, "kind": "dynamodb_table", "name": "orders", "service": "orders", "source": "aws",
        "settings": json.dumps({"billing_mode": "PROVISIONED", "read_capacity": 100, "read_autoscaling": False}),
    }, {
        "resource": ALIAS_ARN, "kind": "lambda_alias", "name": "checkout:live", "service": "checkout",
        "source": "aws",
        "settings": json.dumps({"function": "checkout", "alias": "live", "version": "2", "memory_mb": 512}),
        "versions": json.dumps(
            [{"version": "2", "description": "v2.4.1"}, {"version": "1", "description": "v2.4.0"}]
        ),
    })  # fmt: skip
    story.logs("checkout", "INFO", "order {n} accepted", 180, 5)
    neighbours(story)


def orders_table(story: Story, traffic: Values, reads_per_request: Values) -> Values:
    """The provisioned table; returns the share of reads that were throttled per minute."""
    wanted = traffic * reads_per_request
    granted = np.minimum(wanted, 6_000)
    throttled = (wanted - granted) / wanted
    story.metric("orders", "AWS/DynamoDB", "ConsumedReadCapacityUnits", "Sum", "Count", granted, TableName="orders")
    story.metric(
        "orders", "AWS/DynamoDB", "ProvisionedReadCapacityUnits", "Average", "Count", np.full(MINUTES, 100.0),
        TableName="orders",
    )  # fmt: skip
    story.metric(
        "orders",
        "AWS/DynamoDB",
        "ReadThrottleEvents",
        "Sum",
        "Count",
        np.round(wanted - granted),
        TableName="orders",
    )
    slow = 50 + 300 * (throttled > 0.02)
    noise = 1 + 0.05 * story.random.standard_normal(MINUTES)
    story.metric(
        "orders",
        "AWS/DynamoDB",
        "SuccessfulRequestLatency",
        "Average",
        "Milliseconds",
        slow * noise,
        TableName="orders",
    )
    return throttled


def record_deploy(story: Story, before: float) -> None:
    """One deploy as three sources see it, with its commit."""
    story.change("github:d1", "deploy", before, "Deploy v2.4.1 to production", version="v2.4.1", author="dana")
    story.change("lambda:2", "deploy", before - 0.3, "Published version 2", version="2")
    story.change("cloudtrail:e9", "deploy", before - 0.5, "UpdateAlias live", version="2")
    story.change(
        "github:c7", "commit", before + 60, "Recommendations in the basket", version="", author="dana",
        files=json.dumps(["checkout/orders_repository.py"]), diff="+ for item in basket: table.query(item)",
        review=json.dumps(["This queries orders once per item, is that on purpose?"]),
    )  # fmt: skip


def records(story: Story) -> None:
    for number, (days, how) in enumerate(((4, "raised read capacity"), (11, "optimised the query"))):
        story.add("records", {
            "time": NOW - timedelta(days=days), "id": f"INC00{number}", "kind": "incident", "service": "orders",
            "title": "Throttling on orders", "body": "ProvisionedThroughputExceeded on reads", "resolution": how,
        })  # fmt: skip


def throttled_checkout(seed: int, deploy: float | None = 15, *, effective: bool = True, surge: float = 2.0) -> Case:
    """Deploy (minutes before now, None for none), traffic rise five minutes ago, throttled table."""
    story = Story(seed)
    traffic = story.steps(600, (5, 600 * surge))
    reads = story.steps(4, *([(int(deploy), 6.0)] if deploy and effective else []), noise=0.03)
    throttled = orders_table(story, traffic, reads)
    hurt = throttled > 0.02
    duration = (850 + 350 * hurt) * (1 + 0.05 * story.random.standard_normal(MINUTES))
    shop(story, traffic, duration, traffic * (0.002 + 0.12 * hurt))
    if hurt.any():
        story.logs(
            "checkout", "ERROR", "ProvisionedThroughputExceededException on table orders, request {n}",
            float(hurt[::-1].argmin()), 30,
        )  # fmt: skip
    if deploy is not None:
        record_deploy(story, deploy)
    records(story)
    return story.case()


def healthy(seed: int) -> Case:
    """Nothing happens, though something was deployed."""
    story = Story(seed)
    traffic = story.steps(600)
    orders_table(story, traffic, story.steps(4, noise=0.03))
    shop(story, traffic, story.steps(850), traffic * 0.002)
    record_deploy(story, 15)
    return story.case()


def memory_leak(seed: int) -> Case:
    """The function's host runs out of memory twelve minutes ago; callers see errors."""
    story = Story(seed, services=("checkout",))
    traffic = story.steps(600)
    orders_table(story, traffic, story.steps(4, noise=0.03))
    shop(story, traffic, story.steps(850, (10, 1500)), traffic * (0.002 + 0.2 * (story.steps(0, (10, 1), noise=0))))
    memory = story.steps(48, *[(before, 48 + 3.5 * (14 - before)) for before in range(14, 0, -1)])
    story.metric("checkout", "AWS/ECS", "MemoryUtilization", "Average", "Percent", memory, ServiceName="checkout")
    story.logs("checkout", "ERROR", "Container {n} was OOMKilled", 9, 3)
    return story.case()


def pool_exhausted(seed: int) -> Case:
    """Connections of the database run out under ordinary traffic."""
    story = Story(seed, services=("checkout",))
    traffic = story.steps(600)
    shop(story, traffic, story.steps(850, (8, 5200)), traffic * (0.002 + 0.3 * story.steps(0, (8, 1), noise=0)))
    story.add("topology", {"caller": "checkout", "callee": "catalog-db", "weight": 1.0, "source": "trace"})
    story.metric(
        "catalog-db", "AWS/RDS", "DatabaseConnections", "Average", "Count", story.steps(22, (9, 100), noise=0.03),
        DBInstanceIdentifier="catalog-db",
    )  # fmt: skip
    story.logs("checkout", "ERROR", "QueuePool limit of size {n} overflow {n} reached, connection timed out", 8, 20)
    return story.case()


def dependency_down(seed: int) -> Case:
    """Two calls below the alarmed service something fails; the service between only hands it on."""
    story = Story(seed, services=("checkout",))
    traffic = story.steps(600)
    shop(story, traffic, story.steps(850, (7, 3000)), traffic * (0.002 + 0.4 * story.steps(0, (7, 1), noise=0)))
    story.add(
        "topology",
        {"caller": "checkout", "callee": "payments", "weight": 1.0, "source": "trace"},
        {"caller": "payments", "callee": "bank-gateway", "weight": 1.0, "source": "trace"},
    )
    for name, slow in (("payments", 2100.0), ("bank-gateway", 2000.0)):
        story.metric(
            name, "custom", "Latency", "Average", "Milliseconds", story.steps(120, (7, slow)), Service=name
        )
        errors = story.steps(1, (7, 200))
        story.metric(name, "custom", "Errors", "Sum", "Count", np.round(errors), Service=name)
        story.metric(name, "custom", "Requests", "Sum", "Count", traffic * 0.9, Service=name)
    story.logs("payments", "ERROR", "call to bank-gateway timed out after {n} ms", 7, 30)
    return story.case()


def config_changed(seed: int) -> Case:
    """A flag was flipped; errors and a new message begin within a minute, on steady traffic."""
    story = Story(seed, services=("checkout",))
    traffic = story.steps(600)
    orders_table(story, traffic, story.steps(4, noise=0.03))
    hurt = story.steps(0, (9, 1), noise=0)
    shop(story, traffic, story.steps(850, (9, 1400)), traffic * (0.002 + 0.3 * hurt))
    story.change("flags:17", "flag", 9.5, "new-tax-engine switched on for everyone", version="")
    story.change("github:old", "deploy", 28, "Deploy v2.3.9", version="v2.3.9", service="search")
    story.logs("checkout", "ERROR", "tax rule for basket {n} has no rate", 9, 25)
    return story.case()
