"""Alarm notifications of AWS and of the emulators become the same kind of alert."""

from datetime import UTC, datetime, timedelta

import pytest

from autopilot.incident.alert import Alert
from autopilot.triggers.alarm import limit_in, to_alert
from autopilot.triggers.base import Ignored, Refused, Site
from autopilot.triggers.cloudwatch import from_event, from_notification
from autopilot.triggers.conventions import region_code, service_of, severity_of

NOW = datetime(2026, 11, 21, 3, 15, 5, tzinfo=UTC)

AWS: dict[str, object] = {
    "AlarmName": "checkout-api-latency",
    "AlarmDescription": "p95 of the API. severity=medium",
    "AWSAccountId": "000000000000",
    "AlarmConfigurationUpdatedTimestamp": "2026-01-01T00:00:00.000+0000",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed: 1 out of the last 1 datapoints was greater than the threshold (1000.0).",
    "StateChangeTime": "2026-11-21T03:15:00.123+0000",
    "Region": "US East (N. Virginia)",
    "AlarmArn": "arn:aws:cloudwatch:us-east-1:000000000000:alarm:checkout-api-latency",
    "OldStateValue": "OK",
    "Trigger": {
        "MetricName": "Latency",
        "Namespace": "AWS/ApiGateway",
        "StatisticType": "ExtendedStatistic",
        "ExtendedStatistic": "p95",
        "Unit": None,
        "Dimensions": [{"value": "checkout-api", "name": "ApiName"}, {"value": "prod", "name": "Stage"}],
        "Period": 60,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 1000.0,
        "TreatMissingData": "- TreatMissingData:                    notBreaching",
    },
}
EMULATOR: dict[str, object] = {
    "AlarmName": "orders-throttles",
    "AlarmDescription": "",
    "AWSAccountId": "000000000000",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed",
    "StateChangeTime": "2026-11-21T03:15:00.000Z",
    "Region": "us-east-1",
    "OldStateValue": "INSUFFICIENT_DATA",
    "Trigger": {
        "MetricName": "ReadThrottleEvents",
        "Namespace": "AWS/DynamoDB",
        "Statistic": "Sum",
        "Unit": "",
        "Period": 10,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 1,
        "Dimensions": [{"Name": "TableName", "Value": "orders"}],
    },
}


def parsed(message: dict[str, object]) -> Alert:
    """The alert of a notification."""
    alert = to_alert(
        from_notification(message), external_id="m-1", via="sns", site=Site("staging"), now=NOW, raw="{}"
    )
    assert isinstance(alert, Alert)
    return alert


def test_the_shape_of_aws_is_understood() -> None:
    alert = parsed(AWS)

    assert (alert.service, alert.region, alert.account) == ("checkout-api", "us-east-1", "000000000000")
    assert (alert.severity, alert.status, alert.environment) == ("medium", "firing", "staging")
    assert alert.started_at == datetime(2026, 11, 21, 3, 15, 0, 123_000, tzinfo=UTC)
    assert alert.title == "checkout-api-latency: Latency above 1000"
    assert alert.signal is not None
    metric = alert.signal.metric
    assert (metric.source, metric.namespace, metric.name, metric.statistic, metric.region) == (
        "cloudwatch", "AWS/ApiGateway", "Latency", "p95", "us-east-1",
    )  # fmt: skip
    assert metric.dimensions == {"ApiName": "checkout-api", "Stage": "prod"}
    assert (alert.signal.comparison, alert.signal.threshold, alert.signal.missing) == ("above", 1_000, "healthy")
    assert alert.links[0].url.endswith("#alarmsV2:alarm/checkout-api-latency")


def test_the_shape_of_the_emulator_is_understood() -> None:
    alert = parsed(EMULATOR)

    assert (alert.service, alert.region, alert.severity) == ("orders", "us-east-1", "high")
    assert alert.started_at == datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
    assert alert.signal is not None
    assert alert.signal.breached(1)
    assert not alert.signal.breached(0)
    assert alert.signal.missing == "healthy"


def test_recovery_resolves_what_fired() -> None:
    fired, recovered = parsed(AWS), parsed(AWS | {"NewStateValue": "OK", "OldStateValue": "ALARM"})

    assert recovered.status == "resolved"
    assert recovered.alert_fingerprint == fired.alert_fingerprint
    assert recovered.delivery_key != fired.delivery_key


def test_insufficient_data_is_neither_firing_nor_resolved() -> None:
    change = from_notification(AWS | {"NewStateValue": "INSUFFICIENT_DATA"})
    outcome = to_alert(change, external_id="m", via="sns", site=Site(), now=NOW, raw="")

    assert isinstance(outcome, Ignored)


