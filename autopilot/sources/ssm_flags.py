"""SSM parameters that hold flags: below the configured prefixes only, because any other may hold anything."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, AwsSource, Resources, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.flag_value import facets
from autopilot.sources.inventory import in_scope, iso, item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_ssm.type_defs import ParameterHistoryTypeDef, ParameterTypeDef

MAX_VALUE = 500
"""Characters of a flag's value: longer ones are documents, and are not changed by a tool."""


def change_id(parameter: str, version: int) -> str:
    """The id of the change that wrote a version of a parameter."""
    return f"{SsmFlags.name}:{parameter}:{version}"


class SsmFlags(AwsSource):
    """Flags with their history. Secure strings are neither read nor listed."""

    name = "ssm_flags"
    reads = ("ssm:GetParameterHistory", "ssm:GetParametersByPath")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every flag near the scope."""
        resources = self.account.resources(region, budget)
        flags: dict[str, tuple[str, ParameterTypeDef]] = {}
        for prefix in self.account.settings.flag_prefixes:
            listing = (
                self.clients.ssm(region)
                .get_paginator("get_parameters_by_path")
                .paginate(Path=prefix, Recursive=True, WithDecryption=False)
            )
            listed = [p for page in pages(budget, listing, "NextToken", MAX_PAGES) for p in page["Parameters"]]
            into.asked(f"ssm GetParametersByPath {prefix}", None, len(listed), link=_link(region, prefix))
            for parameter in listed:
                if parameter.get("Type") == "String":
                    name = parameter.get("Name", "")
                    flags[name] = (service_of(name, prefix, resources), parameter)
        if not flags:
            into.miss("no_data", f"no flags below {', '.join(self.account.settings.flag_prefixes)} in {region}")
            return
        near = nearest(scope, flags.values(), f"flags in {region}", into)

        def read(pair: "tuple[str, ParameterTypeDef]") -> "list[ParameterHistoryTypeDef]":
            return self._history(region, pair[1].get("Name", ""), budget)

        for (service, parameter), history in each(read, near):
            name = parameter.get("Name", "")
            into.asked(f"ssm GetParameterHistory {name}", None, len(history), link=_link(region, name))
            settings = _settings(name, parameter)
            row = item(
                "ssm_flag", parameter.get("ARN", ""), name=name, service=service,
                region=region, settings=settings, versions=[_version(v, history[0]) for v in history],
                source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            into.add("changes", frame("changes", _changes(name, service, region, scope, history)))
            at = history[0].get("LastModifiedDate", scope.alerted_at)
            state = observed(at, "ssm_flag", name=name, service=service, region=region, body=dict(settings))
            into.add("state", frame("state", [state]))

    def _history(self, region: str, name: str, budget: Budget) -> "list[ParameterHistoryTypeDef]":
        """Newest first."""
        listing = self.clients.ssm(region).get_paginator("get_parameter_history").paginate(Name=name)
        found = [v for page in pages(budget, listing, "NextToken", MAX_PAGES) for v in page["Parameters"]]
        return sorted(found, key=lambda version: -version.get("Version", 0))


def service_of(name: str, prefix: str, resources: Resources) -> str:
    """The parameter's tag, else the folder below the prefix, else its own name."""
    below = name.removeprefix(prefix).strip("/").split("/")
    return resources.services.get(("parameter", name)) or below[0]


def _settings(name: str, parameter: "ParameterTypeDef") -> dict[str, Scalar]:
    value = parameter.get("Value", "")
    shown: dict[str, Scalar] = {"value": value} if len(value) <= MAX_VALUE else {"value_length": len(value)}
    return {"parameter": name, "version": parameter.get("Version")} | shown | facets(value)


def _version(version: "ParameterHistoryTypeDef", present: "ParameterHistoryTypeDef") -> dict[str, Scalar]:
    """What it held is its description, unless that is longer than a flag."""
    value = version.get("Value", "")
    return {
        "version": str(version.get("Version", "")),
        "created_at": iso(version.get("LastModifiedDate")),
        "description": value if len(value) <= MAX_VALUE else "",
        "active": version.get("Version") == present.get("Version"),
    }


def _changes(
    name: str, service: str, region: str, scope: Scope, history: "Sequence[ParameterHistoryTypeDef]"
) -> list[dict[str, object]]:
    """Versions written in the time range, each with what it replaced."""
    rows: list[dict[str, object]] = []
    for index, version in enumerate(history):
        at, number = version.get("LastModifiedDate"), version.get("Version", 0)
        if at is None or not in_scope(scope, at):
            continue
        before = history[index + 1].get("Value", "") if index + 1 < len(history) else ""
        now = version.get("Value", "")
        rows.append(
            {
                "time": at,
                "id": change_id(name, number),
                "kind": "flag",
                "service": service,
                "resource": name,
                "region": region,
                "author": version.get("LastModifiedUser", "").rsplit("/", 1)[-1],
                "version": str(number),
                "summary": f"flag {name} set to {now[:120]} (version {number})",
                "diff": f"- {before[:MAX_VALUE]}\n+ {now[:MAX_VALUE]}",
                "link": _link(region, name),
            }
        )
    return rows


def _link(region: str, name: str) -> str:
    return console(region, f"systems-manager/parameters{name}/description")
