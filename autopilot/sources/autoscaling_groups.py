"""EC2 Auto Scaling: groups of instances with their limits and policies, and what scaled them lately."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, SERVICE_TAG, AwsSource, asking, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import in_scope, item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import ActivityTypeDef, AutoScalingGroupTypeDef, ScalingPolicyTypeDef

TRACKING = "TargetTrackingScaling"
CPU = "ASGAverageCPUUtilization"
MAX_ACTIVITY_PAGES = 3
"""Pages of a group's activities, newest first: an incident is about the newest."""


class AutoScalingGroups(AwsSource):
    """Groups of EC2 instances."""

    name = "autoscaling_groups"
    reads = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribePolicies",
        "autoscaling:DescribeScalingActivities",
    )

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every group near the scope, the policies of all, and what scaled them in the time range."""
        client = self.clients.autoscaling(region)
        listing = client.get_paginator("describe_auto_scaling_groups").paginate()
        groups = [g for page in pages(budget, listing, "NextToken", MAX_PAGES) for g in page["AutoScalingGroups"]]
        link = console(region, "ec2/home#AutoScalingGroups:")
        into.asked("autoscaling DescribeAutoScalingGroups", None, len(groups), link=link)
        if not groups:
            into.miss("no_data", f"no Auto Scaling groups in {region}")
            return
        policies = self._policies(region, budget, into)
        near = nearest(scope, [(owner(g), g) for g in groups], f"Auto Scaling groups in {region}", into)
        for service, group in near:
            name = group["AutoScalingGroupName"]
            known = None if policies is None else policies.get(name, [])
            settings = _settings(group, known)
            row = item(
                "autoscaling_group", group.get("AutoScalingGroupARN", ""), name=name, service=service,
                region=region, settings=settings, source=self.name,
                health=f"{settings['in_service']} of {group['DesiredCapacity']} instances are in service",
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            state = observed(
                datetime.now(UTC), "autoscaling_group", name=name, service=service, region=region, body=settings
            )
            into.add("state", frame("state", [state]))
        with asking(into, f"scaling activities in {region}"):
            self._activities(scope, region, near, budget, into)

    def _policies(
        self, region: str, budget: Budget, into: Collected
    ) -> "dict[str, list[ScalingPolicyTypeDef]] | None":
        """Group → its policies; None (and a gap) when they could not be read: that is not the same as none."""
        with asking(into, f"scaling policies in {region}"):
            listing = self.clients.autoscaling(region).get_paginator("describe_policies").paginate()
            policies: dict[str, list[ScalingPolicyTypeDef]] = defaultdict(list)
            for page in pages(budget, listing, "NextToken", MAX_PAGES):
                for policy in page["ScalingPolicies"]:
                    policies[policy.get("AutoScalingGroupName", "")].append(policy)
            return policies
        return None

    def _activities(
        self,
        scope: Scope,
        region: str,
        groups: "Sequence[tuple[str, AutoScalingGroupTypeDef]]",
        budget: Budget,
        into: Collected,
    ) -> None:
        """What scaled the groups, as changes."""
        paginator = self.clients.autoscaling(region).get_paginator("describe_scaling_activities")

        def read(pair: "tuple[str, AutoScalingGroupTypeDef]") -> "list[ActivityTypeDef]":
            listing = paginator.paginate(AutoScalingGroupName=pair[1]["AutoScalingGroupName"])
            return [
                a for page in pages(budget, listing, "NextToken", MAX_ACTIVITY_PAGES) for a in page["Activities"]
            ]

        for (service, group), found in each(read, groups):
            name = group["AutoScalingGroupName"]
            rows: list[dict[str, object]] = [
                {
                    "time": activity["StartTime"],
                    "id": f"{self.name}:{activity['ActivityId']}",
                    "kind": "scaling",
                    "service": service,
                    "resource": name,
                    "region": region,
                    "author": "auto scaling",
                    "summary": f"{activity.get('Description', '')} ({activity['StatusCode']})"[:300],
                    "diff": activity.get("Cause", "")[:1_000],
                }
                for activity in found
                if in_scope(scope, activity["StartTime"])
            ]
            into.asked(f"autoscaling DescribeScalingActivities {name}", None, len(rows))
            into.add("changes", frame("changes", rows))


def owner(group: "AutoScalingGroupTypeDef") -> str:
    """The service of a group: its tag, else its own name."""
    tags = {tag.get("Key", ""): tag.get("Value", "") for tag in group.get("Tags", [])}
    return tags.get(SERVICE_TAG) or group["AutoScalingGroupName"]


def tracked_metric(policy: "ScalingPolicyTypeDef") -> str:
    """The predefined metric of a target tracking policy; `custom` for one of the team's own."""
    configuration = policy.get("TargetTrackingConfiguration", {})
    return configuration.get("PredefinedMetricSpecification", {}).get("PredefinedMetricType", "custom")


def _settings(
    group: "AutoScalingGroupTypeDef", policies: "Sequence[ScalingPolicyTypeDef] | None"
) -> dict[str, Scalar]:
    """The group's settings; None for policies that could not be read."""
    instances = group.get("Instances", [])
    on = [policy for policy in policies or () if policy.get("Enabled", True)]
    tracking = [policy for policy in on if policy.get("PolicyType") == TRACKING]
    cpu = next((policy for policy in tracking if tracked_metric(policy) == CPU), None)
    return {
        "min_size": group["MinSize"],
        "max_size": group["MaxSize"],
        "desired_capacity": group["DesiredCapacity"],
        "in_service": sum(instance["LifecycleState"] == "InService" for instance in instances),
        "unhealthy": sum(instance["HealthStatus"] != "Healthy" for instance in instances),
        "policies": None if policies is None else len(on),
        "cpu_policy": cpu.get("PolicyName") if cpu else None,
        "cpu_target": cpu.get("TargetTrackingConfiguration", {}).get("TargetValue") if cpu else None,
    }
