"""Workloads as rules see them: what is wanted, the pods there are, and what is being complained about now."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autopilot.analysis.state.cluster.containers import own, read_containers
from autopilot.analysis.state.cluster.objects import (
    Cluster,
    Event,
    Observed,
    labels,
    listing,
    mapping,
    part,
    selects,
    text,
    whole,
)
from autopilot.analysis.state.cluster.probes import failing

_OWNERS = ("deployment", "statefulset", "daemonset")
_PULLING = ("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull", "RegistryUnavailable")
_BAD_STATES = ("CrashLoopBackOff", "RunContainerError", *_PULLING)
_PULL = re.compile(r"\bpull|invalidimagename|image name|parse image", re.IGNORECASE)


@dataclass(frozen=True)
class Workload:
    """A workload (or a group of bare pods) with its pods and the events about all of them."""

    top: Observed
    spec: Mapping[str, Any]
    """The specification of its pods."""
    labels: Mapping[str, str]
    """The labels of its pods."""
    desired: int
    pods: Sequence["Pod"]
    makers: Sequence[Observed]
    events: Sequence[Event]

    @property
    def ready(self) -> int:
        """Pods that serve."""
        return sum(p.ready for p in self.pods)

    @property
    def nodes(self) -> set[str]:
        """Nodes on which its pods run."""
        return {p.node for p in self.pods if p.node}

    @property
    def containers(self) -> list[dict[str, Any]]:
        """The containers of its pods as observed, else as declared."""
        seen = [c for p in self.pods for c in p.containers]
        return seen or read_containers(self.spec, (), self.top.at)


@dataclass(frozen=True)
class Pod:
    """One pod that should serve."""

    observed: Observed
    containers: Sequence[dict[str, Any]]
    node: str
    ready: bool
    waits: bool
    """It has no node yet."""
    events: Sequence[Event]

    @property
    def troubled(self) -> bool:
        """Whether it does not serve now, or was restarted lately."""
        return not self.ready or any(c["restarted_lately"] or c["waiting"] in _BAD_STATES for c in self.containers)


def read_pod(observed: Observed, cluster: Cluster) -> Pod | None:
    """A pod, None for one that is done or being removed."""
    status = mapping(observed.body, "status")
    if text(status, "phase") == "Succeeded" or part(observed.body, "metadata", "deletionTimestamp"):
        return None
    spec = mapping(observed.body, "spec")
    statuses = listing(status, "containerStatuses")
    containers = read_containers(spec, statuses, observed.at)
    states = [c["ready"] for c in containers if c["observed"]]
    conditions = {text(c, "type"): text(c, "status") for c in listing(status, "conditions")}
    node = text(spec, "nodeName")
    running = text(status, "phase") == "Running"
    serves = conditions.get("Ready") == "True" if "Ready" in conditions else bool(states) and all(states)
    return Pod(
        observed, containers, node, running and serves, not node and text(status, "phase") in ("", "Pending"),
        cluster.events_of("pod", observed.name),
    )  # fmt: skip


def read_workloads(cluster: Cluster) -> list[Workload]:
    """Every workload; pods that belong to none form groups by application."""
    pods = [pod for o in cluster.of("pod") if (pod := read_pod(o, cluster)) is not None]
    marked: dict[tuple[str, str], list[Pod]] = defaultdict(list)
    for pod in pods:
        for item in pod.observed.labels.items():
            marked[item].append(pod)
    makers: dict[tuple[str, str], list[Observed]] = defaultdict(list)
    for maker in cluster.of("replicaset"):
        for owner in maker.owners or {("deployment", maker.name.rpartition("-")[0])}:
            makers[owner].append(maker)
    tops = [top for kind in _OWNERS for top in cluster.of(kind)]
    found = [_workload(top, pods, marked, makers[top.kind, top.name], cluster) for top in tops]
    taken = {id(pod) for workload in found for pod in workload.pods}
    groups: dict[str, list[Pod]] = {}
    for pod in pods:
        if id(pod) not in taken:
            groups.setdefault(pod.observed.service, []).append(pod)
    return found + [_bare(group) for _, group in sorted(groups.items())]


def _workload(
    top: Observed,
    pods: Sequence[Pod],
    marked: Mapping[tuple[str, str], Sequence[Pod]],
    replicas: Sequence[Observed],
    cluster: Cluster,
) -> Workload:
    template = mapping(top.body, "spec", "template")
    marks = labels(template, "metadata", "labels")
    selector = labels(top.body, "spec", "selector", "matchLabels") or marks
    rarest = min((marked.get(item, ()) for item in sorted(selector.items())), key=len, default=pods)
    own_pods = [
        p for p in rarest if p.observed.near(top.namespace) and
        (selects(selector, p.observed.labels) if selector else p.observed.name.startswith(f"{top.name}-"))
    ]  # fmt: skip
    makers = [o for o in replicas if o.near(top.namespace)]
    spec = mapping(template, "spec") or (mapping(own_pods[0].observed.body, "spec") if own_pods else {})
    desired = whole(top.body, "spec", "replicas")
    if top.kind == "daemonset":
        desired = whole(top.body, "status", "desiredNumberScheduled")
    events = [
        *cluster.events_of(top.kind, top.name), *(e for m in makers for e in cluster.events_of(m.kind, m.name)),
        *(e for p in own_pods for e in p.events),
    ]  # fmt: skip
    return Workload(top, spec, marks, 1 if desired is None else desired, own_pods, makers, events)


def _bare(pods: Sequence[Pod]) -> Workload:
    first = pods[0].observed
    events = [event for pod in pods for event in pod.events]
    return Workload(first, mapping(first.body, "spec"), first.labels, len(pods), pods, (), events)


def missing_pods(workload: Workload) -> int:
    """Pods that are wanted and do not serve."""
    if workload.pods:
        return max(workload.desired - workload.ready, 0)
    told = whole(workload.top.body, "status", "readyReplicas")
    return max(workload.desired - (told or 0), 0)


def complaints(workload: Workload) -> list[Event]:
    """Warnings that still hold: about pods in trouble now, and about pods that are missing."""
    troubled = {p.observed.name for p in workload.pods if p.troubled}
    short = len(workload.pods) < workload.desired
    return [
        e for e in workload.events
        if e.warning and (e.name in troubled if e.kind == "pod" else short)
    ]  # fmt: skip


def describe(workload: Workload) -> dict[str, Any]:
    """The fields of a workload's view that it has of itself; relations to other objects are added by others."""
    lasting = complaints(workload)
    containers = own(workload.containers)
    said = _texts(lasting, containers)
    pulling = sorted({c["waiting"] for c in containers} & set(_PULLING))
    return {
        "kind": workload.top.kind,
        "labels": dict(workload.labels),
        "desired": workload.desired,
        "ready": workload.ready,
        "pods": len(workload.pods),
        "missing": missing_pods(workload),
        "unmade": max(workload.desired - len(workload.pods), 0),
        "waiting_for_node": sum(p.waits for p in workload.pods),
        "containers": containers,
        "sidecars": [c for c in workload.containers if c not in containers],
        "nodes": sorted(workload.nodes),
        "restarts": max((c["restarts"] for c in containers), default=0),
        "restarted_lately": any(c["restarted_lately"] for c in containers),
        "complaints": [e.view() for e in lasting],
        "complaint": said,
        "not_pulled": bool(pulling) or any(e.reason in ("ErrImagePull", "ImagePullBackOff") for e in lasting),
        "pull_message": _about_pull(said) or " ".join(pulling),
        **failing(containers, missing_pods(workload), said),
        "pod": min((p.observed.name for p in workload.pods if p.troubled), default=""),
        "troubled": any(p.troubled for p in workload.pods),
        "dns_policy": text(workload.spec, "dnsPolicy") or "ClusterFirst",
        "dns_config": mapping(workload.spec, "dnsConfig"),
        "host_aliases": listing(workload.spec, "hostAliases"),
        "security": mapping(workload.spec, "securityContext"),
    }


def _texts(lasting: Iterable[Event], containers: Iterable[Mapping[str, Any]]) -> str:
    """All that is complained about now, in one text, most frequent first."""
    said = Counter(e.message for e in lasting)
    lines = [message for message, _ in sorted(said.items(), key=lambda item: (-item[1], item[0]))]
    lines += sorted({str(c["message"]) for c in containers if c["message"]})
    return "\n".join(lines)[:20_000]


def _about_pull(said: str) -> str:
    """The line that tells most about a pull that failed: the longest."""
    return max((line for line in said.splitlines() if _PULL.search(line)), key=len, default="")
