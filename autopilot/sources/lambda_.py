"""Lambda: aliases with their versions, deployments, and which resources a function is configured to use."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autopilot.case.schema import frame
from autopilot.clients.aws_errors import AWS_ERRORS, error_kind, to_failure
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.sources.aws import MAX_PAGES, QUICK_SECONDS, AwsSource, Resources, lambda_link, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import entries, in_scope, item, moment, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_lambda.type_defs import AliasConfigurationTypeDef, FunctionConfigurationTypeDef

VERSION_PAGES = 4
QUICK_FUNCTIONS = 10
_USED = ("table", "function", "database", "queue")
"""Kinds of resources whose names are looked for in a function's environment."""


@dataclass(frozen=True)
class _Function:
    """A function with what takes further calls to learn."""

    configuration: "FunctionConfigurationTypeDef"
    versions: "Sequence[FunctionConfigurationTypeDef]"
    """Published ones, newest first."""
    aliases: "Sequence[AliasConfigurationTypeDef]"
    reserved: int | None

    @property
    def name(self) -> str:
        return self.configuration.get("FunctionName", "")


class Lambda(AwsSource):
    """Functions, aliases, versions."""

    name = "lambda"
    reads = (
        "lambda:GetFunctionConcurrency",
        "lambda:ListAliases",
        "lambda:ListFunctions",
        "lambda:ListVersionsByFunction",
    )

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every function near the scope, then the edges of all."""
        resources = self.account.resources(region, budget)
        listed = self._list(region, budget)
        into.asked("lambda ListFunctions", None, len(listed))
        into.add("topology", frame("topology", _edge_rows(listed, resources)))
        found = [(resources.service("function", f.get("FunctionName", "")), f) for f in listed]
        near = [configuration for _, configuration in nearest(scope, found, f"functions in {region}", into)]
        for _, function in each(lambda configuration: self._read(region, configuration, budget), near):
            service = resources.service("function", function.name)
            into.asked(
                f"lambda ListAliases, ListVersionsByFunction, GetFunctionConcurrency {function.name}",
                None,
                len(function.aliases),
                link=lambda_link(region, function.name),
            )
            into.add("inventory", frame("inventory", _items(function, service, region)))
            into.add("changes", frame("changes", _changes(function, service, region, scope)))
            into.add("state", frame("state", [_state(function, service, region)]))

    def recent_changes(self, scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        """See `ReadsChanges`: versions published by the scope's services. Raises Failure."""
        budget = Budget(calls=40, seconds=QUICK_SECONDS)
        rows: list[dict[str, object]] = []
        for region in self.account.regions(scope):
            resources = self.account.known(region)
            named = [n for n in resources.names("function") if resources.service("function", n) in scope.services]
            # Without a listing yet, a function is most often called as its service.
            for name in (named or list(scope.services))[:QUICK_FUNCTIONS]:
                try:
                    function = _Function({"FunctionName": name}, self._versions(region, budget, name), (), None)
                except AWS_ERRORS as error:
                    if error_kind(error) == "missing":
                        continue
                    raise to_failure(error, f"reading Lambda versions in {region}") from error
                rows += _changes(function, resources.service("function", name), region, scope)
        return entries(rows, limit)

    def edges(self) -> Sequence[tuple[str, str]]:
        """See `ReadsTopology`. Raises Failure."""
        budget = Budget(calls=100, seconds=10.0)
        found: list[tuple[str, str]] = []
        for region in self.clients.regions:
            try:
                found += _edges(self._list(region, budget), self.account.resources(region, budget))
            except AWS_ERRORS as error:
                raise to_failure(error, f"reading Lambda functions in {region}") from error
        return list(dict.fromkeys(found))

    def _list(self, region: str, budget: Budget) -> "list[FunctionConfigurationTypeDef]":
        listing = self.clients.lambda_(region).get_paginator("list_functions").paginate()
        return [f for page in pages(budget, listing, "NextMarker", MAX_PAGES) for f in page["Functions"]]

    def _versions(self, region: str, budget: Budget, name: str) -> "list[FunctionConfigurationTypeDef]":
        listing = (
            self.clients.lambda_(region).get_paginator("list_versions_by_function").paginate(FunctionName=name)
        )
        found = [v for page in pages(budget, listing, "NextMarker", VERSION_PAGES) for v in page["Versions"]]
        published = [version for version in found if version.get("Version", "").isdigit()]
        return sorted(published, key=lambda version: int(version.get("Version", "0")), reverse=True)

    def _read(self, region: str, configuration: "FunctionConfigurationTypeDef", budget: Budget) -> _Function:
        client, name = self.clients.lambda_(region), configuration.get("FunctionName", "")
        listing = client.get_paginator("list_aliases").paginate(FunctionName=name)
        aliases = [alias for page in pages(budget, listing, "NextMarker") for alias in page["Aliases"]]
        versions = self._versions(region, budget, name)
        budget.spend()
        reserved = client.get_function_concurrency(FunctionName=name).get("ReservedConcurrentExecutions")
        return _Function(configuration, versions, aliases, reserved)


