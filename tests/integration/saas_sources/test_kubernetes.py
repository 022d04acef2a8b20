"""The Kubernetes source against the wire format of an API server."""

import json
from typing import Any

import polars as pl
import pytest
from pydantic import SecretStr

from autopilot.analysis.state.cluster.objects import Cluster
from autopilot.analysis.state.cluster.views import read_views
from autopilot.analysis.state.rules import judge
from autopilot.incident.ports import Failure
from autopilot.settings_systems import Kubernetes
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from autopilot.sources.kubernetes import KINDS, MAX_PAGES, KubernetesSource
from tests.integration.saas_sources.situation import T, budget, rows, scope, table
from tests.integration.saas_sources.vendor import Answering, Asked, Reply, Vendor
from tests.integration.saas_tools.kubernetes_api import CONFIGS, DEPLOYMENTS, SETS, KubernetesApi, refused
from tests.integration.saas_tools.shop_cluster import NEW, OLD, replica_set, shop, template

PODS = "/api/v1/namespaces/shop/pods"
EVENTS = "/api/v1/namespaces/shop/events"
Json = dict[str, Any]


def pod(name: str, waiting: str = "", restarts: int = 0) -> Json:
    """A pod of checkout that runs, or that cannot start."""
    state: Json = {"waiting": {"reason": waiting, "message": f"{waiting} of app"}} if waiting else {"running": {}}
    made = template("v2.4.1")
    return {
        "metadata": {
            "name": name, "namespace": "shop", "labels": {"app.kubernetes.io/name": "checkout"},
            "ownerReferences": [{"kind": "ReplicaSet", "name": f"checkout-{NEW}", "controller": True}],
        },
        "spec": made["spec"] | {"nodeName": "node-a"},
        "status": {
            "phase": "Running", "conditions": [{"type": "Ready", "status": "False" if waiting else "True"}],
            "containerStatuses": [
                {"name": "app", "ready": not waiting, "restartCount": restarts, "image": "app", "state": state}
            ],
        },
    }  # fmt: skip


def event(name: str, reason: str, message: str, at: str) -> Json:
    """A warning about a pod (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/)."""
    return {
        "metadata": {"name": f"{name}.1", "namespace": "shop"}, "type": "Warning", "reason": reason,
        "message": message, "count": 4, "lastTimestamp": at,
        "involvedObject": {"kind": "Pod", "name": name, "namespace": "shop"},
    }  # fmt: skip


def world(**more: Json) -> KubernetesApi:
    return KubernetesApi(shop() | {f"{PODS}/{name}": body for name, body in more.items()})


def collect(api: Answering, *services: str, calls: int = 200, token: str = "may-read") -> Collected:
    into = Collected("kubernetes")
    with Vendor(api) as vendor:
        settings = Kubernetes(base_url=vendor.url, token=SecretStr(token), namespaces=("shop",))
        KubernetesSource(settings).collect(scope(*services), budget(calls), into)
    return into


def items(into: Collected) -> dict[str, Json]:
    """The inventory by name, its JSON read."""
    return {
        str(row["name"]): row
        | {"settings": json.loads(str(row["settings"])), "versions": json.loads(str(row["versions"]))}
        for row in rows(into, "inventory")
    }


def test_the_inventory_has_what_tools_act_on() -> None:
    found = items(collect(world()))
    checkout = found["deployment/checkout"]
    assert (checkout["resource"], checkout["service"]) == ("kubernetes:shop/deployment/checkout", "checkout")
    assert checkout["settings"]["template"] == NEW
    assert checkout["settings"]["replicas"] == 3
    assert checkout["settings"]["autoscaler"] == ""
    assert checkout["health"] == "2 of 3 pods are ready"
    assert [(v["version"], v["description"], v["active"]) for v in checkout["versions"]] == [
        (NEW, "v2.4.1", True),
        (OLD, "v2.4.0", False),
    ]
    assert found["deployment/search"]["settings"]["autoscaler"] == "search"
    scaler = found["horizontalpodautoscaler/search"]
    assert (scaler["service"], scaler["settings"]["current_replicas"]) == ("search", 4)
    assert found["node/node-a"]["resource"] == "kubernetes:node/node-a"
    assert found["node/node-a"]["settings"] == {"unschedulable": False, "ready": True}


