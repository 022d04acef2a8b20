"""A recorded Kubernetes snapshot (`Tool:{arguments}` → output) as rows of a case.

One `state` row per observed object, named `k8s_<kind>`; its body joins what was listed, described and declared.
Naive times and the wall times in log lines belong to the cluster's clock and are read as UTC alike, so that
everything of one snapshot lies on one axis.
"""

import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from pydantic import JsonValue, TypeAdapter

from benchmarks.kubectl_text import (
    is_list,
    is_mapping,
    read_description,
    read_events,
    read_manifests,
    read_table,
    seconds_of,
)

Row = dict[str, object]
_ARGUMENTS = TypeAdapter(dict[str, JsonValue])
_EDGE = re.compile(r"^[\s│]*[├└]──\s*([^\s<]+)")
_LEVEL = re.compile(r"\b(FATAL|PANIC|CRITICAL|SEVERE|ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE)\b", re.IGNORECASE)
_STAMP = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,](\d{1,6})\d*)?(?:Z|[+-]\d\d:?\d\d)?\s+")
_APP_LABELS = ("app", "app.kubernetes.io/name", "k8s-app")
_WORKLOADS = ("k8s_service", "k8s_deployment", "k8s_statefulset")


def singular(kind: str) -> str:
    """`NetworkPolicy`, `networkpolicies`, `pod` → one spelling; `endpoints` has no other."""
    lower = kind.lower()
    if lower.endswith("ies"):
        return lower[:-3] + "y"
    if lower.endswith("classes"):
        return lower[:-2]
    return lower[:-1] if lower.endswith("s") and not lower.endswith(("class", "endpoints")) else lower


