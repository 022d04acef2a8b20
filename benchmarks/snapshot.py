"""A recorded Kubernetes snapshot (`Tool:{arguments}` → output) as rows of a case.

One `state` row per observed object: kind `k8s_<kind in lower case>`, name as in its metadata, the application it
belongs to as service, and as body the object as `kubectl get -o json` returns it (`snapshot_objects`). A manifest
that is not, or not so, in the cluster is a row of kind `k8s_declared_<kind>`. Beside the objects there are

- `event`: `type`, `reason`, `object` (`pod/x`), `message`, `count`; its name is the object's;
- `node_service`, named `<node>/<unit>`: `node`, `unit`, `state` (`active`, `inactive`, `failed` …), `sub_state`,
  `report`; its service is the node;
- `connectivity`, named `<service>/<port>`: `service`, `port`, `reachable` (from any node), `unreachable_from`
  (nodes), `report`.

Everything of one snapshot lies on one axis: the cluster's clock, read as if it were UTC. Naive times are on it, log
lines stamped in another zone are moved onto it.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue, TypeAdapter

from benchmarks.kubectl_text import (
    is_mapping,
    read_description,
    read_events,
    read_manifests,
    read_table,
    seconds_of,
)
from benchmarks.snapshot_fields import repeats, rows_of
from benchmarks.snapshot_objects import Part, Seen, declared_object, differs, live_object, pruned, under
from benchmarks.snapshot_rows import Row, alarm_rows, connectivity_row, log_rows, node_service_row, offset_of

_ARGUMENTS = TypeAdapter(dict[str, JsonValue])
_EDGE = re.compile(r"^[\s│]*[├└]──\s*([^\s<]+)")
_EVENTS = re.compile(r"^Events:\s*\n", re.MULTILINE)
_ZONE = re.compile(r"Timestamp:\s+\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d ([+-]\d{4})\b")
_APP_LABELS = ("app", "app.kubernetes.io/name", "k8s-app")
_WORKLOADS = ("service", "deployment", "statefulset")
_NAMESPACED = ("namespace", "resourcequota", "limitrange")


def singular(kind: str) -> str:
    """`NetworkPolicy`, `networkpolicies`, `pod` → one spelling; `endpoints` has no other."""
    lower = kind.lower()
    if lower.endswith("ies"):
        return lower[:-3] + "y"
    if lower.endswith("classes"):
        return lower[:-2]
    return lower[:-1] if lower.endswith("s") and not lower.endswith(("class", "endpoints")) else lower


class Snapshot:
    """Collects the objects, facts, events, log lines, calls and alarms of one snapshot."""

    def __init__(self, outputs: Mapping[str, Any], at: datetime) -> None:
        self.at = at
        self.ahead = _ahead(outputs)
        self.logs: list[Row] = []
        self.alarms: list[Row] = []
        self.calls: dict[tuple[str, str], None] = {}
        self._objects: dict[tuple[str, str], Seen] = {}
        self._facts: dict[tuple[str, str], Row] = {}
        self._events: dict[tuple[str, ...], Row] = {}
        self._roots: dict[str, None] = {}
        for call, output in sorted(outputs.items()):
            self._take(call, output)

    def _take(self, call: str, output: Any) -> None:
        tool, _, text = call.partition(":")
        given = _arguments(text)
        if tool == "GetResources":
            self._listed(given, str(output))
        elif tool == "DescribeResource":
            self._described(given, str(output))
        elif tool == "GetAppYAML":
            self._declared(given, str(output))
        elif tool == "GetServiceDependencies":
            self._dependencies(str(output))
        elif tool == "GetErrorLogs":
            self.logs.extend(log_rows(given.get("service_name", ""), output, self.at, self.ahead))
        elif tool == "GetAlerts":
            self.alarms += alarm_rows(output, self.at)
        else:
            self._probed(tool, given, output)

    def _object(self, kind: str, name: str) -> Seen:
        return self._objects.setdefault((kind, name), Seen())

    def _declared(self, given: Mapping[str, str], output: str) -> None:
        for manifest in read_manifests(output):
            metadata = manifest.get("metadata")
            name = metadata.get("name") if is_mapping(metadata) else None
            kind = singular(str(manifest.get("kind", "")))
            seen = self._object(kind, str(name or given.get("app_name")))
            seen.declared, seen.app = declared_object(manifest), given.get("app_name", "")

    def _listed(self, given: Mapping[str, str], output: str) -> None:
        kind = singular(given.get("resource_type", ""))
        if kind == "event":
            for event in read_events(output):
                self._event(event["object"].partition("/")[2], event)
            return
        if "label_selector" in given:
            return
        for row in read_table(output):
            if row.get("name"):
                seen = self._object(kind, row["name"])
                seen.listed.update(row)
                seen.namespace = given.get("namespace", "")

    def _described(self, given: Mapping[str, str], output: str) -> None:
        name, kind = given.get("name", ""), singular(given.get("resource_type", ""))
        if not output.lstrip().startswith("Name:"):
            return
        self._object(kind, name).described = output
        events = _EVENTS.search(output)
        for event in rows_of(read_description(output[events.start() :]).get("Events")) if events else ():
            lower = {str(key).lower(): str(value) for key, value in event.items()}
            self._event(name, lower | {"object": f"{kind}/{name}"})

    def _event(self, name: str, event: Mapping[str, str]) -> None:
        reason, message, told = event.get("reason", ""), event.get("message", ""), event.get("age", "")
        age = seconds_of(told)
        time = self.at - timedelta(seconds=age) if age is not None else None
        body: Part = {key: event.get(key, "") for key in ("type", "reason", "object", "message")}
        self._events.setdefault((name, reason, message), {
            "time": time, "kind": "event", "name": name,
            "body": json.dumps(body | {"count": repeats(told)}, ensure_ascii=False),
        })  # fmt: skip

    def _dependencies(self, output: str) -> None:
        match = re.search(r"\[Service\]:\s*(\S+)(\s*\(Entry)?", output)
        if match is None:
            return
        service = match.group(1)
        if match.group(2):
            self._roots[service] = None
        upstream = re.search(r"Called By\)\]:([^\n(]*)$", output, re.MULTILINE)
        for caller in re.findall(r"[\w.-]+", upstream.group(1)) if upstream else ():
            self.calls[(caller, service)] = None
        path = [service]
        for line in output.splitlines():
            edge = _EDGE.match(line)
            if edge:
                depth = (line.index("──") - 1) // 4 + 1
                path = [*path[:depth], edge.group(1)]
                self.calls[(path[-2], path[-1])] = None

    def _probed(self, tool: str, given: Mapping[str, str], output: Any) -> None:
        """Clusters, units of nodes and connections: what was asked of the system by name."""
        if is_mapping(output):
            for node in output.get("nodes", ()):
                if is_mapping(node) and node.get("name"):
                    self._object("node", str(node["name"])).configured = node
            return
        row: Row | None = None
        if given.get("node_name") and given.get("service_name"):
            row = node_service_row(given["node_name"], given["service_name"], str(output), self.at)
        elif tool.startswith("CheckServiceConnectivity"):
            row = connectivity_row(given.get("service_name", ""), given.get("port", ""), str(output), self.at)
        if row is not None:
            self._facts.setdefault((str(row["kind"]), str(row["name"])), row)

    def entries(self) -> tuple[str, ...]:
        """Services that users reach: those marked so, else those that others do not call."""
        callees = {callee for _, callee in self.calls}
        return tuple(self._roots) or tuple(dict.fromkeys(c for c, _ in self.calls if c not in callees))[:5]

    @property
    def applications(self) -> frozenset[str]:
        """Services and workloads that were observed or take part in calls."""
        observed = {name for (kind, name) in self._objects if kind in _WORKLOADS}
        return frozenset(observed | {service for call in self.calls for service in call})

    def state(self, namespace: str) -> list[Row]:
        """One row per object, fact and event; the service is the application that the object belongs to."""
        apps = self.applications
        rows = list(self._object_rows(apps, namespace))
        owners = {str(row["name"]): str(row["service"]) for row in rows}
        rows += self._facts.values()
        for event in self._events.values():
            name = str(event["name"])
            rows.append(event | {"service": owners.get(name) or _nearest(name, apps), "region": ""})
        return rows

    def _object_rows(self, apps: Iterable[str], namespace: str) -> Iterator[Row]:
        templates: dict[str, Part] = {}
        for (kind, name), seen in sorted(self._objects.items(), key=lambda item: item[0][0] == "pod"):
            live = live_object(kind, name, seen, namespace, self.at) if seen.live else {}
            body = under(live, seen.declared) if live else {}
            if "template" in body.get("spec", {}):
                templates[name] = body["spec"]["template"].get("spec", {})
            if kind == "pod" and live:
                body["spec"] = under(body.get("spec", {}), templates.get(_workload(body), {}))
            service = _owner(kind, name, body or seen.declared, apps, namespace, seen.app)
            if live:
                yield self._row(f"k8s_{kind}", name, service, body)
            if seen.declared and (not live or differs(live, seen.declared)):
                yield self._row(f"k8s_declared_{kind}", name, service, seen.declared)

    def _row(self, kind: str, name: str, service: str, body: Part) -> Row:
        told = json.dumps(pruned(body), ensure_ascii=False, default=str)
        return {"time": self.at, "kind": kind, "name": name, "service": service, "region": "", "body": told}


def _ahead(outputs: Mapping[str, Any]) -> timedelta | None:
    """How far the cluster's clock is ahead of UTC, as the first description with a time says."""
    stamps = (_ZONE.search(text) for _, text in sorted(outputs.items()) if isinstance(text, str))
    first = next((stamp for stamp in stamps if stamp), None)
    return offset_of(first.group(1)) if first else None


