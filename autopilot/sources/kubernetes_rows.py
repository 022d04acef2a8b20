"""Objects of a cluster as rows of a case: whom they belong to, and what of them is told."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property

from pydantic import JsonValue

from autopilot.clients.kubernetes_objects import LAST_APPLIED, REPLACED, Json, Meta
from autopilot.clients.kubernetes_templates import is_secret, objects, part, reads_at_start, texts
from autopilot.incident.base import clean
from autopilot.sources.inventory import moment, observed

LONGEST = 200_000
"""Characters of a body that are kept; what is larger is cut down to what identifies the object."""
USUAL_LABELS = ("app.kubernetes.io/name", "app", "k8s-app")
_CLUSTER = ("node", "namespace")
_WORKLOADS = ("deployment", "statefulset", "daemonset")
_OF_NAMESPACE = ("resourcequota", "limitrange")


class Seen:
    """Everything that was listed, by kind in lower case such as `deployment`; asked about once it is complete."""

    def __init__(self, service_label: str) -> None:
        """`service_label` names the service of an object, before the usual labels do."""
        self._labels = (service_label, *USUAL_LABELS)
        self.objects: dict[str, list[Json]] = {}

    def of(self, kind: str) -> list[Json]:
        """The objects of a kind."""
        return self.objects.get(kind, [])

    def add(self, kind: str, found: Iterable[Json]) -> None:
        """Keep objects of a kind."""
        self.objects.setdefault(kind, []).extend(found)

    def service_of(self, kind: str, body: Json) -> str:
        """The application that an object belongs to; a node or namespace is itself, a quota its namespace."""
        name = name_of(body)
        if kind in _CLUSTER:
            return name
        if kind in _OF_NAMESPACE:
            return namespace_of(body)
        return self._labelled(body) or self._related(kind, body) or self._nearest(name)

    def _labelled(self, body: Json) -> str:
        own, pods = texts(body, "metadata", "labels"), texts(body, "spec", "template", "metadata", "labels")
        return self._service_in(own) or self._service_in(pods)

    def _service_in(self, labels: Mapping[str, str]) -> str:
        return next((labels[key] for key in self._labels if labels.get(key)), "")

    def _related(self, kind: str, body: Json) -> str:
        """By what it scales, by the pods that it selects, or by the one application that reads it."""
        space = namespace_of(body)
        if kind == "horizontalpodautoscaler":
            scaled = part(body, "spec", "scaleTargetRef")
            name = text(scaled, "name")
            return self._owners.get((text(scaled, "kind").lower(), space, name), name)
        if kind == "service":
            # A selector that matches nothing is what is wrong with a service, and not whose it is.
            selected = self._service_in(texts(body, "spec", "selector"))
            return selected if (space, selected) in self._applications else ""
        readers = self._readers.get((space, name_of(body)), set()) if kind == "configmap" else set[str]()
        return next(iter(readers)) if len(readers) == 1 else ""

    @cached_property
    def _owners(self) -> dict[tuple[str, str, str], str]:
        """(kind, namespace, name) of a workload → its application."""
        return {
            (kind, namespace_of(o), name_of(o)): self._labelled(o) or name_of(o)
            for kind in _WORKLOADS
            for o in self.of(kind)
        }

    @cached_property
    def _applications(self) -> frozenset[tuple[str, str]]:
        """(namespace, application) of every workload."""
        return frozenset((space, service) for (_, space, _), service in self._owners.items())

    @cached_property
    def _readers(self) -> dict[tuple[str, str], set[str]]:
        """(namespace, ConfigMap) → the applications whose Deployments read it."""
        found: dict[tuple[str, str], set[str]] = {}
        for body in self.of("deployment"):
            space = namespace_of(body)
            for name in reads(body):
                found.setdefault((space, name), set()).add(self._owners["deployment", space, name_of(body)])
        return found

    @cached_property
    def _names(self) -> list[str]:
        """The names of workloads and services, the longest first."""
        found = {name_of(o) for kind in (*_WORKLOADS, "service") for o in self.of(kind)} - {""}
        return sorted(found, key=lambda name: (len(name), name), reverse=True)

    def _nearest(self, name: str) -> str:
        """The application whose name a generated name contains, the longest first; else the name itself."""
        return next((app for app in self._names if f"-{app}-" in f"-{name}-"), name)


def text(value: JsonValue, *path: str) -> str:
    """The text at a path, else empty."""
    found = part(value, *path)
    return found if isinstance(found, str) else ""


def name_of(body: Json) -> str:
    """The object's name."""
    return text(body, "metadata", "name")


