"""What tools may act on in a cluster: Deployments, autoscalers, nodes and ConfigMaps, with their versions."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from autopilot.clients.kubernetes_objects import Autoscaler, ConfigMap, Json, Node, Workload
from autopilot.clients.kubernetes_templates import (
    Revision,
    content,
    images,
    is_secret,
    reads_at_start,
    revisions,
    template_id,
)
from autopilot.incident.base import Scalar, clean
from autopilot.incident.evidence import Scope
from autopilot.sources.base import Collected
from autopilot.sources.inventory import in_scope, iso, item, nearest
from autopilot.sources.kubernetes_rows import Seen, written

CAUSE = "kubernetes.io/change-cause"
"""Annotation in which people say why they rolled out."""
MAX_DIFF = 4_000

Object = TypeVar("Object", bound=BaseModel)
Row = dict[str, object]


def parsed(found: list[Json], kind: type[Object]) -> Iterator[Object]:
    """Objects as far as they have the shape of their kind."""
    for body in found:
        try:
            yield kind.model_validate(body)
        except ValidationError:
            continue


class _Cluster:
    """What was seen, typed, with the services that objects belong to."""

    def __init__(self, seen: Seen) -> None:
        self._seen = seen
        self._sets: dict[tuple[str, str], list[Workload]] = {}
        for made in parsed(seen.of("replicaset"), Workload):
            for owner in made.metadata.owner_references:
                self._sets.setdefault((made.metadata.namespace, owner.name), []).append(made)
        self.scalers = list(parsed(seen.of("horizontalpodautoscaler"), Autoscaler))

    def owned(self, kind: str, model: type[Object]) -> list[tuple[str, Object]]:
        """(service, object) of a kind."""
        found: list[tuple[str, Object]] = []
        for body in self._seen.of(kind):
            found += [(self._seen.service_of(kind, body), one) for one in parsed([body], model)]
        return found

    def revisions(self, deployment: Workload) -> list[Revision]:
        """The templates of a Deployment, newest first."""
        meta = deployment.metadata
        return revisions(deployment, self._sets.get((meta.namespace, meta.name), []))


def inventory(seen: Seen, scope: Scope, into: Collected) -> list[Row]:
    """One row per thing that a tool could act on; those of the scope's services first."""
    cluster = _Cluster(seen)
    deployments = nearest(scope, cluster.owned("deployment", Workload), "Deployments", into)
    scalers = nearest(scope, cluster.owned("horizontalpodautoscaler", Autoscaler), "autoscalers", into)
    configs = nearest(scope, cluster.owned("configmap", ConfigMap), "ConfigMaps", into)
    nodes = nearest(scope, cluster.owned("node", Node), "nodes", into)
    return [
        *(_deployment(service, found, cluster) for service, found in deployments),
        *(_scaler(service, found) for service, found in scalers),
        *(_config(service, found, [d for _, d in deployments]) for service, found in configs),
        *(_node(found) for _, found in nodes),
    ]


def _row(
    kind: str,
    short: str,
    found: Workload | Autoscaler | ConfigMap | Node,
    service: str,
    settings: Mapping[str, Scalar],
    versions: list[dict[str, Scalar]],
    health: str,
) -> Row:
    meta = found.metadata
    place = f"{meta.namespace}/{short}/{meta.name}" if meta.namespace else f"{short}/{meta.name}"
    return item(
        kind,
        f"kubernetes:{place}",
        name=f"{short}/{meta.name}",
        service=service,
        region="",
        settings=({"namespace": meta.namespace} if meta.namespace else {}) | dict(settings),
        versions=versions,
        health=health,
        source="kubernetes",
    )


def _deployment(service: str, found: Workload, cluster: _Cluster) -> Row:
    known, meta = cluster.revisions(found), found.metadata
    owner = next(
        (
            s.metadata.name
            for s in cluster.scalers
            if s.metadata.namespace == meta.namespace and s.scales("deployment", meta.name)
        ),
        "",
    )
    settings: dict[str, Scalar] = {
        "template": template_id(found, known),
        "replicas": found.spec.replicas,
        "ready_replicas": found.status.ready_replicas,
        "autoscaler": owner,
        "paused": found.spec.paused,
        "rolling_out": found.rolling,
        "image": ", ".join(images(found.spec.template).values()),
    }
    versions: list[dict[str, Scalar]] = [
        {"version": r.hash, "created_at": iso(r.created), "description": r.label, "active": r.active}
        for r in _distinct(known)
    ]
    return _row("kubernetes_deployment", "deployment", found, service, settings, versions, found.health)


def _distinct(known: list[Revision]) -> list[Revision]:
    """Without those that run what a newer one runs: fresh pods of the same template are no other version."""
    newest: dict[str, Revision] = {}
    for revision in known:
        newest.setdefault(content(revision.template), revision)
    return list(newest.values())


