"""The world's health as CloudWatch data points."""

import math
import random
from collections.abc import Iterator
from datetime import datetime
from statistics import NormalDist
from typing import TYPE_CHECKING

from demo.scenarios import Scenario
from demo.world.model import CloudState, Health

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.literals import StandardUnitType
    from mypy_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDatumTypeDef

SPREAD = 0.22
"""Standard deviation of the logarithm of single durations around their mean."""
_SLICES = 12
_QUANTILES = tuple(
    math.exp(SPREAD * NormalDist().inv_cdf((index + 0.5) / _SLICES) - SPREAD**2 / 2) for index in range(_SLICES)
)


class Gauge:
    """Makes the data points of one interval, with the noise of measuring."""

    def __init__(self, seeded: random.Random, noise: float, at: datetime, seconds: float) -> None:
        self._seeded, self._noise = seeded, noise
        self.at, self.seconds = at, seconds

    def noisy(self, value: float) -> float:
        """The value as measured."""
        return max(value * self._seeded.gauss(1.0, self._noise), 0.0)

    def events(self, per_second: float) -> int:
        """How many things happened in the interval; the fraction is left to chance."""
        return int(self.noisy(per_second * self.seconds) + self._seeded.random())

    def _datum(self, name: str, dimensions: dict[str, str], unit: "StandardUnitType") -> "MetricDatumTypeDef":
        described: list[DimensionTypeDef] = [{"Name": key, "Value": value} for key, value in dimensions.items()]
        return {
            "MetricName": name,
            "Dimensions": described,
            "Timestamp": self.at,
            "Unit": unit,
            "StorageResolution": 60 if self.seconds >= 60 else 1,
        }

    def level(
        self, name: str, dimensions: dict[str, str], value: float, unit: "StandardUnitType" = "Count"
    ) -> "MetricDatumTypeDef":
        """One observed value."""
        return {**self._datum(name, dimensions, unit), "Value": round(value, 4)}

    def times(self, name: str, dimensions: dict[str, str], mean: float, count: int) -> "MetricDatumTypeDef":
        """A distribution of durations in milliseconds around a mean."""
        measured = self.noisy(mean)
        return {
            **self._datum(name, dimensions, "Milliseconds"),
            "Values": [round(measured * part, 2) for part in _QUANTILES],
            "Counts": [max(count, 1) / _SLICES] * _SLICES,
        }

    def counted(self, name: str, dimensions: dict[str, str], hits: int, total: int) -> "MetricDatumTypeDef":
        """`hits` out of `total`: Sum is the number, Average the share."""
        counts = {1.0: float(hits), 0.0: float(max(total - hits, 0))}
        known = {value: count for value, count in counts.items() if count} or {0.0: 1.0}
        return {**self._datum(name, dimensions, "Count"), "Values": list(known), "Counts": list(known.values())}

    def amount(self, name: str, dimensions: dict[str, str], each: float, times: int) -> "MetricDatumTypeDef":
        """`times` events of a size each: Sum is the amount."""
        return {
            **self._datum(name, dimensions, "Count"),
            "Values": [round(each, 4) if times else 0.0],
            "Counts": [float(max(times, 1))],
        }


def data_points(
    scenario: Scenario, state: CloudState, health: Health, gauge: Gauge
) -> Iterator[tuple[str, "MetricDatumTypeDef"]]:
    """(namespace, data point) of everything in the account, for one interval."""
    requests = gauge.events(health.rate)
    yield from _gateway(scenario, health, gauge, requests)
    yield from _function(scenario, state, health, gauge, requests)
    yield from _table(scenario, state, health, gauge, requests)
    yield from _neighbours(scenario, state, health, gauge)


def _hits(gauge: Gauge, share: float, total: int) -> int:
    return min(gauge.events(share * total / gauge.seconds), total)


