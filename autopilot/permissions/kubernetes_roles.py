"""Roles of the two Kubernetes service accounts: one that reads, and one for what the tools change."""

from collections.abc import Iterable, Mapping

import yaml

from autopilot.remediation.base import Tool
from autopilot.settings_systems import Kubernetes
from autopilot.sources.kubernetes import CLUSTER_KINDS, CORE, KINDS

NAMES = {"reading": "aiops-auto-pilot-reader", "acting": "aiops-auto-pilot-writer"}
_WIDE = {plural for _, plural in CLUSTER_KINDS.values()}
_EVENTS = (CORE, "events")

Rules = Mapping[tuple[str, str], set[str]]
"""(API group, resource) → verbs."""


def reading_rules() -> dict[tuple[str, str], set[str]]:
    """What the source lists."""
    kinds = (*KINDS.values(), *CLUSTER_KINDS.values(), _EVENTS)
    return {(_group(api), plural): {"list"} for api, plural in kinds}


def acting_rules(tools: Iterable[Tool]) -> dict[tuple[str, str], set[str]]:
    """What the tools state: `patch deployments.apps/scale` is verb, resource, group and subresource."""
    rules: dict[tuple[str, str], set[str]] = {}
    for tool in tools:
        for permission in tool.permissions if tool.system == "kubernetes" else ():
            verb, _, what = permission.partition(" ")
            whole, _, sub = what.partition("/")
            resource, _, group = whole.partition(".")
            rules.setdefault((group, f"{resource}/{sub}" if sub else resource), set()).add(verb)
    return rules


def roles(settings: Kubernetes, tools: Iterable[Tool]) -> dict[str, str]:
    """`reading` and `acting` as YAML: a Role per namespace, and a ClusterRole for nodes and volumes.

    Bind them to the two service accounts; nothing is granted on `secrets`.
    """
    found = {"reading": reading_rules(), "acting": acting_rules(tools)}
    return {
        what: yaml.safe_dump_all(_objects(NAMES[what], rules, settings.namespaces), sort_keys=False)
        for what, rules in found.items()
        if rules
    }


def _objects(name: str, rules: Rules, namespaces: Iterable[str]) -> list[dict[str, object]]:
    inside = {what: verbs for what, verbs in rules.items() if what[1] not in _WIDE}
    wide = {what: verbs for what, verbs in rules.items() if what[1] in _WIDE}
    found = [_role("Role", {"name": name, "namespace": space}, inside) for space in namespaces if inside]
    return [*found, *([_role("ClusterRole", {"name": name}, wide)] if wide else [])]


def _role(kind: str, metadata: dict[str, str], rules: Rules) -> dict[str, object]:
    together: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for (group, resource), verbs in sorted(rules.items()):
        together.setdefault((group, tuple(sorted(verbs))), []).append(resource)
    listed = [
        {"apiGroups": [group], "resources": resources, "verbs": list(verbs)}
        for (group, verbs), resources in together.items()
    ]
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": kind, "metadata": metadata, "rules": listed}


def _group(api: str) -> str:
    return api.split("/")[1] if api.startswith("apis/") else ""
