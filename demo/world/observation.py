"""Reads what the cloud's state really is, as far as physics depends on it."""

import time
from dataclasses import dataclass

from demo.cloud import Cloud
from demo.scenarios import Scenario
from demo.world.model import CloudState
from demo.world.scaling import ScalingPolicy


@dataclass(frozen=True)
class Observed:
    """The cloud at a moment, and who adjusts the table's capacity by himself."""

    state: CloudState
    policy: ScalingPolicy | None


DOWN = ("rebooting", "stopped", "failed")
NEIGHBOURS_EVERY = 5.0
"""Seconds between looks at the neighbours: the emulator's ECS and RDS take long to describe anything."""


@dataclass(frozen=True)
class _Neighbours:
    tasks: int
    database_class: str
    database_up: bool


class Observer:
    """Looks at the account with plain API calls. Synchronous."""

    def __init__(self, cloud: Cloud, scenario: Scenario) -> None:
        self._clients, self._names = cloud.clients(), scenario.resources
        self._releases: dict[str, str] = {}
        self._neighbours: _Neighbours | None = None
        self._neighbours_at = 0.0

    def look(self) -> Observed:
        """The present state. Raises botocore errors when the account cannot be read."""
        table = self._clients.dynamodb.describe_table(TableName=self._names.table)["Table"]
        throughput = table.get("ProvisionedThroughput", {})
        weights = self._weights()
        if self._neighbours is None or time.monotonic() - self._neighbours_at > NEIGHBOURS_EVERY:
            self._neighbours, self._neighbours_at = self._look_around(), time.monotonic()
        return Observed(
            CloudState(
                shares={self._release(version): share for version, share in weights.items()},
                versions={self._release(version): version for version in weights},
                read_capacity=throughput.get("ReadCapacityUnits", 0),
                write_capacity=throughput.get("WriteCapacityUnits", 0),
                on_demand=table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST",
                reserved_concurrency=self._clients.functions.get_function_concurrency(
                    FunctionName=self._names.function
                ).get("ReservedConcurrentExecutions"),
                tasks=self._neighbours.tasks,
                database_class=self._neighbours.database_class,
                database_up=self._neighbours.database_up,
            ),
            self._policy(),
        )

    def _weights(self) -> dict[str, float]:
        """Version → share of the traffic that the alias sends there."""
        alias = self._clients.functions.get_alias(FunctionName=self._names.function, Name=self._names.alias)
        extra = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
        return {alias["FunctionVersion"]: 1.0 - sum(extra.values()), **extra}

    def _release(self, version: str) -> str:
        if version not in self._releases:
            listed = self._clients.functions.list_versions_by_function(FunctionName=self._names.function)
            for entry in listed["Versions"]:
                self._releases[entry.get("Version", "")] = entry.get("Description", "")
        return self._releases.get(version) or version

    def _look_around(self) -> _Neighbours:
        services = self._clients.ecs.describe_services(
            cluster=self._names.cluster, services=[self._names.neighbour]
        )["services"]
        databases = self._clients.rds.describe_db_instances(DBInstanceIdentifier=self._names.database)[
            "DBInstances"
        ]
        return _Neighbours(
            tasks=services[0].get("runningCount", 0) if services else 0,
            database_class=databases[0].get("DBInstanceClass", "") if databases else "",
            database_up=bool(databases) and databases[0].get("DBInstanceStatus") not in DOWN,
        )

    def _policy(self) -> ScalingPolicy | None:
        resource, dimension = f"table/{self._names.table}", "dynamodb:table:ReadCapacityUnits"
        client = self._clients.autoscaling
        targets = client.describe_scalable_targets(ServiceNamespace="dynamodb", ResourceIds=[resource])
        target = next((t for t in targets["ScalableTargets"] if t["ScalableDimension"] == dimension), None)
        if target is None:
            return None
        policies = client.describe_scaling_policies(ServiceNamespace="dynamodb", ResourceId=resource)
        tracked = [
            policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue", 0.0)
            for policy in policies["ScalingPolicies"]
            if policy["ScalableDimension"] == dimension
        ]
        return ScalingPolicy(target["MinCapacity"], target["MaxCapacity"], tracked[0] / 100 if tracked else None)
