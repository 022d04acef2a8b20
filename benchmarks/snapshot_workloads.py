"""Deployments, replica sets, stateful and daemon sets, from `kubectl describe` to the Kubernetes API's words."""

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.kubectl_text import is_mapping
from benchmarks.snapshot_fields import number, pairs_of, said
from benchmarks.snapshot_pods import Part, conditions_of, pod_spec

_COUNTED = re.compile(r"(\d+) (\w+)")
_SURGE = re.compile(r"(\S+) max unavailable(?:, (\S+) max surge)?")


def _counts(told: Any) -> dict[str, int]:
    """`1 desired | 1 updated | …` by word."""
    return {word: int(count) for count, word in _COUNTED.findall(said(told))}


def _template(told: Any) -> Part:
    inner: Mapping[str, Any] = told if is_mapping(told) else {}
    metadata = {
        "labels": pairs_of(inner.get("Labels")),
        "annotations": pairs_of(inner.get("Annotations"), ": "),
    }
    return {"metadata": metadata, "spec": pod_spec(inner)}


def _common(told: Mapping[str, Any], replicas: int | None) -> Part:
    return {
        "replicas": replicas,
        "selector": {"matchLabels": pairs_of(told.get("Selector"))},
        "template": _template(told.get("Pod Template")),
    }


def deployment(told: Mapping[str, Any], row: Mapping[str, str]) -> Part:
    """A deployment; how many pods are ready stands in the list alone, else those available stand for them."""
    counts = _counts(told.get("Replicas"))
    surge = _SURGE.match(said(told.get("RollingUpdateStrategy")))
    rolling = {"maxUnavailable": surge.group(1), "maxSurge": surge.group(2)} if surge else {}
    return {
        "spec": _common(told, counts.get("desired"))
        | {
            "strategy": {"type": said(told.get("StrategyType")), "rollingUpdate": rolling},
            "minReadySeconds": number(told.get("MinReadySeconds", "")),
        },
        "status": {
            "replicas": counts.get("total"),
            "updatedReplicas": counts.get("updated"),
            "readyReplicas": _ready(row, counts.get("available")),
            "availableReplicas": counts.get("available"),
            "unavailableReplicas": counts.get("unavailable"),
            "conditions": conditions_of(told.get("Conditions")),
        },
    }


def _ready(row: Mapping[str, str], otherwise: int | None) -> int | None:
    found = number(row.get("ready", ""))
    return otherwise if found is None else found


def replicaset(told: Mapping[str, Any], row: Mapping[str, str]) -> Part:
    """A replica set."""
    counts, pods = _counts(told.get("Replicas")), _counts(told.get("Pods Status"))
    return {
        "spec": _common(told, counts.get("desired")),
        "status": {
            "replicas": counts.get("current"),
            "readyReplicas": _ready(row, pods.get("Running")),
            "conditions": conditions_of(told.get("Conditions")),
        },
    }


def statefulset(told: Mapping[str, Any], row: Mapping[str, str]) -> Part:
    """A stateful set with the one claim template that describe can show unmistakably."""
    counts, pods = _counts(told.get("Replicas")), _counts(told.get("Pods Status"))
    claim = told.get("Volume Claims")
    claims = [_claim(claim)] if is_mapping(claim) else []
    return {
        "spec": _common(told, counts.get("desired")) | {"volumeClaimTemplates": claims},
        "status": {"replicas": counts.get("total"), "readyReplicas": _ready(row, pods.get("Running"))},
    }


def _claim(told: Mapping[str, Any]) -> Part:
    return {
        "metadata": {"name": said(told.get("Name"))},
        "spec": {
            "storageClassName": said(told.get("StorageClass")) or None,
            "accessModes": [mode for mode in said(told.get("Access Modes")).strip("[]").split(" ") if mode],
            "resources": {"requests": {"storage": said(told.get("Capacity"))}},
        },
    }


def daemonset(told: Mapping[str, Any], row: Mapping[str, str]) -> Part:
    """A daemon set."""
    available = number(told.get("Number of Nodes Scheduled with Available Pods", ""))
    return {
        "spec": _common(told, None),
        "status": {
            "desiredNumberScheduled": number(told.get("Desired Number of Nodes Scheduled", "")),
            "currentNumberScheduled": number(told.get("Current Number of Nodes Scheduled", "")),
            "numberMisscheduled": number(told.get("Number of Nodes Misscheduled", "")),
            "numberReady": _ready(row, available),
            "numberAvailable": available,
        },
    }
