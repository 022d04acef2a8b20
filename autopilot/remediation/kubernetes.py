"""What all Kubernetes tools share: targets in the configured namespaces, and how their server is asked.

What a change may do is asked of the server itself (`dryRun=All`), and every change names the `resourceVersion` that
it was made from: when somebody was faster, the server refuses it and the step looks again.
"""

import re
from typing import ClassVar, Literal, TypeVar

from pydantic import BaseModel

from autopilot.clients.kubernetes import Cluster, PatchKind
from autopilot.clients.kubernetes_objects import Json, Meta
from autopilot.incident.plan import Step, TargetState
from autopilot.remediation.base import InventoryItem, Refusal, argument_problem
from autopilot.remediation.cloud import now
from autopilot.remediation.parts import Parts
from autopilot.remediation.tool import BaseTool
from autopilot.remediation.web import asking

Object = TypeVar("Object", bound=BaseModel)
NAMESPACE = r"(?P<namespace>[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)"
NAME = r"(?P<name>[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)"


_KEEPERS = ("argocd", "argo-cd", "flux", "kustomize-controller", "helm-controller", "fleet")
"""Names under which controllers write that keep objects as a Git repository has them."""


def place(kind: str) -> re.Pattern[str]:
    """Targets of a kind, such as `kubernetes:shop/deployment/checkout`."""
    return re.compile(rf"kubernetes:{NAMESPACE}/{kind}/{NAME}")


def whole_cluster(kind: str) -> re.Pattern[str]:
    """Targets that lie in no namespace, such as `kubernetes:node/ip-10-0-1-7.ec2.internal`."""
    return re.compile(rf"kubernetes:{kind}/{NAME}")


class KubernetesTool(BaseTool):
    """A tool on the objects of one cluster, in the configured namespaces."""

    system: str = "kubernetes"
    tier: Literal["A", "B"] = "B"
    permissions: tuple[str, ...]
    """As `kubectl auth can-i` takes them."""
    target: ClassVar[re.Pattern[str]]

    def __init__(self, cluster: Cluster, namespaces: tuple[str, ...]) -> None:
        """`cluster` speaks as a service account that may change workloads."""
        self._cluster, self._namespaces = cluster, namespaces

    def problem(self, step: Step) -> str:
        """Why target or arguments do not fit; empty when they do."""
        found = self.target.fullmatch(step.target)
        if found is None:
            return f"{step.target!r} is not a target of {self.name}"
        namespace = found.groupdict().get("namespace")
        if namespace is not None and namespace not in self._namespaces:
            return f"{namespace!r} is not among the configured namespaces {', '.join(self._namespaces)}"
        return argument_problem(self.takes, step)

    def _fits(self, item: InventoryItem, kind: str) -> bool:
        """Whether the item is of this kind and its id is one this tool understands."""
        return item.kind == kind and self.target.fullmatch(item.resource) is not None

    def _parts(self, step: Step) -> tuple[str, str]:
        """Namespace (empty for objects of the whole cluster) and name of the target."""
        found = self.target.fullmatch(step.target)
        if found is None:
            raise Refusal(f"{step.target!r} is not a target of {self.name}")
        return found.groupdict().get("namespace") or "", found["name"]

    def _read(self, path: str, kind: type[Object], needs: str) -> Object:
        with asking(path.rpartition("/")[2], needs):
            return self._cluster.read(path, kind)

    def _listed(self, path: str, kind: type[Object], needs: str) -> list[Object]:
        with asking(path.rpartition("/")[2], needs):
            return self._cluster.listed(path, kind)

    def _patch(
        self, path: str, body: Json | list[Json], needs: str, kind: PatchKind = "merge-patch", *, dry: bool = False
    ) -> None:
        with asking(path.rpartition("/")[2], needs):
            self._cluster.patch(path, body, kind, dry=dry)

    def _gone(self, step: Step) -> TargetState:
        return TargetState(target=step.target, exists=False, observed_at=now())


def keepers(meta: Meta) -> tuple[str, ...]:
    """A warning when a controller may set the object back to what a Git repository says."""
    found = sorted({m.manager for m in meta.managed_fields if m.manager.lower().startswith(_KEEPERS)})
    return (f"{', '.join(found)} writes this object too and may set it back",) if found else ()


def writable(parts: Parts) -> tuple[Cluster, tuple[str, ...]] | None:
    """The configured cluster as one that may be changed, and the namespaces for it."""
    settings = parts.settings.kubernetes
    return (parts.cluster, settings.namespaces) if settings and parts.cluster else None