class Snapshot:
    """Collects the objects, events, log lines, calls and alarms of one snapshot."""

    def __init__(self, outputs: Mapping[str, Any], at: datetime) -> None:
        self.at = at
        self.logs: list[Row] = []
        self.alarms: list[Row] = []
        self.calls: dict[tuple[str, str], None] = {}
        self._objects: dict[tuple[str, str], dict[str, Any]] = {}
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
            self._errors(given.get("service_name", ""), output)
        elif tool == "GetAlerts":
            self.alarms += alarm_rows(output, self.at)
        else:
            self._probed(tool, given, output)

    def _declared(self, given: Mapping[str, str], output: str) -> None:
        for manifest in read_manifests(output):
            metadata = manifest.get("metadata")
            name = metadata.get("name") if is_mapping(metadata) else None
            kind = f"k8s_{singular(str(manifest.get('kind', '')))}"
            self._object(kind, str(name or given.get("app_name")))["manifest"] = manifest

    def _object(self, kind: str, name: str) -> dict[str, Any]:
        return self._objects.setdefault((kind, name), {})

    def _listed(self, given: Mapping[str, str], output: str) -> None:
        kind = f"k8s_{singular(given.get('resource_type', ''))}"
        if kind == "k8s_event":
            for event in read_events(output):
                self._event(event["object"].partition("/")[2], event)
            return
        if "label_selector" in given:
            return
        for row in read_table(output):
            if row.get("name"):
                self._object(kind, row["name"]).setdefault("listed", {}).update(row)

    def _described(self, given: Mapping[str, str], output: str) -> None:
        found = read_description(output)
        name = given.get("name", "")
        if not isinstance(found.get("Name"), str):
            return
        kind = singular(given.get("resource_type", ""))
        self._object(f"k8s_{kind}", name)["described"] = found
        events = found.get("Events")
        for event in events if is_list(events) else ():
            if is_mapping(event):
                lower = {str(key).lower(): str(value) for key, value in event.items()}
                self._event(name, lower | {"object": f"{kind}/{name}"})

    def _event(self, name: str, event: Mapping[str, str]) -> None:
        reason, message = event.get("reason", ""), event.get("message", "")
        age = seconds_of(event.get("age", ""))
        time = self.at - timedelta(seconds=age) if age is not None else None
        body = {key: event.get(key, "") for key in ("type", "reason", "object", "message")}
        self._events.setdefault((name, reason, message), {
            "time": time, "kind": "event", "name": name, "body": json.dumps(body, ensure_ascii=False),
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

    def _errors(self, service: str, output: Any) -> None:
        if not is_mapping(output):
            return
        for stream, lines in sorted(output.items()):
            for line in lines if is_list(lines) else ():
                text = line.get("sample", "") if is_mapping(line) else line
                self.logs.append(log_row(service, str(stream), str(text), self.at, "ERROR"))

    def _probed(self, tool: str, given: Mapping[str, str], output: Any) -> None:
        """Clusters, node services, connections: whatever tool there was, its answer is a fact about an object."""
        if is_mapping(output):
            for node in output.get("nodes", ()):
                if is_mapping(node) and node.get("name"):
                    self._object("k8s_node", str(node["name"]))["configuration"] = node
            return
        subject = given.get("node_name") or given.get("service_name")
        if not subject:
            return
        detail = given.get("port") or given.get("service_name", "")
        words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", tool.removeprefix("Check")).lower()
        body = self._object(f"k8s_{words}", f"{subject}/{detail}")
        body |= {**given, "report": str(output), "subject": subject}

    def entries(self) -> tuple[str, ...]:
        """Services that users reach: those marked so, else those that others do not call."""
        callees = {callee for _, callee in self.calls}
        return tuple(self._roots) or tuple(dict.fromkeys(c for c, _ in self.calls if c not in callees))[:5]

    def state(self, namespace: str) -> list[Row]:
        """One row per object and per event; the service is the application that the object belongs to."""
        apps = {name for (kind, name) in self._objects if kind in _WORKLOADS}
        rows: list[Row] = [
            {
                "time": self.at, "kind": kind, "name": name, "region": "",
                "body": json.dumps(body, ensure_ascii=False, default=str),
                "service": _owner(kind, name, body, apps, namespace),
            }
            for (kind, name), body in self._objects.items()
        ]  # fmt: skip
        owners = {str(row["name"]): row["service"] for row in rows}
        for event in self._events.values():
            name = str(event["name"])
            rows.append(event | {"service": owners.get(name) or _nearest(name, apps), "region": ""})
        return rows


def _arguments(text: str) -> dict[str, str]:
    try:
        return {key: str(value) for key, value in _ARGUMENTS.validate_json(text or "{}").items() if value}
    except ValueError:
        return {}


def _owner(kind: str, name: str, body: Mapping[str, Any], apps: Iterable[str], namespace: str) -> str:
    if kind == "k8s_node":
        return name
    if kind in ("k8s_namespace", "k8s_resourcequota"):
        return namespace
    if "subject" in body:
        return str(body["subject"])
    label = _label(body)
    if label:
        return label
    if name in apps:
        return name
    return _nearest(name, apps)


def _nearest(name: str, apps: Iterable[str]) -> str:
    """The application whose name a generated name contains, the longest first; else the name itself."""
    near = [app for app in apps if f"-{app}-" in f"-{name}-"]
    return max(near, key=lambda app: (len(app), app)) if near else name


def _label(body: Mapping[str, Any]) -> str:
    """The application that the object's labels name."""
    described = body.get("described")
    labels = described.get("Labels", "") if is_mapping(described) else ""
    texts = [str(text) for text in labels] if is_list(labels) else [str(labels)]
    listed = body.get("listed")
    texts += str(listed.get("labels", "")).split(",") if is_mapping(listed) else []
    found = dict(text.split("=", 1) for text in texts if "=" in text)
    return next((found[key].strip() for key in _APP_LABELS if key in found), "")


def log_row(service: str, stream: str, text: str, at: datetime, level: str = "") -> Row:
    """One log line; its own stamp is taken off the front and used, else the time of the snapshot."""
    stamp = _STAMP.match(text)
    message = text[stamp.end() :] if stamp else text
    time = datetime.fromisoformat(stamp.group(1)).replace(tzinfo=at.tzinfo) if stamp else at
    if stamp and stamp.group(2):
        time = time.replace(microsecond=int(stamp.group(2).ljust(6, "0")))
    said = _LEVEL.search(message[:200])
    return {
        "time": time, "service": service, "resource": stream, "kind": "application", "message": message,
        "level": level or (said.group(1).upper() if said else ""),
    }  # fmt: skip


def alarm_rows(told: Any, at: datetime) -> list[Row]:
    """Alerts of users' actions: which entry failed, doing what, and the error they saw."""
    alerts = told.get("alerts") if is_mapping(told) else None
    return [_alarm(alert, at) for alert in (alerts if is_list(alerts) else ()) if is_mapping(alert)]


def _alarm(alert: Mapping[str, Any], at: datetime) -> Row:
    return {
        "time": at, "state": "firing", "name": str(alert.get("business_action", "")),
        "service": str(alert.get("entry_service", "")), "resource": str(alert.get("url", "")),
        "reason": str(alert.get("raw_error", "")),
    }  # fmt: skip
