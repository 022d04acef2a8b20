"""Silences against the wire formats of Alertmanager, Datadog and PagerDuty."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation import silences
from autopilot.remediation.parts import Parts
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings
from autopilot.settings_systems import Alertmanager, Datadog, PagerDutyApi
from tests.integration.saas_sources.vendor import Reply, Vendor
from tests.integration.saas_tools.faults import Faulty
from tests.integration.saas_tools.orders import INCIDENT, KEY, do, plan, step_of, toolbox_of, undo
from tests.integration.saas_tools.silence_servers import (
    AlertmanagerServer,
    DatadogServer,
    PagerDutyServer,
    SilenceServer,
)

TOOLS = {
    "alertmanager": ("alertmanager.silence", "alertmanager: POST /api/v2/silences", 'service="checkout"'),
    "datadog": ("datadog.downtime", "monitors_downtime", "service:checkout"),
    "pagerduty": ("pagerduty.maintenance_window", "pagerduty: REST API key", "PagerDuty service PCHECK1"),
}
SERVERS: dict[str, type[SilenceServer]] = {
    "alertmanager": AlertmanagerServer, "datadog": DatadogServer, "pagerduty": PagerDutyServer,
}  # fmt: skip


def settings(name: str, url: str) -> Settings:
    """The settings that let silences of one system be made."""
    if name == "alertmanager":
        return Settings(alertmanager=Alertmanager(base_url=url, silence=True))
    if name == "datadog":
        return Settings(datadog=Datadog(base_url=url, api_key=SecretStr("k"), write_app_key=SecretStr("w")))
    return Settings(
        pagerduty=PagerDutyApi(
            base_url=url, write_token=SecretStr("may-write"), from_email="autopilot@shop.example",
            services={"checkout": "PCHECK1"},
        )
    )  # fmt: skip


@dataclass
class World:
    """One vendor with what goes wrong, and the toolbox that speaks to it."""

    name: str
    server: SilenceServer
    faulty: Faulty
    toolbox: CatalogueToolbox

    @property
    def step(self) -> Step:
        """Silence checkout for as long as is usual."""
        return step_of(TOOLS[self.name][0], f"{self.name}:checkout")

    @property
    def create(self) -> str:
        """The call that makes one."""
        return self.server.create


@pytest.fixture(params=sorted(SERVERS))
def world(request: pytest.FixtureRequest) -> Iterator[World]:
    name = str(request.param)
    server = SERVERS[name]()
    faulty = Faulty(server, lambda asked: asked.method != "GET")
    with Vendor(faulty) as vendor:
        yield World(name, server, faulty, toolbox_of(settings(name, vendor.url), silences.build_tools))


def test_a_silence_is_made_once_and_ended_once(world: World) -> None:
    option = plan(world.toolbox, world.step)
    prepared = option.steps[0]
    assert option.feasible, option.infeasible_reason
    assert (option.risk, option.reversibility) == ("medium", "reversible")
    assert prepared.dry_run.changes == (f"silenced: {TOOLS[world.name][2]} for 30 minutes",)
    assert TOOLS[world.name][2] in prepared.step.command
    assert world.faulty.written == []

    assert [do(world.toolbox, prepared, n).status for n in (1, 2)] == ["done", "already"]
    assert len(world.server.in_force) == 1
    assert [undo(world.toolbox, prepared, n).status for n in (1, 2)] == ["done", "already"]
    assert world.server.in_force == []
    assert [call.startswith((world.create, world.server.end)) for call in world.faulty.calls()] == [True, True]


def test_a_silence_has_an_end_a_comment_and_one_service(world: World) -> None:
    minutes = world.step.model_copy(update={"arguments": {"minutes": 5}})
    do(world.toolbox, plan(world.toolbox, minutes).steps[0])
    (made,) = world.server.made
    left = datetime.fromisoformat(made["until"]) - datetime.now(UTC)
    assert timedelta(minutes=4) < left <= timedelta(minutes=5)
    assert INCIDENT in made["comment"]
    assert f"[{KEY}]" in made["comment"]
    exact = {
        "alertmanager": [{"name": "service", "value": "checkout", "isRegex": False, "isEqual": True}],
        "datadog": "service:checkout",
        "pagerduty": [{"id": "PCHECK1", "type": "service_reference"}],
    }[world.name]
    assert exact in made.values()


def test_silences_of_others_are_neither_taken_for_ours_nor_ended(world: World) -> None:
    world.server.foreign()
    others = len(world.server.in_force)
    prepared = plan(world.toolbox, world.step).steps[0]
    assert prepared.before.observed["active"] == 0
    assert do(world.toolbox, prepared).status == "done"
    assert world.toolbox.inspect(world.step).observed["active"] == 1
    assert undo(world.toolbox, prepared).status == "done"
    assert len(world.server.in_force) == others


def test_one_that_is_in_force_already_is_told(world: World) -> None:
    do(world.toolbox, plan(world.toolbox, world.step).steps[0])
    again = plan(world.toolbox, world.step).steps[0]
    assert "1 silences of it are in force" in again.dry_run.warnings
    assert str(again.before.observed["until"]).endswith("UTC")


def test_one_that_ended_by_itself_needs_no_undo(world: World) -> None:
    prepared = plan(world.toolbox, world.step).steps[0]
    do(world.toolbox, prepared)
    world.server.made[0]["in_force"] = False
    assert undo(world.toolbox, prepared).status == "already"
    assert world.faulty.calls() == [world.create]


def test_throttled_denied_and_refused_are_told_apart(world: World) -> None:
    prepared = plan(world.toolbox, world.step).steps[0]
    world.faulty.answer(world.create, Reply({"message": "slow down"}, 429, {"Retry-After": "15"}))
    with pytest.raises(Failure) as throttled:
        do(world.toolbox, prepared)
    assert (throttled.value.who, throttled.value.retry_after) == ("retry", 15.0)
    world.faulty.answer(world.create, world.server.denied)
    with pytest.raises(Failure) as denied:
        do(world.toolbox, prepared, 2)
    assert denied.value.who == "operator"
    assert f"grant {TOOLS[world.name][1]}" in str(denied.value)
    world.faulty.answer(world.create, Reply({"errors": ["end is too far away"]}, 400))
    refused = do(world.toolbox, prepared, 3)
    assert (refused.status, "end is too far away" in refused.detail) == ("failed", True)
    assert world.server.made == []


def test_lost_answers_never_make_a_second_silence(world: World) -> None:
    prepared = plan(world.toolbox, world.step).steps[0]
    world.faulty.lose(world.create, "lose_request")
    with pytest.raises(Failure):
        do(world.toolbox, prepared)
    assert world.server.made == []
    world.faulty.lose(world.create, "lose_answer")
    with pytest.raises(Failure):
        do(world.toolbox, prepared, 2)
    assert do(world.toolbox, prepared, 3).status == "already"
    assert len(world.server.made) == 1

    world.faulty.lose(world.server.end, "lose_answer")
    with pytest.raises(Failure):
        undo(world.toolbox, prepared)
    assert undo(world.toolbox, prepared, 2).status == "already"
    assert world.server.in_force == []


def test_one_that_ends_while_it_is_being_ended_is_ended(world: World) -> None:
    prepared = plan(world.toolbox, world.step).steps[0]
    do(world.toolbox, prepared)
    world.faulty.answer(world.server.end, Reply({"errors": ["not found"]}, 404))
    assert undo(world.toolbox, prepared).status == "already"


@pytest.mark.parametrize("minutes", [0, 121, 30.5, "30", True])
def test_a_silence_without_a_near_end_does_not_exist(minutes: int | float | str | bool, world: World) -> None:
    option = plan(world.toolbox, world.step.model_copy(update={"arguments": {"minutes": minutes}}))
    assert (option.feasible, "minutes" in option.infeasible_reason) == (False, True)
    assert world.faulty.written == []


@pytest.mark.parametrize("target", ["{}:payments", "{}:", "{}:*", "checkout"])
def test_a_silence_is_of_the_service_of_its_step_alone(target: str, world: World) -> None:
    option = plan(world.toolbox, world.step.model_copy(update={"target": target.format(world.name)}))
    assert (option.feasible, world.faulty.written) == (False, [])


def test_names_that_cannot_be_matched_exactly_are_refused() -> None:
    with Vendor(DatadogServer()) as vendor:
        toolbox = toolbox_of(settings("datadog", vendor.url), silences.build_tools)
        option = plan(toolbox, step_of("datadog.downtime", "datadog:a OR *", "a OR *"))
    assert "cannot be written as a Datadog tag" in option.infeasible_reason
    with Vendor(PagerDutyServer()) as vendor:
        toolbox = toolbox_of(settings("pagerduty", vendor.url), silences.build_tools)
        option = plan(toolbox, step_of("pagerduty.maintenance_window", "pagerduty:search", "search"))
    assert "pagerduty.services has no id for 'search'" in option.infeasible_reason


def test_a_server_without_an_answer_makes_the_option_infeasible(world: World) -> None:
    gone = toolbox_of(settings(world.name, "http://127.0.0.1:9"), silences.build_tools)
    option = plan(gone, world.step)
    assert (option.feasible, "no answer" in option.infeasible_reason) == (False, True)


def test_without_a_credential_that_may_silence_there_are_no_tools() -> None:
    reads = Settings(
        alertmanager=Alertmanager(base_url="http://127.0.0.1:9093", token=SecretStr("r")),
        datadog=Datadog(api_key=SecretStr("k"), app_key=SecretStr("r")),
        pagerduty=PagerDutyApi(token=SecretStr("r"), from_email="autopilot@shop.example"),
    )
    assert silences.build_tools(Parts(reads)) == ()


def test_the_label_of_the_service_can_be_named_otherwise() -> None:
    server = AlertmanagerServer()
    with Vendor(server) as vendor:
        named = Settings(alertmanager=Alertmanager(base_url=vendor.url, silence=True, service_label="app"))
        toolbox = toolbox_of(named, silences.build_tools)
        do(toolbox, plan(toolbox, step_of("alertmanager.silence", "alertmanager:checkout")).steps[0])
    assert server.made[0]["matchers"][0]["name"] == "app"