def test_settings_that_were_edited_know_their_former_data_and_whose_they_are() -> None:
    into = collect(world())
    config = items(into)["configmap/checkout-settings"]
    assert config["service"] == "checkout"
    assert config["settings"]["read_at_start_by"] == "checkout"
    assert [v["active"] for v in config["versions"]] == [True, False]
    edit = next(row for row in rows(into, "changes") if row["kind"] == "config")
    assert edit["summary"] == "configmap/checkout-settings was written by kubectl-edit"
    assert "-RETRIES: 3\n+RETRIES: 300" in str(edit["diff"])
    assert "abc" not in str(edit["diff"])


def test_rollouts_of_the_windows_are_changes_under_the_name_that_telemetry_uses() -> None:
    deploys = [row for row in rows(collect(world()), "changes") if row["kind"] == "deploy"]
    assert [(row["version"], row["service"], str(row["time"])[:16]) for row in deploys] == [
        ("v2.4.1", "checkout", "2026-11-21 03:00")
    ]


def test_fresh_pods_of_the_same_template_are_no_new_version() -> None:
    api = world()
    again = replica_set("6b7d8f9c5", 3, "v2.4.1", "2026-11-21T03:10:00Z")
    marks = {"kubectl.kubernetes.io/restartedAt": "2026-11-21T03:10:00Z"}
    again["spec"]["template"]["metadata"]["annotations"] = marks
    api.objects[f"{SETS}/checkout-6b7d8f9c5"] = again
    api.objects[f"{DEPLOYMENTS}/checkout"]["spec"]["template"]["metadata"]["annotations"] = marks
    into = collect(api)
    assert [v["version"] for v in items(into)["deployment/checkout"]["versions"]] == ["6b7d8f9c5", OLD]
    told = {str(row["kind"]): str(row["summary"]) for row in rows(into, "changes")}
    assert told["maintenance"].startswith("deployment/checkout started fresh pods of v2.4.1")


def test_a_rollback_is_a_change_at_the_moment_when_the_deployment_was_written() -> None:
    api = world()
    back = api.objects[f"{DEPLOYMENTS}/checkout"]
    back["spec"]["template"] = template("v2.4.0")
    back["metadata"]["managedFields"] += [
        {"manager": "kubectl-rollout", "time": "2026-11-21T03:09:00Z", "fieldsV1": {"f:spec": {"f:template": {}}}},
        {"manager": "autoscaler", "time": "2026-11-21T03:14:00Z", "fieldsV1": {"f:spec": {"f:replicas": {}}}},
    ]
    old = api.objects[f"{SETS}/checkout-{OLD}"]
    old["metadata"]["annotations"]["deployment.kubernetes.io/revision"] = "3"
    into = collect(api)
    checkout = items(into)["deployment/checkout"]
    assert (checkout["settings"]["template"], checkout["versions"][0]["version"]) == (OLD, OLD)
    told = {str(row["summary"]): str(row["time"])[:16] for row in rows(into, "changes") if row["kind"] == "deploy"}
    assert told["deployment/checkout rolled out back to v2.4.0."] == "2026-11-21 03:09"


def test_analysis_understands_what_was_observed() -> None:
    sick = pod("checkout-7c9d6b5f4-abcde", "ImagePullBackOff")
    message = 'Failed to pull image "registry.example/shop/checkout:v2.4.1": manifest unknown: not found'
    api = world(**{"checkout-7c9d6b5f4-abcde": sick})
    api.objects[f"{EVENTS}/e1"] = event("checkout-7c9d6b5f4-abcde", "Failed", message, "2026-11-21T03:12:00Z")
    into = collect(api)
    state = table(into, "state")
    assert set(state["kind"].unique()) >= {"k8s_deployment", "k8s_pod", "k8s_node", "k8s_configmap", "event"}
    views = read_views(Cluster.read(state))
    hits = [hit for hit in judge(views) if hit.service == "checkout"]
    assert "image_reference" in {hit.rule.mechanism for hit in hits}


