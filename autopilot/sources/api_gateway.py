"""API Gateway (REST): stages, deployments, and which functions the methods are integrated with."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.clients.aws_errors import AWS_ERRORS, to_failure
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, AwsSource, Resources, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import in_scope, iso, item, nearest

if TYPE_CHECKING:
    from mypy_boto3_apigateway.type_defs import DeploymentTypeDef, StageResponseTypeDef, StageTypeDef

_FUNCTION = re.compile(r":function:([^:/]+)")
ALL_METHODS = "*/*"
"""Where a stage keeps the limits for all of its methods."""


@dataclass(frozen=True)
class _Api:
    api_id: str
    name: str
    service: str


class ApiGateway(AwsSource):
    """REST APIs."""

    name = "api_gateway"
    reads = ("apigateway:GET",)

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every API near the scope."""
        resources = self.account.resources(region, budget)
        resources.needed("apis")
        apis = _apis(resources)
        if not apis:
            into.miss("no_data", f"no REST APIs in {region}")
            return
        near = [api for _, api in nearest(scope, ((a.service, a) for a in apis), f"APIs in {region}", into)]

        def read(api: _Api) -> "tuple[list[StageTypeDef], list[DeploymentTypeDef], set[str]]":
            return (*self._stages(region, api, budget), self._integrated(region, api, budget))

        for api, (stages, deployments, functions) in each(read, near):
            into.asked(
                f"apigateway GetStages, GetDeployments, GetResources embed=methods {api.api_id}",
                None,
                len(stages) + len(deployments) + len(functions),
                link=_link(region, api),
            )
            into.add("inventory", frame("inventory", [_item(api, s, deployments, region) for s in stages]))
            into.add("changes", frame("changes", _changes(api, stages, deployments, region, scope)))
            edges = [
                {"caller": caller, "callee": callee, "weight": 1.0, "source": "configuration"}
                for caller, callee in _edges(api, functions, resources)
            ]
            into.add("topology", frame("topology", edges))

    def edges(self) -> Sequence[tuple[str, str]]:
        """See `ReadsTopology`. Raises Failure."""
        budget = Budget(calls=100, seconds=10.0)
        found: list[tuple[str, str]] = []
        for region in self.clients.regions:
            try:
                resources = self.account.resources(region, budget)
                resources.needed("apis")
                for api in _apis(resources):
                    found += _edges(api, self._integrated(region, api, budget), resources)
            except AWS_ERRORS as error:
                raise to_failure(error, f"reading API Gateway in {region}") from error
        return list(dict.fromkeys(found))

    def _stages(
        self, region: str, api: _Api, budget: Budget
    ) -> "tuple[list[StageTypeDef], list[DeploymentTypeDef]]":
        client = self.clients.apigateway(region)
        budget.spend()
        stages = client.get_stages(restApiId=api.api_id)["item"]
        listing = client.get_paginator("get_deployments").paginate(restApiId=api.api_id)
        deployments = [d for page in pages(budget, listing, "position", MAX_PAGES) for d in page["items"]]
        return stages, sorted(deployments, key=lambda d: iso(d.get("createdDate")), reverse=True)

    def _integrated(self, region: str, api: _Api, budget: Budget) -> set[str]:
        """The names of the functions behind the API's methods."""
        client = self.clients.apigateway(region)
        listing = client.get_paginator("get_resources").paginate(restApiId=api.api_id, embed=["methods"])
        functions: set[str] = set()
        for page in pages(budget, listing, "position", MAX_PAGES):
            for resource in page["items"]:
                for method in resource.get("resourceMethods", {}).values():
                    uri = method.get("methodIntegration", {}).get("uri", "")
                    functions |= set(_FUNCTION.findall(uri))
        return functions


def stage_limits(stage: "StageTypeDef | StageResponseTypeDef") -> tuple[float | None, int | None]:
    """Requests per second and burst that a stage allows each of its methods; None: the account's limit counts."""
    limits = stage.get("methodSettings", {}).get(ALL_METHODS, {})
    rate, burst = limits.get("throttlingRateLimit", -1.0), limits.get("throttlingBurstLimit", -1)
    return (rate if rate >= 0 else None), (burst if burst >= 0 else None)


def _apis(resources: Resources) -> list[_Api]:
    return [_Api(api_id, name, resources.service("api", name)) for api_id, name in resources.apis.items()]


def _edges(api: _Api, functions: Iterable[str], resources: Resources) -> list[tuple[str, str]]:
    callees = {resources.service("function", name) for name in functions} - {api.service}
    return [(api.service, callee) for callee in sorted(callees)]


def _item(
    api: _Api, stage: "StageTypeDef", deployments: "Sequence[DeploymentTypeDef]", region: str
) -> dict[str, object]:
    present, canary = stage.get("deploymentId", ""), stage.get("canarySettings", {})
    rate, burst = stage_limits(stage)
    settings: dict[str, Scalar] = {
        "deployment_id": present,
        "throttle_rate": rate,
        "throttle_burst": burst,
        "canary_deployment_id": canary.get("deploymentId"),
        "canary_percent": canary.get("percentTraffic"),
    }
    versions: list[dict[str, Scalar]] = [
        {
            "version": deployment.get("id", ""),
            "created_at": iso(deployment.get("createdDate")),
            "description": deployment.get("description", ""),
            "active": deployment.get("id") == present,
        }
        for deployment in deployments
    ]
    return item(
        "api_gateway_stage",
        f"arn:aws:apigateway:{region}::/restapis/{api.api_id}/stages/{stage.get('stageName', '')}",
        name=api.name,
        service=api.service,
        region=region,
        settings=settings,
        versions=versions,
        source=ApiGateway.name,
    )


def _changes(
    api: _Api,
    stages: "Sequence[StageTypeDef]",
    deployments: "Sequence[DeploymentTypeDef]",
    region: str,
    scope: Scope,
) -> list[dict[str, object]]:
    """Deployments of the time range; where a stage serves one, it is named."""
    serving = {stage.get("deploymentId", ""): stage.get("stageName", "") for stage in stages}
    rows: list[dict[str, object]] = []
    for deployment in deployments:
        at, number = deployment.get("createdDate"), deployment.get("id", "")
        if at is None or not in_scope(scope, at):
            continue
        stage = f" to stage {serving[number]}" if number in serving else ""
        about = f": {text}" if (text := deployment.get("description", "")) else ""
        rows.append(
            {
                "time": at,
                "id": f"{ApiGateway.name}:{number}",
                "kind": "deploy",
                "service": api.service,
                "resource": api.name,
                "region": region,
                "version": number,
                "summary": f"{api.name} deployment {number}{stage}{about}"[:300],
                "link": _link(region, api),
            }
        )
    return rows


def _link(region: str, api: _Api) -> str:
    return console(region, f"apigateway/main/apis/{api.api_id}/stages?api={api.api_id}")
