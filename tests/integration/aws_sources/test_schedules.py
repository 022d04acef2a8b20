"""Schedules on an emulator: whose they are, what they name, and what is kept of their input."""

import json
from typing import Any

import polars as pl
import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.evidence import Table
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from autopilot.sources.scheduler import Scheduler
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.aws_sources.shop import REGION, Cloud

FUNCTION = f"arn:aws:lambda:{REGION}:000000000000:function:checkout"


@pytest.fixture(scope="module")
def clients(spare: Cloud, spare_clients: AwsClients) -> AwsClients:
    """Clients of an account with a job of a tagged group, one that starts a function, and one of nobody."""
    client = spare.client("scheduler")
    client.create_schedule_group(Name="reports", Tags=[{"Key": "service", "Value": "reporting"}])
    schedule(client, "nightly", "reports", {"database": {"host": "catalog-db", "password": "hunter2-do-not-store"}})
    schedule(client, "sweep", "default", {"limit": 5}, FUNCTION)
    schedule(client, "orphan", "default", None, "arn:aws:scheduler:::aws-sdk:sqs:purgeQueue")
    return spare_clients


def schedule(client: Any, name: str, group: str, body: object, target: str = f"{FUNCTION}-report") -> None:
    """One schedule."""
    client.create_schedule(
        Name=name, GroupName=group, ScheduleExpression="cron(0 3 * * ? *)",
        FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 10},
        Target={"Arn": target, "RoleArn": "arn:aws:iam::000000000000:role/r"}
        | ({"Input": json.dumps(body)} if body else {}),
    )  # fmt: skip


def gathered(clients: AwsClients, calls: int = 200) -> Collected:
    into = Collected("scheduler")
    source = Scheduler(Account(Aws(retries=1), clients))
    source.collect(scope_now("reporting"), Budget(calls=calls, seconds=30), into)
    return into


def rows(into: Collected, table: Table) -> pl.DataFrame:
    return pl.concat([data for name, data in into.frames if name == table])


def test_a_schedule_belongs_to_its_group_or_to_what_it_starts(clients: AwsClients) -> None:
    into = gathered(clients)
    inventory = {row["name"]: row for row in rows(into, "inventory").iter_rows(named=True)}
    assert {name: row["service"] for name, row in inventory.items()} == {
        "nightly": "reporting",
        "sweep": "checkout",
        "orphan": "orphan",
    }
    settings = json.loads(inventory["nightly"]["settings"])
    assert settings["expression"] == "cron(0 3 * * ? *)"
    assert (settings["state"], settings["window_minutes"]) == ("ENABLED", 10)
    assert settings["input.database.host"] == "catalog-db"
    assert inventory["nightly"]["resource"].endswith(":schedule/reports/nightly")
    assert set(rows(into, "state")["kind"]) == {"schedule"}
    assert not into.gaps


def test_the_database_that_a_job_names_is_an_edge_and_its_password_is_not_kept(clients: AwsClients) -> None:
    into = gathered(clients)
    assert rows(into, "topology").select("caller", "callee").rows() == [("reporting", "catalog")]
    assert "hunter2" not in "".join(str(data.to_dicts()) for _, data in into.frames)


def test_a_spent_budget_keeps_what_was_read(clients: AwsClients) -> None:
    into, account = Collected("scheduler"), Account(Aws(retries=1), clients)
    account.resources(REGION, Budget(calls=50, seconds=30))
    with pytest.raises(BudgetExceeded):
        Scheduler(account).collect(scope_now("reporting"), Budget(calls=2, seconds=30), into)
    assert rows(into, "inventory")["name"].to_list() == ["nightly"], "the scope's own service comes first"


def test_an_account_without_schedules_says_so(clients: AwsClients) -> None:
    settings = Aws(regions=("eu-central-1",), retries=1)
    into = Collected("scheduler")
    scope = scope_now().model_copy(update={"regions": ("eu-central-1",)})
    Scheduler(Account(settings, clients)).collect(scope, Budget(calls=50, seconds=30), into)
    assert [(gap.kind, gap.what) for gap in into.gaps] == [("no_data", "no schedules in eu-central-1")]
