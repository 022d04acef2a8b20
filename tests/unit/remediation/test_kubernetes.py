"""What the Kubernetes tools offer: out of the inventory, for suspects that they help against, and not otherwise."""

from dataclasses import replace

import pytest
from pydantic import SecretStr

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation import kubernetes_config, kubernetes_deployment, kubernetes_nodes, kubernetes_scaling
from autopilot.remediation.base import Candidate, Context, InventoryItem
from autopilot.remediation.parts import Parts
from autopilot.settings import Settings
from autopilot.settings_systems import Kubernetes
from tests.unit.remediation.story import context, measured, served, suspect

SETTINGS = Settings(
    kubernetes=Kubernetes(base_url="https://10.0.0.1:6443", write_token=SecretStr("w"), namespaces=("shop",))
)


def item(kind: str, short: str, name: str, service: str = "checkout", **settings: Scalar) -> InventoryItem:
    """One thing in the namespace, or a node."""
    place = f"{short}/{name}" if short == "node" else f"shop/{short}/{name}"
    return InventoryItem(
        resource=f"kubernetes:{place}", kind=f"kubernetes_{kind}", name=f"{short}/{name}", service=service,
        region="", settings=settings, versions=(), health="",
    )  # fmt: skip


def deployment(**settings: Scalar) -> InventoryItem:
    """Checkout on its third template."""
    present: dict[str, Scalar] = {"template": "c3", "replicas": 4, "autoscaler": ""}
    found = replace(item("deployment", "deployment", "checkout"), settings=present | settings)
    versions = tuple({"version": h, "description": v} for h, v in (("c3", "v3"), ("b2", "v2"), ("a1", "v1")))
    return replace(found, versions=versions)


def offered(where: Context) -> dict[str, Candidate]:
    """The candidates by tool; each one has a provenance that the planner accepts."""
    parts = Parts(SETTINGS)
    builders = (
        kubernetes_config.build_tools, kubernetes_deployment.build_tools, kubernetes_nodes.build_tools,
        kubernetes_scaling.build_tools,
    )  # fmt: skip
    found = [
        candidate
        for build in builders
        for tool in build(parts)
        for thing in where.inventory
        for candidate in tool.candidates(thing, where)
    ]
    assert [provenance_problem(c, where.inventory, where.dossier) for c in found] == [""] * len(found)
    return {c.step.tool: c for c in found}


def test_a_deployment_goes_back_to_the_template_that_was_healthy_last() -> None:
    seen = context(
        deployment(),
        versions=(served("v3", False, "F3"), served("v2", False, "F4"), served("v1", True, "F5")),
        findings=tuple(measured(number, "checkout", "Latency", 1.0) for number in (3, 4, 5)),
        suspects=(suspect("checkout", "bad_deploy"),),
    )
    candidate = offered(seen)["kubernetes.rollout_undo"]
    assert candidate.step.arguments == {"template": "a1"}
    assert "(F5)" in candidate.why
    assert not candidate.unproven
    assert 'kubectl rollout undo deployment/checkout --namespace shop --to-revision="$(kubectl get replicaset' in (
        candidate.step.command
    )


def test_a_way_back_that_nothing_vouches_for_is_marked() -> None:
    candidate = offered(context(deployment(), suspects=(suspect("checkout", "crash"),)))["kubernetes.rollout_undo"]
    assert (candidate.step.arguments, candidate.unproven) == ({"template": "b2"}, True)
    assert "not known to have been healthy" in candidate.step.summary


@pytest.mark.parametrize(
    ("kind", "tools"),
    [
        ("capacity", {"kubernetes.rollout_undo", "kubernetes.scale"}),
        ("connection_pool", {"kubernetes.rollout_undo", "kubernetes.restart"}),
        ("memory", {"kubernetes.rollout_undo", "kubernetes.scale", "kubernetes.restart"}),
        ("certificate", {"kubernetes.rollout_undo"}),
    ],
)
def test_what_is_offered_for_a_deployment_follows_the_suspected_cause(kind: CauseKind, tools: set[str]) -> None:
    assert set(offered(context(deployment(), suspects=(suspect("checkout", kind),)))) == tools


def test_nothing_but_the_way_back_is_offered_where_no_suspect_points() -> None:
    found = offered(context(deployment(), suspects=(suspect("payments", "capacity"),)))
    assert set(found) == {"kubernetes.rollout_undo"}
    assert found["kubernetes.rollout_undo"].fit < 0.1


def test_what_an_autoscaler_owns_is_not_scaled_but_its_bounds_are_moved() -> None:
    scaler = item(
        "autoscaler", "horizontalpodautoscaler", "checkout", min_replicas=2, max_replicas=4, current_replicas=4
    )
    blamed = (suspect("checkout", "traffic_surge"),)
    found = offered(context(deployment(autoscaler="checkout"), scaler, suspects=blamed))
    assert "kubernetes.scale" not in found
    assert found["kubernetes.hpa_bounds"].step.arguments == {"min_replicas": 2, "max_replicas": 6}
    below = replace(scaler, settings=scaler.settings | {"current_replicas": 3})
    assert "kubernetes.hpa_bounds" not in offered(context(below, suspects=blamed))


@pytest.mark.parametrize(("present", "wanted"), [(1, 2), (3, 5), (40, 60)])
def test_scaling_takes_half_as_many_again(present: int, wanted: int) -> None:
    found = offered(context(deployment(replicas=present), suspects=(suspect("checkout", "cpu"),)))
    assert found["kubernetes.scale"].step.arguments == {"replicas": wanted}


def test_a_node_is_closed_only_when_it_is_itself_suspected() -> None:
    node = item("node", "node", "node-a", "node-a", unschedulable=False, ready=True)
    assert offered(context(node, suspects=(suspect("checkout", "network"),))) == {}
    found = offered(context(node, suspects=(suspect("checkout", "network", "node/node-a"),)))
    assert found["kubernetes.cordon"].step.command == "kubectl cordon node-a"
    closed = replace(node, settings={"unschedulable": True, "ready": True})
    assert offered(context(closed, suspects=(suspect("checkout", "network", "node/node-a"),))) == {}


def test_a_closed_node_is_opened_for_the_service_whose_pods_wait_for_it_and_when_it_is_ready() -> None:
    waiting = suspect("checkout", "scheduling").model_copy(update={"mechanism": "cordoned_node"})
    node = item("node", "node", "node-a", "node-a", unschedulable=True, ready=True)
    found = offered(context(node, suspects=(waiting,)))
    assert set(found) == {"kubernetes.uncordon"}
    assert found["kubernetes.uncordon"].step.service == "checkout"
    assert offered(context(node, suspects=(suspect("checkout", "scheduling"),))) == {}
    sick = replace(node, settings={"unschedulable": True, "ready": False})
    assert offered(context(sick, suspects=(waiting,))) == {}


def test_settings_go_back_only_where_former_ones_are_known_and_they_are_suspected() -> None:
    config = item("configmap", "configmap", "checkout-settings", version="b" * 12)
    known = replace(config, versions=({"version": "b" * 12, "active": True}, {"version": "a" * 12}))
    blamed = (suspect("checkout", "config_change"),)
    assert offered(context(config, suspects=blamed)) == {}
    assert offered(context(known, suspects=(suspect("checkout", "capacity"),))) == {}
    found = offered(context(known, suspects=blamed))["kubernetes.config_rollback"]
    assert (found.step.arguments, found.unproven) == ({"version": "a" * 12}, True)
