"""Rules of the AWS sources that need no AWS: naming, statistics, events, log lines, sampling."""

import json
from datetime import UTC, datetime

import pytest

from autopilot.sources.aws import Resources, console, named
from autopilot.sources.cloudtrail_events import change_kind, target, told
from autopilot.sources.cloudwatch_series import described, statistics, unit, wanted
from autopilot.sources.inventory import moment
from autopilot.sources.json_shape import document
from autopilot.sources.log_lines import MAX_MESSAGE, parsed
from autopilot.sources.xray_segments import spans

RESOURCES = Resources(
    {
        ("function", "checkout"): "",
        ("function", "checkout-worker"): "checkout",
        ("table", "orders"): "",
        ("api", "checkout-api"): "shop-front",
        ("log_group", "audit"): "compliance",
    },
    {"a1": "checkout-api"},
)


@pytest.mark.parametrize(
    ("arn", "expected"),
    [
        ("arn:aws:lambda:us-east-1:0:function:checkout:live", ("function", "checkout")),
        ("arn:aws:dynamodb:us-east-1:0:table/orders/index/x", ("table", "orders")),
        ("arn:aws:ecs:us-east-1:0:service/shop/inventory", ("container", "inventory")),
        ("arn:aws-cn:rds:cn-north-1:0:db:catalog-db", ("database", "catalog-db")),
        ("arn:aws:apigateway:us-east-1::/restapis/a1", ("api_id", "a1")),
        ("arn:aws:apigateway:us-east-1::/restapis/a1/stages/prod", None),
        ("nonsense", None),
    ],
)
def test_arns_are_named(arn: str, expected: tuple[str, str] | None) -> None:
    assert named(arn) == expected


@pytest.mark.parametrize(
    ("group", "service"),
    [
        ("/aws/lambda/checkout-worker", "checkout"),
        ("checkout-api-access", "shop-front"),
        ("audit", "compliance"),
        ("/ecs/orders", "orders"),
        ("/somewhere/else", "else"),
    ],
)
def test_log_groups_belong_to_services(group: str, service: str) -> None:
    assert RESOURCES.of_log_group(group) == service


def test_a_resource_without_a_tag_is_its_own_service() -> None:
    assert RESOURCES.service("table", "orders") == "orders"
    assert RESOURCES.service("function", "checkout-worker") == "checkout"


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("Duration", ("Average", "p99")),
        ("SuccessfulRequestLatency", ("Average", "p99")),
        ("TargetResponseTime", ("Average", "p99")),
        ("5XXError", ("Sum", "Average")),
        ("ThrottledRequests", ("Sum",)),
        ("ConsumedReadCapacityUnits", ("Sum",)),
        ("ProvisionedReadCapacityUnits", ("Average", "Maximum")),
        ("CPUUtilization", ("Average", "Maximum")),
        ("ConcurrentExecutions", ("Average", "Maximum")),
        ("Mystery", ("Average", "Sum")),
    ],
)
def test_each_kind_of_metric_gets_its_statistics(metric: str, expected: tuple[str, ...]) -> None:
    assert statistics(metric) == expected


def test_units_and_namespaces() -> None:
    assert [
        unit("Duration", "p99"),
        unit("5XXError", "Average"),
        unit("5XXError", "Sum"),
        unit("CPUUtilization", "x"),
    ] == [
        "ms",
        "share",
        "count",
        "%",
    ]
    assert wanted("AWS/Lambda")
    assert wanted("Shop/Checkout")
    assert not wanted("AWS/Usage")


def test_a_series_keeps_the_version_that_served() -> None:
    dimensions = {"FunctionName": "checkout", "Resource": "checkout:live", "ExecutedVersion": "2"}
    series = described("AWS/Lambda", "Errors", dimensions, RESOURCES)
    assert (series.service, series.resource) == ("checkout", "checkout:live")
    assert json.loads(series.dimensions_json)["ExecutedVersion"] == "2"


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("UpdateAlias", "deploy"),
        ("UpdateFunctionCode20150331v2", "deploy"),
        ("UpdateFunctionConfiguration20150331v2", "config"),
        ("UpdateTable", "scaling"),
        ("RebootDBInstance", "maintenance"),
        ("AuthorizeSecurityGroupIngress", "config"),
        ("PutMetricData", None),
        ("PutItem", None),
        ("AssumeRole", None),
        ("Publish", None),
        ("GetObject", None),
    ],
)
def test_events_are_changes_or_not(event: str, kind: str | None) -> None:
    assert change_kind(event) == kind


