"""CodeDeploy: deployment groups with their last deployment."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, AwsSource, Resources, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import in_scope, iso, item, nearest

if TYPE_CHECKING:
    from mypy_boto3_codedeploy.type_defs import DeploymentGroupInfoTypeDef

DESCRIBE = 100
"""Deployment groups per BatchGetDeploymentGroups call, AWS's limit."""


class CodeDeploy(AwsSource):
    """Deployment groups of all applications."""

    name = "codedeploy"
    reads = (
        "codedeploy:BatchGetDeploymentGroups",
        "codedeploy:ListApplications",
        "codedeploy:ListDeploymentGroups",
    )

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every deployment group near the scope; deployments in the time range are changes."""
        resources = self.account.resources(region, budget)
        listing = self.clients.codedeploy(region).get_paginator("list_applications").paginate()
        applications = [
            name for page in pages(budget, listing, "nextToken", MAX_PAGES) for name in page["applications"]
        ]
        into.asked(
            "codedeploy ListApplications", None, len(applications), link=console(region, "codesuite/codedeploy")
        )
        if not applications:
            into.miss("no_data", f"no CodeDeploy applications in {region}")
            return

        def groups(application: str) -> "list[DeploymentGroupInfoTypeDef]":
            return self._groups(region, application, budget)

        found = [(_owner(group, resources), group) for _, infos in each(groups, applications) for group in infos]
        into.asked("codedeploy ListDeploymentGroups, BatchGetDeploymentGroups", None, len(found))
        for service, group in nearest(scope, found, f"deployment groups in {region}", into):
            into.add("inventory", frame("inventory", [_item(group, service, region)]))
            into.add("changes", frame("changes", _changes(group, service, region, scope)))

    def _groups(self, region: str, application: str, budget: Budget) -> "list[DeploymentGroupInfoTypeDef]":
        client = self.clients.codedeploy(region)
        listing = client.get_paginator("list_deployment_groups").paginate(applicationName=application)
        names = [
            name for page in pages(budget, listing, "nextToken", MAX_PAGES) for name in page["deploymentGroups"]
        ]
        found: list[DeploymentGroupInfoTypeDef] = []
        for start in range(0, len(names), DESCRIBE):
            budget.spend()
            answer = client.batch_get_deployment_groups(
                applicationName=application, deploymentGroupNames=names[start : start + DESCRIBE]
            )
            found += answer["deploymentGroupsInfo"]
        return found


def _name(group: "DeploymentGroupInfoTypeDef") -> str:
    return f"{group.get('applicationName', '')}/{group.get('deploymentGroupName', '')}"


def _owner(group: "DeploymentGroupInfoTypeDef", resources: Resources) -> str:
    """By its tag, else the application."""
    return resources.services.get(("deployment_group", _name(group))) or group.get("applicationName", "")


def _arn(group: "DeploymentGroupInfoTypeDef", region: str) -> str:
    """CodeDeploy tells no ARN of a group; its service role is one of the same account."""
    account = (group.get("serviceRoleArn", "").split(":") + [""] * 5)[4]
    return f"arn:aws:codedeploy:{region}:{account}:deploymentgroup:{_name(group)}"


def _item(group: "DeploymentGroupInfoTypeDef", service: str, region: str) -> dict[str, object]:
    last: Mapping[str, object] = {**group.get("lastAttemptedDeployment", {})}
    well: Mapping[str, object] = {**group.get("lastSuccessfulDeployment", {})}
    settings: dict[str, Scalar] = {
        "compute": group.get("computePlatform", ""),
        "deployment": str(last.get("deploymentId") or "") or None,
        "deployment_status": str(last.get("status") or "") or None,
        "last_successful": str(well.get("deploymentId") or "") or None,
    }
    return item(
        "codedeploy_group", _arn(group, region), name=_name(group), service=service, region=region,
        settings=settings, health=str(settings["deployment_status"] or ""), source=CodeDeploy.name,
    )  # fmt: skip


def _changes(
    group: "DeploymentGroupInfoTypeDef", service: str, region: str, scope: Scope
) -> list[dict[str, object]]:
    """The last deployment, where it began in the time range."""
    last = group.get("lastAttemptedDeployment", {})
    at, number = last.get("createTime"), last.get("deploymentId", "")
    if at is None or not in_scope(scope, at):
        return []
    return [
        {
            "time": at,
            "id": f"{CodeDeploy.name}:{number}",
            "kind": "deploy",
            "service": service,
            "resource": _name(group),
            "region": region,
            "version": number,
            "summary": f"{_name(group)}: deployment {number} begun at {iso(at)} ({last.get('status', '')})",
            "link": console(region, f"codesuite/codedeploy/deployments/{number}"),
        }
    ]