def test_nothing_secret_is_kept() -> None:
    into = collect(world(p=pod("p")))
    bodies = "\n".join(str(row["body"]) for row in rows(into, "state"))
    assert "orders-db" in bodies
    assert "hunter2" not in bodies
    assert '"RETRIES": "300"' in bodies
    assert '"API_TOKEN": ""' in bodies
    assert "last-applied-configuration" not in bodies
    assert "managedFields" not in bodies


def test_secrets_are_never_asked_for() -> None:
    asked: list[str] = []
    api = world()

    def remembering(request: Asked) -> Reply:
        asked.append(request.path)
        assert request.method == "GET"
        return api(request)

    collect(remembering)
    assert len(asked) == len(KINDS) + 4
    assert [path for path in asked if "secrets" in path] == []
    assert [path for path in asked if "/namespaces/" in path and "/namespaces/shop/" not in path] == []


def test_lists_are_followed_page_by_page() -> None:
    api = KubernetesApi(shop() | {f"{PODS}/p{n:03}": pod(f"p{n:03}") for n in range(260)})
    into = collect(api)
    assert table(into, "state").filter(pl.col("kind") == "k8s_pod").height == 260
    assert [q.rows for q in into.queries if "/pods" in q.query] == [250, 10]


def test_a_list_without_an_end_is_cut_and_says_so() -> None:
    endless: Json = {"metadata": {"continue": "more"}, "items": []}
    empty: Json = {"metadata": {}, "items": []}
    into = collect(lambda asked: Reply(endless if asked.path == PODS else empty))
    assert [g.kind for g in into.gaps if "pods" in g.what] == ["truncated"]
    assert len([q for q in into.queries if "/pods" in q.query]) == MAX_PAGES


@pytest.mark.parametrize(
    ("status", "reason", "kind"),
    [(403, "Forbidden", "denied"), (404, "NotFound", "no_data"), (410, "Expired", "truncated")],
)
def test_a_list_that_cannot_be_had_is_a_gap_and_the_rest_is_there(status: int, reason: str, kind: str) -> None:
    api = world()
    into = collect(lambda asked: refused(status, reason, "no") if asked.path == CONFIGS else api(asked))
    assert [(g.kind, "configmaps" in g.what) for g in into.gaps] == [(kind, True)]
    assert "deployment/checkout" in items(into)


def test_a_budget_that_ends_keeps_what_was_read() -> None:
    into = Collected("kubernetes")
    with Vendor(world()) as vendor:
        source = KubernetesSource(Kubernetes(base_url=vendor.url, namespaces=("shop",)))
        with pytest.raises(BudgetExceeded):
            source.collect(scope(), Budget(calls=2, seconds=20), into)
    assert "deployment/checkout" in items(into)


def test_refused_credentials_are_a_failure() -> None:
    with pytest.raises(Failure, match="renew the token"):
        collect(lambda _: refused(401, "Unauthorized", "Unauthorized"))


def test_the_last_changes_of_the_services_are_quick() -> None:
    with Vendor(world()) as vendor:
        source = KubernetesSource(Kubernetes(base_url=vendor.url, namespaces=("shop",)))
        told = source.recent_changes(scope("checkout"), 5)
        assert source.recent_changes(scope("search"), 5) == []
        assert len(vendor.asked) == 6
    assert told[0].text.startswith("config: configmap/checkout-settings was written by kubectl-edit")
    assert all(entry.at <= T for entry in told)


def test_objects_of_another_shape_are_left_out_of_the_inventory() -> None:
    api = world()
    api.objects[f"{DEPLOYMENTS}/odd"] = {
        "metadata": {"name": "odd", "namespace": "shop"},
        "spec": {"replicas": "x"},
    }
    found = items(collect(api))
    assert "deployment/odd" not in found
    assert "deployment/checkout" in found
