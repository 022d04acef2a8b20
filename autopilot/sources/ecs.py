"""ECS: services with their task definition revisions, deployments and events."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.clients.aws_errors import AWS_ERRORS, to_failure
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.sources.aws import MAX_PAGES, QUICK_SECONDS, SERVICE_TAG, AwsSource, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import entries, in_scope, iso, item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

DESCRIBE = 10
"""Services per DescribeServices call, AWS's limit."""
REVISIONS = 5
"""Task definition revisions read per service: the present one and what a rollback could go to."""
MAX_EVENTS = 100


class Ecs(AwsSource):
    """Services of all clusters."""

    name = "ecs"
    reads = (
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:ListClusters",
        "ecs:ListServices",
        "ecs:ListTaskDefinitions",
    )

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every service near the scope."""
        found = self._services(region, budget)
        into.asked("ecs ListClusters, ListServices, DescribeServices", None, len(found))
        if not found:
            into.miss("no_data", f"no ECS services in {region}")
        owners = [(_owner(service), service) for service in found]
        near = [service for _, service in nearest(scope, owners, f"ECS services in {region}", into)]

        def revisions(service: "ServiceTypeDef") -> list[dict[str, Scalar]]:
            return self._revisions(region, service, budget)

        for service, versions in each(revisions, near):
            link = _link(region, service)
            name = _family(service.get("taskDefinition", ""))
            into.asked(f"ecs ListTaskDefinitions, DescribeTaskDefinition {name}", None, len(versions), link=link)
            into.add("inventory", frame("inventory", [_item(service, region, versions)]))
            into.add("state", frame("state", _states(service, region, scope)))
            into.add("changes", frame("changes", _changes(service, region, scope)))

    def recent_changes(self, scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        """See `ReadsChanges`: deployments of the scope's services. Raises Failure."""
        budget = Budget(calls=40, seconds=QUICK_SECONDS)
        rows: list[dict[str, object]] = []
        for region in self.account.regions(scope):
            try:
                for service in self._services(region, budget):
                    if _owner(service) in scope.services:
                        rows += _changes(service, region, scope)
            except AWS_ERRORS as error:
                raise to_failure(error, f"reading ECS deployments in {region}") from error
        return entries(rows, limit)

    def _services(self, region: str, budget: Budget) -> "list[ServiceTypeDef]":
        client = self.clients.ecs(region)
        clusters = client.get_paginator("list_clusters").paginate()
        found: list[ServiceTypeDef] = []
        for cluster in [
            arn for page in pages(budget, clusters, "nextToken", MAX_PAGES) for arn in page["clusterArns"]
        ]:
            listing = client.get_paginator("list_services").paginate(cluster=cluster)
            arns = [arn for page in pages(budget, listing, "nextToken", MAX_PAGES) for arn in page["serviceArns"]]
            for start in range(0, len(arns), DESCRIBE):
                budget.spend()
                answer = client.describe_services(
                    cluster=cluster, services=arns[start : start + DESCRIBE], include=["TAGS"]
                )
                found += [service for service in answer["services"] if service.get("status") != "INACTIVE"]
        return found

    def _revisions(self, region: str, service: "ServiceTypeDef", budget: Budget) -> list[dict[str, Scalar]]:
        """Newest first, with the first container's image as description."""
        client = self.clients.ecs(region)
        present = service.get("taskDefinition", "")
        budget.spend()
        listed = client.list_task_definitions(familyPrefix=_family(present), sort="DESC", maxResults=100)
        arns = [arn for arn in listed["taskDefinitionArns"] if _family(arn) == _family(present)]
        chosen = sorted(dict.fromkeys([*arns, present]), key=_revision, reverse=True)[:REVISIONS]
        versions: list[dict[str, Scalar]] = []
        for arn in chosen if present in chosen else [*chosen, present]:
            budget.spend()
            definition = client.describe_task_definition(taskDefinition=arn)["taskDefinition"]
            images = [container.get("image", "") for container in definition.get("containerDefinitions", [])]
            versions.append(
                {
                    "version": arn,
                    "created_at": iso(definition.get("registeredAt")),
                    "description": images[0] if images else "",
                    "active": arn == present,
                }
            )
        return versions


def _family(arn: str) -> str:
    return arn.rsplit("/", 1)[-1].rsplit(":", 1)[0]


def _revision(arn: str) -> int:
    number = arn.rsplit(":", 1)[-1]
    return int(number) if number.isdigit() else 0


def _short(arn: str) -> str:
    return arn.rsplit("/", 1)[-1]


def _owner(service: "ServiceTypeDef") -> str:
    tags = {tag.get("key", ""): tag.get("value", "") for tag in service.get("tags", [])}
    return tags.get(SERVICE_TAG) or service.get("serviceName", "")


def _settings(service: "ServiceTypeDef") -> dict[str, Scalar]:
    deployments = service.get("deployments", [])
    rolling = len(deployments) > 1 or any(d.get("rolloutState") == "IN_PROGRESS" for d in deployments)
    return {
        "cluster": _short(service.get("clusterArn", "")),
        "desired_count": service.get("desiredCount"),
        "running_count": service.get("runningCount"),
        "task_definition": service.get("taskDefinition", ""),
        "status": service.get("status", ""),
        "rolling_out": rolling,
    }


def _item(service: "ServiceTypeDef", region: str, versions: Sequence[Mapping[str, Scalar]]) -> dict[str, object]:
    short = service.get("runningCount", 0) < service.get("desiredCount", 0)
    return item(
        "ecs_service",
        service.get("serviceArn", ""),
        name=service.get("serviceName", ""),
        service=_owner(service),
        region=region,
        settings=_settings(service),
        versions=versions,
        health="tasks missing" if short else "steady",
        source=Ecs.name,
    )


def _states(service: "ServiceTypeDef", region: str, scope: Scope) -> list[dict[str, object]]:
    """The service as it is, and what ECS reported about it in the time range."""
    name, owner = service.get("serviceName", ""), _owner(service)
    body: dict[str, object] = {**_settings(service), "pending_count": service.get("pendingCount")}
    rows = [observed(datetime.now(UTC), "ecs_service", name=name, service=owner, region=region, body=body)]
    for event in service.get("events", [])[:MAX_EVENTS]:
        at = event.get("createdAt")
        if at and in_scope(scope, at):
            message = {"message": event.get("message", "")}
            rows.append(observed(at, "event", name=name, service=owner, region=region, body=message))
    return rows


def _changes(service: "ServiceTypeDef", region: str, scope: Scope) -> list[dict[str, object]]:
    """Deployments started in the time range."""
    name, rows = service.get("serviceName", ""), list[dict[str, object]]()
    for deployment in service.get("deployments", []):
        at = deployment.get("createdAt")
        if at is None or not in_scope(scope, at):
            continue
        version = _short(deployment.get("taskDefinition", ""))
        state = deployment.get("rolloutState") or deployment.get("status", "")
        rows.append(
            {
                "time": at,
                "id": f"{Ecs.name}:{deployment.get('id', '')}",
                "kind": "deploy",
                "service": _owner(service),
                "resource": name,
                "region": region,
                "version": version,
                "summary": f"{name} deployment of {version} ({state.lower()})",
                "link": _link(region, service),
            }
        )
    return rows


def _link(region: str, service: "ServiceTypeDef") -> str:
    cluster, name = _short(service.get("clusterArn", "")), service.get("serviceName", "")
    return console(region, f"ecs/v2/clusters/{cluster}/services/{name}/deployments")
