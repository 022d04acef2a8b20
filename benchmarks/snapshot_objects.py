"""One observed object of a cluster as `kubectl get -o json` would return it, as far as it was printed.

What only a manifest knows (affinity, security context, what a claim asks for) is taken from it; where both speak,
the live object stands. Values of secrets are never kept, and what is empty is left out, as the Kubernetes API does.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from benchmarks import snapshot_cluster as cluster
from benchmarks import snapshot_network as network
from benchmarks import snapshot_pods as pods
from benchmarks import snapshot_workloads as workloads
from benchmarks.kubectl_text import is_list, is_mapping, read_description, seconds_of
from benchmarks.snapshot_fields import lines_of, pairs_of, said, stamp_of

Part = dict[str, Any]
_API: dict[str, tuple[str, str]] = {
    "pod": ("v1", "Pod"), "service": ("v1", "Service"), "endpoints": ("v1", "Endpoints"), "node": ("v1", "Node"),
    "namespace": ("v1", "Namespace"), "resourcequota": ("v1", "ResourceQuota"), "limitrange": ("v1", "LimitRange"),
    "persistentvolumeclaim": ("v1", "PersistentVolumeClaim"), "persistentvolume": ("v1", "PersistentVolume"),
    "configmap": ("v1", "ConfigMap"), "secret": ("v1", "Secret"), "serviceaccount": ("v1", "ServiceAccount"),
    "deployment": ("apps/v1", "Deployment"), "replicaset": ("apps/v1", "ReplicaSet"),
    "statefulset": ("apps/v1", "StatefulSet"), "daemonset": ("apps/v1", "DaemonSet"),
    "job": ("batch/v1", "Job"), "cronjob": ("batch/v1", "CronJob"),
    "storageclass": ("storage.k8s.io/v1", "StorageClass"),
    "networkpolicy": ("networking.k8s.io/v1", "NetworkPolicy"), "ingress": ("networking.k8s.io/v1", "Ingress"),
    "rolebinding": ("rbac.authorization.k8s.io/v1", "RoleBinding"),
    "virtualservice": ("networking.istio.io/v1", "VirtualService"),
    "destinationrule": ("networking.istio.io/v1", "DestinationRule"),
}  # fmt: skip
_CLUSTER_WIDE = frozenset({"node", "namespace", "persistentvolume", "storageclass"})
_ADDRESS = re.compile(r"(^|[_.-])(HOST|HOSTNAME|PORT|ADDR|ADDRESS|SERVER)$", re.IGNORECASE)
"""Names of entries of a secret that are no secret."""
_NESTED = frozenset({"metadata", "spec", "template"})
_BY_NAME = frozenset({"containers", "initContainers"})
_EXACT = frozenset({"selector", "matchLabels", "nodeSelector", "limits", "requests", "data"})
_FREE_TEXT = frozenset({"labels", "annotations", "matchLabels", "selector", "nodeSelector", "data"})
_MAY_BE_EMPTY = frozenset({"storageClassName", "value", "podSelector"})


@dataclass
class Seen:
    """What a snapshot tells of one object."""

    namespace: str = ""
    app: str = ""
    """The application in whose manifest it stands."""
    described: str = ""
    listed: dict[str, str] = field(default_factory=dict[str, str])
    configured: Part = field(default_factory=Part)
    declared: Part = field(default_factory=Part)

    @property
    def live(self) -> bool:
        """Whether it was observed, not only declared."""
        return bool(self.described or self.listed or self.configured)


_OF_DESCRIPTION: dict[str, Callable[[Mapping[str, Any]], Part]] = {
    "pod": pods.pod, "node": cluster.node, "namespace": cluster.namespace, "resourcequota": cluster.resourcequota,
    "limitrange": cluster.limitrange, "persistentvolumeclaim": cluster.persistentvolumeclaim,
    "persistentvolume": cluster.persistentvolume, "storageclass": cluster.storageclass,
    "serviceaccount": cluster.serviceaccount, "rolebinding": cluster.rolebinding,
}  # fmt: skip
_OF_DESCRIPTION_AND_ROW: dict[str, Callable[[Mapping[str, Any], Mapping[str, str]], Part]] = {
    "deployment": workloads.deployment, "replicaset": workloads.replicaset,
    "statefulset": workloads.statefulset, "daemonset": workloads.daemonset,
}  # fmt: skip
_OF_DESCRIPTION_AND_TEXT: dict[str, Callable[[Mapping[str, Any], str], Part]] = {
    "service": network.service, "networkpolicy": network.networkpolicy, "secret": cluster.secret,
}  # fmt: skip
_OF_TEXT: dict[str, Callable[[str], Part]] = {"endpoints": network.endpoints, "configmap": cluster.configmap}
_OF_ROW: dict[str, Callable[[Mapping[str, str]], Part]] = {
    "pod": pods.pod_listed, "service": network.service_listed,
}  # fmt: skip


def live_object(kind: str, name: str, seen: Seen, namespace: str, at: datetime) -> Part:
    """The observed object of a kind (`pod`, `deployment` …), without what only its manifest knows."""
    told = read_description(seen.described) if seen.described else {}
    version, word = _API.get(kind, ("", kind))
    space = "" if kind in _CLUSTER_WIDE else said(told.get("Namespace")) or seen.namespace or namespace
    found: Part = {"apiVersion": version, "kind": word, "metadata": _metadata(name, space, told, seen, at)}
    if kind == "node" and not told:
        return _joined(found, cluster.node_configured(seen.configured))
    return _joined(found, _specific(kind, told, seen))


def _specific(kind: str, told: Mapping[str, Any], seen: Seen) -> Part:
    if not told:
        return _OF_ROW[kind](seen.listed) if kind in _OF_ROW else {}
    if kind in _OF_DESCRIPTION:
        return _OF_DESCRIPTION[kind](told)
    if kind in _OF_DESCRIPTION_AND_ROW:
        return _OF_DESCRIPTION_AND_ROW[kind](told, seen.listed)
    if kind in _OF_DESCRIPTION_AND_TEXT:
        return _OF_DESCRIPTION_AND_TEXT[kind](told, seen.described)
    return _OF_TEXT[kind](seen.described) if kind in _OF_TEXT else {"described": dict(told)}


def _joined(found: Part, part: Part) -> Part:
    metadata = found["metadata"] | part.get("metadata", {})
    return found | part | {"metadata": metadata}


def _metadata(name: str, namespace: str, told: Mapping[str, Any], seen: Seen, at: datetime) -> Part:
    labels = pairs_of(told.get("Labels")) or pairs_of(seen.listed.get("labels", ""))
    age = seconds_of(seen.listed.get("age", ""))
    created = stamp_of(said(told.get("CreationTimestamp")))
    if not created and age is not None:
        created = f"{at - timedelta(seconds=age):%Y-%m-%dT%H:%M:%SZ}"
    owner, _, owned_by = said(told.get("Controlled By")).partition("/")
    leaving = said(told.get("Status")).startswith("Terminating") or seen.listed.get("status") == "Terminating"
    return {
        "name": name,
        "namespace": namespace,
        "labels": labels,
        "annotations": pairs_of(told.get("Annotations"), ": "),
        "creationTimestamp": created,
        "deletionTimestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}" if leaving else "",
        "ownerReferences": [{"kind": owner, "name": owned_by, "controller": True}] if owned_by else [],
        "finalizers": [
            text.strip() for line in lines_of(told.get("Finalizers")) for text in line.strip("[]").split(",")
        ],
    }


def declared_object(manifest: Mapping[str, Any]) -> Part:
    """A manifest without the values of secrets, of which only hosts and ports stay."""
    if manifest.get("kind") != "Secret":
        return dict(manifest)
    parts = [part for key in ("data", "stringData") if is_mapping(part := manifest.get(key))]
    keys = {str(key): "" for part in parts for key in part}
    clear = manifest.get("stringData")
    addresses = {key: clear[key] for key in clear if _ADDRESS.search(str(key))} if is_mapping(clear) else {}
    return dict(manifest) | {"data": keys, "stringData": addresses}


def under(live: Part, declared: Mapping[str, Any]) -> Part:
    """The live object with what only its manifest tells."""
    found = dict(live)
    for key, value in declared.items():
        own = live.get(key)
        if own is None:
            found[key] = value
        elif key in _NESTED and is_mapping(own) and is_mapping(value):
            found[key] = under(own, value)
        elif key in _BY_NAME and is_list(own) and is_list(value):
            by_name = {part.get("name"): part for part in value if is_mapping(part)}
            found[key] = [under(part, by_name.get(part.get("name"), {})) for part in own]
    return found


def differs(live: Mapping[str, Any], declared: Mapping[str, Any]) -> bool:
    """Whether live object and manifest contradict each other in a field that both have."""
    return not _agree(live, declared, exact=False)


def _agree(live: Any, declared: Any, *, exact: bool) -> bool:
    if live is None or declared is None:
        return True
    if is_mapping(live) and is_mapping(declared):
        if exact and set(live) != set(declared):
            return False
        return all(_agree(live[key], declared[key], exact=key in _EXACT) for key in declared if key in live)
    if is_list(live) and is_list(declared):
        return len(live) == len(declared) and all(
            _agree(left, right, exact=False) for left, right in zip(live, declared, strict=True)
        )
    return str(live).lower().strip() == str(declared).lower().strip()


def pruned(value: Any, key: str = "") -> Any:
    """Without what is empty, as the Kubernetes API leaves it out; labels and settings keep their empty values."""
    if is_list(value):
        return [pruned(item) for item in value]
    if not is_mapping(value) or (key in _FREE_TEXT and not any(is_mapping(item) for item in value.values())):
        return value
    inner = {name: pruned(item, str(name)) for name, item in value.items()}
    return {
        name: item for name, item in inner.items()
        if item is not None and (name in _MAY_BE_EMPTY or item not in ("", {}, []))
    }  # fmt: skip
