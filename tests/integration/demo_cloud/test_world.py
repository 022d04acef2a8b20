"""The world on a real account: its past, its alarms, what heals it and what disturbs it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from demo.cloud import Cloud
from demo.scenarios import load
from demo.world import World
from tests.integration.demo_cloud.account import Inbox, product, until

API = {"ApiName": "checkout-api", "Stage": "prod"}
TABLE = {"TableName": "orders"}


@dataclass
class Company:
    """A world under way, and what was seen of it before it started."""

    cloud: Cloud
    world: World
    inbox: Inbox
    seeding: float
    quiet_alarms: list[dict[str, Any]]

    def series(self, namespace: str, metric: str, dimensions: dict[str, str], statistic: str, *,
               period: int = 60, minutes: float = 200) -> list[tuple[datetime, float]]:  # fmt: skip
        """One series as the product reads it, oldest first."""
        now = datetime.now(UTC)
        named = [{"Name": name, "Value": value} for name, value in dimensions.items()]
        asked = {"Namespace": namespace, "MetricName": metric, "Dimensions": named}
        result = product(self.cloud, "cloudwatch", "").get_metric_data(
            StartTime=now - timedelta(minutes=minutes), EndTime=now, ScanBy="TimestampAscending",
            MetricDataQueries=[{"Id": "m", "MetricStat": {"Metric": asked, "Period": period, "Stat": statistic}}],
        )["MetricDataResults"][0]  # fmt: skip
        return list(zip(result["Timestamps"], result["Values"], strict=True))

    def healthy(self) -> bool:
        """By the model's own truth."""
        truth = self.world.health()
        return truth["latency_ms"] < 950 and truth["error_share"] < 0.02

    def alias(self, version: str) -> None:
        """The product moves the alias."""
        product(self.cloud, "lambda").update_alias(FunctionName="checkout", Name="live", FunctionVersion=version)

    def resize(self, units: int) -> None:
        """The product sets the read capacity, where it differs."""
        if self.capacity() != units:
            product(self.cloud, "dynamodb").update_table(
                TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": units, "WriteCapacityUnits": 60}
            )

    def capacity(self) -> int:
        """The table's read capacity."""
        table = product(self.cloud, "dynamodb", "").describe_table(TableName="orders")["Table"]
        return int(table["ProvisionedThroughput"]["ReadCapacityUnits"])

    async def sicken(self) -> None:
        """Back to the story's beginning."""
        await asyncio.to_thread(self.resize, 400)
        await asyncio.to_thread(self.alias, "3")
        await until(lambda: self.world.health()["latency_ms"] > 1100)


def _alarms(cloud: Cloud) -> list[dict[str, Any]]:
    return product(cloud, "cloudwatch", "").describe_alarms()["MetricAlarms"]


@pytest_asyncio.fixture(scope="module")
async def company(cloud: Cloud) -> AsyncIterator[Company]:
    """One story, seeded and started."""
    async with Inbox() as inbox:
        world = World(cloud, load("deploy-throttle"), seed=3)
        began = time.monotonic()
        await world.seed_history(inbox.url)
        seeding = time.monotonic() - began
        quiet = await asyncio.to_thread(_alarms, cloud)
        await world.start()
        yield Company(cloud, world, inbox, seeding, quiet)
        await world.stop()


async def test_the_past_is_stamped_as_the_story_has_it(company: Company) -> None:
    def look() -> tuple[dict[str, datetime], list[tuple[str, str, datetime]]]:
        versions = product(company.cloud, "lambda", "").list_versions_by_function(FunctionName="checkout")[
            "Versions"
        ]
        modified = {
            entry["Description"]: datetime.strptime(entry["LastModified"], "%Y-%m-%dT%H:%M:%S.%f%z")
            for entry in versions
        }
        events = product(company.cloud, "cloudtrail", "").lookup_events(
            LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}]
        )["Events"]
        return modified, [(e["EventName"], e["Username"], e["EventTime"]) for e in events]

    modified, events = await asyncio.to_thread(look)
    zero, deployed = company.world.zero, company.world.deployed_at
    assert timedelta(minutes=13) <= zero - deployed <= timedelta(minutes=18)
    assert abs(modified["v2.4.1"] - deployed) < timedelta(seconds=20)
    assert abs(zero - timedelta(days=7) - modified["v2.4.0"]) < timedelta(seconds=20)
    moved = [(who, at) for name, who, at in events if name == "UpdateAlias" and who == "github-actions"]
    assert abs(moved[0][1] - deployed) < timedelta(seconds=20)
    assert "sam.okafor" in [who for name, who, _ in events if name == "UpdateTable"]
    assert not [name for name, _, _ in events if name in ("PutMetricData", "PutLogEvents")]


async def test_alarms_go_off_by_themselves_and_reach_the_endpoint(company: Company) -> None:
    assert {alarm["StateValue"] for alarm in company.quiet_alarms} == {"OK"}
    assert all(alarm["StateUpdatedTimestamp"] < company.world.deployed_at for alarm in company.quiet_alarms)
    await until(lambda: len(company.inbox.notifications) >= 3)
    firing = {note["AlarmName"]: note for note in company.inbox.notifications if note["NewStateValue"] == "ALARM"}
    assert set(firing) == {"checkout-api-latency", "checkout-lambda-duration", "orders-read-throttles"}
    assert all(note["NewStateReason"].startswith("Threshold Crossed") for note in firing.values())
    changed = datetime.fromisoformat(firing["checkout-api-latency"]["StateChangeTime"])
    assert abs(changed - company.world.zero) < timedelta(seconds=120)


