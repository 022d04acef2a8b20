"""The flag sources against the wire formats of LaunchDarkly and Unleash."""

import json

import pytest
from pydantic import SecretStr

from autopilot.clients.flags import FlagSystem
from autopilot.clients.launchdarkly import LaunchDarklyFlags
from autopilot.clients.unleash import UnleashFlags
from autopilot.incident.ports import Failure
from autopilot.settings_systems import LaunchDarkly, Unleash
from autopilot.sources.base import Collected
from autopilot.sources.flags import FlagSource
from tests.integration.saas_sources.situation import budget, rows, scope
from tests.integration.saas_sources.vendor import Answering, Asked, Reply, Vendor
from tests.integration.saas_tools.flag_servers import LaunchDarklyServer, UnleashServer

TOKEN = SecretStr("may-read")
LISTED = {"checkout": ("new-checkout",)}
SERVERS: dict[str, type[LaunchDarklyServer | UnleashServer]] = {
    "launchdarkly": LaunchDarklyServer, "unleash": UnleashServer,
}  # fmt: skip
NAMES = pytest.mark.parametrize("name", sorted(SERVERS))


def system(
    name: str, url: str, keys: tuple[str, ...] = ("new-checkout",), token: SecretStr | None = TOKEN
) -> FlagSystem:
    flags = {"checkout": keys}
    if name == "launchdarkly":
        return LaunchDarklyFlags(LaunchDarkly(base_url=url, project="shop", flags=flags), token)
    return UnleashFlags(Unleash(base_url=url, project="shop", flags=flags), token)


def collect(name: str, answering: Answering, *keys: str) -> Collected:
    into = Collected(name)
    with Vendor(answering) as vendor:
        FlagSource(system(name, vendor.url, keys or ("new-checkout",))).collect(scope(), budget(), into)
    return into


@NAMES
def test_a_listed_flag_is_in_the_inventory_with_its_share(name: str) -> None:
    (row,) = rows(collect(name, SERVERS[name]()), "inventory")
    settings = json.loads(str(row["settings"]))
    assert (row["kind"], row["service"], row["name"]) == ("feature_flag", "checkout", "new-checkout")
    assert row["resource"] == f"{name}:shop/production/new-checkout"
    assert (settings["on"], settings["percent"], settings["system"]) == (True, 50, name)


@NAMES
def test_what_was_done_to_it_in_the_windows_and_here_is_a_change(name: str) -> None:
    (row,) = rows(collect(name, SERVERS[name]()), "changes")
    assert (row["kind"], row["resource"]) == ("flag", f"{name}:shop/production/new-checkout")
    assert str(row["author"]).startswith("ariel")
    assert str(row["time"]).startswith("2026-11-21 03:0")


@NAMES
def test_a_flag_that_is_not_there_is_a_gap_and_the_others_are_read(name: str) -> None:
    into = collect(name, SERVERS[name](), "gone", "new-checkout")
    assert [(gap.kind, "gone" in gap.what) for gap in into.gaps] == [("no_data", True)]
    assert len(rows(into, "inventory")) == 1


@NAMES
def test_a_history_that_may_not_be_read_is_a_gap_beside_the_flag(name: str) -> None:
    server = SERVERS[name]()

    def answering(asked: Asked) -> Reply:
        denied = "auditlog" in asked.path or "/events/" in asked.path
        return Reply({"message": "no"}, 403) if denied else server(asked)

    into = collect(name, answering)
    assert [gap.kind for gap in into.gaps] == ["denied"]
    assert len(rows(into, "inventory")) == 1


@NAMES
def test_refused_credentials_are_a_failure(name: str) -> None:
    with Vendor(SERVERS[name]()) as vendor:
        source = FlagSource(system(name, vendor.url, token=None))
        with pytest.raises(Failure, match="renew the token"):
            source.collect(scope(), budget(), Collected(name))


@NAMES
def test_the_last_changes_are_those_of_the_services_in_scope(name: str) -> None:
    with Vendor(SERVERS[name]()) as vendor:
        source = FlagSource(system(name, vendor.url))
        told = source.recent_changes(scope("checkout"), 5)
        assert source.recent_changes(scope("payments"), 5) == []
        assert len(vendor.asked) == 1
    assert [entry.kind for entry in told] == ["change"]
    assert told[0].text.startswith("flag: flag new-checkout: ")
