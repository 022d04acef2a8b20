"""Elastic Load Balancing: weighted forwards between target groups, and the health of the targets behind them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, AwsSource, Resources, asking, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import (
        ActionOutputTypeDef,
        LoadBalancerTypeDef,
        TargetGroupTypeDef,
        TargetHealthDescriptionTypeDef,
    )

SERVING = ("healthy", "unhealthy")
"""States of targets that say how they answer; the others are on their way in or out."""


@dataclass(frozen=True)
class _Forward:
    """Actions that send traffic to target groups: of a rule, or of a listener by default."""

    resource: str
    name: str
    balancer: str
    service: str
    weights: Mapping[str, int]
    """Target group → weight."""


class Elb(AwsSource):
    """Load balancers of the second generation: application and network."""

    name = "elb"
    reads = (
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeLoadBalancers",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetGroups",
        "elasticloadbalancing:DescribeTargetHealth",
    )

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """The load balancers near the scope, where they send traffic, and how the targets do."""
        resources = self.account.resources(region, budget)
        client = self.clients.elbv2(region)
        listing = client.get_paginator("describe_load_balancers").paginate()
        balancers = [b for page in pages(budget, listing, "NextMarker", MAX_PAGES) for b in page["LoadBalancers"]]
        link = console(region, "ec2/home#LoadBalancers:")
        into.asked("elasticloadbalancing DescribeLoadBalancers", None, len(balancers), link=link)
        if not balancers:
            into.miss("no_data", f"no load balancers in {region}")
            return
        owners = {b.get("LoadBalancerArn", ""): _owner(b, resources) for b in balancers}
        with asking(into, f"target groups in {region}"):
            self._groups(scope, region, resources, owners, budget, into)
        owned = [(owners[b.get("LoadBalancerArn", "")], b) for b in balancers]
        near = [b for _, b in nearest(scope, owned, f"load balancers in {region}", into)]

        def forwards(balancer: "LoadBalancerTypeDef") -> list[_Forward]:
            return self._forwards(region, balancer, owners[balancer.get("LoadBalancerArn", "")], budget)

        for balancer, found in each(forwards, near):
            name = balancer.get("LoadBalancerName", "")
            into.asked(f"elasticloadbalancing DescribeListeners, DescribeRules {name}", None, len(found), link=link)
            into.add("inventory", frame("inventory", [_forward_item(f, region) for f in found]))

    def _groups(
        self,
        scope: Scope,
        region: str,
        resources: Resources,
        owners: Mapping[str, str],
        budget: Budget,
        into: Collected,
    ) -> None:
        """Every target group near the scope with the health of its targets."""
        client = self.clients.elbv2(region)
        listing = client.get_paginator("describe_target_groups").paginate()
        groups = [g for page in pages(budget, listing, "NextMarker", MAX_PAGES) for g in page["TargetGroups"]]
        owned = [(_group_owner(g, resources, owners), g) for g in groups]
        near = nearest(scope, owned, f"target groups in {region}", into)
        services = {group.get("TargetGroupArn", ""): service for service, group in near}

        def health(group: "TargetGroupTypeDef") -> "list[TargetHealthDescriptionTypeDef]":
            budget.spend()
            answer = client.describe_target_health(TargetGroupArn=group.get("TargetGroupArn", ""))
            return answer["TargetHealthDescriptions"]

        for group, targets in each(health, [group for _, group in near]):
            name, arn = group.get("TargetGroupName", ""), group.get("TargetGroupArn", "")
            into.asked(f"elasticloadbalancing DescribeTargetHealth {name}", None, len(targets))
            settings, service = _group_settings(group, targets), services[arn]
            row = item(
                "elb_target_group", arn, name=name, service=service, region=region, settings=settings,
                health=f"{settings['healthy']} of {len(targets)} targets are healthy", source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            body: dict[str, object] = {**settings, "reasons": _reasons(targets)}
            state = observed(
                datetime.now(UTC), "elb_target_group", name=name, service=service, region=region, body=body
            )
            into.add("state", frame("state", [state]))

    def _forwards(
        self, region: str, balancer: "LoadBalancerTypeDef", service: str, budget: Budget
    ) -> list[_Forward]:
        """The forwards of a load balancer that divide traffic between target groups."""
        client, arn = self.clients.elbv2(region), balancer.get("LoadBalancerArn", "")
        name, found = balancer.get("LoadBalancerName", ""), list[_Forward]()
        listing = client.get_paginator("describe_listeners").paginate(LoadBalancerArn=arn)
        for listener in [
            one for page in pages(budget, listing, "NextMarker", MAX_PAGES) for one in page["Listeners"]
        ]:
            port, listener_arn = listener.get("Port", 0), listener.get("ListenerArn", "")
            if len(weights := forwarded(listener.get("DefaultActions", []))) > 1:
                found.append(_Forward(listener_arn, f"{name}:{port}", name, service, weights))
            if balancer.get("Type") != "application":
                continue
            rules = client.get_paginator("describe_rules").paginate(ListenerArn=listener_arn)
            for rule in [one for page in pages(budget, rules, "NextMarker", MAX_PAGES) for one in page["Rules"]]:
                weights = forwarded(rule.get("Actions", []))
                if not rule.get("IsDefault") and len(weights) > 1:
                    label = f"{name}:{port}/{rule.get('Priority', '')}"
                    found.append(_Forward(rule.get("RuleArn", ""), label, name, service, weights))
        return found


def forwarded(actions: "Sequence[ActionOutputTypeDef]") -> dict[str, int]:
    """Target group → weight of the forward among the actions; empty without one that names weights."""
    groups = [
        g for a in actions if a.get("Type") == "forward" for g in a.get("ForwardConfig", {}).get("TargetGroups", [])
    ]
    return {group.get("TargetGroupArn", ""): group.get("Weight", 1) for group in groups}


def group_name(arn: str) -> str:
    """The name in a target group's ARN."""
    return arn.partition(":targetgroup/")[2].partition("/")[0]


