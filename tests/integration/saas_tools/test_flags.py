"""The tools on feature flags against the wire formats of LaunchDarkly and Unleash."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import SecretStr

from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation import feature_flags, flag_rollouts
from autopilot.remediation.parts import Parts
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings
from autopilot.settings_systems import LaunchDarkly, Unleash
from tests.integration.saas_sources.vendor import Reply, Vendor
from tests.integration.saas_tools.faults import Faulty
from tests.integration.saas_tools.flag_servers import (
    LD_FLAG,
    STRATEGY,
    UNLEASH_FLAG,
    LaunchDarklyServer,
    UnleashServer,
)
from tests.integration.saas_tools.orders import INCIDENT, do, plan, step_of, toolbox_of, undo

LISTED = {"checkout": ("new-checkout",)}
BUILDERS = (feature_flags.build_tools, flag_rollouts.build_tools)
LD_TARGET, UNLEASH_TARGET = "launchdarkly:shop/production/new-checkout", "unleash:shop/production/new-checkout"
Case = tuple[Step, dict[str, Any], str, str, str]
CASES: list[Case] = [
    (
        step_of("launchdarkly.turn_off", LD_TARGET), {"on": False},
        f"PATCH {LD_FLAG}", f"PATCH {LD_FLAG}", "updateOn",
    ),
    (
        step_of("launchdarkly.set_rollout", LD_TARGET, percent=5, of="0/1"), {"percent": 5},
        f"PATCH {LD_FLAG}", f"PATCH {LD_FLAG}", "updateFallthrough",
    ),
    (
        step_of("unleash.turn_off", UNLEASH_TARGET), {"on": False},
        f"POST {UNLEASH_FLAG}/off", f"POST {UNLEASH_FLAG}/on", "UPDATE_FEATURE_ENVIRONMENT",
    ),
    (
        step_of("unleash.set_rollout", UNLEASH_TARGET, percent=5, of=STRATEGY), {"percent": 5},
        f"PATCH {UNLEASH_FLAG}/strategies/{STRATEGY}", f"PATCH {UNLEASH_FLAG}/strategies/{STRATEGY}",
        "UPDATE_FEATURE_STRATEGY",
    ),
]  # fmt: skip
by_tool = pytest.mark.parametrize(
    ("step", "wanted", "call", "back", "permission"), [pytest.param(*case, id=case[0].tool) for case in CASES]
)


@dataclass
class World:
    """Both vendors with what goes wrong, and the toolbox that speaks to them."""

    launchdarkly: LaunchDarklyServer
    unleash: UnleashServer
    at: dict[str, Faulty]
    toolbox: CatalogueToolbox

    def faulty(self, step: Step) -> Faulty:
        """The vendor that a step is about."""
        return self.at[step.tool.partition(".")[0]]


@pytest.fixture
def world() -> Iterator[World]:
    darkly, unleash = LaunchDarklyServer(), UnleashServer()
    at = {
        "launchdarkly": Faulty(darkly, lambda asked: asked.method != "GET"),
        "unleash": Faulty(unleash, lambda asked: asked.method != "GET"),
    }
    with Vendor(at["launchdarkly"]) as one, Vendor(at["unleash"]) as other:
        token = SecretStr("may-write")
        settings = Settings(
            launchdarkly=LaunchDarkly(base_url=one.url, project="shop", flags=LISTED, write_token=token),
            unleash=Unleash(base_url=other.url, project="shop", flags=LISTED, write_token=token),
        )
        yield World(darkly, unleash, at, toolbox_of(settings, *BUILDERS))


@by_tool
def test_a_flag_is_changed_once_and_changed_back_once(
    step: Step, wanted: dict[str, Any], call: str, back: str, permission: str, world: World
) -> None:
    option = plan(world.toolbox, step)
    prepared, faulty = option.steps[0], world.faulty(step)
    assert option.feasible, option.infeasible_reason
    assert (option.risk, option.reversibility) == ("low", "reversible")
    assert prepared.dry_run.changes
    assert "checkout" in prepared.dry_run.reach
    assert faulty.written == []

    assert [do(world.toolbox, prepared, n).status for n in (1, 2)] == ["done", "already"]
    assert wanted.items() <= world.toolbox.inspect(step).settings.items()
    assert faulty.calls() == [call]
    assert [undo(world.toolbox, prepared, n).status for n in (1, 2)] == ["done", "already"]
    assert world.toolbox.inspect(step).settings == prepared.before.settings
    assert faulty.calls() == [call, back]


@by_tool
def test_throttled_denied_and_refused_are_told_apart(
    step: Step, wanted: dict[str, Any], call: str, back: str, permission: str, world: World
) -> None:
    prepared, faulty = plan(world.toolbox, step).steps[0], world.faulty(step)
    faulty.answer(call, Reply({"message": "slow down"}, 429, {"Retry-After": "20"}))
    with pytest.raises(Failure) as throttled:
        do(world.toolbox, prepared)
    assert (throttled.value.who, throttled.value.retry_after) == ("retry", 20.0)
    faulty.answer(call, Reply({"code": "forbidden", "message": "Access to the requested resource was denied"}, 403))
    with pytest.raises(Failure, match=f"grant {permission}.*Access to the requested resource") as denied:
        do(world.toolbox, prepared, 2)
    assert denied.value.who == "operator"
    faulty.answer(call, Reply({"code": "conflict", "message": "another change was made"}, 409))
    with pytest.raises(Failure) as conflict:
        do(world.toolbox, prepared, 3)
    assert conflict.value.who == "retry"
    faulty.answer(call, Reply({"message": "this environment requires approvals"}, 405))
    refused = do(world.toolbox, prepared, 4)
    assert (refused.status, "requires approvals" in refused.detail) == ("failed", True)
    assert faulty.written == []


@by_tool
def test_lost_answers_and_requests_are_found_out_by_the_next_attempt(
    step: Step, wanted: dict[str, Any], call: str, back: str, permission: str, world: World
) -> None:
    prepared, faulty = plan(world.toolbox, step).steps[0], world.faulty(step)
    faulty.lose(call, "lose_request")
    with pytest.raises(Failure):
        do(world.toolbox, prepared)
    assert faulty.written == []
    faulty.lose(call, "lose_answer")
    with pytest.raises(Failure):
        do(world.toolbox, prepared, 2)
    assert do(world.toolbox, prepared, 3).status == "already"
    assert faulty.calls() == [call]


@by_tool
def test_what_somebody_else_changed_meanwhile_stays(
    step: Step, wanted: dict[str, Any], call: str, back: str, permission: str, world: World
) -> None:
    prepared = plan(world.toolbox, step).steps[0]
    if step.tool.endswith("set_rollout"):
        world.launchdarkly.here["fallthrough"]["rollout"]["variations"][0]["weight"] = 80_000
        world.unleash.here["strategies"][0]["parameters"]["rollout"] = "80"
        assert do(world.toolbox, prepared).status == "changed_world"
    else:
        world.launchdarkly.here["on"] = world.unleash.here["enabled"] = False
        assert do(world.toolbox, prepared).status == "already"
    assert world.faulty(step).written == []


@by_tool
def test_a_flag_that_is_not_listed_for_the_service_is_never_touched(
    step: Step, wanted: dict[str, Any], call: str, back: str, permission: str, world: World
) -> None:
    others = {"target": step.target.replace("new-checkout", "dark-mode")}, {"service": "payments"}
    for change in others:
        option = plan(world.toolbox, step.model_copy(update=change))
        assert (option.feasible, "not a flag that the settings list" in option.infeasible_reason) == (False, True)
    assert world.faulty(step).written == []


def test_a_flag_that_the_vendor_does_not_have_does_not_exist() -> None:
    with Vendor(LaunchDarklyServer()) as vendor:
        settings = LaunchDarkly(
            base_url=vendor.url, project="shop", flags={"checkout": ("gone",)}, write_token=SecretStr("w")
        )
        toolbox = toolbox_of(Settings(launchdarkly=settings), *BUILDERS)
        option = plan(toolbox, step_of("launchdarkly.turn_off", "launchdarkly:shop/production/gone"))
    assert "does not exist" in option.infeasible_reason


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"rollout": {"variations": [{"variation": 0, "weight": 1}], "experimentAllocation": {}}}, "an experiment"),
        ({"variation": 1}, "serves the off variation"),
        ({"rollout": {"variations": [{"variation": n, "weight": 1} for n in (0, 1, 2)]}}, "between 3 variations"),
    ],
)
def test_a_launchdarkly_rollout_that_is_no_single_share_is_left_alone(
    change: dict[str, Any], reason: str, world: World
) -> None:
    world.launchdarkly.here["fallthrough"] = change
    option = plan(world.toolbox, CASES[1][0])
    assert (option.feasible, reason in option.infeasible_reason) == (False, True)


def test_a_flag_that_all_get_is_limited_and_given_to_all_again(world: World) -> None:
    world.launchdarkly.here["fallthrough"]["rollout"]["variations"] = [
        {"variation": 0, "weight": 100_000}, {"variation": 1, "weight": 0},
    ]  # fmt: skip
    prepared = plan(world.toolbox, CASES[1][0]).steps[0]
    assert prepared.dry_run.changes == ("percent: 100 → 5",)
    assert do(world.toolbox, prepared).status == "done"
    assert undo(world.toolbox, prepared).status == "done"
    assert world.launchdarkly.here["fallthrough"]["rollout"]["variations"][0]["weight"] == 100_000


def test_an_unleash_flag_with_other_strategies_has_no_share(world: World) -> None:
    world.unleash.here["strategies"].append({"id": "x", "name": "userWithId", "parameters": {"userIds": "1"}})
    assert "flexibleRollout, userWithId" in plan(world.toolbox, CASES[3][0]).infeasible_reason


def test_the_vendor_is_told_which_step_changed_the_flag(world: World) -> None:
    do(world.toolbox, plan(world.toolbox, CASES[0][0]).steps[0])
    assert INCIDENT in json.loads(world.at["launchdarkly"].written[0].body)["comment"]


def test_without_a_write_token_there_are_no_tools() -> None:
    token = SecretStr("may-read")
    settings = Settings(
        launchdarkly=LaunchDarkly(project="shop", flags=LISTED, token=token),
        unleash=Unleash(base_url="https://unleash.example", flags=LISTED, token=token),
    )
    assert [tool for build in BUILDERS for tool in build(Parts(settings))] == []
