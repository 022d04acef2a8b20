"""Pod templates: which ones a Deployment has had, and which of them it wants now."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import AwareDatetime, JsonValue

from autopilot.clients.kubernetes_objects import Json, Workload
from autopilot.incident.ids import digest

HASH_LABEL = "pod-template-hash"
"""The label by which the Deployment controller tells the pods of one ReplicaSet from those of another."""
REVISION = "deployment.kubernetes.io/revision"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
STEP = "aiops-auto-pilot/step"
"""Annotation of a pod template: the idempotency key of the step that last restarted it."""
VERSION_LABEL = "app.kubernetes.io/version"
_SECRET = re.compile(r"secret|token|passw|pwd|credential|private|api[._-]?key|access[._-]?key", re.IGNORECASE)


@dataclass(frozen=True)
class Revision:
    """One pod template that a Deployment has had, as its ReplicaSet keeps it."""

    hash: str
    number: int
    created: AwareDatetime | None
    label: str
    """What people call it: its version label, else the tag of its first image."""
    template: Json
    active: bool


def part(value: JsonValue, *path: str) -> JsonValue:
    """What lies at a path of keys; None when any of it is missing or no object."""
    for key in path:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def texts(value: JsonValue, *path: str) -> dict[str, str]:
    """The flat object of texts at a path."""
    found = part(value, *path)
    return {key: item for key, item in found.items() if isinstance(item, str)} if isinstance(found, dict) else {}


def objects(value: JsonValue, *path: str) -> list[Json]:
    """The list of objects at a path."""
    found = part(value, *path)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def is_secret(name: str) -> bool:
    """Whether a variable or key of this name holds what nobody should read."""
    return _SECRET.search(name) is not None


def images(template: Json) -> dict[str, str]:
    """Container → image of a pod template."""
    containers = objects(template, "spec", "containers")
    return {str(c.get("name")): str(c["image"]) for c in containers if isinstance(c.get("image"), str)}


def label_of(template: Json) -> str:
    """What people call a pod template: its version label, else the tag of its first image, else the image."""
    told = texts(template, "metadata", "labels").get(VERSION_LABEL, "")
    image = next(iter(images(template).values()), "")
    name, _, tag = image.partition("@")[0].rpartition(":")
    return told or (tag if name and "/" not in tag else image)


def bare(template: Json, without: Iterable[str] = ()) -> Json:
    """A pod template without the label that the controller adds, and without some annotations."""
    metadata = part(template, "metadata")
    kept: Json = dict(metadata) if isinstance(metadata, dict) else {}
    for field, dropped in (("labels", {HASH_LABEL}), ("annotations", set(without))):
        found = {key: value for key, value in texts(template, "metadata", field).items() if key not in dropped}
        kept.pop(field, None)
        kept |= {field: dict[str, JsonValue](found)} if found else {}
    # The API writes and omits an absent time of creation at will.
    whole: Json = {**template, "metadata": {key: value for key, value in kept.items() if value is not None}}
    return whole


def revisions(deployment: Workload, replica_sets: Sequence[Workload]) -> list[Revision]:
    """The pod templates of a Deployment, newest first."""
    mine, present = deployment.metadata, bare(deployment.spec.template)
    found: list[Revision] = []
    for made in replica_sets:
        owners = [o for o in made.metadata.owner_references if o.kind == "Deployment" and o.name == mine.name]
        name = made.metadata.labels.get(HASH_LABEL, "")
        if not name or not any(not mine.uid or o.uid == mine.uid for o in owners):
            continue
        number, template = made.metadata.annotations.get(REVISION, ""), bare(made.spec.template)
        found.append(
            Revision(
                hash=name,
                number=int(number) if number.isdigit() else 0,
                created=made.metadata.creation_timestamp,
                label=label_of(template) or name,
                template=template,
                active=template == present,
            )
        )
    return sorted(found, key=lambda revision: -revision.number)


def template_id(deployment: Workload, known: Sequence[Revision]) -> str:
    """The hash of the revision that a Deployment wants; a digest in capitals when no ReplicaSet has it yet."""
    active = next((revision.hash for revision in known if revision.active), "")
    return active or f"NEW-{digest(bare(deployment.spec.template))[:12]}"


def reads_at_start(template: Json) -> frozenset[str]:
    """The ConfigMaps that containers of a pod template read into variables when they start."""
    found: set[str] = set()
    for container in [*objects(template, "spec", "containers"), *objects(template, "spec", "initContainers")]:
        told = [part(one, "configMapRef", "name") for one in objects(container, "envFrom")]
        told += [part(one, "valueFrom", "configMapKeyRef", "name") for one in objects(container, "env")]
        found |= {name for name in told if isinstance(name, str)}
    return frozenset(found)
