"""A small shop on Kubernetes, healthy until a test breaks one thing: its objects as the API gives them."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from autopilot.analysis.dossier import analyze
from autopilot.incident.finding import Dossier, Suspect
from tests.unit.analysis.story import NOW, Story

SPACE = "shop"
APPS: Mapping[str, tuple[str, int, tuple[str, ...]]] = {
    "web": ("http", 8080, ("orders", "stock")),
    "orders": ("grpc", 5050, ("stock", "basket-store")),
    "stock": ("grpc", 3550, ()),
    "basket-store": ("tcp", 6379, ()),
}
"""Application → protocol, port, and what it calls."""
NODES = ("head", "n1", "n2", "n3")
LATELY = (NOW - timedelta(minutes=2)).isoformat()


def probe(kind: str, port: int | str, **timing: int) -> dict[str, Any]:
    """A probe of one kind."""
    target: dict[str, Any] = {"port": port} | ({"path": "/healthz"} if kind == "httpGet" else {})
    return {
        kind: target,
        "initialDelaySeconds": 5,
        "periodSeconds": 10,
        "failureThreshold": 3,
        "timeoutSeconds": 1,
    } | timing


class Shop:
    """The objects by (kind, name); tests change them in place."""

    def __init__(self) -> None:
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}
        self.owners: dict[tuple[str, str], str] = {}
        self.events: list[dict[str, Any]] = []
        self.story = Story(3, services=("web",))
        for number, name in enumerate(NODES):
            self._node(name, head=number == 0)
        self.put("namespace", SPACE, {}, SPACE)
        self.put("serviceaccount", "default", {})
        for number, app in enumerate(APPS):
            self._app(app, NODES[1 + number % 3])
            for callee in APPS[app][2]:
                self.story.add(
                    "topology", {"caller": app, "callee": callee, "weight": 1.0, "source": "configuration"}
                )
            # Start-up noise that healed.
            self.event("replicaset", f"{app}-7d9f8", "FailedCreate", f'service account "{app}" not found')
            self.event(
                "pod", self.pod_name(app), "Unhealthy", "Readiness probe failed: connect: connection refused"
            )

    @staticmethod
    def pod_name(app: str) -> str:
        return f"{app}-7d9f8-abcde"

    def put(self, kind: str, name: str, body: dict[str, Any], service: str = "") -> dict[str, Any]:
        """Add an object; returns its body."""
        whole = kind in ("node", "persistentvolume", "storageclass", "namespace")
        metadata: dict[str, Any] = {"name": name} | ({} if whole else {"namespace": SPACE})
        body = {"metadata": metadata | body.pop("metadata", {}), **body}
        self.objects[kind, name] = body
        self.owners[kind, name] = service or name
        return body

    def event(self, kind: str, name: str, reason: str, message: str) -> None:
        """A warning about an object."""
        self.events.append(
            {"type": "Warning", "reason": reason, "object": f"{kind}/{name}", "message": message, "count": 3}
        )

    def _node(self, name: str, *, head: bool) -> None:
        conditions = [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "False"}]
        role = {"node-role.kubernetes.io/control-plane": ""} if head else {}
        self.put("node", name, {
            "metadata": {"labels": {"kubernetes.io/hostname": name} | role},
            "spec": {"unschedulable": True} if head else {},
            "status": {"allocatable": {"cpu": "8", "memory": "16Gi", "pods": "110"}, "conditions": conditions},
        })  # fmt: skip
        for unit in ("kubelet", "containerd", "kube-proxy", *(["kube-scheduler"] if head else [])):
            self.unit(name, unit, "active", "running")

    def unit(self, node: str, unit: str, state: str, sub_state: str) -> None:
        """A system service of a node."""
        self.objects["node_service", f"{node}/{unit}"] = {
            "node": node, "unit": unit, "state": state, "sub_state": sub_state, "report": f"Active: {state}",
        }  # fmt: skip
        self.owners["node_service", f"{node}/{unit}"] = node

    def _app(self, app: str, node: str) -> None:
        kind, port, callees = APPS[app]
        key = {"http": "httpGet", "grpc": "grpc", "tcp": "tcpSocket"}[kind]
        env = [{"name": "PORT", "value": str(port)}]
        env += [{"name": f"{c.upper().replace('-', '_')}_ADDR", "value": f"{c}:{APPS[c][1]}"} for c in callees]
        env += [{"name": "ASSISTANT_ADDR", "value": "assistant:80"}] if app == "web" else []
        limits = {"cpu": "200m", "memory": "128Mi"}
        running: dict[str, Any] = {"name": "server", "ready": True, "restartCount": 0, "state": {"running": {}}}
        container: dict[str, Any] = {
            "name": "server", "image": f"registry.example/{app}:1.4", "ports": [{"containerPort": port}],
            "env": env,
            "livenessProbe": probe(key, port), "readinessProbe": probe(key, port),
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": limits},
        }  # fmt: skip
        spec: dict[str, Any] = {"containers": [container]}
        template: dict[str, Any] = {"metadata": {"labels": {"app": app}}, "spec": spec}
        self.put("deployment", app, {
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": app}}, "template": template},
            "status": {"readyReplicas": 1},
        })  # fmt: skip
        self.put("replicaset", f"{app}-7d9f8", {
            "metadata": {"ownerReferences": [{"kind": "Deployment", "name": app}]}, "spec": {"replicas": 1},
        }, app)  # fmt: skip
        self.put("pod", self.pod_name(app), {
            "metadata": {"labels": {"app": app, "pod-template-hash": "7d9f8"}},
            "spec": {**spec, "nodeName": node},
            "status": {
                "phase": "Running", "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [running],
            },
        }, app)  # fmt: skip
        self.put("service", app, {
            "spec": {"selector": {"app": app}, "ports": [{"port": port, "targetPort": port, "protocol": "TCP"}]},
        })  # fmt: skip
        self.put("endpoints", app, {"subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": port}]}]})
        self.answers(app, True)

    def answers(self, app: str, reachable: bool) -> None:
        """What asking a service for a connection gave."""
        self.objects["connectivity", f"{app}/{APPS[app][1]}"] = {
            "service": app, "port": APPS[app][1], "reachable": reachable, "report": "",
        }  # fmt: skip
        self.owners["connectivity", f"{app}/{APPS[app][1]}"] = app

    def deployment(self, app: str) -> dict[str, Any]:
        """The specification of an application's pods; its pod shares the containers."""
        return self.objects["deployment", app]["spec"]["template"]["spec"]

    def container(self, app: str) -> dict[str, Any]:
        """The container of an application, shared by deployment and pod."""
        return self.deployment(app)["containers"][0]

    def service(self, app: str) -> dict[str, Any]:
        """The specification of a service."""
        return self.objects["service", app]["spec"]

    def unready(
        self, app: str, state: dict[str, Any] | None = None, restarts: int = 0, last: dict[str, Any] | None = None
    ) -> str:
        """The application's pod does not serve now; returns the pod's name."""
        pod = self.objects["pod", self.pod_name(app)]
        pod["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
        pod["status"]["containerStatuses"] = [{
            "name": "server", "ready": False, "restartCount": restarts, "state": state or {"running": {}},
            "lastState": {"terminated": {"finishedAt": LATELY, **last}} if last else {},
        }]  # fmt: skip
        self.without_endpoints(app)
        return self.pod_name(app)

    def without_endpoints(self, app: str) -> None:
        """Nothing stands behind the service."""
        self.objects["endpoints", app]["subsets"] = []
        self.answers(app, False)

    def pending(self, app: str, message: str = "") -> None:
        """The application's pod has no node."""
        pod = self.objects["pod", self.unready(app)]
        pod["spec"] = {**pod["spec"], **self.deployment(app), "nodeName": ""}
        pod["status"]["phase"], pod["status"]["containerStatuses"] = "Pending", []
        if message:
            self.event("pod", self.pod_name(app), "FailedScheduling", message)

    def unmade(self, app: str, message: str) -> None:
        """The application has no pod because none could be made."""
        del self.objects["pod", self.pod_name(app)]
        self.objects["deployment", app]["status"] = {}
        self.without_endpoints(app)
        self.event("replicaset", f"{app}-7d9f8", "FailedCreate", message)

    def quota(self, **resources: tuple[str, str]) -> None:
        """A quota of the namespace: resource → hard, used; `__` stands for a dot."""
        told = {key.replace("__", "."): value for key, value in resources.items()}
        hard, used = ({k: v[i] for k, v in told.items()} for i in (0, 1))
        self.put("resourcequota", "limits", {"status": {"hard": hard, "used": used}}, SPACE)

    def dossier(self) -> Dossier:
        """What the analysis makes of it."""
        story = self.story
        for (kind, name), body in self.objects.items():
            bare = kind in ("node_service", "connectivity")
            story.add("state", {
                "time": NOW - timedelta(seconds=5), "kind": kind if bare else f"k8s_{kind}", "name": name,
                "service": self.owners[kind, name], "body": json.dumps(body),
            })  # fmt: skip
        for event in self.events:
            story.add("state", {
                "time": NOW - timedelta(minutes=1), "kind": "event", "name": event["object"].partition("/")[2],
                "service": "", "body": json.dumps(event),
            })  # fmt: skip
        return analyze(story.case())

    def first(self) -> tuple[str, str | None]:
        """Whom the analysis blames, and for what."""
        suspects: tuple[Suspect, ...] = self.dossier().suspects
        return (suspects[0].service, suspects[0].mechanism) if suspects else ("", None)
