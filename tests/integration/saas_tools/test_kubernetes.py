"""The Kubernetes tools against the wire format of an API server."""

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import SecretStr

from autopilot.clients.kubernetes_objects import data_version
from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation import kubernetes_config, kubernetes_deployment, kubernetes_nodes, kubernetes_scaling
from autopilot.remediation.parts import Parts
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings
from autopilot.settings_systems import Kubernetes
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor
from tests.integration.saas_tools.faults import Faulty
from tests.integration.saas_tools.kubernetes_api import (
    CONFIGS,
    DEPLOYMENTS,
    NODES,
    SCALERS,
    SETS,
    KubernetesApi,
    refused,
)
from tests.integration.saas_tools.orders import KEY, do, plan, step_of, toolbox_of, undo
from tests.integration.saas_tools.shop_cluster import BAD, GOOD, NEW, OLD, shop, template

BUILDERS = (
    kubernetes_config.build_tools,
    kubernetes_deployment.build_tools,
    kubernetes_nodes.build_tools,
    kubernetes_scaling.build_tools,
)
CHECKOUT = "kubernetes:shop/deployment/checkout"


class World:
    """The API server, what goes wrong with it, and the toolbox that speaks to it."""

    def __init__(self, api: KubernetesApi, faulty: Faulty, toolbox: CatalogueToolbox) -> None:
        self.api, self.faulty, self.toolbox = api, faulty, toolbox

    def object(self, path: str) -> dict[str, Any]:
        """An object as it is now."""
        return self.api.objects[path]


def is_write(asked: Asked) -> bool:
    """Whether a request changes something."""
    return asked.method != "GET" and asked.query.get("dryRun") != ["All"]


@pytest.fixture
def world() -> Iterator[World]:
    api = KubernetesApi(shop())
    faulty = Faulty(api, is_write)
    with Vendor(faulty) as vendor:
        settings = Kubernetes(base_url=vendor.url, write_token=SecretStr("may-write"), namespaces=("shop",))
        yield World(api, faulty, toolbox_of(Settings(kubernetes=settings), *BUILDERS))
        assert {asked.headers.get("authorization") for asked in vendor.asked} <= {"Bearer may-write"}


FORMER = data_version(GOOD)
UNDO = step_of("kubernetes.rollout_undo", CHECKOUT, template=OLD)
SCALE = step_of("kubernetes.scale", CHECKOUT, replicas=5)
BOUNDS = step_of(
    "kubernetes.hpa_bounds", "kubernetes:shop/horizontalpodautoscaler/search", "search",
    min_replicas=2, max_replicas=6,
)  # fmt: skip
CORDON = step_of("kubernetes.cordon", "kubernetes:node/node-a", "node-a")
RESTART = step_of("kubernetes.restart", CHECKOUT)
CONFIG = step_of("kubernetes.config_rollback", "kubernetes:shop/configmap/checkout-settings", version=FORMER)
Case = tuple[Step, dict[str, Scalar], list[str], str]
COMPARED: list[Case] = [
    (UNDO, {"template": OLD}, [f"PATCH {DEPLOYMENTS}/checkout"], "patch deployments.apps"),
    (SCALE, {"replicas": 5}, [f"PATCH {DEPLOYMENTS}/checkout/scale"], "patch deployments.apps/scale"),
    (
        BOUNDS, {"min_replicas": 2, "max_replicas": 6}, [f"PATCH {SCALERS}/search"],
        "patch horizontalpodautoscalers.autoscaling",
    ),
    (CORDON, {"unschedulable": True}, [f"PATCH {NODES}/node-a"], "patch nodes"),
    (
        CONFIG, {"version": FORMER, "deployment/checkout": FORMER},
        [f"PATCH {CONFIGS}/checkout-settings", f"PATCH {DEPLOYMENTS}/checkout"], "patch configmaps",
    ),
]  # fmt: skip
by_tool = [pytest.param(*case, id=case[0].tool) for case in COMPARED]
EVERY: list[Case] = [*COMPARED, (RESTART, {}, [f"PATCH {DEPLOYMENTS}/checkout"], "patch deployments.apps")]
by_every_tool = [pytest.param(*case, id=case[0].tool) for case in EVERY]


