"""Feature flags of AppConfig on an emulator: what is in force, what was before, and what a deployment changed."""

import json

import polars as pl
import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.evidence import Table
from autopilot.settings import Aws
from autopilot.sources.appconfig import AppConfig, change_id, in_force, version_in
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.aws_sources.shop import REGION, Cloud

IDS: dict[str, str] = {}


def document(enabled: bool) -> bytes:
    fast = {"enabled": enabled, "percentage": 100, "regions": ["us-east-1"], "_createdAt": "2026-01-01"}
    return json.dumps({"version": "1", "values": {"fast-path": fast, "banner": {"enabled": True}}}).encode()


@pytest.fixture(scope="module")
def clients(spare: Cloud, spare_clients: AwsClients) -> AwsClients:
    """Clients of an account with flags in one environment, flags never deployed in another, and plain settings."""
    client = spare.client("appconfig")
    app = client.create_application(Name="checkout")["Id"]
    prod, test = (client.create_environment(ApplicationId=app, Name=name)["Id"] for name in ("prod", "test"))
    made = {"ApplicationId": app, "LocationUri": "hosted"}
    profile = client.create_configuration_profile(Name="switches", Type="AWS.AppConfig.FeatureFlags", **made)["Id"]
    client.create_configuration_profile(Name="settings", Type="AWS.Freeform", **made)
    client.create_application(Name="empty")
    now = client.create_deployment_strategy(
        Name="now", DeploymentDurationInMinutes=0, GrowthFactor=100, FinalBakeTimeInMinutes=0, ReplicateTo="NONE"
    )["Id"]
    for number, enabled in ((1, False), (2, True)):
        client.create_hosted_configuration_version(
            ApplicationId=app, ConfigurationProfileId=profile, Content=document(enabled),
            ContentType="application/json",
        )  # fmt: skip
        client.start_deployment(
            ApplicationId=app, EnvironmentId=prod, ConfigurationProfileId=profile,
            ConfigurationVersion=str(number), DeploymentStrategyId=now,
        )  # fmt: skip
    IDS.update(app=app, prod=prod, test=test, profile=profile)
    return spare_clients


def gathered(clients: AwsClients) -> Collected:
    into = Collected("appconfig")
    AppConfig(Account(Aws(retries=1), clients)).collect(scope_now(), Budget(calls=100, seconds=30), into)
    return into


def rows(into: Collected, table: Table) -> pl.DataFrame:
    return pl.concat([data for name, data in into.frames if name == table])


def test_flags_are_listed_by_environment_with_what_is_in_force(clients: AwsClients) -> None:
    into = gathered(clients)
    inventory = {row["name"]: row for row in rows(into, "inventory").iter_rows(named=True)}
    assert set(inventory) == {"checkout/prod/switches", "checkout/test/switches"}
    prod = inventory["checkout/prod/switches"]
    assert prod["resource"] == (
        f"arn:aws:appconfig:{REGION}:000000000000:application/{IDS['app']}"
        f"/environment/{IDS['prod']}/configuration/{IDS['profile']}"
    )
    assert prod["service"] == "checkout"
    assert json.loads(prod["settings"]) == {
        "deployment": 2,
        "deployed_version": "2",
        "previous_version": "1",
        "state": "COMPLETE",
        "changed": "fast-path",
        "flag.fast-path.enabled": True,
        "flag.fast-path.percentage": 100,
        "flag.fast-path.regions": "us-east-1",
        "flag.banner.enabled": True,
    }
    versions = json.loads(prod["versions"])
    assert [(v["version"], v["active"], bool(v["created_at"])) for v in versions] == [
        ("2", True, True),
        ("1", False, True),
    ]
    idle = json.loads(inventory["checkout/test/switches"]["settings"])
    assert (idle["state"], idle["deployed_version"]) == ("never deployed", "")
    assert not into.gaps


def test_a_deployment_is_a_change_that_tells_which_flags_it_moved(clients: AwsClients) -> None:
    changes = {row["id"]: row for row in rows(gathered(clients), "changes").iter_rows(named=True)}
    last = changes[change_id(IDS["app"], IDS["prod"], 2)]
    assert (last["kind"], last["service"], last["version"]) == ("flag", "checkout", "2")
    assert last["summary"] == "flags checkout/prod/switches set to version 2 (fast-path)"
    assert last["diff"].splitlines()[0].startswith('- fast-path {"enabled": false')
    assert "_createdAt" not in last["diff"]
    assert set(changes) == {change_id(IDS["app"], IDS["prod"], number) for number in (1, 2)}


def test_a_spent_budget_stops_the_reading(clients: AwsClients) -> None:
    account, into = Account(Aws(retries=1), clients), Collected("appconfig")
    account.resources(REGION, Budget(calls=50, seconds=30))
    with pytest.raises(BudgetExceeded):
        AppConfig(account).collect(scope_now(), Budget(calls=3, seconds=30), into)


def test_an_account_without_flags_says_so(clients: AwsClients) -> None:
    into = Collected("appconfig")
    scope = scope_now().model_copy(update={"regions": ("eu-central-1",)})
    settings = Aws(regions=("eu-central-1",), retries=1)
    AppConfig(Account(settings, clients)).collect(scope, Budget(calls=50, seconds=30), into)
    assert [(gap.kind, gap.what) for gap in into.gaps] == [
        ("no_data", "no feature flags of AppConfig in eu-central-1")
    ]


def test_what_was_taken_back_is_not_in_force_and_a_repetition_is_no_former_version() -> None:
    def deployed(number: int, version: str, state: str, name: str = "switches") -> dict[str, object]:
        return {
            "DeploymentNumber": number, "ConfigurationVersion": version, "State": state, "ConfigurationName": name,
        }  # fmt: skip

    listed = [
        deployed(1, "1", "COMPLETE"),
        deployed(2, "2", "COMPLETE"),
        deployed(3, "2", "COMPLETE"),
        deployed(4, "3", "ROLLED_BACK"),
        deployed(5, "9", "COMPLETE", "others"),
        deployed(6, "4", "REVERTED"),
    ]
    counted = in_force(listed, "switches")  # pyright: ignore[reportArgumentType] - only what is looked at
    assert [version_in(counted, place) for place in range(3)] == ["2", "1", ""]