def test_what_an_event_was_about_without_its_secrets() -> None:
    parameters = {
        "functionName": "arn:aws:lambda:us-east-1:0:function:checkout:live",
        "environment": {"variables": {"KEY": "s3cret"}},
        "masterUserPassword": "s3cret",
        "tags": [{"deep": {"authToken": "s3cret"}}],
        "memorySize": 512,
    }
    assert target(parameters) == ("function", "checkout")
    assert "s3cret" not in told(parameters)
    assert json.loads(told(parameters))["memorySize"] == 512
    assert target({"resourceId": "table/orders"}) == ("scalable", "orders")
    assert target({}) == ("", "")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"level":"WARNING","msg":"slow"}', ("application", "warn", "slow")),
        ('{"severity":"CRITICAL","message":"dead","error":"boom"}', ("application", "fatal", "dead: boom")),
        ("2026-03-01 ERROR could not connect", ("application", "error", "2026-03-01 ERROR could not connect")),
        ('{"broken": ', ("application", "", '{"broken":')),
        ('["a list"]', ("application", "", '["a list"]')),
        ('{"level": {"nested": 1}, "message": 5}', ("application", "", "5")),
        ('{"status":200,"method":"GET"}', ("access", "info", '{"status":200,"method":"GET"}')),
        ("bell \x07 and \x1b[31mred\x1b[0m", ("application", "", "bell   and red")),
    ],
)
def test_log_lines_are_understood_or_kept(line: str, expected: tuple[str, str, str]) -> None:
    found = parsed(line, access=False)
    assert (found["kind"], found["level"], found["message"]) == expected


def test_log_lines_are_bounded() -> None:
    assert len(parsed("x" * 100_000, access=False)["message"]) == MAX_MESSAGE
    assert parsed('{"a":' * 50_000, access=False)["level"] == ""


def test_hostile_segments_break_nothing() -> None:
    hostile = [
        "",
        "[]",
        "{}",
        '{"start_time": "late"}',
        '{"start_time": 1, "id": "a", "subsegments": "x"}',
        "{" * 9_999,
    ]
    deep: dict[str, object] = {"id": "x", "start_time": 1.0}
    for n in range(100):
        deep = {"id": str(n), "start_time": 1.0, "subsegments": [deep]}
    found = spans([*hostile, json.dumps(deep)], "us-east-1", RESOURCES)
    assert 1 <= len(found) <= 30


def test_an_instrumented_callee_speaks_for_itself() -> None:
    client = {"id": "c", "name": "payments", "namespace": "remote", "start_time": 1.0, "end_time": 2.0}
    caller = {
        "id": "a",
        "trace_id": "t",
        "name": "web",
        "start_time": 1.0,
        "end_time": 2.0,
        "subsegments": [client],
    }
    callee = {
        "id": "b",
        "trace_id": "t",
        "parent_id": "c",
        "name": "payments-v2",
        "start_time": 1.1,
        "end_time": 1.9,
    }
    alone = [span.row["service"] for span in spans([json.dumps(caller)], "", RESOURCES)]
    both = [span.row["service"] for span in spans([json.dumps(caller), json.dumps(callee)], "", RESOURCES)]
    assert alone == ["web", "payments"]
    assert both == ["web", "web", "payments-v2"]


def test_links_moments_and_documents() -> None:
    assert console("eu-west-1", "lambda/home#/functions/x") == (
        "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions/x"
    )
    assert moment("2026-03-01T03:00:00.000+0000") == datetime(2026, 3, 1, 3, tzinfo=UTC)
    assert moment("yesterday") is None
    assert document("[1]") == document("{") == {}
