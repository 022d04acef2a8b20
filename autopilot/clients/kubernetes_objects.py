"""Objects of a Kubernetes API server as far as sources and tools look at them."""

from collections.abc import Mapping
from contextlib import suppress

from pydantic import AwareDatetime, BaseModel, ConfigDict, JsonValue, TypeAdapter, ValidationError
from pydantic.alias_generators import to_camel

from autopilot.incident.ids import digest

Json = dict[str, JsonValue]

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
REPLACED = "aiops-auto-pilot/replaced-data"
"""Annotation of a ConfigMap: the data that a step of ours replaced, as JSON."""


class _Part(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", frozen=True)


class Owner(_Part):
    """Who an object belongs to."""

    kind: str = ""
    name: str = ""
    uid: str = ""


class Managed(_Part):
    """Who wrote which fields, and when."""

    manager: str = ""
    time: AwareDatetime | None = None
    fields_v1: Json = {}


class Meta(_Part):
    """What every object has."""

    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: AwareDatetime | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    owner_references: list[Owner] = []
    managed_fields: list[Managed] = []


class WorkloadSpec(_Part):
    """What is wanted of a workload."""

    replicas: int = 1
    template: Json = {}
    paused: bool = False


class WorkloadStatus(_Part):
    """What is there of it."""

    observed_generation: int = 0
    replicas: int = 0
    updated_replicas: int = 0
    ready_replicas: int = 0


class Workload(_Part):
    """A Deployment or a ReplicaSet."""

    metadata: Meta
    spec: WorkloadSpec = WorkloadSpec()
    status: WorkloadStatus = WorkloadStatus()

    @property
    def rolling(self) -> bool:
        """Whether pods of an older template are still being replaced."""
        status = self.status
        seen = status.observed_generation >= self.metadata.generation
        return not seen or status.updated_replicas < self.spec.replicas or status.replicas > status.updated_replicas

    @property
    def health(self) -> str:
        """How many of its pods serve."""
        return f"{self.status.ready_replicas} of {self.spec.replicas} pods are ready"


class ScaleTarget(_Part):
    """What an autoscaler scales."""

    kind: str = ""
    name: str = ""


class AutoscalerSpec(_Part):
    """Between which bounds, and what."""

    scale_target_ref: ScaleTarget = ScaleTarget()
    min_replicas: int = 1
    max_replicas: int = 1


class AutoscalerStatus(_Part):
    """What the autoscaler made of it."""

    current_replicas: int = 0
    desired_replicas: int = 0


class Autoscaler(_Part):
    """A HorizontalPodAutoscaler."""

    metadata: Meta
    spec: AutoscalerSpec = AutoscalerSpec()
    status: AutoscalerStatus = AutoscalerStatus()

    def scales(self, kind: str, name: str) -> bool:
        """Whether it owns the replicas of this workload."""
        target = self.spec.scale_target_ref
        return (target.kind.lower(), target.name) == (kind, name)


class Condition(_Part):
    """One condition of an object."""

    type: str = ""
    status: str = ""


class NodeSpec(_Part):
    """Whether new pods may be placed on a node."""

    unschedulable: bool = False


class NodeStatus(_Part):
    """How a node is."""

    conditions: list[Condition] = []


class Node(_Part):
    """A node."""

    metadata: Meta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def ready(self) -> bool:
        """Whether its kubelet says that it is ready."""
        return any(c.type == "Ready" and c.status == "True" for c in self.status.conditions)


class ConfigMap(_Part):
    """Settings of workloads."""

    metadata: Meta
    data: dict[str, str] = {}
    immutable: bool = False

    @property
    def version(self) -> str:
        """What its data is called here."""
        return data_version(self.data)

    @property
    def former(self) -> dict[str, dict[str, str]]:
        """Version → data that it held before, as far as the object itself remembers.

        What was applied last, when somebody has edited it since, and what a step of ours replaced.
        """
        known = {data_version(data): data for data in _noted(self.metadata.annotations)}
        return {version: data for version, data in known.items() if version != self.version}


class _Applied(_Part):
    """What `kubectl apply` notes of a manifest, as far as it matters here."""

    data: dict[str, str] = {}


_APPLIED = TypeAdapter(_Applied)
_DATA = TypeAdapter(dict[str, str])


def _noted(annotations: Mapping[str, str]) -> list[dict[str, str]]:
    """Data that the annotations of a ConfigMap remember; broken ones remember nothing."""
    found: list[dict[str, str]] = []
    with suppress(ValidationError):
        found.append(_APPLIED.validate_json(annotations.get(LAST_APPLIED, "{}")).data)
    with suppress(ValidationError):
        found.append(_DATA.validate_json(annotations.get(REPLACED, "{}")))
    return [data for data in found if data]


def data_version(data: Mapping[str, str]) -> str:
    """A short name for the data of a ConfigMap; equal data has equal names."""
    return digest(dict(data))[:12]
