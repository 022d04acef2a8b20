"""EC2: running instances, and whether they pass their status checks."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, SERVICE_TAG, AwsSource, asking, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.inventory import iso, item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

GROUP_TAG = "aws:autoscaling:groupName"
"""What Auto Scaling puts on the instances of a group."""


class Ec2(AwsSource):
    """Instances."""

    name = "ec2"
    reads = ("ec2:DescribeInstanceStatus", "ec2:DescribeInstances")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every running instance near the scope with its status checks."""
        client = self.clients.ec2(region)
        listing = client.get_paginator("describe_instances").paginate(
            Filters=[{"Name": "instance-state-name", "Values": ["running"]}]
        )
        instances = [
            (instance, reservation.get("OwnerId", ""))
            for page in pages(budget, listing, "NextToken", MAX_PAGES)
            for reservation in page["Reservations"]
            for instance in reservation.get("Instances", [])
        ]
        into.asked("ec2 DescribeInstances", None, len(instances), link=console(region, "ec2/home#Instances:"))
        if not instances:
            into.miss("no_data", f"no running EC2 instances in {region}")
            return
        checks: dict[str, str] = {}
        with asking(into, f"status checks in {region}"):
            checks = self._checks(region, budget)
        owned = [(_owner(instance), (instance, account)) for instance, account in instances]
        for service, (instance, account) in nearest(scope, owned, f"EC2 instances in {region}", into):
            number, tags = instance.get("InstanceId", ""), _tags(instance)
            settings: dict[str, Scalar] = {
                "instance_type": str(instance.get("InstanceType", "")),
                "launched_at": iso(instance.get("LaunchTime")),
                "group": tags.get(GROUP_TAG) or None,
                "checks": checks.get(number) or None,
            }
            name = tags.get("Name") or number
            row = item(
                "ec2_instance", f"arn:aws:ec2:{region}:{account}:instance/{number}", name=number, service=service,
                region=region, settings=settings, health=checks.get(number, ""), source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            body: dict[str, object] = {**settings, "name": name}
            state = observed(
                datetime.now(UTC), "ec2_instance", name=number, service=service, region=region, body=body
            )
            into.add("state", frame("state", [state]))

    def _checks(self, region: str, budget: Budget) -> dict[str, str]:
        """Instance → `ok`, `impaired`, `initializing` …, the worse of system and instance."""
        listing = self.clients.ec2(region).get_paginator("describe_instance_status").paginate()
        found: dict[str, str] = {}
        for page in pages(budget, listing, "NextToken", MAX_PAGES):
            for status in page["InstanceStatuses"]:
                both = [
                    str(status.get("SystemStatus", {}).get("Status", "")),
                    str(status.get("InstanceStatus", {}).get("Status", "")),
                ]
                found[status.get("InstanceId", "")] = next((one for one in both if one != "ok"), "ok")
        return found


def _tags(instance: "InstanceTypeDef") -> dict[str, str]:
    return {tag.get("Key", ""): tag.get("Value", "") for tag in instance.get("Tags", [])}


def _owner(instance: "InstanceTypeDef") -> str:
    """By its tag, else the group it belongs to, else its name, else its id."""
    tags = _tags(instance)
    named = (tags.get(name, "") for name in (SERVICE_TAG, GROUP_TAG, "Name"))
    return next((name for name in named if name), instance.get("InstanceId", ""))
