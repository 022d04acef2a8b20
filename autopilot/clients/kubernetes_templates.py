"""Pod templates: which ones a Deployment has had, and which of them it wants now."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import AwareDatetime, JsonValue

from autopilot.clients.kubernetes_objects import Json, Workload
from autopilot.incident.ids import digest

HASH_LABEL = "pod-template-hash"
"""The label by which the Deployment controller tells the pods of one ReplicaSet from those of another."""
REVISION = "deployment.kubernetes.io/revision"
RESTARTED = "kubectl.kubernetes.io/restartedAt"
OURS = "aiops-auto-pilot/"
"""How annotations begin that we write."""
STEP = f"{OURS}step"
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


def _metadata(template: Json, labels: Mapping[str, str], annotations: Mapping[str, str]) -> Json:
    """The template with these labels and annotations."""
    found = part(template, "metadata")
    kept: Json = {k: v for k, v in found.items() if v is not None} if isinstance(found, dict) else {}
    for field, values in (("labels", labels), ("annotations", annotations)):
        kept.pop(field, None)
        kept |= {field: dict[str, JsonValue](values)} if values else {}
    whole: Json = {**template, "metadata": kept}
    return whole


def bare(template: Json) -> Json:
    """A pod template without the label that the controller adds."""
    labels = {key: value for key, value in texts(template, "metadata", "labels").items() if key != HASH_LABEL}
    return _metadata(template, labels, texts(template, "metadata", "annotations"))


def content(template: Json) -> str:
    """A digest of what a pod template runs: two that differ only in when their pods were started are equal."""
    notes = texts(template, "metadata", "annotations")
    kept = {key: value for key, value in notes.items() if key != RESTARTED and not key.startswith(OURS)}
    return digest(_metadata(bare(template), texts(bare(template), "metadata", "labels"), kept))[:12]


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
