"""What one emulator does better, or worse, than the other: paged logs, and percentiles that are not computed."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from autopilot.clients.aws import AwsClients
from autopilot.settings import Aws
from autopilot.sources import cloudwatch_logs as module
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from autopilot.sources.cloudwatch import CloudWatchMetrics
from autopilot.sources.cloudwatch_logs import CloudWatchLogs
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.aws_sources.shop import Cloud


def test_a_large_window_is_sampled_over_all_of_it_and_says_so(
    credentials: pytest.MonkeyPatch, shop: Cloud, moto: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (("WINDOW_EVENTS", 300), ("PAGE", 100), ("SLICE_EVENTS", 20)):
        monkeypatch.setattr(module, name, value)
    scope, group = scope_now(), "/aws/lambda/checkout"
    client = Cloud(moto).client("logs")
    client.create_log_group(logGroupName=group)
    client.create_log_stream(logGroupName=group, logStreamName="s")
    for window, count in ((scope.baseline, 250), (scope.incident, 500)):
        step = (window.end - window.start) / count
        events = [
            {"timestamp": int((window.start + step * n).timestamp() * 1000) + 1, "message": f"line {n}"}
            for n in range(count)
        ]
        client.put_log_events(logGroupName=group, logStreamName="s", logEvents=events)
    credentials.setenv("AWS_ENDPOINT_URL", shop.url)
    credentials.setenv("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", moto)
    settings = Aws(retries=1, log_groups=(group,))
    into = Collected("cloudwatch_logs")
    CloudWatchLogs(Account(settings, AwsClients(settings))).collect(scope, Budget(calls=300, seconds=30), into)
    rows = pl.concat([data for _, data in into.frames])
    baseline = rows.filter(pl.col("time") < scope.incident.start)
    incident = rows.filter(pl.col("time") >= scope.incident.start)
    assert baseline.height == 250, "what fits is read whole, page by page"
    assert incident.height == 200, "20 events in each of 10 slices"
    ninths = incident["time"].to_list()
    assert max(ninths) - min(ninths) > timedelta(minutes=15)
    assert [gap.kind for gap in into.gaps if "incident window" in gap.what] == ["truncated"]
    assert any("equal slices" in query.query for query in into.queries)


def test_a_configured_group_that_does_not_exist_is_no_data(account: Account) -> None:
    into = Collected("cloudwatch_logs")
    CloudWatchLogs(Account(Aws(log_groups=("/not/there",)), account.clients)).collect(
        scope_now(), Budget(calls=50, seconds=20), into
    )
    assert [gap.kind for gap in into.gaps] == ["no_data"]
    assert "/not/there" in into.gaps[0].what


def test_percentiles_that_cannot_be_computed_cost_nothing_else(
    credentials: pytest.MonkeyPatch, shop: Cloud, moto: str
) -> None:
    now = datetime.now(UTC) - timedelta(minutes=5)
    point = {"MetricName": "Duration", "Timestamp": now, "Value": 850.0}
    Cloud(moto).client("cloudwatch").put_metric_data(
        Namespace="AWS/Lambda",
        MetricData=[{**point, "Dimensions": [{"Name": "FunctionName", "Value": "checkout"}]}],
    )
    credentials.setenv("AWS_ENDPOINT_URL", shop.url)
    credentials.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", moto)
    settings = Aws(retries=1)
    into = Collected("cloudwatch")
    CloudWatchMetrics(Account(settings, AwsClients(settings))).collect(
        scope_now(), Budget(calls=100, seconds=30), into
    )
    rows = pl.concat([data for _, data in into.frames])
    assert rows.select("metric", "statistic", "value").rows() == [("Duration", "Average", 850.0)]
    assert any("percentiles of 1 series" in gap.what for gap in into.gaps)
