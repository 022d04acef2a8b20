"""Pods, pod templates and containers, from `kubectl describe` to the Kubernetes API's words.

What describe always tells is there even when it is empty, so that a declared manifest never fills it in; what it
never tells (affinity, security context, pull secrets) is absent.
"""

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.kubectl_text import is_mapping
from benchmarks.snapshot_fields import lines_of, number, pairs_of, rows_of, said, stamp_of

Part = dict[str, Any]
_PROBE = re.compile(
    r"(http-get|grpc|tcp-socket|exec)\s+(.*?)\s*"
    r"delay=(\d+)s\s+timeout=(\d+)s\s+period=(\d+)s\s+#success=(\d+)\s+#failure=(\d+)"
)
_URL = re.compile(r"(\w+)://([^:/]*):?([^/]*)(/.*)?$")
_KEY_REF = re.compile(r"<set to the key '([^']*)' (?:in|of) (secret|config map) '([^']*)'>(?:.*Optional: (\w+))?")
_FIELD_REF = re.compile(r"(.*?)\(v\d\w*:([\w.\[\]'/-]+)\)$")
_RESOURCE_REF = re.compile(r"\S* ?\(((?:limits|requests)\.[\w.-]+)\)$")
_SOURCE = re.compile(r"(\S+)\s+(Secret|ConfigMap)(?:\s+with prefix '([^']*)')?(?:\s+Optional: (\w+))?")
_PORT = re.compile(r"(\d+)/(\w+)(?: \(([\w-]+)\))?")
_MOUNT = re.compile(r"(\S+) from (\S+) \((r[wo])(?:,path=\"([^\"]*)\")?\)")
_TOLERATION = re.compile(r"([\w./-]*)(?:=([\w.-]*))?:?(\w*)(?: op=(\w+))?(?: for (\d+)s)?$")
_PROBES = {"Liveness": "livenessProbe", "Readiness": "readinessProbe", "Startup": "startupProbe"}
_TIMES = {"Started": "startedAt", "Finished": "finishedAt"}
_CONDITION = {"type": "type", "status": "status", "reason": "reason", "message": "message"}


def port_of(text: str) -> int | str:
    """A port as a number, or its name."""
    found = number(text)
    return found if found is not None and text.strip().isdigit() else text.strip()


def probe_of(text: str) -> Part:
    """`http-get http://:8080/ready delay=5s …` as a probe; empty when there is none."""
    match = _PROBE.search(text)
    if match is None:
        return {}
    how, target = match.group(1), match.group(2)
    delay, timeout, period, success, failure = (int(match.group(n)) for n in range(3, 8))
    return _handler(how, target) | {
        "initialDelaySeconds": delay, "timeoutSeconds": timeout, "periodSeconds": period,
        "successThreshold": success, "failureThreshold": failure,
    }  # fmt: skip


def _handler(how: str, target: str) -> Part:
    if how == "exec":
        return {"exec": {"command": target.strip("[]").split(" ")}}
    if how == "http-get":
        url = _URL.match(target)
        scheme, host, port, path = url.groups() if url else ("http", "", "", target)
        where = {"scheme": scheme.upper(), "port": port_of(port or ""), "path": path or "/"}
        return {"httpGet": where | ({"host": host} if host else {})}
    address, _, service = target.partition(" ")
    port = port_of(address.rpartition(":")[2])
    if how == "tcp-socket":
        return {"tcpSocket": {"port": port}}
    return {"grpc": {"port": port} | ({"service": service} if service else {})}


def _variable(name: str, text: str) -> Part:
    """One environment variable: a value, or where its value comes from."""
    key = _KEY_REF.match(text)
    if key:
        ref = {"name": key.group(3), "key": key.group(1), "optional": key.group(4) == "true"}
        kind = "secretKeyRef" if key.group(2) == "secret" else "configMapKeyRef"
        return {"name": name, "valueFrom": {kind: ref}}
    field = _FIELD_REF.match(text)
    if field:
        return {"name": name, "valueFrom": {"fieldRef": {"fieldPath": field.group(2)}}}
    resource = _RESOURCE_REF.match(text)
    if resource:
        return {"name": name, "valueFrom": {"resourceFieldRef": {"resource": resource.group(1)}}}
    return {"name": name, "value": text}


def _source(text: str) -> list[Part]:
    """One source of many environment variables."""
    match = _SOURCE.match(text)
    if match is None:
        return []
    kind = "secretRef" if match.group(2) == "Secret" else "configMapRef"
    prefix = {"prefix": match.group(3)} if match.group(3) else {}
    return [{kind: {"name": match.group(1), "optional": match.group(4) == "true"}, **prefix}]


def _state(told: Any) -> Part:
    """A container's state: `waiting`, `running` or `terminated` with what was said of it."""
    inner: Mapping[str, Any] = told if is_mapping(told) else {"value": told}
    word = said(inner.get("value"))
    if not word:
        return {}
    found: Part = {
        field: text for key, field in (("Reason", "reason"), ("Message", "message"))
        if (text := said(inner.get(key)))
    }  # fmt: skip
    code = number(inner.get("Exit Code", ""))
    found |= {} if code is None else {"exitCode": code}
    found |= {field: time for key, field in _TIMES.items() if (time := stamp_of(said(inner.get(key))))}
    return {word.lower(): found}


