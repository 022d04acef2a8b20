"""Nodes with their conditions and services, and namespaces with their quotas."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from autopilot.analysis.state.cluster.objects import Cluster, Observed, listing, mapping, part, quantity, text
from autopilot.analysis.state.cluster.workloads import Workload, complaints, missing_pods

_RUNNING = ("active", "running", "activating", "reloading", "")
_RUNTIMES = re.compile(r"^(containerd|cri-?o|crio|docker|cri-docker)")
_RESOURCES = (
    ("cpu", r"cpu"), ("memory", r"memory"), ("services", r"^(count/)?services"),
    ("storage", r"storage|persistentvolumeclaims"), ("pods", r"^(count/)?pods|^count/(deployments|replicasets)"),
)  # fmt: skip


def unit_view(unit: Observed) -> dict[str, Any]:
    """A service of a node (kubelet, container runtime, kube-proxy, scheduler …) and whether it runs."""
    name = text(unit.body, "unit").removesuffix(".service")
    state, sub = text(unit.body, "state").lower(), text(unit.body, "sub_state").lower()
    role = "runtime" if _RUNTIMES.match(name) else name.removeprefix("kube-")
    return {
        "node": text(unit.body, "node") or unit.name.partition("/")[0],
        "unit": name,
        "role": role,
        "state": state,
        "sub_state": sub,
        "down": state not in _RUNNING or sub in ("dead", "failed", "auto-restart"),
        "report": text(unit.body, "report"),
    }


def node_view(node: Observed, workloads: Sequence[Workload], units: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A node with its conditions, its services that are down, and the pods on it that do not serve."""
    conditions = {text(c, "type"): c for c in listing(node.body, "status", "conditions")}
    ready = conditions.get("Ready", {})
    here = [p for w in workloads for p in w.pods if p.node == node.name]
    status = text(ready, "status") or ("True" if not conditions else "")
    return {
        "ready": status == "True",
        "silent": status == "Unknown",
        "message": text(ready, "message"),
        "reason": text(ready, "reason"),
        "pressures": sorted(
            kind for kind, c in conditions.items()
            if kind.endswith("Pressure") and text(c, "status") == "True"
        ),
        "network_unavailable": text(conditions.get("NetworkUnavailable"), "status") == "True",
        "cordoned": part(node.body, "spec", "unschedulable") is True,
        "taints": [f"{text(t, 'key')}:{text(t, 'effect')}" for t in listing(node.body, "spec", "taints")],
        "down_units": sorted(str(u["role"]) for u in units if u["down"] and u["node"] == node.name),
        "known_units": sorted(str(u["role"]) for u in units if u["node"] == node.name),
        "pods": len(here),
        "troubled_pods": sum(p.troubled for p in here),
    }  # fmt: skip


def namespace_view(
    name: str, workloads: Sequence[Workload], cluster: Cluster, lost: Sequence[str]
) -> dict[str, Any]:
    """A namespace with its quotas, and what it refuses to make.

    Args:
        name: The namespace.
        workloads: Those in it.
        cluster: Everything observed.
        lost: Services that others call and that do not exist.
    """
    near = [w for w in workloads if w.top.near(name)]
    said = "\n".join(sorted({e.message for w in near for e in complaints(w)} | _refusals(name, cluster)))
    quotas = [q for o in cluster.of("resourcequota", name) for q in _limits(o)]
    return {
        "quotas": quotas,
        "full": sorted({str(q["kind"]) for q in quotas if q["full"]}),
        "refused": sorted({_kind(r) for r in re.findall(r"exceeded quota:[^,]*, requested: ([\w./-]+)=", said)}
                          | {_kind(r) for r in re.findall(r"must specify (?:limits|requests)\.(\w+)", said)}),
        "refusal": next((line for line in said.splitlines() if "quota" in line), ""),
        "unmade_pods": sum(max(w.desired - len(w.pods), 0) for w in near),
        "missing_pods": sum(missing_pods(w) for w in near),
        "short": sorted(w.top.name for w in near if len(w.pods) < w.desired),
        "lost_services": list(lost),
        "missing_claims": sorted({c for w in near for c in missing_claims(w, cluster)}),
    }  # fmt: skip


def _refusals(name: str, cluster: Cluster) -> set[str]:
    """Warnings about claims and services that could not be made; of pods the workloads tell."""
    del name
    kinds = ("service", "persistentvolumeclaim", "namespace", "statefulset")
    return {
        e.message for (kind, _), events in cluster.events.items() for e in events
        if e.warning and kind in kinds and "quota" in e.message
    }  # fmt: skip


def missing_claims(workload: Workload, cluster: Cluster) -> list[str]:
    """Claims that its pods mount and that do not exist."""
    wanted = {
        text(v, "persistentVolumeClaim", "claimName") for v in listing(workload.spec, "volumes")
        if mapping(v, "persistentVolumeClaim")
    }  # fmt: skip
    seen = bool(cluster.objects.get("persistentvolumeclaim"))
    said = "\n".join(e.message for e in complaints(workload))
    return sorted(
        c for c in wanted
        if c and cluster.named("persistentvolumeclaim", c, workload.top.namespace) is None
        and (seen or f'persistentvolumeclaim "{c}" not found' in said)
    )  # fmt: skip


def _kind(resource: str) -> str:
    return next((kind for kind, rule in _RESOURCES if re.search(rule, resource.lower())), resource)


def _limits(quota: Observed) -> list[dict[str, Any]]:
    hard = mapping(quota.body, "status", "hard") or mapping(quota.body, "spec", "hard")
    used = mapping(quota.body, "status", "used")
    found: list[dict[str, Any]] = []
    for resource in sorted(str(key) for key in hard):
        most, now = quantity(hard.get(resource)), quantity(used.get(resource))
        if most is None:
            continue
        share = (now or 0.0) / most if most > 0 else 1.0
        found.append({
            "quota": quota.name, "resource": resource, "kind": _kind(resource), "hard": text(hard, resource),
            "used": text(used, resource), "share": round(share, 4), "full": share >= 1.0,
        })  # fmt: skip
    return found
