"""More of the shop's inventory: load balancers, stages, groups of machines, stacks, clusters."""

from dataclasses import replace

from autopilot.incident.base import Scalar
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.base import Candidate, Context, InventoryItem
from tests.unit.remediation.story import ARN, offered

BLUE, GREEN = (
    ARN.format("elasticloadbalancing", f"targetgroup/{n}/0a{i}") for i, n in enumerate(("blue", "green"))
)
STAGE = "arn:aws:apigateway:us-east-1::/restapis/abc123/stages/prod"
LISTENER = ARN.format("elasticloadbalancing", "listener/app/shop/0a0a/0b0b")


def item(
    kind: str, resource: str, name: str, settings: dict[str, Scalar], service: str = "checkout"
) -> InventoryItem:
    """One resource of the shop."""
    return InventoryItem(
        resource=resource, kind=kind, name=name, service=service, region="us-east-1", settings=settings,
        versions=(), health="",
    )  # fmt: skip


def grounded(where: Context) -> dict[str, Candidate]:
    """The candidates by tool; each argument of each was observed or is the tool's own."""
    found = offered(where)
    problems = [provenance_problem(c, where.inventory, where.dossier) for c in found.values()]
    assert [problem for problem in problems if problem] == []
    return found


def forward(weight: int = 90, other: int = 10) -> InventoryItem:
    """A listener that divides its traffic between blue and green."""
    return item(
        "elb_forward", LISTENER, "shop:80",
        {"groups": 2, "group_1": BLUE, "weight_1": weight, "group_2": GREEN, "weight_2": other},
    )  # fmt: skip


def target_group(**settings: Scalar) -> InventoryItem:
    """The blue target group with one sick target among three."""
    return item(
        "elb_target_group", BLUE, "blue",
        {"healthy": 2, "unhealthy": 1, "unhealthy_target": "i-0a", "unhealthy_port": 80, "unhealthy_zone": None}
        | settings,
    )  # fmt: skip


def stage(**settings: Scalar) -> InventoryItem:
    """The checkout API's stage on its third deployment."""
    found = item(
        "api_gateway_stage", STAGE, "checkout-api",
        {
            "deployment_id": "d3", "throttle_rate": None, "throttle_burst": None,
            "canary_deployment_id": None, "canary_percent": None,
        } | settings,
    )  # fmt: skip
    return replace(found, versions=tuple({"version": v, "description": f"of {v}"} for v in ("d3", "d2", "d1")))


def group(**settings: Scalar) -> InventoryItem:
    """The group of the shop's web machines."""
    arn = ARN.format(
        "autoscaling", "autoScalingGroup:cfe06b38-c7c7-4711-b020-e11c63df29b5:autoScalingGroupName/web"
    )
    return item(
        "autoscaling_group", arn, "web",
        {
            "min_size": 2, "max_size": 12, "desired_capacity": 4, "in_service": 4, "unhealthy": 0, "policies": 0,
            "cpu_policy": None, "cpu_target": None,
        } | settings,
    )  # fmt: skip


def machine(checks: str = "ok", number: str = "i-0aaaaaaaaaaaaaaa1") -> InventoryItem:
    """One of the shop's machines."""
    return item("ec2_instance", ARN.format("ec2", f"instance/{number}"), number, {"checks": checks, "group": None})


def stack(status: str) -> InventoryItem:
    """The stack that the shop's web tier is made of."""
    arn = ARN.format("cloudformation", "stack/web/11111111-2222-3333-4444-555555555555")
    return item("cloudformation_stack", arn, "web", {"status": status, "updated_at": "2026-11-18T03:00:00+00:00"})


def deployed(status: str | None, number: str | None = "d-ABC123") -> InventoryItem:
    """The deployment group of the checkout service."""
    arn = ARN.format("codedeploy", "deploymentgroup:checkout/production")
    return item("codedeploy_group", arn, "checkout/production", {"deployment": number, "deployment_status": status})


def cluster(**settings: Scalar) -> InventoryItem:
    """The shop's Aurora cluster of a writer and a reader."""
    return item(
        "rds_cluster", ARN.format("rds", "cluster:catalog"), "catalog",
        {"engine": "aurora-mysql", "status": "available", "writer": "catalog-1", "reader": "catalog-2"} | settings,
    )  # fmt: skip


def proxy(percent: int | None) -> InventoryItem:
    """The proxy before the shop's database."""
    return item(
        "rds_proxy", ARN.format("rds", "db-proxy:prx-0a1b2c3d"), "front",
        {"proxy": "front", "max_connections_percent": percent},
    )  # fmt: skip
