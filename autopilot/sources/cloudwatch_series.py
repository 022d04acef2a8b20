"""Which CloudWatch series say something, with which statistics and units, and whose they are."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from autopilot.sources.aws import Resources

NAMESPACES = (
    "AWS/ApiGateway", "AWS/ApplicationELB", "AWS/NetworkELB", "AWS/Lambda", "AWS/DynamoDB", "AWS/ECS", "AWS/RDS",
    "AWS/SQS", "AWS/SNS", "AWS/ElastiCache", "AWS/Kinesis", "AWS/States", "AWS/EC2", "AWS/AutoScaling",
    "ECS/ContainerInsights",
)  # fmt: skip
"""AWS's own namespaces that describe a service's behaviour. Namespaces outside AWS/ are the account's own."""

PERCENTILE = "p99"

_LEVEL = ("Average", "Maximum")
_STATISTICS: tuple[tuple[re.Pattern[str], tuple[str, ...]], ...] = tuple(
    (re.compile(form), statistics)
    for form, statistics in (
        (r"^[45]XX_?Error$|^ErrorRate$", ("Sum", "Average")),
        (r"ConcurrentExecutions|Connections|Utilization|^Provisioned|^Running|^Desired", _LEVEL),
        (r"AgeOfOldest|IteratorAge|^Free|QueueDepth|Lag$|NumberOfMessagesVisible", _LEVEL),
        (r"Latency|Duration|ResponseTime|(^|[a-z])Time$", ("Average", PERCENTILE)),
        (r"Count|Errors?$|Invocations|Throttle|^Consumed|Requests?|HTTPCode|^NumberOf", ("Sum",)),
        (r"Bytes|Packets|IOPS", ("Sum",)),
    )
)
_UNKNOWN = ("Average", "Sum")
"""For a metric whose name says nothing: level and amount."""

_UNITS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(form), unit)
    for form, unit in (
        (r"TargetResponseTime|^ReadLatency$|^WriteLatency$|AgeOfOldest", "s"),
        (r"Latency|Duration|IteratorAge", "ms"),
        (r"Utilization", "%"),
        (r"Bytes|^Freeable|^FreeStorage", "bytes"),
        (r"CapacityUnits", "units"),
    )
)

_OWNERS: tuple[tuple[str, str], ...] = (
    ("FunctionName", "function"), ("TableName", "table"), ("ApiName", "api"), ("ServiceName", "container"),
    ("DBInstanceIdentifier", "database"), ("DBClusterIdentifier", "database"), ("QueueName", "queue"),
    ("LoadBalancer", "balancer"), ("service", "service"), ("Service", "service"), ("service_name", "service"),
    ("CacheClusterId", "cache"), ("StreamName", "stream"), ("TopicName", "topic"), ("StateMachineArn", "machine"),
    ("AutoScalingGroupName", "group"), ("InstanceId", "instance"), ("ClusterName", "cluster"),
)  # fmt: skip
"""Dimension → kind of resource, the most telling first."""


@dataclass(frozen=True)
class Series:
    """One metric of one resource, before a statistic is chosen."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]
    """Sorted by name."""
    service: str
    resource: str

    @property
    def dimensions_json(self) -> str:
        """The dimensions as the case keeps them."""
        return json.dumps(dict(self.dimensions), sort_keys=True)


def described(namespace: str, metric: str, dimensions: Mapping[str, str], resources: Resources) -> Series:
    """A listed metric with its owner: by dimension, else the namespace's last word."""
    owner = next(((kind, dimensions[name]) for name, kind in _OWNERS if dimensions.get(name)), None)
    kind, name = owner or ("", namespace.rsplit("/", 1)[-1])
    service = resources.service(kind, name) if owner else name
    return Series(namespace, metric, tuple(sorted(dimensions.items())), service, dimensions.get("Resource") or name)


def statistics(metric: str) -> tuple[str, ...]:
    """The statistics worth reading: average and p99 of times, sums of counts, average and peak of levels."""
    return next((chosen for form, chosen in _STATISTICS if form.search(metric)), _UNKNOWN)


def unit(metric: str, statistic: str) -> str:
    """The unit of the values, "count" when the name says nothing of another."""
    if statistic == "Average" and re.search(r"^[45]XX_?Error$|^ErrorRate$", metric):
        return "share"
    return next((name for form, name in _UNITS if form.search(metric)), "count")


def wanted(namespace: str) -> bool:
    """Whether a namespace is ours to read."""
    return namespace in NAMESPACES or not namespace.startswith("AWS/")


def question(series: Series, statistic: str, period: int) -> str:
    """The query as it is shown to people."""
    dimensions = ",".join(f"{name}={value}" for name, value in series.dimensions)
    return f"cloudwatch GetMetricData {series.namespace} {series.metric} {{{dimensions}}} {statistic} {period}s"
