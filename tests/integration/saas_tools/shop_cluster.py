"""A namespace with a checkout that was rolled out twice, its autoscaled neighbour, their settings; three nodes."""

import copy
import json
from typing import Any

from tests.integration.saas_tools.kubernetes_api import CONFIGS, DEPLOYMENTS, NODES, SCALERS, SETS

Json = dict[str, Any]
OLD, NEW = "5d4f8c7b9", "7c9d6b5f4"
GOOD, BAD = {"RETRIES": "3", "API_TOKEN": "abc"}, {"RETRIES": "300", "API_TOKEN": "abc", "EXTRA": "1"}
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


def template(tag: str) -> Json:
    """A pod template whose container reads a ConfigMap when it starts."""
    container = {
        "name": "app", "image": f"registry.example/shop/checkout:{tag}",
        "envFrom": [{"configMapRef": {"name": "checkout-settings"}}],
        "env": [{"name": "DB_HOST", "value": "orders-db"}, {"name": "DB_PASSWORD", "value": "hunter2"}],
    }  # fmt: skip
    return {"metadata": {"labels": {"app.kubernetes.io/name": "checkout"}}, "spec": {"containers": [container]}}


def deployment(name: str, tag: str, replicas: int = 3) -> Json:
    """A settled Deployment."""
    labels = {"app.kubernetes.io/name": name}
    made = template(tag) if name == "checkout" else {
        "metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": f"shop/{name}:{tag}"}]}
    }  # fmt: skip
    return {
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {
            "name": name, "namespace": "shop", "uid": f"uid-{name}", "generation": 2, "labels": labels,
            "annotations": {"deployment.kubernetes.io/revision": "2"},
            "creationTimestamp": "2026-11-01T08:00:00Z",
            "managedFields": [{"manager": "kubectl-client-side-apply", "time": "2026-11-21T03:00:00Z",
                               "fieldsV1": {"f:spec": {"f:template": {}}}}],
        },
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": made},
        "status": {
            "observedGeneration": 2, "replicas": replicas, "updatedReplicas": replicas,
            "readyReplicas": replicas - 1,
        },
    }  # fmt: skip


def replica_set(name: str, revision: int, tag: str, created: str) -> Json:
    """What the controller keeps of a template of checkout."""
    made = template(tag)
    made["metadata"]["labels"] |= {"pod-template-hash": name}
    owner = {"kind": "Deployment", "name": "checkout", "uid": "uid-checkout", "controller": True}
    return {
        "apiVersion": "apps/v1", "kind": "ReplicaSet",
        "metadata": {
            "name": f"checkout-{name}", "namespace": "shop", "creationTimestamp": created,
            "labels": {"app.kubernetes.io/name": "checkout", "pod-template-hash": name},
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [owner],
        },
        "spec": {"replicas": 3 if revision == 2 else 0, "template": made},
    }  # fmt: skip


def node(name: str, ready: bool = True, closed: bool = False) -> Json:
    """A node."""
    return {
        "apiVersion": "v1", "kind": "Node", "metadata": {"name": name},
        "spec": {"unschedulable": True} if closed else {},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "Unknown"}],
                   "allocatable": {"cpu": "4", "memory": "16Gi"}},
    }  # fmt: skip


def config(data: dict[str, str], applied: dict[str, str]) -> Json:
    """The settings of checkout, edited since they were applied."""
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "checkout-settings"}, "data": applied}
    return {
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {
            "name": "checkout-settings", "namespace": "shop", "annotations": {LAST_APPLIED: json.dumps(manifest)},
            "managedFields": [{"manager": "kubectl-edit", "time": "2026-11-21T03:05:00Z",
                               "fieldsV1": {"f:data": {"f:RETRIES": {}}}}],
        },
        "data": data,
    }  # fmt: skip


def scaler() -> Json:
    """The autoscaler of search, at its maximum."""
    return {
        "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "search", "namespace": "shop"},
        "spec": {"scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "search"},
                 "minReplicas": 2, "maxReplicas": 4},
        "status": {"currentReplicas": 4, "desiredReplicas": 4},
    }  # fmt: skip


def shop() -> dict[str, Json]:
    """Everything by path; each call is its own."""
    return copy.deepcopy({
        f"{DEPLOYMENTS}/checkout": deployment("checkout", "v2.4.1"),
        f"{DEPLOYMENTS}/search": deployment("search", "v1.0.0", 4),
        f"{SETS}/checkout-{OLD}": replica_set(OLD, 1, "v2.4.0", "2026-11-01T08:00:00Z"),
        f"{SETS}/checkout-{NEW}": replica_set(NEW, 2, "v2.4.1", "2026-11-21T03:00:00Z"),
        f"{SCALERS}/search": scaler(),
        f"{CONFIGS}/checkout-settings": config(BAD, GOOD),
        f"{NODES}/node-a": node("node-a"),
        f"{NODES}/node-b": node("node-b"),
        f"{NODES}/node-c": node("node-c", closed=True),
    })  # fmt: skip