def test_a_time_that_cannot_be_is_replaced_by_the_time_of_receipt() -> None:
    for told in ("2199-01-01T00:00:00Z", "1999-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "yesterday", 7, None):
        assert parsed(AWS | {"StateChangeTime": told}).started_at == NOW


def test_metric_math_names_the_service_but_watches_no_series() -> None:
    dimensions = [{"name": "FunctionName", "value": "checkout"}]
    metric = {"Namespace": "AWS/Lambda", "MetricName": "Errors", "Dimensions": dimensions}
    stat = {"Metric": metric, "Period": 60, "Stat": "Sum"}
    expression = [
        {"Id": "e1", "Expression": "m1/m2", "ReturnData": True},
        {"Id": "m1", "MetricStat": stat, "ReturnData": False},
    ]
    trigger = {"Metrics": expression, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0.1}
    alert = parsed(AWS | {"Trigger": trigger})
    assert (alert.service, alert.signal) == ("checkout", None)

    plain = parsed(AWS | {"Trigger": trigger | {"Metrics": [{"Id": "m1", "MetricStat": stat, "ReturnData": True}]}})
    assert plain.signal is not None
    assert plain.signal.metric.statistic == "Sum"


@pytest.mark.parametrize("trigger", [None, 7, "x", [], {"Dimensions": "x"}, {"Metrics": 3}, {"Threshold": "NaN"}])
def test_an_odd_trigger_costs_the_signal_and_not_the_alert(trigger: object) -> None:
    alert = parsed(AWS | {"Trigger": trigger})

    assert (alert.service, alert.signal) == ("checkout-api", None)


def test_an_anomaly_band_has_no_fixed_limit() -> None:
    alert = parsed(
        AWS
        | {
            "Trigger": {
                "MetricName": "X",
                "ComparisonOperator": "GreaterThanUpperThreshold",
                "ThresholdMetricId": "a",
            }
        }
    )
    assert alert.signal is None


def test_an_event_without_the_alarm_is_refused_by_field() -> None:
    with pytest.raises(Refused) as refusal:
        from_event({"detail": {"alarmName": "x", "state": {}}})

    assert refusal.value.field == "detail.state.value"


def test_the_limit_is_read_from_the_reason() -> None:
    assert limit_in("1 datapoint was not greater than the threshold (50.0)") == (("above", False), 50.0)
    assert limit_in("datapoints [1] were less than or equal to the threshold (1.5E2)") == (("below", True), 150.0)
    assert limit_in("no datapoints were received") is None


@pytest.mark.parametrize(
    ("dimensions", "name", "service"),
    [
        ({"FunctionName": "checkout", "Resource": "checkout:live"}, "x", "checkout"),
        ({"ClusterName": "shop", "ServiceName": "inventory"}, "x", "inventory"),
        ({"LoadBalancer": "app/shop/50dc6c495c0c9188"}, "x", "shop"),
        ({"StateMachineArn": "arn:aws:states:us-east-1:000000000000:stateMachine:refund"}, "x", "refund"),
        ({}, "[P1] checkout-api high latency", "checkout-api"),
        ({}, "CheckoutApiLatency", "CheckoutApi"),
        ({}, "checkout-5XXError-rate", "checkout"),
        ({}, "high-latency", "high-latency"),
        ({"Stage": "prod"}, "orders_throttles", "orders"),
    ],
)
def test_the_service_comes_from_dimensions_else_from_the_name(
    dimensions: dict[str, str], name: str, service: str
) -> None:
    assert service_of(dimensions, name) == service


@pytest.mark.parametrize(
    ("texts", "severity"),
    [
        (("", "checkout-high-latency"), "high"),
        (("", "low-disk-space"), "high"),
        (("", "checkout-P1-errors"), "critical"),
        (("Severity: low", "P1-checkout"), "low"),
        (("SEV-2", ""), "high"),
        (("[Warning] slow", ""), "medium"),
    ],
)
def test_severity_is_what_the_words_say(texts: tuple[str, str], severity: str) -> None:
    assert severity_of(*texts) == severity


def test_regions_are_known_by_code_and_by_name() -> None:
    assert region_code("Europe (Ireland)") == region_code("EU (Ireland)") == "eu-west-1"
    assert region_code("us-gov-west-1") == "us-gov-west-1"
    assert region_code("Atlantis") == ""


def test_an_old_alarm_still_has_its_own_start() -> None:
    told = NOW - timedelta(days=2)
    assert parsed(AWS | {"StateChangeTime": told.isoformat()}).started_at == told
