"""DynamoDB: tables with their capacity, and whether auto scaling moves it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.application_autoscaling import Target, scalable_targets
from autopilot.sources.aws import AwsSource, console
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import TableDescriptionTypeDef

READ = "dynamodb:table:ReadCapacityUnits"


class DynamoDB(AwsSource):
    """Tables."""

    name = "dynamodb"
    reads = ("application-autoscaling:DescribeScalableTargets", "dynamodb:DescribeTable")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every table near the scope."""
        resources = self.account.resources(region, budget)
        resources.needed("tables")
        client = self.clients.dynamodb(region)
        found = [(resources.service("table", name), name) for name in resources.names("table")]
        near = nearest(scope, found, f"tables in {region}", into)
        if not near:
            into.miss("no_data", f"no DynamoDB tables in {region}")
            return
        targets: dict[str, list[Target]] | None = None
        listed = scalable_targets(self.clients.application_autoscaling(region), "dynamodb", region, budget, into)
        if listed is not None:
            targets = defaultdict(list)
            for target in listed:
                targets[target.resource].append(target)

        def describe(name: str) -> "TableDescriptionTypeDef":
            budget.spend()
            return client.describe_table(TableName=name)["Table"]

        services = {name: service for service, name in near}
        for name, table in each(describe, services):
            link = console(region, f"dynamodbv2/home#table?name={name}")
            into.asked(f"dynamodb DescribeTable {name}", None, 1, link=link)
            settings = _settings(table, None if targets is None else targets.get(f"table/{name}", []))
            status = str(settings["status"])
            row = item(
                "dynamodb_table",
                table.get("TableArn", ""),
                name=name,
                service=services[name],
                region=region,
                settings=settings,
                health=status,
                source=self.name,
            )
            into.add("inventory", frame("inventory", [row]))
            into.add("state", frame("state", [_state(name, services[name], region, settings)]))


def _settings(table: "TableDescriptionTypeDef", targets: Sequence[Target] | None) -> dict[str, Scalar]:
    """The table's settings; None for auto scaling that could not be asked about."""
    throughput = table.get("ProvisionedThroughput", {})
    mode = table.get("BillingModeSummary", {}).get("BillingMode")
    read = next((target for target in targets or () if target.dimension == READ), None)
    return {
        "billing_mode": mode or "PROVISIONED",
        "read_capacity": throughput.get("ReadCapacityUnits"),
        "write_capacity": throughput.get("WriteCapacityUnits"),
        "read_autoscaling": None if targets is None else read is not None,
        "read_min": read.least if read else None,
        "read_max": read.most if read else None,
        "status": table.get("TableStatus", ""),
    }


def _state(name: str, service: str, region: str, settings: Mapping[str, Scalar]) -> dict[str, object]:
    return observed(
        datetime.now(UTC), "dynamodb_table", name=name, service=service, region=region, body=dict(settings)
    )
