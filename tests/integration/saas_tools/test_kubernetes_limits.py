"""When the Kubernetes tools say that they cannot, must not or had better not."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from autopilot.incident.plan import Step
from autopilot.remediation.parts import Parts
from autopilot.settings import Settings
from autopilot.settings_systems import Kubernetes
from tests.integration.saas_tools.cluster_world import (
    BOUNDS,
    BUILDERS,
    CONFIG,
    CORDON,
    RESTART,
    SCALE,
    UNDO,
    World,
    opened,
)
from tests.integration.saas_tools.kubernetes_api import CONFIGS, DEPLOYMENTS, NODES, SCALERS, SETS
from tests.integration.saas_tools.orders import plan
from tests.integration.saas_tools.shop_cluster import BAD, OLD


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as found:
        yield found


def test_values_of_secrets_are_not_told(world: World) -> None:
    world.object(f"{CONFIGS}/checkout-settings")["data"] = BAD | {"API_TOKEN": "leaked"}
    dry_run = plan(world.toolbox, CONFIG).steps[0].dry_run
    assert "RETRIES: 300 → 3" in dry_run.changes
    assert "leaked" not in str(dry_run)
    assert "API_TOKEN: 6 characters → 3 characters" in dry_run.changes


@pytest.mark.parametrize(
    ("step", "path", "change", "reason"),
    [
        (UNDO, f"{DEPLOYMENTS}/checkout", {"spec": {"paused": True}}, "the rollout is paused"),
        (RESTART, f"{DEPLOYMENTS}/checkout", {"spec": {"paused": True}}, "the rollout is paused"),
        (CORDON, f"{NODES}/node-b", {"spec": {"unschedulable": True}}, "no other node is ready and open"),
        (CONFIG, f"{CONFIGS}/checkout-settings", {"immutable": True}, "it is immutable"),
        (
            SCALE, f"{SCALERS}/search", {"spec": {"scaleTargetRef": {"kind": "Deployment", "name": "checkout"}}},
            "autoscaler search owns the number of pods",
        ),
    ],
    ids=lambda value: value.tool if isinstance(value, Step) else "",
)  # fmt: skip
def test_what_cannot_work_now_says_why(
    step: Step, path: str, change: dict[str, Any], reason: str, world: World
) -> None:
    found = world.object(path)
    for key, value in change.items():
        found[key] = found[key] | value if isinstance(value, dict) else value
    option = plan(world.toolbox, step)
    assert (option.feasible, reason in option.infeasible_reason) == (False, True)


def test_a_template_that_is_not_kept_any_more_cannot_be_had(world: World) -> None:
    del world.api.objects[f"{SETS}/checkout-{OLD}"]
    assert "revisionHistoryLimit" in plan(world.toolbox, UNDO).infeasible_reason


def test_a_minimum_above_the_maximum_is_refused_before_anything_is_asked(world: World) -> None:
    wrong = BOUNDS.model_copy(update={"arguments": {"min_replicas": 7, "max_replicas": 6}})
    assert "the minimum is above the maximum" in plan(world.toolbox, wrong).infeasible_reason


def test_a_dry_run_that_the_server_denies_makes_the_option_infeasible(world: World) -> None:
    world.api.denied.add(f"{DEPLOYMENTS}/checkout/scale")
    option = plan(world.toolbox, SCALE)
    assert (option.feasible, "grant patch deployments.apps/scale" in option.infeasible_reason) == (False, True)


@pytest.mark.parametrize(
    "target",
    [
        "kubernetes:kube-system/deployment/checkout",
        "kubernetes:shop/deployment/../secrets/x",
        "kubernetes:node/a/b",
    ],
)
def test_nothing_outside_the_configured_namespaces_is_touched(target: str, world: World) -> None:
    option = plan(world.toolbox, SCALE.model_copy(update={"target": target}))
    assert not option.feasible
    assert "checkout" not in str(world.faulty.written)


def test_a_rollout_under_way_raises_the_risk(world: World) -> None:
    assert plan(world.toolbox, UNDO).risk == "medium"
    world.object(f"{DEPLOYMENTS}/checkout")["status"]["updatedReplicas"] = 1
    option = plan(world.toolbox, UNDO)
    assert option.risk == "high"
    assert "a rollout is under way: it is replaced" in option.steps[0].dry_run.warnings


def test_a_controller_that_keeps_a_repository_is_warned_of(world: World) -> None:
    fields = world.object(f"{DEPLOYMENTS}/checkout")["metadata"]["managedFields"]
    fields.append({"manager": "argocd-controller", "time": "2026-11-21T03:00:00Z"})
    warnings = plan(world.toolbox, UNDO).steps[0].dry_run.warnings
    assert "argocd-controller writes this object too and may set it back" in warnings


def test_without_a_write_token_there_are_no_tools() -> None:
    reads = Kubernetes(base_url="https://10.0.0.1", token=SecretStr("may-read"))
    writes = reads.model_copy(update={"write_token": SecretStr("may-write")})
    assert [tool for build in BUILDERS for tool in build(Parts(Settings(kubernetes=reads)))] == []
    tools = [tool for build in BUILDERS for tool in build(Parts(Settings(kubernetes=writes)))]
    assert {(t.system, t.tier) for t in tools} == {("kubernetes", "B")}
    assert len(tools) == 7
