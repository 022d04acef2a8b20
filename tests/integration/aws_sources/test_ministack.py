"""The sources against an account on an emulator: what they find, ask and leave out."""

import json
import time
from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from autopilot.clients.aws import AwsClients, marking
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Table
from autopilot.incident.metric import MetricRef
from autopilot.settings import Aws
from autopilot.sources.api_gateway import ApiGateway
from autopilot.sources.application_autoscaling import ApplicationAutoScaling
from autopilot.sources.aws import Account, AwsSource
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from autopilot.sources.cloudtrail import CloudTrail
from autopilot.sources.cloudwatch import CloudWatchMetrics
from autopilot.sources.cloudwatch_alarms import CloudWatchAlarms
from autopilot.sources.cloudwatch_logs import CloudWatchLogs
from autopilot.sources.dynamodb import DynamoDB
from autopilot.sources.ecs import Ecs
from autopilot.sources.lambda_ import Lambda
from autopilot.sources.rds import Rds
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.aws_sources.shop import Cloud


def gathered(source: AwsSource, calls: int = 200) -> Collected:
    into = Collected(source.name)
    source.collect(scope_now(), Budget(calls=calls, seconds=30), into)
    return into


def rows(into: Collected, table: Table) -> pl.DataFrame:
    frames = [data for name, data in into.frames if name == table]
    assert frames, f"{into.source} gathered no {table}; gaps: {into.gaps}"
    return pl.concat(frames)


def settings(row: dict[str, str]) -> dict[str, object]:
    return json.loads(row["settings"])


def test_metrics_bring_every_series_with_the_right_statistics(account: Account) -> None:
    into = gathered(CloudWatchMetrics(account))
    table = rows(into, "metrics")
    by_metric = {
        (row["metric"], row["statistic"])
        for row in table.select("metric", "statistic").unique().iter_rows(named=True)
    }
    assert {("Duration", "Average"), ("Duration", "p99"), ("Errors", "Sum"), ("5XXError", "Average")} <= by_metric
    assert ("CallCount", "Sum") not in by_metric
    live = table.filter((pl.col("resource") == "checkout:live") & (pl.col("statistic") == "Average"))
    assert json.loads(live["dimensions"][0])["ExecutedVersion"] == "2"
    assert live["time"].is_sorted()
    assert live.height > 80
    assert set(table.filter(pl.col("namespace") == "Shop")["service"]) == {"checkout"}
    assert set(table.filter(pl.col("metric") == "Duration")["unit"]) == {"ms"}
    assert not into.gaps


def test_every_question_is_recorded_as_asked_with_a_link(account: Account) -> None:
    into = gathered(CloudWatchMetrics(account))
    asked = {query.query: query for query in into.queries}
    question = asked["cloudwatch GetMetricData AWS/Lambda Duration {FunctionName=checkout} Average 60s"]
    assert question.rows > 80
    assert question.window is not None
    assert question.link.startswith(
        "https://us-east-1.console.aws.amazon.com/cloudwatch/home?region=us-east-1#metrics"
    )


def test_a_series_is_read_for_verification_at_high_resolution(account: Account, shop: Cloud) -> None:
    now = datetime.now(UTC)
    dimensions = [{"Name": "FunctionName", "Value": "live-reading"}]
    points = [
        {"MetricName": name, "Dimensions": dimensions, "Value": value, "StorageResolution": 1,
         "Timestamp": now - timedelta(seconds=5 * n + 5)}
        for n in range(12) for name, value in (("Duration", 100.0), ("Errors", 1.0))
    ]  # fmt: skip
    shop.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=points)
    source, window = CloudWatchMetrics(account), TimeWindow(start=now - timedelta(seconds=60), end=now)

    def read(name: str, statistic: str) -> list[float]:
        where = {"FunctionName": "live-reading"}
        metric = MetricRef(
            source="cloudwatch", namespace="AWS/Lambda", name=name, dimensions=where, statistic=statistic
        )
        return [value for _, value in source.read_metric(metric, window)]

    assert (
        read("Duration", "Average") == pytest.approx([100.0] * 12, abs=0.1)
        or len(read("Duration", "Average")) >= 10
    )
    errors = read("Errors", "Sum")
    assert sum(errors) / len(errors) == pytest.approx(12, abs=1.5), "one error each 5 s is twelve a minute"
    assert read("Nothing", "Sum") == []


def test_a_minute_metric_is_read_in_whole_minutes(account: Account) -> None:
    source, now = CloudWatchMetrics(account), datetime.now(UTC)
    metric = MetricRef(
        source="cloudwatch",
        namespace="AWS/Lambda",
        name="Errors",
        dimensions={"FunctionName": "checkout"},
        statistic="Sum",
    )
    samples = source.read_metric(metric, TimeWindow(start=now - timedelta(minutes=30), end=now))
    assert 25 <= len(samples) <= 31
    assert all(3 <= value <= 5 for _, value in samples)
    assert [at for at, _ in samples] == sorted(at for at, _ in samples)