def _arguments(text: str) -> dict[str, str]:
    try:
        return {key: str(value) for key, value in _ARGUMENTS.validate_json(text or "{}").items() if value}
    except ValueError:
        return {}


def _workload(pod: Part) -> str:
    """The workload whose template a pod was made from: its owner, or the deployment of an owning replica set."""
    for owner in pod["metadata"].get("ownerReferences", ()):
        name = str(owner["name"])
        return name.rpartition("-")[0] if owner["kind"] == "ReplicaSet" else name
    return ""


def _owner(kind: str, name: str, body: Part, apps: Iterable[str], namespace: str, app: str) -> str:
    """The node or namespace itself, else the application: by label, by name, by whose manifest it stands in."""
    if kind == "node":
        return name
    if kind in _NAMESPACED:
        return name if kind == "namespace" else body.get("metadata", {}).get("namespace") or namespace
    metadata = body.get("metadata")
    labels = metadata.get("labels") if is_mapping(metadata) else None
    found = {key: str(value) for key, value in labels.items()} if is_mapping(labels) else {}
    label = next((found[key] for key in _APP_LABELS if found.get(key)), "")
    if label or name in apps:
        return label or name
    spec = body.get("spec")
    claim = spec.get("claimRef") if is_mapping(spec) else None
    return app or _nearest(str(claim.get("name") if is_mapping(claim) else "") or name, apps)


def _nearest(name: str, apps: Iterable[str]) -> str:
    """The application whose name a generated name contains, the longest first; else the name itself."""
    near = [app for app in apps if f"-{app}-" in f"-{name}-"]
    return max(near, key=lambda app: (len(app), app)) if near else name
