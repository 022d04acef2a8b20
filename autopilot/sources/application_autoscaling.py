"""Application Auto Scaling: what is scaled by a controller, and what it did lately."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from autopilot.case.schema import frame
from autopilot.clients.aws_errors import AWS_ERRORS, error_kind, explain, remedy
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import AwsSource, asking, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.inventory import in_scope

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient

MAX_PAGES = 10
Namespace = Literal["dynamodb", "ecs", "lambda"]
NAMESPACES: tuple[Namespace, ...] = ("dynamodb", "ecs", "lambda")
_KINDS = {"dynamodb": "table", "ecs": "container", "lambda": "function"}


@dataclass(frozen=True)
class Target:
    """A dimension of a resource that a controller may move between two limits."""

    resource: str
    """Such as `table/orders` or `service/shop/inventory`."""
    dimension: str
    least: int
    most: int


def scalable_targets(
    client: "ApplicationAutoScalingClient", namespace: Namespace, region: str, budget: Budget, into: Collected
) -> list[Target] | None:
    """The targets of a namespace; None (and a gap) when they could not be read: that is not the same as none."""
    listing = client.get_paginator("describe_scalable_targets").paginate(ServiceNamespace=namespace)
    try:
        found = [
            Target(t["ResourceId"], str(t["ScalableDimension"]), t["MinCapacity"], t["MaxCapacity"])
            for page in pages(budget, listing, "NextToken", MAX_PAGES)
            for t in page["ScalableTargets"]
        ]
    except AWS_ERRORS as error:
        kind = "denied" if error_kind(error) == "denied" else "failed"
        into.miss(kind, f"auto scaling of {namespace} in {region}: {explain(error)}", remedy(error))
        return None
    into.asked(f"application-autoscaling DescribeScalableTargets {namespace}", None, len(found))
    return found


class ApplicationAutoScaling(AwsSource):
    """Scaling activities as changes."""

    name = "autoscaling"
    reads = (
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingActivities",
    )

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """What controllers did in the time range."""
        resources = self.account.resources(region, budget)
        client = self.clients.application_autoscaling(region)
        for namespace in NAMESPACES:
            if not scalable_targets(client, namespace, region, budget, into):
                continue  # nothing is scaled here, so nothing can have happened
            with asking(into, f"scaling activities of {namespace} in {region}"):
                listing = client.get_paginator("describe_scaling_activities").paginate(ServiceNamespace=namespace)
                rows: list[dict[str, object]] = []
                for page in pages(budget, listing, "NextToken", MAX_PAGES):
                    for activity in page["ScalingActivities"]:
                        if not in_scope(scope, activity["StartTime"]):
                            continue
                        name = activity["ResourceId"].split("/")[-1]
                        rows.append(
                            {
                                "time": activity["StartTime"],
                                "id": f"{self.name}:{activity['ActivityId']}",
                                "kind": "scaling",
                                "service": resources.service(_KINDS[namespace], name),
                                "resource": name,
                                "region": region,
                                "author": "auto scaling",
                                "summary": f"{activity['Description']} ({activity['StatusCode']})"[:300],
                                "diff": activity["Cause"][:1_000],
                            }
                        )
                into.asked(f"application-autoscaling DescribeScalingActivities {namespace}", None, len(rows))
                into.add("changes", frame("changes", rows))