async def test_history_tells_the_story_in_numbers(company: Company) -> None:
    latency = await asyncio.to_thread(company.series, "AWS/ApiGateway", "Latency", API, "Average")
    tail = await asyncio.to_thread(company.series, "AWS/ApiGateway", "Latency", API, "p99")
    failed = await asyncio.to_thread(company.series, "AWS/ApiGateway", "5XXError", API, "Average")
    reads = await asyncio.to_thread(company.series, "AWS/DynamoDB", "ConsumedReadCapacityUnits", TABLE, "Sum")
    version = {"FunctionName": "checkout", "Resource": "checkout:live", "ExecutedVersion": "2"}
    old = await asyncio.to_thread(company.series, "AWS/Lambda", "Duration", version, "Average")
    zero, deployed = company.world.zero, company.world.deployed_at
    assert len(latency) >= 194
    before = [value for at, value in latency if at < deployed]
    sick = [value for at, value in latency if zero - timedelta(minutes=2) <= at < zero]
    assert max(before) < 980
    assert min(sick) > 1100
    assert min(value for _, value in tail) > 1100
    assert sum(value for at, value in failed if at < deployed) / len(before) < 0.005
    assert next(value for at, value in failed if zero - timedelta(minutes=2) <= at) > 0.09
    risen = [value for at, value in reads if deployed + timedelta(minutes=2) < at < zero - timedelta(minutes=6)]
    assert min(risen) > 1.5 * max(value for at, value in reads if at < deployed - timedelta(minutes=1))
    assert max(at for at, _ in old) <= deployed


async def test_logs_and_traces_speak_of_the_same_requests(company: Company) -> None:
    def look() -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
        # Traces first: the world goes on and publishes a request's lines before its trace.
        pages = product(company.cloud, "xray", "").get_paginator("get_trace_summaries").paginate(
            StartTime=company.world.zero - timedelta(hours=4), EndTime=datetime.now(UTC)
        )  # fmt: skip
        traces = [summary for page in pages for summary in page["TraceSummaries"]]
        logs = product(company.cloud, "logs", "")
        application, access = (
            [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName=group)["events"]]
            for group in ("/aws/lambda/checkout", "checkout-api-access")
        )
        return application, access, traces

    application, access, traces = await asyncio.to_thread(look)
    assert 3_000 < len(application) + len(access) < 8_000
    assert 300 < len(traces) < 900
    assert {trace["Id"] for trace in traces} <= {line["xrayTraceId"] for line in access}
    exhausted = [line for line in application if "provisioned throughput exceeded" in line["message"]]
    assert exhausted
    assert {line["version"] for line in exhausted} == {"v2.4.1"}
    statuses = {line["xrayTraceId"]: line["status"] for line in access}
    assert all(trace["Http"]["HttpStatus"] == statuses[trace["Id"]] for trace in traces)
    # Only a share of the requests is traced: in some nights none of the throttled ones is among them.
    throttled = {line["trace_id"] for line in exhausted} | {name for name, code in statuses.items() if code == 429}
    assert {trace["Id"] for trace in traces if trace["HasThrottle"]} <= throttled


async def test_rolling_back_heals_and_is_visible_in_the_live_series(company: Company) -> None:
    await company.sicken()
    await asyncio.to_thread(company.alias, "2")
    await until(company.healthy)

    def recovered() -> bool:
        points = company.series("AWS/ApiGateway", "Latency", API, "Average", period=1, minutes=0.1)
        return len(points) >= 2 and all(value < 1000 for _, value in points)

    await until(recovered)


async def test_auto_scaling_is_applied_to_the_table_and_heals(company: Company) -> None:
    await company.sicken()
    what = {"ServiceNamespace": "dynamodb", "ResourceId": "table/orders",
            "ScalableDimension": "dynamodb:table:ReadCapacityUnits"}  # fmt: skip
    scaling = product(company.cloud, "application-autoscaling")

    def enable() -> None:
        scaling.register_scalable_target(**what, MinCapacity=400, MaxCapacity=2000)
        scaling.put_scaling_policy(
            **what, PolicyName="reads", PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": 70.0,
                "PredefinedMetricSpecification": {"PredefinedMetricType": "DynamoDBReadCapacityUtilization"},
            },
        )  # fmt: skip

    await asyncio.to_thread(enable)
    await until(company.healthy)
    assert 600 < await asyncio.to_thread(company.capacity) < 900
    await asyncio.to_thread(lambda: scaling.deregister_scalable_target(**what))


async def test_an_engineer_heals_without_being_counted_as_the_product(company: Company) -> None:
    await company.sicken()
    written = len(company.cloud.cloud_writes())
    await asyncio.to_thread(company.world.engineer_repairs)
    await until(company.healthy)
    assert len(company.cloud.cloud_writes()) == written


async def test_silent_telemetry_stops_the_series_and_not_the_world(company: Company) -> None:
    await company.sicken()
    company.world.stop_telemetry()
    await asyncio.to_thread(company.resize, 800)
    await until(company.healthy)

    def silent() -> bool:
        return not company.series("AWS/ApiGateway", "Latency", API, "Average", period=1, minutes=0.05)

    await until(silent)


async def test_traffic_may_subside_by_itself(company: Company) -> None:
    await company.sicken()
    company.world.let_subside()
    await until(company.healthy)


async def test_seeding_is_quick_and_the_truth_needs_a_start(company: Company) -> None:
    # Generous: eight seconds on an idle machine, and the tests share theirs.
    assert company.seeding < 60
    with pytest.raises(RuntimeError, match="not been started"):
        World(company.cloud, load("deploy-throttle"), seed=1).health()
