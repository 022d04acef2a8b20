"""CloudWatch alarm notifications in their two wire forms. Pure parsing; others verify the sender.

AWS and the emulators differ: AWS sends AlarmArn, a region's long name and `+0000`; emulators leave the ARN out and
send the region's code and `Z`. Dimensions come as {name, value} or {Name, Value}. All of it is accepted.
"""

import re
from collections.abc import Mapping

from autopilot.triggers.alarm import AlarmChange, AlarmMetric, Limit, limit_in, number
from autopilot.triggers.base import Refused, rows, stamp, table, text
from autopilot.triggers.conventions import region_code

OPERATORS: dict[str, Limit] = {
    "GreaterThanThreshold": ("above", False),
    "GreaterThanOrEqualToThreshold": ("above", True),
    "LessThanThreshold": ("below", False),
    "LessThanOrEqualToThreshold": ("below", True),
}
"""Anomaly bands have no fixed threshold and are left out."""

STATISTICS = {
    "AVERAGE": "Average", "SUM": "Sum", "MINIMUM": "Minimum", "MAXIMUM": "Maximum",
    "SAMPLECOUNT": "SampleCount", "SAMPLE_COUNT": "SampleCount",
}  # fmt: skip
ARN = re.compile(r"arn:aws[a-z-]*:cloudwatch:([a-z0-9-]+):(\d{12}):alarm:.+")


def _dimensions(value: object) -> dict[str, str]:
    """Dimensions from a list of {name, value} in either spelling, or from an object."""
    if named := table(value):
        return {text(k): text(v) for k, v in list(named.items())[:30]}
    pairs = [table(entry) for entry in rows(value, 30)]
    listed = {text(p.get("name", p.get("Name"))): text(p.get("value", p.get("Value"))) for p in pairs}
    return {name: value for name, value in listed.items() if name}


def _metric(stat: Mapping[str, object]) -> AlarmMetric | None:
    """A metric from either spelling of a MetricStat."""
    metric = table(stat.get("Metric", stat.get("metric")))
    name = text(metric.get("MetricName", metric.get("name")))
    if not name:
        return None
    return AlarmMetric(
        namespace=text(metric.get("Namespace", metric.get("namespace"))),
        name=name,
        dimensions=_dimensions(metric.get("Dimensions", metric.get("dimensions"))),
        statistic=text(stat.get("Stat", stat.get("stat"))) or "Average",
        unit=text(stat.get("Unit", stat.get("unit"))),
    )


def _queries(entries: list[object]) -> tuple[AlarmMetric | None, dict[str, str]]:
    """The series that is compared, unless it is an expression, and the dimensions of everything that goes in."""
    compared: AlarmMetric | None = None
    dimensions: dict[str, str] = {}
    for query in map(table, entries):
        metric = _metric(table(query.get("MetricStat", query.get("metricStat"))))
        if metric is None:
            continue
        dimensions = {**metric.dimensions, **dimensions}
        if query.get("ReturnData", query.get("returnData", True)) is not False:
            compared = metric
    return compared, dimensions


def _trigger(trigger: Mapping[str, object]) -> tuple[AlarmMetric | None, dict[str, str]]:
    """The series and dimensions in the `Trigger` of an SNS notification."""
    if "Metrics" in trigger:
        return _queries(rows(trigger["Metrics"]))
    dimensions = _dimensions(trigger.get("Dimensions"))
    name = text(trigger.get("MetricName"))
    statistic = text(trigger.get("ExtendedStatistic")) or text(trigger.get("Statistic")) or "Average"
    if not name:
        return None, dimensions
    statistic = STATISTICS.get(statistic.upper(), statistic)
    metric = AlarmMetric(text(trigger.get("Namespace")), name, dimensions, statistic, text(trigger.get("Unit")))
    return metric, dimensions


def from_notification(message: Mapping[str, object]) -> AlarmChange:
    """The JSON that an alarm action publishes to SNS.

    Raises:
        Refused: 422 when it is not an alarm notification.
    """
    for name in ("AlarmName", "NewStateValue"):
        if not text(message.get(name)):
            raise Refused(
                422, "This is not a CloudWatch alarm notification.", field=name,
                remedy="Send the alarm action's JSON unchanged: it has AlarmName, NewStateValue and Trigger.",
            )  # fmt: skip
    trigger = table(message.get("Trigger"))
    metric, dimensions = _trigger(trigger)
    arn = ARN.fullmatch(text(message.get("AlarmArn"), 400))
    return AlarmChange(
        name=text(message.get("AlarmName")),
        state=text(message.get("NewStateValue")),
        reason=text(message.get("NewStateReason"), 2_000),
        description=text(message.get("AlarmDescription"), 2_000),
        previous=text(message.get("OldStateValue")),
        at=stamp(message.get("StateChangeTime")),
        region=arn.group(1) if arn else region_code(text(message.get("Region"))),
        account=text(message.get("AWSAccountId")) or (arn.group(2) if arn else ""),
        arn=arn.group() if arn else "",
        metric=metric,
        dimensions=dimensions,
        limit=OPERATORS.get(text(trigger.get("ComparisonOperator"))),
        threshold=number(trigger.get("Threshold")),
        quiet_is_healthy="notbreaching" in text(trigger.get("TreatMissingData")).lower().replace(" ", ""),
    )


def from_event(event: Mapping[str, object]) -> AlarmChange:
    """An EventBridge "CloudWatch Alarm State Change" event; threshold and comparison are only in its reason.

    Raises:
        Refused: 422 when alarm name or state are missing.
    """
    detail = table(event.get("detail"))
    state = table(detail.get("state"))
    for where, value in (("detail.alarmName", detail.get("alarmName")), ("detail.state.value", state.get("value"))):
        if not text(value):
            raise Refused(
                422, "The alarm event is incomplete.", field=where,
                remedy="Send the event unchanged, without an input transformer.",
            )  # fmt: skip
    configuration = table(detail.get("configuration"))
    metric, dimensions = _queries(rows(configuration.get("metrics")))
    reason = text(state.get("reason"), 2_000)
    limit, threshold = limit_in(reason) or (None, None)
    arns = [a for a in (ARN.fullmatch(text(r, 400)) for r in rows(event.get("resources"))) if a]
    return AlarmChange(
        name=text(detail.get("alarmName")),
        state=text(state.get("value")),
        reason=reason,
        description=text(configuration.get("description"), 2_000),
        previous=text(table(detail.get("previousState")).get("value")),
        at=stamp(state.get("timestamp")) or stamp(event.get("time")),
        region=region_code(text(event.get("region"))),
        account=text(event.get("account")),
        arn=arns[0].group() if arns else "",
        metric=metric,
        dimensions=dimensions,
        limit=limit,
        threshold=threshold,
    )