def test_alarms_tell_their_state_changes(account: Account) -> None:
    into = gathered(CloudWatchAlarms(account))
    table = rows(into, "alarms").filter(pl.col("name") == "checkout-duration")
    forced = table.filter(pl.col("reason").str.contains("forced ALARM")).row(0, named=True)
    assert (forced["state"], forced["service"], forced["metric"]) == ("firing", "checkout", "AWS/Lambda Duration")
    assert "resolved" in table["state"].to_list()
    assert any("DescribeAlarmHistory" in query.query for query in into.queries)


def test_logs_of_the_scope_are_parsed_and_both_windows_are_covered(account: Account) -> None:
    into = gathered(CloudWatchLogs(account))
    table, scope = rows(into, "logs"), scope_now()
    assert set(table["resource"]) == {"/aws/lambda/checkout", "checkout-api-access"}
    assert table.filter(pl.col("time") < scope.incident.start).height == table.height / 2
    error = table.filter(pl.col("level") == "error", pl.col("kind") == "application").row(0, named=True)
    assert error["message"] == "query failed: ProvisionedThroughputExceededException"
    assert table.filter(pl.col("message") == "order placed")["trace_id"][0].startswith("1-65a1b2c3")
    access = table.filter(pl.col("kind") == "access").row(0, named=True)
    assert (access["level"], access["service"]) == ("error", "checkout-api")
    assert table.filter(pl.col("level") == "warn")["message"][0] == "[WARNING] plain text red"


def test_cloudtrail_tells_writes_as_changes_and_knows_our_own_steps(account: Account) -> None:
    with marking("incident-x.1/1/1/1/do"):
        account.clients.dynamodb().update_table(
            TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": 120, "WriteCapacityUnits": 50}
        )
    account.clients.dynamodb().update_table(
        TableName="orders", ProvisionedThroughput={"ReadCapacityUnits": 100, "WriteCapacityUnits": 50}
    )
    into = gathered(CloudTrail(account))
    table = rows(into, "changes").sort("time")
    kinds = {row["summary"]: row for row in table.iter_rows(named=True)}
    alias = kinds["CreateAlias checkout"]
    assert (alias["kind"], alias["service"]) == (
        "deploy",
        "checkout",
    )
    assert kinds["UpdateFunctionConfiguration checkout"]["kind"] == "config"
    assert kinds["UpdateTable orders"]["id"].startswith("cloudtrail:")
    assert '"ReadCapacityUnits": 100' in kinds["UpdateTable orders"]["diff"]
    updates = table.filter(pl.col("summary") == "UpdateTable orders")["author"].to_list()
    assert updates == ["aiops-auto-pilot (step incident-x.1/1/1/1/do)", "test"]
    assert not any(name.startswith(("PutMetricData", "PutLogEvents", "Describe", "List")) for name in kinds)
    assert "hunter2" not in "".join(table["diff"])
    assert "not-a-real-one" not in "".join(table["diff"])
    newest = CloudTrail(account).recent_changes(scope_now(), 3)
    assert len(newest) == 3
    assert newest[0].at >= newest[-1].at


def test_lambda_aliases_versions_deploys_and_configured_edges(account: Account) -> None:
    into = gathered(Lambda(account))
    alias = rows(into, "inventory").row(0, named=True)
    assert alias["resource"].endswith(":function:checkout:live")
    assert (alias["kind"], alias["name"], alias["service"]) == ("lambda_alias", "checkout:live", "checkout")
    assert settings(alias) == {
        "function": "checkout", "alias": "live", "version": "2", "weights": "", "memory_mb": 512, "timeout_s": 10,
        "reserved_concurrency": 40,
    }  # fmt: skip
    versions = json.loads(alias["versions"])
    assert [(v["version"], v["description"], v["active"]) for v in versions] == [
        ("2", "v2.4.1", True),
        ("1", "v2.4.0", False),
    ]
    assert set(rows(into, "changes")["version"]) == {"v2.4.0", "v2.4.1"}
    assert rows(into, "topology").select("caller", "callee", "source").row(0) == (
        "checkout",
        "orders",
        "configuration",
    )
    assert "hunter2" not in "".join(str(data.rows()) for _, data in into.frames)
    assert Lambda(account).edges() == [("checkout", "orders")]
    assert "v2.4.1" in " ".join(entry.text for entry in Lambda(account).recent_changes(scope_now(), 5))


def test_api_gateway_stage_and_the_function_behind_it(account: Account) -> None:
    into = gathered(ApiGateway(account))
    stage = rows(into, "inventory").row(0, named=True)
    assert stage["name"] == "checkout-api"
    assert stage["resource"].endswith("/stages/prod")
    assert settings(stage)["deployment_id"]
    assert rows(into, "changes")["kind"].to_list() == ["deploy"]
    assert ApiGateway(account).edges() == [("checkout-api", "checkout")]