@pytest.mark.parametrize(("step", "wanted", "calls", "permission"), by_tool)
def test_a_step_takes_effect_once_and_is_undone_once(
    step: Step, wanted: dict[str, Scalar], calls: list[str], permission: str, world: World
) -> None:
    option = plan(world.toolbox, step)
    prepared = option.steps[0]
    assert option.feasible, option.infeasible_reason
    assert option.reversibility == "reversible"
    assert prepared.step.command.startswith("kubectl ")
    assert prepared.dry_run.changes
    assert prepared.dry_run.reach
    assert world.faulty.written == []

    first, again = do(world.toolbox, prepared), do(world.toolbox, prepared, 2)
    assert (first.status, again.status) == ("done", "already")
    assert first.after is not None
    assert wanted.items() <= first.after.settings.items()
    assert first.after.target_state_digest == prepared.leaves
    assert world.faulty.calls() == calls

    back, back_again = undo(world.toolbox, prepared), undo(world.toolbox, prepared, 2)
    assert (back.status, back_again.status) == ("done", "already")
    assert world.faulty.calls() == [*calls, *calls]
    marks = {name for name in prepared.before.settings if name.startswith("deployment/")}
    restored = world.toolbox.inspect(step).settings
    assert {k: v for k, v in restored.items() if k not in marks} == {
        k: v for k, v in prepared.before.settings.items() if k not in marks
    }


@pytest.mark.parametrize(("step", "wanted", "calls", "permission"), by_every_tool)
def test_throttled_is_tried_again_and_denied_names_the_permission(
    step: Step, wanted: dict[str, Scalar], calls: list[str], permission: str, world: World
) -> None:
    prepared = plan(world.toolbox, step).steps[0]
    too_many = refused(429, "TooManyRequests", "too many requests")
    world.faulty.answer(calls[0], Reply(too_many.body, 429, {"Retry-After": "30"}))
    with pytest.raises(Failure) as throttled:
        do(world.toolbox, prepared)
    assert (throttled.value.who, throttled.value.retry_after) == ("retry", 30.0)

    world.faulty.answer(calls[0], refused(403, "Forbidden", 'User "autopilot" cannot patch resource'))
    with pytest.raises(Failure) as denied:
        do(world.toolbox, prepared, 2)
    assert denied.value.who == "operator"
    assert f"grant {permission}." in str(denied.value)
    assert 'User "autopilot" cannot patch' in str(denied.value)
    assert world.faulty.written == []
    assert do(world.toolbox, prepared, 3).status == "done"


@pytest.mark.parametrize(("step", "wanted", "calls", "permission"), by_every_tool)
def test_a_refusal_is_a_result_with_its_reason(
    step: Step, wanted: dict[str, Scalar], calls: list[str], permission: str, world: World
) -> None:
    prepared = plan(world.toolbox, step).steps[0]
    world.faulty.answer(calls[0], refused(422, "Invalid", "admission webhook denied the request: frozen"))
    result = do(world.toolbox, prepared)
    assert result.status == "failed"
    assert "denied the request: frozen" in result.detail


@pytest.mark.parametrize(("step", "wanted", "calls", "permission"), by_every_tool)
def test_a_lost_answer_is_found_out_by_the_next_attempt(
    step: Step, wanted: dict[str, Scalar], calls: list[str], permission: str, world: World
) -> None:
    prepared = plan(world.toolbox, step).steps[0]
    world.faulty.lose(calls[-1], "lose_answer")
    with pytest.raises(Failure) as lost:
        do(world.toolbox, prepared)
    assert lost.value.who == "retry"
    assert do(world.toolbox, prepared, 2).status == "already"
    assert world.faulty.calls() == calls


