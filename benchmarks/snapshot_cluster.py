"""Nodes, namespaces, quotas, storage and settings, from `kubectl describe` to the Kubernetes API's words."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from benchmarks.kubectl_text import is_list, is_mapping
from benchmarks.snapshot_fields import lines_of, rows_of, said
from benchmarks.snapshot_pods import Part, conditions_of

_TAINT = re.compile(r"([\w./-]+)(?:=([\w.-]*))?:(\w+)")
_TERM = re.compile(r"([\w./-]+) (in|not in|exists|!exists)(?: \[([^\]]*)\])?")
_OPERATORS = {"in": "In", "not in": "NotIn", "exists": "Exists", "!exists": "DoesNotExist"}
_MODES = {"RWO": "ReadWriteOnce", "ROX": "ReadOnlyMany", "RWX": "ReadWriteMany", "RWOP": "ReadWriteOncePod"}
_ENTRY = re.compile(r"^(\S+):\n----\n", re.MULTILINE)
_LONGEST = 20_000
"""Characters that are kept of one entry of a config map."""


def _amounts(told: Any) -> dict[str, str]:
    return {str(key): said(value) for key, value in told.items()} if is_mapping(told) else {}


def node(told: Mapping[str, Any]) -> Part:
    """A node. `status.x-allocated` is what its pods ask for by resource, as describe sums them."""
    system = told.get("System Info")
    words = _amounts(system)
    return {
        "spec": {
            "unschedulable": said(told.get("Unschedulable")) == "true",
            "taints": [taint(text) for text in lines_of(told.get("Taints"))],
            "podCIDR": said(told.get("PodCIDR")),
        },
        "status": {
            "capacity": _amounts(told.get("Capacity")),
            "allocatable": _amounts(told.get("Allocatable")),
            "conditions": conditions_of(told.get("Conditions")),
            "addresses": [{"type": k, "address": v} for k, v in _amounts(told.get("Addresses")).items()],
            "nodeInfo": {
                "kubeletVersion": words.get("Kubelet Version", ""),
                "containerRuntimeVersion": words.get("Container Runtime Version", ""),
                "kernelVersion": words.get("Kernel Version", ""),
                "osImage": words.get("OS Image", ""),
            },
            "x-allocated": _allocated(lines_of(told.get("Allocated resources"))),
        },
    }


def _allocated(lines: Iterable[str]) -> Part:
    """`cpu  825m (10%)  800m (10%)`: the amounts without their shares."""
    cells = [re.split(r"\s{2,}", line.strip()) for line in lines]
    rows = [cell for cell in cells if len(cell) == 3 and "(" in cell[1]]
    return {
        "requests": {name: asked.partition(" ")[0] for name, asked, _ in rows},
        "limits": {name: limit.partition(" ")[0] for name, _, limit in rows},
    }


def taint(text: str) -> Part:
    """`key=value:Effect` as a taint."""
    match = _TAINT.match(text)
    key, value, effect = match.groups() if match else (text, None, None)
    return {"key": key, "value": value, "effect": effect}


def node_configured(told: Mapping[str, Any]) -> Part:
    """A node of which only the cluster's summary is known."""
    labels, ready = told.get("labels"), str(told.get("status", ""))
    taints = told.get("taints")
    pressures = [{"type": key, "status": value} for key, value in _amounts(told.get("conditions")).items()]
    return {
        "metadata": {"labels": _amounts(labels)},
        "spec": {
            "unschedulable": "SchedulingDisabled" in ready,
            "taints": [taint(str(text)) for text in taints] if is_list(taints) else [],
        },
        "status": {
            "allocatable": _amounts(told.get("allocatable_resources")),
            "conditions": [
                *pressures, {"type": "Ready", "status": "True" if ready.startswith("Ready") else "False"},
            ],
        },
    }  # fmt: skip


def namespace(told: Mapping[str, Any]) -> Part:
    """A namespace."""
    return {"status": {"phase": said(told.get("Status"))}}


def resourcequota(told: Mapping[str, Any]) -> Part:
    """A quota: what is used and the most that may be."""
    cells = [re.split(r"\s{2,}", line) for line in lines_of({"lines": told.get("lines", [])})]
    rows = [cell for cell in cells if len(cell) == 3 and cell[0] != "Resource" and not cell[0].startswith("--")]
    hard = {name: most for name, _, most in rows}
    used = {name: use for name, use, _ in rows}
    return {"spec": {"hard": hard}, "status": {"hard": hard, "used": used}}


