"""What analysis finds in a cluster that is read live is what it finds in the same cluster as it was recorded."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from autopilot.analysis.state.cluster.objects import Cluster
from autopilot.analysis.state.cluster.views import read_views
from autopilot.analysis.state.rules import judge
from autopilot.case.schema import frame
from autopilot.settings_systems import Kubernetes
from autopilot.sources.base import Collected
from autopilot.sources.kubernetes import CLUSTER_KINDS, KINDS, KubernetesSource
from tests.integration.saas_sources.situation import T, budget, scope, table
from tests.integration.saas_sources.vendor import Vendor
from tests.integration.saas_tools.kubernetes_api import KubernetesApi
from tests.unit.analysis.small_cluster import Shop

BESIDES = ("node_service", "connectivity")
"""What no API server tells: it was asked of nodes and of the network."""
UNSEEN = (*BESIDES, "namespace")
PLACES = {kind.lower(): f"/{api}/namespaces/shop/{plural}" for kind, (api, plural) in KINDS.items()} | {
    kind.lower(): f"/{api}/{plural}" for kind, (api, plural) in CLUSTER_KINDS.items()
}
Hits = set[tuple[str, str, float]]


def hits(state: pl.DataFrame) -> Hits:
    """Rule, whom it blames and how much."""
    return {(hit.rule.name, hit.service, hit.score) for hit in judge(read_views(Cluster.read(state)))}


def recorded(shop: Shop) -> pl.DataFrame:
    """The cluster as it stands in a case, without what only a person at its nodes can tell."""
    rows: list[dict[str, Any]] = [
        {
            "time": T,
            "kind": f"k8s_{kind}",
            "name": name,
            "service": shop.owners[kind, name],
            "body": json.dumps(body),
        }
        for (kind, name), body in shop.objects.items()
        if kind not in BESIDES
    ]
    rows += [
        {"time": T, "kind": "event", "name": e["object"].partition("/")[2], "service": "", "body": json.dumps(e)}
        for e in shop.events
    ]
    return frame("state", rows)


def live(shop: Shop) -> pl.DataFrame:
    """The same cluster, asked over the wire."""
    objects = {f"{PLACES[kind]}/{name}": body for (kind, name), body in shop.objects.items() if kind not in UNSEEN}
    for number, event in enumerate(shop.events):
        kind, _, name = event["object"].partition("/")
        objects[f"/api/v1/namespaces/shop/events/e{number}"] = {
            "metadata": {"name": f"e{number}", "namespace": "shop"}, "type": event["type"],
            "reason": event["reason"], "message": event["message"], "count": event["count"],
            "involvedObject": {"kind": kind.capitalize(), "name": name},
            "lastTimestamp": (T - timedelta(minutes=1)).isoformat(),
        }  # fmt: skip
    into = Collected("kubernetes")
    with Vendor(KubernetesApi(objects)) as vendor:
        source = KubernetesSource(Kubernetes(base_url=vendor.url, namespaces=("shop",)))
        source.collect(scope("web"), budget(), into)
    assert into.gaps == []
    return table(into, "state")


def not_pulled(shop: Shop) -> None:
    name = shop.unready(
        "orders", {"waiting": {"reason": "ImagePullBackOff", "message": "manifest unknown: not found"}}
    )
    shop.event("pod", name, "Failed", 'Failed to pull image "registry.example/orders:1.4": manifest unknown')


def nowhere(shop: Shop) -> None:
    shop.container("orders")["resources"]["requests"]["cpu"] = "64"
    shop.pending("orders", "0/4 nodes are available: 4 Insufficient cpu.")


def closed(shop: Shop) -> None:
    for node in ("n1", "n2", "n3"):
        shop.objects["node", node]["spec"]["unschedulable"] = True
    shop.pending("stock", "0/4 nodes are available: 4 node(s) were unschedulable.")


def lost_selector(shop: Shop) -> None:
    shop.service("stock")["selector"] = {"app": "stocks"}
    shop.objects["endpoints", "stock"]["subsets"] = []


def wrong_address(shop: Shop) -> None:
    variable = next(e for e in shop.container("orders")["env"] if e["name"] == "STOCK_ADDR")
    variable["value"] = "stocks:3550"
    shop.unready("orders", {"waiting": {"reason": "CrashLoopBackOff"}}, 3, {"reason": "Error", "exitCode": 1})


def none_wanted(shop: Shop) -> None:
    shop.objects["deployment", "stock"]["spec"]["replicas"] = 0
    del shop.objects["pod", shop.pod_name("stock")]
    shop.objects["endpoints", "stock"]["subsets"] = []


def no_account(shop: Shop) -> None:
    shop.deployment("stock")["serviceAccountName"] = "robots"
    shop.unmade("stock", 'error looking up service account shop/robots: serviceaccount "robots" not found')


def full_quota(shop: Shop) -> None:
    shop.quota(pods=("4", "4"))
    shop.unmade(
        "stock", 'pods "stock-7d9f8-x" is forbidden: exceeded quota: limits, requested: pods=1, used: pods=4'
    )


def out_of_memory(shop: Shop) -> None:
    shop.unready("orders", {"waiting": {"reason": "CrashLoopBackOff"}}, 6, {"reason": "OOMKilled", "exitCode": 137})


def sick_node(shop: Shop) -> None:
    shop.objects["node", "n1"]["status"]["conditions"] = [
        {"type": "Ready", "status": "Unknown", "message": "Kubelet stopped posting node status."}
    ]
    shop.unready("web")


@pytest.mark.parametrize(
    "break_it",
    [
        not_pulled, nowhere, closed, lost_selector, wrong_address, none_wanted, no_account, full_quota,
        out_of_memory, sick_node,
    ],
)  # fmt: skip
def test_a_fault_is_seen_live_as_it_is_in_a_record(break_it: Callable[[Shop], None]) -> None:
    shop = Shop()
    break_it(shop)
    expected = hits(recorded(shop))
    assert max(score for _, _, score in expected) >= 0.6
    assert hits(live(shop)) == expected


def test_a_healthy_cluster_is_healthy_live() -> None:
    shop = Shop()
    assert hits(live(shop)) == hits(recorded(shop))
    assert all(score < 0.6 for _, _, score in hits(live(shop)))
