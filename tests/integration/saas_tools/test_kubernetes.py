"""The Kubernetes tools against the wire format of an API server."""

from collections.abc import Iterator

import pytest

from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from tests.integration.saas_sources.vendor import Reply
from tests.integration.saas_tools.cluster_world import (
    BOUNDS,
    CONFIG,
    CORDON,
    FORMER,
    RESTART,
    SCALE,
    UNCORDON,
    UNDO,
    World,
    opened,
)
from tests.integration.saas_tools.kubernetes_api import CONFIGS, DEPLOYMENTS, NODES, SCALERS, refused
from tests.integration.saas_tools.orders import KEY, do, plan, undo
from tests.integration.saas_tools.shop_cluster import BAD, GOOD, NEW, OLD, template

Case = tuple[Step, dict[str, Scalar], list[str], str]
COMPARED: list[Case] = [
    (UNDO, {"template": OLD}, [f"PATCH {DEPLOYMENTS}/checkout"], "patch deployments.apps"),
    (SCALE, {"replicas": 5}, [f"PATCH {DEPLOYMENTS}/checkout/scale"], "patch deployments.apps/scale"),
    (
        BOUNDS, {"min_replicas": 2, "max_replicas": 6}, [f"PATCH {SCALERS}/search"],
        "patch horizontalpodautoscalers.autoscaling",
    ),
    (CORDON, {"unschedulable": True}, [f"PATCH {NODES}/node-a"], "patch nodes"),
    (UNCORDON, {"unschedulable": False}, [f"PATCH {NODES}/node-c"], "patch nodes"),
    (
        CONFIG, {"version": FORMER, "deployment/checkout": FORMER},
        [f"PATCH {CONFIGS}/checkout-settings", f"PATCH {DEPLOYMENTS}/checkout"], "patch configmaps",
    ),
]  # fmt: skip
by_tool = [pytest.param(*case, id=case[0].tool) for case in COMPARED]
EVERY: list[Case] = [*COMPARED, (RESTART, {}, [f"PATCH {DEPLOYMENTS}/checkout"], "patch deployments.apps")]
by_every_tool = [pytest.param(*case, id=case[0].tool) for case in EVERY]


@pytest.fixture
def world() -> Iterator[World]:
    with opened() as found:
        yield found


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