def namespace_of(body: Json) -> str:
    """The object's namespace, empty for those of the whole cluster."""
    return text(body, "metadata", "namespace")


def reads(workload: Json) -> frozenset[str]:
    """The ConfigMaps that the pods of a workload read, at start or mounted."""
    template = part(workload, "spec", "template")
    if not isinstance(template, dict):
        return frozenset()
    mounted = {text(volume, "configMap", "name") for volume in objects(template, "spec", "volumes")}
    return reads_at_start(template) | (mounted - {""})


def state_rows(seen: Seen, api: Mapping[str, tuple[str, str]], at: datetime) -> list[dict[str, object]]:
    """One row per object as `kubectl get -o json` gives it. `api`: kind → its apiVersion and Kind."""
    rows: list[dict[str, object]] = []
    for kind, found in seen.objects.items():
        version, word = api[kind]
        for body in found:
            whole: Json = {"apiVersion": version, "kind": word, **told(body)}
            service = seen.service_of(kind, body)
            rows.append(observed(at, f"k8s_{kind}", name=name_of(body), service=service, region="", body=whole))
    return rows


def told(body: Json) -> Json:
    """The object without the server's bookkeeping and without values that are named like secrets."""
    metadata = part(body, "metadata")
    kept: Json = {k: v for k, v in metadata.items() if k != "managedFields"} if isinstance(metadata, dict) else {}
    notes = {k: v for k, v in texts(body, "metadata", "annotations").items() if k not in (LAST_APPLIED, REPLACED)}
    kept |= {"annotations": dict[str, JsonValue](notes)} if notes else {}
    if not notes:
        kept.pop("annotations", None)
    shown = _masked({**body, "metadata": kept})
    whole = shown if isinstance(shown, dict) else {}
    return whole if len(json.dumps(whole)) <= LONGEST else {"metadata": kept}


def _masked(value: JsonValue) -> JsonValue:
    """Without the values of variables and settings whose name says that they are secret."""
    if isinstance(value, list):
        return [_masked(item) for item in value]
    if not isinstance(value, dict):
        return value
    name, own = value.get("name"), value.get("value")
    if isinstance(name, str) and isinstance(own, str) and is_secret(name):
        return {**value, "value": ""}
    return {
        key: "" if isinstance(item, str) and key.lower() != "name" and _hidden(key, value) else _masked(item)
        for key, item in value.items()
    }


def _hidden(key: str, around: Mapping[str, JsonValue]) -> bool:
    """Whether a key of a flat map of texts (such as the data of a ConfigMap) names a secret."""
    return is_secret(key) and all(isinstance(item, str) for item in around.values())


def event_rows(
    events: Sequence[Json], owners: Mapping[tuple[str, str], str], seen: Seen
) -> list[dict[str, object]]:
    """One row per event, at the moment when it was last seen; those without a time are left out."""
    rows: list[dict[str, object]] = []
    for event in events:
        kind, name = text(event, "involvedObject", "kind").lower(), text(event, "involvedObject", "name")
        at = event_time(event)
        if at is None or not name:
            continue
        count = part(event, "series", "count") or part(event, "count") or 1
        body = {
            "type": text(event, "type"), "reason": text(event, "reason"), "object": f"{kind}/{name}",
            "message": clean(text(event, "message") or text(event, "note"), 2_000, lines=True), "count": count,
        }  # fmt: skip
        service = owners.get((kind, name)) or seen.service_of(kind, {"metadata": {"name": name}})
        rows.append(observed(at, "event", name=name, service=service, region="", body=body))
    return rows


def event_time(event: Json) -> datetime | None:
    """When an event was last seen."""
    places = (("series", "lastObservedTime"), ("lastTimestamp",), ("eventTime",), ("metadata", "creationTimestamp"))
    return next((at for path in places if (at := moment(text(event, *path))) is not None), None)


def written(meta: Meta, *path: str) -> tuple[datetime | None, str]:
    """When, and by which program, a field such as `data` or `spec`, `template` was written last."""
    place = [f"f:{key}" for key in path]
    writes = [(m.time, m.manager) for m in meta.managed_fields if m.time and part(m.fields_v1, *place) is not None]
    return max(writes, key=lambda write: write[0], default=(None, ""))