def _scaler(service: str, found: Autoscaler) -> Row:
    target = found.spec.scale_target_ref
    settings: dict[str, Scalar] = {
        "scales": f"{target.kind.lower()}/{target.name}",
        "min_replicas": found.spec.min_replicas,
        "max_replicas": found.spec.max_replicas,
        "current_replicas": found.status.current_replicas,
        "desired_replicas": found.status.desired_replicas,
    }
    return _row("kubernetes_autoscaler", "horizontalpodautoscaler", found, service, settings, [], "")


def _config(service: str, found: ConfigMap, deployments: list[Workload]) -> Row:
    at, manager = written(found.metadata, "data")
    readers = [
        d.metadata.name
        for d in deployments
        if d.metadata.namespace == found.metadata.namespace
        and found.metadata.name in reads_at_start(d.spec.template)
    ]
    settings: dict[str, Scalar] = {
        "version": found.version,
        "immutable": found.immutable,
        "written_by": clean(manager, 80),
        "read_at_start_by": ", ".join(sorted(readers)),
    }
    present: dict[str, Scalar] = {
        "version": found.version, "created_at": iso(at), "description": "present data", "active": True,
    }  # fmt: skip
    earlier: list[dict[str, Scalar]] = [
        {"version": version, "created_at": "", "description": "former data", "active": False}
        for version in found.former
    ]
    return _row("kubernetes_configmap", "configmap", found, service, settings, [present, *earlier], "")


def _node(found: Node) -> Row:
    settings: dict[str, Scalar] = {"unschedulable": found.spec.unschedulable, "ready": found.ready}
    health = "ready" if found.ready else "not ready"
    return _row("kubernetes_node", "node", found, found.metadata.name, settings, [], health)


def changes(seen: Seen, scope: Scope) -> list[Row]:
    """Rollouts and edited settings in the scope's windows, as far as the objects themselves tell."""
    cluster = _Cluster(seen)
    rows = [
        row
        for service, deployment in cluster.owned("deployment", Workload)
        for row in _rollouts(service, deployment, cluster.revisions(deployment))
    ]
    rows += [_edit(service, config) for service, config in cluster.owned("configmap", ConfigMap)]
    return [row for row in rows if isinstance(at := row["time"], datetime) and in_scope(scope, at)]


def _rollouts(service: str, found: Workload, known: list[Revision]) -> Iterator[Row]:
    """One change per template; the one that runs again after a rollback began when the Deployment was written."""
    meta = found.metadata
    newest = max((r.created for r in known if r.created), default=None)
    for index, revision in enumerate(known):
        restarted = any(content(r.template) == content(revision.template) for r in known[index + 1 : index + 2])
        at, back = revision.created, ""
        if revision.active and revision.created != newest:
            at, back = written(meta, "spec", "template")[0], "back to "
        why = meta.annotations.get(CAUSE, "") if revision.active else ""
        what = f"started fresh pods of {revision.label}" if restarted else f"rolled out {back}{revision.label}"
        yield {
            "time": at,
            "id": f"kubernetes:{meta.namespace}/{meta.name}/{revision.hash}/{revision.number}",
            "kind": "maintenance" if restarted else "deploy",
            "service": service,
            "resource": f"kubernetes:{meta.namespace}/deployment/{meta.name}",
            "region": "",
            "version": revision.label,
            "summary": clean(f"deployment/{meta.name} {what}. {why}", 400),
            "diff": "\n".join(f"{name}: {image}" for name, image in images(revision.template).items())[:MAX_DIFF],
        }


def _edit(service: str, found: ConfigMap) -> Row:
    meta = found.metadata
    at, manager = written(meta, "data")
    by = f" by {clean(manager, 80)}" if manager else ""
    former = next(iter(found.former.values()), dict[str, str]())
    return {
        "time": at,
        "id": f"kubernetes:{meta.namespace}/{meta.name}/{found.version}",
        "kind": "config",
        "service": service,
        "resource": f"kubernetes:{meta.namespace}/configmap/{meta.name}",
        "region": "",
        "version": found.version,
        "summary": f"configmap/{meta.name} was written{by}",
        "diff": _diff(former, found.data) if former else "",
    }


def _diff(former: Mapping[str, str], present: Mapping[str, str]) -> str:
    """Keys that differ, as removed and added lines; values of secrets are not told."""
    lines: list[str] = []
    for key in sorted({*former, *present}):
        if former.get(key) == present.get(key):
            continue
        for sign, data in (("-", former), ("+", present)):
            if key in data:
                lines.append(
                    f"{sign}{key}: {'(not told)' if is_secret(key) else clean(data[key], 400, lines=True)}"
                )
    return "\n".join(lines)[:MAX_DIFF]
