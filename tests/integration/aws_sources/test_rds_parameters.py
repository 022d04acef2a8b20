"""Parameter groups on an emulator, and how much of a long group is read."""

import json
from collections.abc import Iterator, Sequence

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from autopilot.sources.rds import Rds
from autopilot.sources.rds_parameters import parameters_of
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.aws_sources.shop import Cloud


@pytest.fixture
def grouped(spare: Cloud) -> Iterator[None]:
    """The catalogue's database in a group of its own, for the time of the test."""
    client = spare.client("rds")
    client.create_db_parameter_group(
        DBParameterGroupName="catalog-pg", DBParameterGroupFamily="postgres15", Description="ours"
    )
    client.modify_db_instance(DBInstanceIdentifier="catalog-db", DBParameterGroupName="catalog-pg")
    yield
    client.modify_db_instance(DBInstanceIdentifier="catalog-db", DBParameterGroupName="default.postgres15")
    client.delete_db_parameter_group(DBParameterGroupName="catalog-pg")


def inventory(clients: AwsClients) -> dict[str, dict[str, str]]:
    into = Collected("rds")
    Rds(Account(Aws(retries=1), clients)).collect(scope_now("catalog"), Budget(calls=50, seconds=30), into)
    assert not into.gaps
    frames = [data for name, data in into.frames if name == "inventory"]
    return {row["kind"]: row for data in frames for row in data.iter_rows(named=True)}


@pytest.mark.usefixtures("grouped")
def test_a_group_of_ones_own_is_listed_with_its_users(spare_clients: AwsClients) -> None:
    found = inventory(spare_clients)
    group = found["rds_parameter_group"]
    assert group["resource"] == "arn:aws:rds:us-east-1:000000000000:pg:catalog-pg"
    assert (group["name"], group["service"], group["source"]) == ("catalog-pg", "catalog", "rds")
    assert json.loads(group["settings"]) == {
        "engine": "postgres",
        "instances": "catalog-db",
        "max_connections": "100",
        "max_connections_apply": "dynamic",
    }


def test_a_group_of_aws_is_not_listed_and_the_instance_tells_its_address(spare_clients: AwsClients) -> None:
    found = inventory(spare_clients)
    assert set(found) == {"rds_instance"}
    settings = json.loads(found["rds_instance"]["settings"])
    assert settings["endpoint"].split(":")[1].isdigit()
    assert (settings["replica_of"], settings["replicas"]) == ("", "")
    assert settings["backup_days"] == 1


def test_no_further_page_is_read_once_all_were_seen() -> None:
    read: list[int] = []

    def pages_of() -> Iterator[Sequence[dict[str, str]]]:
        for number, names in enumerate((["a", "max_connections"], ["b", "c"], ["d"])):
            read.append(number)
            yield [{"ParameterName": name} for name in names]

    found = parameters_of(pages_of(), ("max_connections", "c"))  # pyright: ignore[reportArgumentType] - only names
    assert [parameter.get("ParameterName") for parameter in found] == ["max_connections", "c"]
    assert read == [0, 1]
