"""Claims against volumes: why a claim finds none."""

from collections.abc import Mapping, Sequence
from typing import Any

from autopilot.analysis.state.cluster.objects import (
    Cluster,
    Observed,
    labels,
    listing,
    mapping,
    quantity,
    selects,
    text,
)

_SHORT = {"RWO": "ReadWriteOnce", "ROX": "ReadOnlyMany", "RWX": "ReadWriteMany", "RWOP": "ReadWriteOncePod"}
_STEPS = ("claim_storage_class", "claim_selector", "claim_access_mode", "claim_size", "volume_taken")
"""In the order in which a person would compare; the binder wants all of them."""


def claim_view(claim: Observed, cluster: Cluster) -> dict[str, Any]:
    """A claim with the volumes there are, and the one demand that excludes the volume nearest to it."""
    spec = mapping(claim.body, "spec")
    volumes = cluster.of("persistentvolume")
    asked = quantity(text(spec, "resources", "requests", "storage"))
    misfits = {v.name: _misfits(spec, asked, v, claim) for v in volumes}
    nearest = _nearest(spec, volumes, misfits, claim)
    status = text(claim.body, "status", "phase")
    return {
        "pending": status in ("Pending", "Lost") and not _waits_for_consumer(spec, cluster),
        "status": status,
        "asked": text(spec, "resources", "requests", "storage"),
        "class": text(spec, "storageClassName"),
        "modes": ", ".join(str(m) for m in listing(spec, "accessModes")),
        "selector": ", ".join(f"{k}={v}" for k, v in sorted(labels(spec, "selector", "matchLabels").items())),
        "volume": nearest.name if nearest else "",
        "volume_size": text(nearest.body, "spec", "capacity", "storage") if nearest else "",
        "volume_class": text(nearest.body, "spec", "storageClassName") if nearest else "",
        "volume_modes": ", ".join(str(m) for m in listing(nearest.body, "spec", "accessModes")) if nearest else "",
        "volume_claim": text(nearest.body, "spec", "claimRef", "name") if nearest else "",
        "class_unknown": _class_unknown(spec, cluster),
        "misfit": _misfit(spec, misfits[nearest.name] if nearest else (), cluster),
        "complaint": "\n".join(e.message for e in cluster.events_of("persistentvolumeclaim", claim.name)),
    }


def _misfits(spec: Mapping[str, Any], asked: float | None, volume: Observed, claim: Observed) -> tuple[str, ...]:
    told = mapping(volume.body, "spec")
    size = quantity(text(told, "capacity", "storage"))
    wanted, offered = _modes(spec), _modes(told)
    selector = mapping(spec, "selector")
    holder = mapping(told, "claimRef")
    own = text(holder, "name") == claim.name and text(holder, "namespace") in ("", claim.namespace)
    found = {
        "claim_storage_class": text(spec, "storageClassName") != text(told, "storageClassName"),
        "claim_selector": bool(selector) and not _selected(selector, volume),
        "claim_access_mode": bool(offered) and not wanted <= offered,
        "claim_size": asked is not None and size is not None and asked > size,
        "volume_taken": bool(holder) and not own,
    }
    return tuple(step for step in _STEPS if found[step])


def _selected(selector: Mapping[str, Any], volume: Observed) -> bool:
    equal = labels(selector, "matchLabels")
    rules = listing(selector, "matchExpressions")
    return (not equal or selects(equal, volume.labels)) and all(_holds(rule, volume.labels) for rule in rules)


def _holds(rule: Any, marks: Mapping[str, str]) -> bool:
    found, values = marks.get(text(rule, "key")), [str(v) for v in listing(rule, "values")]
    answers = {"In": found in values, "NotIn": found not in values, "Exists": found is not None}
    return answers.get(text(rule, "operator"), found is None)


def _modes(spec: Mapping[str, Any]) -> set[str]:
    return {_SHORT.get(str(mode), str(mode)) for mode in listing(spec, "accessModes")}


def _nearest(
    spec: Mapping[str, Any], volumes: Sequence[Observed], misfits: Mapping[str, Sequence[str]], claim: Observed
) -> Observed | None:
    """The volume that was most likely meant: named, related by name, then with the fewest misfits."""
    named = text(spec, "volumeName")
    words = set(claim.name.split("-"))
    ranked = sorted(
        volumes, key=lambda v: (v.name != named, len(misfits[v.name]), -len(words & set(v.name.split("-"))), v.name)
    )
    return ranked[0] if ranked else None


def _class_unknown(spec: Mapping[str, Any], cluster: Cluster) -> bool:
    name = text(spec, "storageClassName")
    return bool(name) and cluster.lacks("storageclass", name)


def _misfit(spec: Mapping[str, Any], misfits: Sequence[str], cluster: Cluster) -> str:
    if _class_unknown(spec, cluster):
        return "claim_storage_class"
    return misfits[0] if misfits else ""


def _waits_for_consumer(spec: Mapping[str, Any], cluster: Cluster) -> bool:
    """Whether the class binds only when a pod is placed, so that pending says nothing."""
    found = cluster.named("storageclass", text(spec, "storageClassName"))
    return found is not None and text(found.body, "volumeBindingMode") == "WaitForFirstConsumer"
