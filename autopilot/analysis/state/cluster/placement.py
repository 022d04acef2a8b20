"""Why pods find no node: the demands of a pod against every node, and what the scheduler said.

The scheduler removes nodes by each constraint in turn and reports counts per constraint. A node outside of what the
pod itself asks for (selector, affinity) says nothing about the cause as long as some node fits; of the nodes that
fit, the constraint that excludes most of them is what is wrong.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autopilot.analysis.state.cluster.objects import Observed, labels, listing, mapping, part, quantity, text
from autopilot.analysis.state.cluster.workloads import Workload

_SAID = (
    ("cordoned", r"unschedulable"),
    ("node_affinity", r"didn.t match pod.s node affinity|node\(s\) didn.t match node selector"),
    ("anti_affinity", r"anti-affinity"),
    ("pod_affinity", r"pod affinity"),
    ("unhealthy", r"taint.{0,20}node\.kubernetes\.io/(not-ready|unreachable|\w+-pressure|network-unavailable)"),
    ("taint", r"taint"),
    ("cpu", r"insufficient cpu"),
    ("memory", r"insufficient memory"),
    ("pods", r"too many pods"),
    ("storage", r"persistentvolumeclaim|volume|insufficient ephemeral-storage"),
    ("ports", r"free ports"),
)
_OF_NODES = "node.kubernetes.io/"
"""Taints that the cluster itself sets on nodes in trouble."""


@dataclass(frozen=True)
class Room:
    """A node and what is still free on it."""

    node: Observed
    free: Mapping[str, float]
    whole: Mapping[str, float]


def rooms(nodes: Iterable[Observed], workloads: Sequence[Workload]) -> list[Room]:
    """The nodes for applications with what the requests of observed pods leave.

    Control planes that are closed, as they should be, are no place for applications and left out. Pods of
    namespaces that were not observed are not counted.
    """
    used: dict[str, Counter[str]] = {}
    for pod in (p for w in workloads for p in w.pods if p.node):
        for container in pod.containers:
            used.setdefault(pod.node, Counter()).update(container["requests"])
    found: list[Room] = []
    for node in nodes:
        if _control_plane(node):
            continue
        told = mapping(node.body, "status", "allocatable")
        total = {name: amount for name in ("cpu", "memory") if (amount := quantity(told.get(name))) is not None}
        taken = used.get(node.name, Counter())
        found.append(Room(node, {k: v - taken[k] for k, v in total.items()}, total))
    return found


def _control_plane(node: Observed) -> bool:
    roles = {key.rpartition("/")[2] for key in node.labels if key.startswith("node-role.kubernetes.io/")}
    roles.add(node.labels.get("kubernetes.io/role", ""))
    closed = part(node.body, "spec", "unschedulable") is True or bool(listing(node.body, "spec", "taints"))
    return closed and bool(roles & {"master", "control-plane", "controlplane"})


def placement(workload: Workload, places: Sequence[Room]) -> dict[str, Any]:
    """What keeps pods of a workload from nodes: counts per constraint, and the one that is to blame."""
    asked = _asked(workload.spec)
    waiting = {p.observed.name for p in workload.pods if p.waits}
    said = [e for e in workload.events if e.kind == "pod" and e.name in waiting and e.reason == "FailedScheduling"]
    told = _told(said[-1].message) if said else {}
    places = places if waiting else ()
    fitting = [r for r in places if not _unwanted(workload.spec, r.node)]
    computed = Counter(why for room in fitting if (why := _excluded(workload.spec, room, asked)))
    nowhere = bool(places) and not fitting
    return {
        "said": told,
        "message": said[-1].message if said else "",
        "scheduler_spoke": bool(said),
        "asked": asked,
        "largest": {k: max((r.whole.get(k, 0.0) for r in places), default=0.0) for k in ("cpu", "memory")},
        "fitting_nodes": [r.node.name for r in fitting],
        "nodes": len(places),
        "selects_nodes": bool(mapping(workload.spec, "nodeSelector")),
        "selector": ", ".join(f"{k}={v}" for k, v in sorted(labels(workload.spec, "nodeSelector").items())),
        "blocked_by": _blamed(workload.spec, told, computed, nowhere, [r.node for r in places]),
    }


def _asked(spec: Mapping[str, Any]) -> dict[str, float]:
    total: Counter[str] = Counter()
    for container in listing(spec, "containers")[:30]:
        told = mapping(container, "resources", "requests")
        total.update({k: a for k in ("cpu", "memory") if (a := quantity(told.get(k))) is not None})
    return dict(total)


def _told(message: str) -> dict[str, int]:
    """`0/4 nodes are available: 1 Insufficient cpu, 3 node(s) …` as counts per constraint."""
    listed = message.partition("nodes are available:")[2].partition("preemption:")[0]
    found: Counter[str] = Counter()
    for number, words in re.findall(r"(\d+) ([^,]*)", listed):
        reason = next((name for name, rule in _SAID if re.search(rule, words.lower())), "")
        found[reason] += int(number) if reason else 0
    if not found and listed:
        found.update(name for name, rule in _SAID if re.search(rule, listed.lower()))
    return {name: count for name, count in sorted(found.items()) if name}


def _unwanted(spec: Mapping[str, Any], node: Observed) -> str:
    """Which demand of the pod this node does not meet: selector, affinity or none."""
    marks = {"kubernetes.io/hostname": node.name} | node.labels
    if any(marks.get(key) != value for key, value in labels(spec, "nodeSelector").items()):
        return "node_selector"
    required = part(spec, "affinity", "nodeAffinity", "requiredDuringSchedulingIgnoredDuringExecution")
    terms = listing(required, "nodeSelectorTerms")
    if terms and not any(_meets(term, marks, node.name) for term in terms):
        return "node_affinity"
    return ""


def _meets(term: Any, marks: Mapping[str, str], name: str) -> bool:
    rules = [(r, marks) for r in listing(term, "matchExpressions")]
    rules += [(r, {"metadata.name": name}) for r in listing(term, "matchFields")]
    return bool(rules) and all(_holds(rule, known) for rule, known in rules)


def _holds(rule: Any, marks: Mapping[str, str]) -> bool:
    key, operator = text(rule, "key"), text(rule, "operator")
    values, found = [str(v) for v in listing(rule, "values")], marks.get(key)
    if operator in ("Gt", "Lt"):
        have, limit = quantity(found), quantity(values[0] if values else None)
        if have is None or limit is None:
            return False
        return have > limit if operator == "Gt" else have < limit
    answers = {"In": found in values, "NotIn": found not in values, "Exists": found is not None}
    return answers.get(operator, found is None)


def _excluded(spec: Mapping[str, Any], room: Room, asked: Mapping[str, float]) -> str:
    """Why a node that the pod would accept does not take it."""
    if part(room.node.body, "spec", "unschedulable") is True:
        return "cordoned"
    repelled = [t for t in listing(room.node.body, "spec", "taints") if not _tolerated(t, spec)]
    if repelled:
        return "unhealthy" if all(text(t, "key").startswith(_OF_NODES) for t in repelled) else "taint"
    return next((name for name, amount in sorted(asked.items()) if amount > room.free.get(name, amount)), "")


def _tolerated(taint: Any, spec: Mapping[str, Any]) -> bool:
    if text(taint, "effect") not in ("NoSchedule", "NoExecute"):
        return True
    for toleration in listing(spec, "tolerations"):
        key, effect = text(toleration, "key"), text(toleration, "effect")
        exists = text(toleration, "operator") == "Exists"
        same = exists or text(toleration, "value") == text(taint, "value")
        if key in ("", text(taint, "key")) and (key or exists) and effect in ("", text(taint, "effect")) and same:
            return True
    return False


def _blamed(
    spec: Mapping[str, Any],
    told: Mapping[str, int],
    computed: Counter[str],
    nowhere: bool,
    nodes: Sequence[Observed],
) -> str:
    demand = "node_selector" if mapping(spec, "nodeSelector") else "node_affinity"
    if nowhere:
        selected = [n for n in nodes if not _unwanted({"nodeSelector": spec.get("nodeSelector")}, n)]
        return "node_affinity" if selected else "node_selector"
    if told.get("storage"):
        return "storage"
    heard = dict(told)
    if nodes:
        # Some node meets the demands, so those that do not are beside the point.
        if any(_unwanted(spec, n) for n in nodes):
            heard = {k: v for k, v in told.items() if k not in ("node_affinity", "pod_affinity")}
        heard = {k: v for k, v in heard.items() if k in computed or k not in ("cordoned", "taint", "unhealthy")}
    counts = heard or computed or told
    if not counts:
        return ""
    # At equal counts a closed node is the lesser reason: control planes are closed everywhere.
    best = max(sorted(counts), key=lambda name: (counts[name], name not in ("cordoned", "taint", "unhealthy")))
    return demand if best == "node_affinity" else best
