"""RDS parameter groups: what of them decides how many connections there are and how long an idle one stays."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.sources.aws import MAX_PAGES, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import item

if TYPE_CHECKING:
    from mypy_boto3_rds import RDSClient
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef, ParameterOutputTypeDef

POOL_PARAMETERS = ("max_connections", "idle_in_transaction_session_timeout")
DEFAULTS = "default."
"""How AWS's own groups begin: nobody can change them."""


def parameters_of(
    pages_of: Iterable["Sequence[ParameterOutputTypeDef]"], names: Iterable[str]
) -> "list[ParameterOutputTypeDef]":
    """The named parameters of a group; no further page is read once all were seen."""
    missing, found = set(names), list["ParameterOutputTypeDef"]()
    for page in pages_of:
        for parameter in page:
            if parameter.get("ParameterName") in missing:
                missing.discard(parameter.get("ParameterName", ""))
                found.append(parameter)
        if not missing:
            break
    return found


def group_names(instance: "DBInstanceTypeDef") -> list[str]:
    """The parameter groups of an instance that can be changed."""
    names = [group.get("DBParameterGroupName", "") for group in instance.get("DBParameterGroups", [])]
    return [name for name in names if name and not name.startswith(DEFAULTS)]


def add_groups(
    client: "RDSClient",
    region: str,
    owned: "Iterable[tuple[str, DBInstanceTypeDef]]",
    budget: Budget,
    into: Collected,
) -> None:
    """One inventory row per custom group of the (service, instance) pairs."""
    users: dict[str, list[tuple[str, DBInstanceTypeDef]]] = defaultdict(list)
    for service, instance in owned:
        for name in group_names(instance):
            users[name].append((service, instance))

    def read(name: str) -> "list[ParameterOutputTypeDef]":
        listing = client.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=name)
        return parameters_of(
            (page["Parameters"] for page in pages(budget, listing, "Marker", MAX_PAGES)), POOL_PARAMETERS
        )

    for name, parameters in each(read, users):
        link = console(region, f"rds/home#parameter-group-details:parameter-group-name={name}")
        into.asked(f"rds DescribeDBParameters {name}", None, len(parameters), link=link)
        service, first = users[name][0]
        row = item(
            "rds_parameter_group",
            f"{first.get('DBInstanceArn', '').rpartition(':db:')[0]}:pg:{name}",
            name=name,
            service=service,
            region=region,
            settings=_settings(parameters, [instance for _, instance in users[name]]),
            source=into.source,
        )
        into.add("inventory", frame("inventory", [row]))


def _settings(
    parameters: "Sequence[ParameterOutputTypeDef]", instances: "Sequence[DBInstanceTypeDef]"
) -> dict[str, Scalar]:
    settings: dict[str, Scalar] = {
        "instances": ",".join(instance.get("DBInstanceIdentifier", "") for instance in instances),
        "engine": instances[0].get("Engine", ""),
    }
    for parameter in parameters:
        name = parameter.get("ParameterName", "")
        settings[name] = parameter.get("ParameterValue")
        settings[f"{name}_apply"] = parameter.get("ApplyType", "")
    return settings