def _owner(balancer: "LoadBalancerTypeDef", resources: Resources) -> str:
    path = balancer.get("LoadBalancerArn", "").partition(":loadbalancer/")[2]
    return resources.services.get(("balancer", path)) or balancer.get("LoadBalancerName", "")


def _group_owner(group: "TargetGroupTypeDef", resources: Resources, owners: Mapping[str, str]) -> str:
    """By its tag, else that of the load balancer that uses it, else its own name."""
    name = group.get("TargetGroupName", "")
    used = next((owners[arn] for arn in group.get("LoadBalancerArns", []) if arn in owners), "")
    return resources.services.get(("target_group", name)) or used or name


def _state(target: "TargetHealthDescriptionTypeDef") -> str:
    return target.get("TargetHealth", {}).get("State", "")


def _group_settings(
    group: "TargetGroupTypeDef", targets: "Sequence[TargetHealthDescriptionTypeDef]"
) -> dict[str, Scalar]:
    """The group with how many targets are healthy, and the first that is not."""
    states = Counter(_state(target) for target in targets)
    unhealthy = (target.get("Target") for target in targets if _state(target) == "unhealthy")
    sick = next((target for target in unhealthy if target is not None), None)
    return {
        "target_type": group.get("TargetType", ""),
        "healthy": states["healthy"],
        "unhealthy": states["unhealthy"],
        "others": sum(count for state, count in states.items() if state not in SERVING),
        "unhealthy_target": sick["Id"] if sick else None,
        "unhealthy_port": sick.get("Port") if sick else None,
        "unhealthy_zone": sick.get("AvailabilityZone") if sick else None,
    }


def _reasons(targets: "Sequence[TargetHealthDescriptionTypeDef]") -> dict[str, int]:
    """Why targets are not healthy, with how many there are of each."""
    return dict(
        Counter(t.get("TargetHealth", {}).get("Reason", "") for t in targets if _state(t) not in ("healthy", ""))
    )


def _forward_item(forward: _Forward, region: str) -> dict[str, object]:
    settings: dict[str, Scalar] = {"balancer": forward.balancer, "groups": len(forward.weights)}
    versions: list[dict[str, Scalar]] = []
    for number, (group, weight) in enumerate(forward.weights.items(), start=1):
        settings |= {f"group_{number}": group, f"weight_{number}": weight}
        versions.append({"version": group, "description": group_name(group), "active": weight > 0})
    return item(
        "elb_forward",
        forward.resource,
        name=forward.name,
        service=forward.service,
        region=region,
        settings=settings,
        versions=versions,
        source=Elb.name,
    )