def limitrange(told: Mapping[str, Any]) -> Part:
    """Limits that a namespace gives or demands, by type of object."""
    fields = ("min", "max", "defaultRequest", "default", "maxLimitRequestRatio")
    limits: dict[str, Part] = {}
    for line in lines_of({"lines": told.get("lines", [])}):
        cells = re.split(r"\s{2,}", line)
        if len(cells) != 7 or cells[0] == "Type" or cells[0].startswith("--"):
            continue
        limit = limits.setdefault(cells[0], {"type": cells[0]})
        for field, value in zip(fields, cells[2:], strict=True):
            if value != "-":
                limit.setdefault(field, {})[cells[1]] = value
    return {"spec": {"limits": list(limits.values())}}


def _modes(told: Any) -> list[str]:
    return [_MODES.get(mode.strip(), mode.strip()) for mode in said(told).strip("[]").split(",") if mode.strip()]


def persistentvolumeclaim(told: Mapping[str, Any]) -> Part:
    """A claim; what it asked for stands in its manifest alone, so that only what it got is told here."""
    modes = _modes(told.get("Access Modes"))
    return {
        "spec": {
            "storageClassName": said(told.get("StorageClass")),
            "volumeName": said(told.get("Volume")),
            "volumeMode": said(told.get("VolumeMode")),
            **({"accessModes": modes} if modes else {}),
        },
        "status": {
            "phase": said(told.get("Status")),
            "capacity": {"storage": said(told.get("Capacity"))},
            "accessModes": modes,
        },
    }


def persistentvolume(told: Mapping[str, Any]) -> Part:
    """A volume."""
    space, _, claim = said(told.get("Claim")).partition("/")
    source = told.get("Source")
    where: Mapping[str, Any] = source if is_mapping(source) else {}
    kind = said(where.get("Type")).partition(" ")[0]
    place = {"path": said(where.get("Path")), "type": said(where.get("HostPathType"))}
    field = {"LocalVolume": "local", "HostPath": "hostPath", "NFS": "nfs", "CSI": "csi"}.get(kind, "")
    return {
        "spec": {
            "storageClassName": said(told.get("StorageClass")),
            "capacity": {"storage": said(told.get("Capacity"))},
            "accessModes": _modes(told.get("Access Modes")),
            "persistentVolumeReclaimPolicy": said(told.get("Reclaim Policy")),
            "volumeMode": said(told.get("VolumeMode")),
            "claimRef": {"namespace": space, "name": claim} if claim else {},
            "nodeAffinity": _affinity(told.get("Node Affinity")),
            **({field: place} if field else {}),
        },
        "status": {"phase": said(told.get("Status")), "message": said(told.get("Message"))},
    }


def _affinity(told: Any) -> Part:
    terms = told.get("Required Terms") if is_mapping(told) else None
    found = [_TERM.findall(text) for text in lines_of(terms)]
    required = [
        {"matchExpressions": [
            {"key": key, "operator": _OPERATORS[operator], "values": [v.strip() for v in values.split(",") if v]}
            for key, operator, values in term
        ]}
        for term in found if term
    ]  # fmt: skip
    return {"required": {"nodeSelectorTerms": required}} if required else {}


def storageclass(told: Mapping[str, Any]) -> Part:
    """A storage class; its fields stand beside each other, without a specification."""
    return {
        "provisioner": said(told.get("Provisioner")),
        "reclaimPolicy": said(told.get("ReclaimPolicy")),
        "volumeBindingMode": said(told.get("VolumeBindingMode")),
        "allowVolumeExpansion": said(told.get("AllowVolumeExpansion")).lower() == "true",
    }


def configmap(text: str) -> Part:
    """A config map with its entries, read from the text: an entry may look like anything."""
    _, _, below = text.partition("\nData\n====\n")
    body = below.rpartition("\nBinaryData\n====")[0] or below
    parts = _ENTRY.split(body)
    return {
        "data": {key: value.strip("\n")[:_LONGEST] for key, value in zip(parts[1::2], parts[2::2], strict=True)}
    }


def secret(told: Mapping[str, Any], text: str) -> Part:
    """A secret with the names of its entries; the values are never told."""
    _, _, below = text.partition("\nData\n====\n")
    keys = re.findall(r"^([\w.-]+):\s", below, re.MULTILINE)
    return {"type": said(told.get("Type")), "data": dict.fromkeys(keys, "")}


def serviceaccount(told: Mapping[str, Any]) -> Part:
    """A service account with its secrets."""
    return {
        "imagePullSecrets": [{"name": name} for name in lines_of(told.get("Image pull secrets"))],
        "secrets": [{"name": name} for name in lines_of(told.get("Mountable secrets"))],
    }


def rolebinding(told: Mapping[str, Any]) -> Part:
    """Who may do what: the role and its subjects."""
    role, subjects = told.get("Role"), told.get("Subjects")
    return {
        "roleRef": {key.lower(): value for key, value in _amounts(role).items()},
        "subjects": [{key: said(value) for key, value in row.items()} for row in rows_of(subjects)],
    }
