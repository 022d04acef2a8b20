"""Flags in SSM parameters on an emulator: only what is below the prefixes, with its history."""

import json

import polars as pl
import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.evidence import Table
from autopilot.settings import Aws
from autopilot.sources.aws import Account, Resources, named
from autopilot.sources.aws_sources import build_aws_sources
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from autopilot.sources.ssm_flags import SsmFlags, change_id, service_of
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.aws_sources.shop import REGION, Cloud

SETTINGS = Aws(flag_prefixes=("/flags", "/more-flags/"), retries=1)
FAST = "/flags/checkout/fast-path"


@pytest.fixture(scope="module")
def clients(spare: Cloud, spare_clients: AwsClients) -> AwsClients:
    """Clients of an account with flags on several pages, a secret among them, and parameters elsewhere."""
    client = spare.client("ssm")
    for value in ("off", json.dumps({"enabled": True, "percentage": 50, "regions": ["us-east-1"]})):
        client.put_parameter(Name=FAST, Value=value, Type="String", Overwrite=True)
    for number in range(12):
        client.put_parameter(Name=f"/flags/other/flag-{number:02}", Value="on", Type="String")
    client.put_parameter(Name="/more-flags/checkout", Value="x" * 600, Type="String")
    client.put_parameter(Name="/flags/checkout/secret", Value="hunter2-secure", Type="SecureString")
    client.put_parameter(Name="/database/password", Value="hunter2-plain", Type="String")
    return spare_clients


def gathered(clients: AwsClients) -> Collected:
    into = Collected("ssm_flags")
    SsmFlags(Account(SETTINGS, clients)).collect(scope_now(), Budget(calls=100, seconds=30), into)
    return into


def rows(into: Collected, table: Table) -> pl.DataFrame:
    return pl.concat([data for name, data in into.frames if name == table])


def test_flags_are_read_with_what_they_say_and_what_they_said(clients: AwsClients) -> None:
    into = gathered(clients)
    inventory = {row["name"]: row for row in rows(into, "inventory").iter_rows(named=True)}
    assert len(inventory) == 14, "all pages"
    fast = json.loads(inventory[FAST]["settings"])
    assert (fast["enabled"], fast["percentage"], fast["regions"], fast["version"]) == (True, 50, "us-east-1", 2)
    assert json.loads(fast["value"])["percentage"] == 50
    versions = json.loads(inventory[FAST]["versions"])
    assert [(v["version"], v["active"]) for v in versions] == [("2", True), ("1", False)]
    assert versions[1]["description"] == "off"
    assert inventory[FAST]["service"] == "checkout"
    assert inventory["/flags/other/flag-11"]["service"] == "other"
    assert inventory["/more-flags/checkout"]["service"] == "checkout"
    long = json.loads(inventory["/more-flags/checkout"]["settings"])
    assert ("value" not in long, long["value_length"]) == (True, 600)
    assert not into.gaps


def test_a_tag_outweighs_the_folder_of_a_flag() -> None:
    """The emulator's tagging service does not list parameters, as AWS's does."""
    assert named(f"arn:aws:ssm:{REGION}:000000000000:parameter{FAST}") == ("parameter", FAST)
    tagged = Resources({("parameter", FAST): "payments"}, {})
    assert [service_of(FAST, "/flags", known) for known in (tagged, Resources({}, {}))] == ["payments", "checkout"]


def test_every_write_is_a_change_with_what_it_replaced(clients: AwsClients) -> None:
    changes = rows(gathered(clients), "changes").filter(pl.col("resource") == FAST)
    assert set(changes["id"]) == {change_id(FAST, 1), change_id(FAST, 2)}
    last = changes.filter(pl.col("version") == "2").row(0, named=True)
    assert (last["kind"], last["service"]) == ("flag", "checkout")
    assert last["diff"].startswith("- off\n+ {")


def test_what_is_no_flag_is_not_kept(clients: AwsClients) -> None:
    into = gathered(clients)
    assert "hunter2" not in "".join(str(data.to_dicts()) for _, data in into.frames)
    assert "/flags/checkout/secret" not in rows(into, "inventory")["name"].to_list()


def test_a_spent_budget_keeps_the_flags_of_the_scope(clients: AwsClients) -> None:
    account, into = Account(SETTINGS, clients), Collected("ssm_flags")
    account.resources(REGION, Budget(calls=50, seconds=30))
    with pytest.raises(BudgetExceeded):
        SsmFlags(account).collect(scope_now(), Budget(calls=5, seconds=30), into)
    assert set(rows(into, "inventory")["service"]) == {"checkout"}


def test_no_prefix_no_source_and_nothing_below_a_prefix_is_told(clients: AwsClients) -> None:
    assert "ssm_flags" not in [source.name for source in build_aws_sources(Aws(), clients)]
    empty = Aws(flag_prefixes=("/nothing",), retries=1)
    assert "ssm_flags" in [source.name for source in build_aws_sources(empty, clients)]
    into = Collected("ssm_flags")
    SsmFlags(Account(empty, clients)).collect(scope_now(), Budget(calls=50, seconds=30), into)
    assert [(gap.kind, gap.what) for gap in into.gaps] == [("no_data", f"no flags below /nothing in {REGION}")]
