"""How alerts name services, severities and regions: tables, to be extended by data rather than by branches."""

import re
from collections.abc import Mapping

from autopilot.incident.alert import Severity

SERVICE_DIMENSIONS = (
    "service", "Service", "service.name",
    "FunctionName", "TableName", "ApiName", "ServiceName", "DBInstanceIdentifier", "DBClusterIdentifier",
    "LoadBalancer", "LoadBalancerName", "TargetGroup", "QueueName", "TopicName", "StateMachineArn", "StreamName",
    "CacheClusterId", "AutoScalingGroupName", "ApiId", "ClusterName", "InstanceId",
)  # fmt: skip
"""CloudWatch dimensions that name what alarmed, the most telling first."""

_SEVERITY_WORDS: tuple[tuple[str, Severity], ...] = (
    (r"sev(?:erity)?[-_ :=]*(?:1|critical)|p1|critical", "critical"),
    (r"sev(?:erity)?[-_ :=]*(?:2|high)|p2", "high"),
    (r"sev(?:erity)?[-_ :=]*(?:3|medium|moderate)|p3|warn(?:ing)?", "medium"),
    (r"sev(?:erity)?[-_ :=]*(?:[45]|low|info)|p[45]|info", "low"),
)
SEVERITY_PATTERNS: tuple[tuple[re.Pattern[str], Severity], ...] = tuple(
    (re.compile(rf"(?<![a-z0-9])(?:{words})(?![a-z0-9])", re.IGNORECASE), severity)
    for words, severity in _SEVERITY_WORDS
)
"""Bare `high` and `low` are left out on purpose: "high latency" and "low disk space" do not speak of severity."""

CONDITION_WORDS = frozenset(
    {
        "alarm", "alert", "alerts", "high", "low", "too", "critical", "warning", "warn", "sev1", "sev2",
        "sev3", "p1", "p2", "p3", "p4", "p50", "p90", "p95", "p99", "latency", "duration", "error",
        "errors", "rate", "5xx", "4xx", "cpu", "memory", "disk", "utilization", "utilisation", "usage",
        "throttle", "throttles", "throttled", "throttling", "timeout", "timeouts", "count", "requests",
        "breach", "threshold", "connections", "prod", "production", "staging",
    }
)  # fmt: skip
"""Parts of an alarm's name that say what is wrong rather than with which service."""

REGION_NAMES = {
    "US East (N. Virginia)": "us-east-1",
    "US East (Ohio)": "us-east-2",
    "US West (N. California)": "us-west-1",
    "US West (Oregon)": "us-west-2",
    "Africa (Cape Town)": "af-south-1",
    "Asia Pacific (Hong Kong)": "ap-east-1",
    "Asia Pacific (Hyderabad)": "ap-south-2",
    "Asia Pacific (Jakarta)": "ap-southeast-3",
    "Asia Pacific (Malaysia)": "ap-southeast-5",
    "Asia Pacific (Melbourne)": "ap-southeast-4",
    "Asia Pacific (Mumbai)": "ap-south-1",
    "Asia Pacific (Osaka)": "ap-northeast-3",
    "Asia Pacific (Seoul)": "ap-northeast-2",
    "Asia Pacific (Singapore)": "ap-southeast-1",
    "Asia Pacific (Sydney)": "ap-southeast-2",
    "Asia Pacific (Tokyo)": "ap-northeast-1",
    "Canada (Central)": "ca-central-1",
    "Canada West (Calgary)": "ca-west-1",
    "China (Beijing)": "cn-north-1",
    "China (Ningxia)": "cn-northwest-1",
    "EU (Frankfurt)": "eu-central-1",
    "EU (Zurich)": "eu-central-2",
    "EU (Ireland)": "eu-west-1",
    "EU (London)": "eu-west-2",
    "EU (Milan)": "eu-south-1",
    "EU (Paris)": "eu-west-3",
    "EU (Spain)": "eu-south-2",
    "EU (Stockholm)": "eu-north-1",
    "Israel (Tel Aviv)": "il-central-1",
    "Middle East (Bahrain)": "me-south-1",
    "Middle East (UAE)": "me-central-1",
    "South America (Sao Paulo)": "sa-east-1",
}
REGION_CODE = re.compile(r"[a-z]{2}(?:-[a-z]+){1,2}-\d")

SPARSE_COUNTERS = frozenset(
    {
        "ThrottledRequests", "ReadThrottleEvents", "WriteThrottleEvents", "SystemErrors", "UserErrors",
        "ConditionalCheckFailedRequests", "TransactionConflict", "HTTPCode_ELB_5XX_Count",
        "HTTPCode_Target_5XX_Count", "RejectedConnectionCount", "TargetConnectionErrorCount",
    }
)  # fmt: skip
"""Metrics that AWS publishes only while something goes wrong: their silence is health."""

_WORD = re.compile(r"\d[xX]{2}|[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


def severity_of(*texts: str) -> Severity:
    """The severity that the first telling text states; `high` when none does."""
    for text in texts:
        for pattern, severity in SEVERITY_PATTERNS:
            if pattern.search(text):
                return severity
    return "high"


def region_code(name: str) -> str:
    """The region's code from its code or its long name; empty when unknown."""
    name = name.strip()
    if REGION_CODE.fullmatch(name):
        return name
    return REGION_NAMES.get(name.replace("Europe (", "EU (").replace("São", "Sao"), "")


def _own_name(dimension: str, value: str) -> str:
    """The resource's own name inside a dimension's value (`app/shop/50dc` and ARNs carry more than that)."""
    if dimension in ("LoadBalancer", "TargetGroup") and value.count("/") >= 2:
        return value.split("/")[1]
    return value.rsplit(":", 1)[-1] if value.startswith("arn:") else value


def service_of(dimensions: Mapping[str, str], name: str) -> str:
    """The service an alarm is about: from its dimensions, else from its name without the condition words."""
    for dimension in SERVICE_DIMENSIONS:
        if dimensions.get(dimension):
            return _own_name(dimension, dimensions[dimension])
    words = list(_WORD.finditer(name))
    kept = [w for w in words if w.group().lower() not in CONDITION_WORDS]
    return name[kept[0].start() : kept[-1].end()] if kept else name