def container(name: str, told: Mapping[str, Any]) -> Part:
    """A container's specification."""
    environment = told.get("Environment")
    variables = environment if is_mapping(environment) else {}
    ports = _PORT.findall(" ".join(lines_of(told.get("Port")) + lines_of(told.get("Ports"))))
    return {
        "name": name,
        "image": said(told.get("Image")),
        "command": lines_of(told.get("Command")),
        "args": lines_of(told.get("Args")),
        "ports": [
            {"containerPort": int(port), "protocol": protocol} | ({"name": label} if label else {})
            for port, protocol, label in ports
        ],
        "env": [_variable(str(key), said(value)) for key, value in variables.items() if key != "lines"],
        "envFrom": [ref for text in lines_of(told.get("Environment Variables from")) for ref in _source(text)],
        "resources": {"limits": _amounts(told.get("Limits")), "requests": _amounts(told.get("Requests"))},
        **{field: probe_of(said(told.get(key))) for key, field in _PROBES.items()},
        "volumeMounts": [
            {"mountPath": path, "name": volume, "readOnly": mode == "ro"} | ({"subPath": sub} if sub else {})
            for path, volume, mode, sub in _MOUNT.findall("\n".join(lines_of(told.get("Mounts"))))
        ],
    }


def _amounts(told: Any) -> dict[str, str]:
    return {str(key): said(value) for key, value in told.items()} if is_mapping(told) else {}


def container_status(name: str, told: Mapping[str, Any]) -> Part:
    """What is observed of a container."""
    return {
        "name": name,
        "ready": said(told.get("Ready")) == "True",
        "restartCount": number(told.get("Restart Count", "")) or 0,
        "image": said(told.get("Image")),
        "imageID": said(told.get("Image ID")),
        "state": _state(told.get("State")),
        "lastState": _state(told.get("Last State")),
    }


def _toleration(text: str) -> Part:
    match = _TOLERATION.match(text)
    key, value, effect, operator, seconds = match.groups() if match else (text, None, "", None, None)
    return {
        "key": key, "operator": operator or ("Equal" if value is not None else "Exists"), "value": value,
        "effect": effect or None, "tolerationSeconds": number(seconds) if seconds else None,
    }  # fmt: skip


def _volume(name: str, told: Any) -> Part:
    inner: Mapping[str, Any] = told if is_mapping(told) else {"Type": told}
    kind = said(inner.get("Type")).partition(" ")[0]
    optional = said(inner.get("Optional")) == "true"
    if kind == "PersistentVolumeClaim":
        return {"name": name, "persistentVolumeClaim": {"claimName": said(inner.get("ClaimName"))}}
    if kind == "ConfigMap":
        return {"name": name, "configMap": {"name": said(inner.get("Name")), "optional": optional}}
    if kind == "Secret":
        return {"name": name, "secret": {"secretName": said(inner.get("SecretName")), "optional": optional}}
    if kind == "HostPath":
        where = {"path": said(inner.get("Path")), "type": said(inner.get("HostPathType"))}
        return {"name": name, "hostPath": where}
    return {"name": name, f"{kind[:1].lower()}{kind[1:]}" or "unknown": {}}


def named(told: Any) -> dict[str, Mapping[str, Any]]:
    """Containers of a description by name."""
    if not is_mapping(told):
        return {}
    return {str(name): inner for name, inner in told.items() if is_mapping(inner)}


def pod_spec(told: Mapping[str, Any]) -> Part:
    """The part of a description that a pod and a pod template share."""
    volumes = told.get("Volumes")
    return {
        "serviceAccountName": said(told.get("Service Account")),
        "nodeSelector": pairs_of(told.get("Node-Selectors")),
        "tolerations": [_toleration(text) for text in lines_of(told.get("Tolerations"))],
        "priorityClassName": said(told.get("Priority Class Name")),
        "initContainers": [container(n, c) for n, c in named(told.get("Init Containers")).items()],
        "containers": [container(n, c) for n, c in named(told.get("Containers")).items()],
        "volumes": [_volume(str(n), v) for n, v in volumes.items()] if is_mapping(volumes) else [],
    }


def conditions_of(told: Any) -> list[Part]:
    """Conditions of any object; times are left out."""
    return [{field: row[key].strip() for key, field in _CONDITION.items() if row.get(key)} for row in rows_of(told)]


def pod(told: Mapping[str, Any]) -> Part:
    """A pod's specification and status."""
    node, _, address = said(told.get("Node")).partition("/")
    phase = said(told.get("Status")).partition(" ")[0]
    return {
        "spec": pod_spec(told) | {"nodeName": node},
        "status": {
            "phase": "Running" if phase == "Terminating" else phase,
            "reason": said(told.get("Reason")),
            "message": said(told.get("Message")),
            "podIP": said(told.get("IP")),
            "hostIP": address,
            "startTime": stamp_of(said(told.get("Start Time"))),
            "qosClass": said(told.get("QoS Class")),
            "conditions": conditions_of(told.get("Conditions")),
            "initContainerStatuses": [
                container_status(n, c) for n, c in named(told.get("Init Containers")).items()
            ],
            "containerStatuses": [container_status(n, c) for n, c in named(told.get("Containers")).items()],
        },
    }


def pod_listed(row: Mapping[str, str]) -> Part:
    """A pod of which only the line of a list is known."""
    status, ready = row.get("status", ""), row.get("ready", "")
    up, _, of = ready.partition("/")
    phases = ("Pending", "Running", "Succeeded", "Failed", "Unknown")
    return {
        "spec": {"nodeName": said(row.get("node", ""))},
        "status": {
            "phase": status if status in phases else "",
            "reason": status if status not in phases else "",
            "podIP": said(row.get("ip", "")),
            "conditions": [{"type": "Ready", "status": "True" if up == of else "False"}] if ready else [],
        },
    }