@pytest.mark.parametrize(("step", "wanted", "calls", "permission"), by_every_tool)
def test_a_request_that_never_arrived_is_sent_by_the_next_attempt(
    step: Step, wanted: dict[str, Scalar], calls: list[str], permission: str, world: World
) -> None:
    prepared = plan(world.toolbox, step).steps[0]
    world.faulty.lose(calls[-1], "lose_request")
    with pytest.raises(Failure):
        do(world.toolbox, prepared)
    assert do(world.toolbox, prepared, 2).status == "done"
    assert world.faulty.calls() == calls


@pytest.mark.parametrize(("step", "wanted", "calls", "permission"), by_every_tool)
def test_somebody_faster_is_met_by_looking_again(
    step: Step, wanted: dict[str, Scalar], calls: list[str], permission: str, world: World
) -> None:
    """The controller's own writes of a status count up the version as well: they are no changed world."""
    prepared = plan(world.toolbox, step).steps[0]
    path = calls[0].partition(" ")[2].removesuffix("/scale")
    world.faulty.first(calls[0], lambda: world.api.touch(path))
    with pytest.raises(Failure) as conflict:
        do(world.toolbox, prepared)
    assert conflict.value.who == "retry"
    assert "the object has been modified" in str(conflict.value)
    assert do(world.toolbox, prepared, 2).status == "done"


@pytest.mark.parametrize(("step", "wanted", "calls", "permission"), by_every_tool)
def test_what_is_gone_is_not_planned_and_what_vanishes_is_refused(
    step: Step, wanted: dict[str, Scalar], calls: list[str], permission: str, world: World
) -> None:
    prepared = plan(world.toolbox, step).steps[0]
    del world.api.objects[calls[0].partition(" ")[2].removesuffix("/scale")]
    result = do(world.toolbox, prepared)
    assert (result.status, world.faulty.written) == ("refused", [])
    option = plan(world.toolbox, step)
    assert (option.feasible, "does not exist" in option.infeasible_reason) == (False, True)


def test_a_rollout_by_somebody_else_in_between_is_a_changed_world(world: World) -> None:
    prepared = plan(world.toolbox, UNDO).steps[0]

    def rolled_out() -> None:
        world.object(f"{DEPLOYMENTS}/checkout")["spec"]["template"] = template("v2.5.0")
        world.api.touch(f"{DEPLOYMENTS}/checkout")

    world.faulty.first(f"PATCH {DEPLOYMENTS}/checkout", rolled_out)
    with pytest.raises(Failure):
        do(world.toolbox, prepared)
    result = do(world.toolbox, prepared, 2)
    assert result.status == "changed_world"
    assert f"was template={NEW}" in result.detail
    assert world.object(f"{DEPLOYMENTS}/checkout")["spec"]["template"] == template("v2.5.0")


def test_a_restart_is_never_repeated_by_the_same_step(world: World) -> None:
    option = plan(world.toolbox, RESTART)
    prepared = option.steps[0]
    assert (option.reversibility, prepared.undo) == ("irreversible", None)
    assert "cannot be undone" in prepared.dry_run.warnings
    assert [do(world.toolbox, prepared, n).status for n in (1, 2)] == ["done", "already"]
    marks = world.object(f"{DEPLOYMENTS}/checkout")["spec"]["template"]["metadata"]["annotations"]
    assert marks["aiops-auto-pilot/step"] == KEY
    assert marks["kubectl.kubernetes.io/restartedAt"].startswith("20")
    assert len(world.faulty.written) == 1


def test_settings_that_were_written_before_a_crash_are_completed_by_their_readers(world: World) -> None:
    prepared = plan(world.toolbox, CONFIG).steps[0]
    world.faulty.answer(f"PATCH {DEPLOYMENTS}/checkout", refused(500, "InternalError", "etcd has no leader"))
    with pytest.raises(Failure):
        do(world.toolbox, prepared)
    assert world.object(f"{CONFIGS}/checkout-settings")["data"] == GOOD
    assert do(world.toolbox, prepared, 2).status == "done"
    assert world.faulty.calls() == [f"PATCH {CONFIGS}/checkout-settings", f"PATCH {DEPLOYMENTS}/checkout"]
    assert undo(world.toolbox, prepared).status == "done"
    assert world.object(f"{CONFIGS}/checkout-settings")["data"] == BAD


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