def test_tables_with_capacity_tags_and_auto_scaling(account: Account) -> None:
    table = rows(gathered(DynamoDB(account)), "inventory")
    by_name = {row["name"]: row for row in table.iter_rows(named=True)}
    assert by_name["orders"]["service"] == "orders"
    assert settings(by_name["orders"]) == {
        "billing_mode": "PROVISIONED", "read_capacity": 100, "write_capacity": 50, "read_autoscaling": False,
        "read_min": None, "read_max": None, "status": "ACTIVE",
    }  # fmt: skip
    carts = by_name["carts"]
    assert (carts["service"], settings(carts)["billing_mode"]) == ("basket", "PAY_PER_REQUEST")
    assert (settings(carts)["read_autoscaling"], settings(carts)["read_max"]) == (True, 500)


def test_ecs_service_with_its_revisions(account: Account) -> None:
    into = gathered(Ecs(account))
    service = rows(into, "inventory").row(0, named=True)
    assert service["resource"].endswith("service/shop/inventory")
    found = settings(service)
    assert (found["cluster"], found["desired_count"]) == ("shop", 0)
    assert isinstance(found["rolling_out"], bool)
    versions = json.loads(service["versions"])
    assert [v["description"] for v in versions] == ["inventory:2", "inventory:1"]
    assert versions[0]["version"] == found["task_definition"]
    assert "ecs_service" in rows(into, "state")["kind"].to_list()
    assert rows(into, "changes")["version"].to_list() == ["inventory:2"]


def test_rds_instance(account: Account) -> None:
    database = rows(gathered(Rds(account)), "inventory").row(0, named=True)
    assert (database["name"], database["service"]) == ("catalog-db", "catalog")
    assert settings(database)["instance_class"] == "db.t3.micro"


def test_an_operation_that_is_not_offered_is_a_gap_with_a_remedy(account: Account) -> None:
    into = gathered(ApplicationAutoScaling(account))
    assert not into.frames
    assert all(gap.remedy for gap in into.gaps)


def test_a_spent_budget_keeps_what_is_there(clients: AwsClients) -> None:
    account, into = Account(Aws(), clients), Collected("cloudwatch_alarms")
    with pytest.raises(BudgetExceeded):
        CloudWatchAlarms(account).collect(scope_now(), Budget(calls=3, seconds=30), into)
    assert into.frames == []


def test_the_list_of_resources_is_shared(clients: AwsClients) -> None:
    account = Account(Aws(), clients)
    first, second = Budget(calls=50, seconds=30), Budget(calls=50, seconds=30)
    began = time.monotonic()
    assert account.resources("us-east-1", first) is account.resources("us-east-1", second)
    assert first.used >= 5
    assert second.used == 0
    assert time.monotonic() - began < 15


def test_the_last_changes_are_known_before_anything_was_listed(clients: AwsClients) -> None:
    account = Account(Aws(), clients)
    for source in (Lambda(account), CloudTrail(account), Ecs(account)):
        began = time.monotonic()
        told = " ".join(entry.text for entry in source.recent_changes(scope_now("checkout", "inventory"), 50))
        assert {"lambda": "v2.4.1", "cloudtrail": "deploy: ", "ecs": "inventory:2"}[source.name] in told
        assert time.monotonic() - began < 4.5


def test_the_calls_of_one_deployment_are_told_once(account: Account) -> None:
    told = [entry.text for entry in CloudTrail(account).recent_changes(scope_now(), 50)]
    whole = rows(gathered(CloudTrail(account)), "changes")
    assert len([text for text in told if text.startswith("deploy") and "checkout" in text]) == 1
    assert whole.filter(pl.col("kind") == "deploy", pl.col("service") == "checkout").height > 2


def test_a_series_that_has_fallen_silent_reads_as_no_data_not_as_its_last_minute(
    account: Account, shop: Cloud
) -> None:
    now = datetime.now(UTC)
    silent_since = now - timedelta(seconds=12)
    points = [
        {"MetricName": "Duration", "Dimensions": [{"Name": "FunctionName", "Value": "silent"}], "Value": 900.0,
         "StorageResolution": 1, "Timestamp": silent_since - timedelta(seconds=n)}
        for n in range(60)
    ]  # fmt: skip
    shop.client("cloudwatch").put_metric_data(Namespace="AWS/Lambda", MetricData=points)
    metric = MetricRef(
        source="cloudwatch", namespace="AWS/Lambda", name="Duration", dimensions={"FunctionName": "silent"}
    )
    window = TimeWindow(start=now - timedelta(seconds=5), end=now)
    assert CloudWatchMetrics(account).read_metric(metric, window) == []