def _edges(functions: "Iterable[FunctionConfigurationTypeDef]", resources: Resources) -> list[tuple[str, str]]:
    """Function service → service of a resource whose name is the value of an environment variable.

    The values themselves are compared and forgotten: they may be secrets.
    """
    known = {name: resources.service(kind, name) for kind in _USED for name in resources.names(kind)}
    found: list[tuple[str, str]] = []
    for function in functions:
        service = resources.service("function", function.get("FunctionName", ""))
        for value in function.get("Environment", {}).get("Variables", {}).values():
            used = (
                known.get(value) or known.get(value.split(".")[0]) or known.get(value.split(":")[-1].split("/")[-1])
            )
            if used and used != service:
                found.append((service, used))
    return list(dict.fromkeys(found))


def _edge_rows(
    functions: "Iterable[FunctionConfigurationTypeDef]", resources: Resources
) -> list[dict[str, object]]:
    return [
        {"caller": caller, "callee": callee, "weight": 1.0, "source": "configuration"}
        for caller, callee in _edges(functions, resources)
    ]


def _items(function: _Function, service: str, region: str) -> list[dict[str, object]]:
    """One item per alias: what a rollback can point elsewhere."""
    rows: list[dict[str, object]] = []
    for alias in function.aliases:
        version = alias.get("FunctionVersion", "")
        weights: Mapping[str, float] = alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}) or {}
        configuration: Any = next(
            (v for v in function.versions if v.get("Version") == version), function.configuration
        )
        settings: dict[str, Scalar] = {
            "function": function.name,
            "alias": alias.get("Name", ""),
            "version": version,
            "weights": json.dumps(dict(weights), sort_keys=True) if weights else "",
            "memory_mb": configuration.get("MemorySize"),
            "timeout_s": configuration.get("Timeout"),
            "reserved_concurrency": function.reserved,
        }
        rows.append(
            item(
                "lambda_alias",
                alias.get("AliasArn", ""),
                name=f"{function.name}:{alias.get('Name', '')}",
                service=service,
                region=region,
                settings=settings,
                versions=[_version(v, {version, *weights}) for v in function.versions],
                health=str(function.configuration.get("State", "")),
                source=Lambda.name,
            )
        )
    return rows


def _version(version: "FunctionConfigurationTypeDef", active: set[str]) -> dict[str, Scalar]:
    at = moment(version.get("LastModified", ""))
    return {
        "version": version.get("Version", ""),
        "created_at": at.astimezone(UTC).isoformat() if at else "",
        "description": version.get("Description", "")[:200],
        "active": version.get("Version", "") in active,
    }


def _changes(function: _Function, service: str, region: str, scope: Scope) -> list[dict[str, object]]:
    """Versions published in the time range."""
    rows: list[dict[str, object]] = []
    for version in function.versions:
        at = moment(version.get("LastModified", ""))
        if at is None or not in_scope(scope, at):
            continue
        number, release = version.get("Version", ""), version.get("Description", "")[:100]
        rows.append(
            {
                "time": at,
                "id": f"{Lambda.name}:{function.name}:{number}",
                "kind": "deploy",
                "service": service,
                "resource": function.name,
                "region": region,
                "version": release or number,
                "summary": f"{function.name} version {number} published" + (f" ({release})" if release else ""),
                "link": lambda_link(region, function.name),
            }
        )
    return rows


def _state(function: _Function, service: str, region: str) -> dict[str, object]:
    configuration = function.configuration
    body: dict[str, object] = {
        "state": configuration.get("State", ""),
        "reason": configuration.get("StateReason", ""),
        "last_update": configuration.get("LastUpdateStatus", ""),
        "runtime": configuration.get("Runtime", ""),
        "memory_mb": configuration.get("MemorySize"),
        "timeout_s": configuration.get("Timeout"),
        "reserved_concurrency": function.reserved,
    }
    at = moment(configuration.get("LastModified", "")) or datetime.now(UTC)
    return observed(at, "lambda_function", name=function.name, service=service, region=region, body=body)