def _gateway(
    scenario: Scenario, health: Health, gauge: Gauge, requests: int
) -> Iterator[tuple[str, "MetricDatumTypeDef"]]:
    names = {"ApiName": scenario.resources.api, "Stage": scenario.resources.stage}
    space = "AWS/ApiGateway"
    yield space, gauge.amount("Count", names, 1.0, requests)
    yield space, gauge.times("Latency", names, health.api_ms, requests)
    yield space, gauge.times("IntegrationLatency", names, health.lambda_ms + 8, requests)
    yield space, gauge.counted("5XXError", names, _hits(gauge, health.server_errors, requests), requests)
    yield space, gauge.counted("4XXError", names, _hits(gauge, health.client_errors, requests), requests)


def _function(
    scenario: Scenario, state: CloudState, health: Health, gauge: Gauge, requests: int
) -> Iterator[tuple[str, "MetricDatumTypeDef"]]:
    function = scenario.resources.function
    refused = _hits(gauge, health.lambda_throttled, requests)
    parts = [(requests - refused, {"FunctionName": function})]
    parts += [
        (
            round((requests - refused) * share),
            {
                "FunctionName": function,
                "Resource": f"{function}:{scenario.resources.alias}",
                "ExecutedVersion": state.versions.get(name, "1"),
            },
        )
        for name, share in state.shares.items()
        if share > 0
    ]
    for invocations, names in parts:
        errors = _hits(gauge, health.lambda_errors, invocations)
        yield "AWS/Lambda", gauge.amount("Invocations", names, 1.0, invocations)
        yield "AWS/Lambda", gauge.counted("Errors", names, errors, invocations)
        yield "AWS/Lambda", gauge.times("Duration", names, health.lambda_ms, invocations)
    whole = {"FunctionName": function}
    yield "AWS/Lambda", gauge.amount("Throttles", whole, 1.0, refused)
    yield "AWS/Lambda", gauge.level("ConcurrentExecutions", whole, round(gauge.noisy(health.concurrency)))


def _table(
    scenario: Scenario, state: CloudState, health: Health, gauge: Gauge, requests: int
) -> Iterator[tuple[str, "MetricDatumTypeDef"]]:
    names = {"TableName": scenario.resources.table}
    queries = {**names, "Operation": "Query"}
    space, throttled = "AWS/DynamoDB", gauge.events(health.throttle_rate)
    each = health.reads_served / max(health.rate, 0.001)
    yield space, gauge.amount("ConsumedReadCapacityUnits", names, each, requests)
    yield space, gauge.level("ProvisionedReadCapacityUnits", names, state.read_capacity)
    yield space, gauge.amount("ReadThrottleEvents", names, 1.0, throttled)
    yield space, gauge.amount("ConsumedWriteCapacityUnits", names, 0.4, requests)
    yield space, gauge.level("ProvisionedWriteCapacityUnits", names, state.write_capacity)
    yield space, gauge.times("SuccessfulRequestLatency", queries, health.table_ms, requests)
    yield space, gauge.amount("ThrottledRequests", queries, 1.0, throttled)


def _neighbours(
    scenario: Scenario, state: CloudState, health: Health, gauge: Gauge
) -> Iterator[tuple[str, "MetricDatumTypeDef"]]:
    resources = scenario.resources
    task = {"ClusterName": resources.cluster, "ServiceName": resources.neighbour}
    yield "AWS/ECS", gauge.level("CPUUtilization", task, gauge.noisy(health.neighbour_cpu), "Percent")
    yield "AWS/ECS", gauge.level("MemoryUtilization", task, gauge.noisy(54.0), "Percent")
    database = {"DBInstanceIdentifier": resources.database}
    yield "AWS/RDS", gauge.level("CPUUtilization", database, gauge.noisy(health.database_cpu), "Percent")
    connections = round(gauge.noisy(12.0 * state.tasks)) if state.database_up else 0
    yield "AWS/RDS", gauge.level("DatabaseConnections", database, connections)
    yield "AWS/RDS", gauge.level("ReadLatency", database, gauge.noisy(0.0021), "Seconds")
