"""Every object of a cluster as the rules see it: its own fields, its relations, and whether something suffers now.

Fields that every view has:

- `name`, `namespace`, `application` (the service that the object belongs to), `object` (the body)
- `suffers`: whether the application, node or namespace of the object is visibly unwell at this moment

What else each kind offers is documented in docs/rules.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autopilot.analysis.state.cluster.addresses import Address, AddressBook, addresses
from autopilot.analysis.state.cluster.databases import clients_of, clients_said, clients_waiting, is_database
from autopilot.analysis.state.cluster.names import lost_names
from autopilot.analysis.state.cluster.nodes import missing_claims, namespace_view, node_view, unit_view
from autopilot.analysis.state.cluster.objects import Cluster, Observed, listing, part, text
from autopilot.analysis.state.cluster.placement import placement, rooms
from autopilot.analysis.state.cluster.probes import mark_late, read_probes
from autopilot.analysis.state.cluster.routes import policy_view, route_view
from autopilot.analysis.state.cluster.services import Labelled, read_reports, service_view
from autopilot.analysis.state.cluster.settings import misroutes, settings
from autopilot.analysis.state.cluster.storage import claim_view
from autopilot.analysis.state.cluster.workloads import Workload, describe, missing_pods, read_workloads

CLUSTER = "state"
"""Source of what was observed in a cluster."""


@dataclass(frozen=True)
class View:
    """What rules see of one object."""

    kind: str
    name: str
    application: str
    region: str
    fields: Mapping[str, Any]
    node: str = ""
    namespace: str = ""
    reach: frozenset[str] = frozenset()
    """Applications that depend on the object beyond its own: those of a node's pods, of a namespace."""
    resource: str = ""
    """Its id where the inventory knows one."""
    source: str = CLUSTER


def read_views(cluster: Cluster, said: Mapping[str, str] | None = None) -> list[View]:
    """The views of everything observed, in a stable order.

    Args:
        cluster: What was observed.
        said: Application → its recent log lines, as far as known.
    """
    workloads = read_workloads(cluster)
    world = _World(cluster, workloads, said or {})
    return [
        *world.workloads(), *world.services(), *world.nodes(), *world.namespaces(), *world.others(),
        *world.databases(), *world.misroutes(),
    ]  # fmt: skip


class _World:
    """The cluster with what several views share."""

    def __init__(self, cluster: Cluster, workloads: Sequence[Workload], said: Mapping[str, str]) -> None:
        self._cluster = cluster
        self._workloads = workloads
        self._said = said
        self._places = rooms(cluster.of("node"), workloads)
        reports = read_reports(cluster)
        self._told: dict[str, list[Address]] = {
            w.top.name: addresses(w, settings(w.spec, cluster, w.top.namespace)) for w in workloads
        }
        self._delays = {
            w.top.name: [c["readiness"]["delay"] for c in w.containers if c["readiness"]] for w in workloads
        }
        self._book = AddressBook.of(cluster, self._told)
        labelled = Labelled(workloads)
        self._services = [(s, service_view(s, labelled, cluster, reports)) for s in cluster.of("service")]
        self._units = [(o, unit_view(o)) for o in cluster.of("node_service")]
        # A service of something that was never installed and that nobody calls hurts nobody.
        known = {w.top.name for w in workloads} | {w.top.service for w in workloads}
        known |= {a.first for told in self._told.values() for a in told}
        self._unwell = frozenset(
            w.top.service for w in workloads if missing_pods(w) or any(p.troubled for p in w.pods)
        ) | frozenset(
            o.service for o, view in self._services
            if view["unreachable"] or (view["empty"] and view["selects"])
            or (view["selector_misses"] and {o.name, o.service} & known)
        )  # fmt: skip

    def _view(
        self, o: Observed, kind: str, fields: Mapping[str, Any], reach: Iterable[str] = (), node: str = ""
    ) -> View:
        spread = frozenset(reach)
        general = {
            "name": o.name, "namespace": o.namespace, "application": o.service, "object": o.body,
            "suffers": bool(({o.service} | spread) & self._unwell),
        }  # fmt: skip
        return View(kind, o.name, o.service, o.region, general | dict(fields), node, o.namespace, spread)

    def workloads(self) -> list[View]:
        """Workloads with what they need and where their pods may run."""
        return [self._workload(w) for w in self._workloads]

    def _workload(self, w: Workload) -> View:
        fields = describe(w) | self._needs(w)
        fields["placement"] = placement(w, self._places)
        fields["addresses"] = [f"{a.variable}={a.host}:{a.port or ''}" for a in self._told[w.top.name]]
        fields["wrong_addresses"] = self._book.wrong(
            w.top.name, self._told[w.top.name], self._said.get(w.top.service, "")
        )
        fields["port_clashes"] = _clashes(w)
        mine = [v for _, v in self._services if w.top.name in v["selects"]]
        fields["services"] = sorted({o.name for o, v in self._services if w.top.name in v["selects"]})
        fields["unreachable"] = any(v["unreachable"] for v in mine)
        fields["probes"] = read_probes(
            fields["containers"], fields["complaint"], sorted({p for v in mine for p in v["protocols"]})
        )
        mark_late(
            fields["probes"],
            [delay for name, found in self._delays.items() if name != w.top.name for delay in found],
        )
        names = {o.name for o, _ in self._services}
        fields["overridden_names"] = sorted(
            names & {str(h) for a in fields["host_aliases"] for h in listing(a, "hostnames")}
        )
        fields["said"] = self._said.get(w.top.service, "")
        fields["lost_names"] = lost_names(fields["said"], names)
        return self._view(w.top, "workload", fields)

    def databases(self) -> list[View]:
        """Databases with what their clients say."""
        views: list[View] = []
        for w in self._workloads:
            if is_database(w):
                clients = clients_of(w, self._workloads, self._cluster.of("service"), self._told)
                known = sorted({c.top.service for c in clients})
                fields = {
                    "clients": known, "clients_said": clients_said(clients, self._said),
                    "clients_waiting": clients_waiting(clients, self._said),
                    "said": self._said.get(w.top.service, ""), "missing": missing_pods(w),
                }  # fmt: skip
                views.append(self._view(w.top, "database", fields, known))
        return views

    def misroutes(self) -> list[View]:
        """Routes in files of gateways that lead astray; they belong to the service that misses its requests."""
        return [
            replace(self._view(o, "misroute", fields | {"application": astray}, {o.service}), application=astray)
            for o, astray, fields in misroutes(self._cluster)
        ]

    def _needs(self, w: Workload) -> dict[str, Any]:
        """What the pods of a workload refer to and is not there."""
        cluster, near = self._cluster, w.top.namespace
        account = text(w.spec, "serviceAccountName") or text(w.spec, "serviceAccount") or "default"
        pulls = [text(s, "name") for s in listing(w.spec, "imagePullSecrets")]
        refs = _references(w.spec)
        return {
            "account": account,
            "account_known": cluster.named("serviceaccount", account, near) is not None,
            "account_missing": cluster.lacks("serviceaccount", account, near),
            "pull_secrets": pulls,
            "missing_pull_secrets": [p for p in pulls if p and cluster.lacks("secret", p, near)],
            "missing_secrets": sorted(n for k, n in refs if k == "secret" and cluster.lacks(k, n, near)),
            "missing_configmaps": sorted(n for k, n in refs if k == "configmap" and cluster.lacks(k, n, near)),
            "missing_claims": missing_claims(w, cluster),
        }

    def services(self) -> list[View]:
        """Services against the pods they should reach."""
        return [self._view(o, "service", v) for o, v in self._services]

    def nodes(self) -> list[View]:
        """Nodes, and the system services that run on them."""
        units = [view for _, view in self._units]
        views = [
            self._view(o, "node", node_view(o, self._workloads, units), self._on(o.name), o.name)
            for o in self._cluster.of("node")
        ]
        waiting = {w.top.service for w in self._workloads if any(p.waits for p in w.pods)}
        for o, fields in self._units:
            central = fields["role"] not in ("kubelet", "runtime", "proxy")
            reach = waiting if central else self._on(fields["node"])
            views.append(self._view(o, "unit", fields | {"waiting": len(waiting)}, reach, fields["node"]))
        return views

    def _on(self, node: str) -> set[str]:
        return {w.top.service for w in self._workloads if node in w.nodes}

    def namespaces(self) -> list[View]:
        """Namespaces, known by themselves or by what lies in them."""
        seen = {o.name: o for o in self._cluster.of("namespace")}
        owners = [*self._cluster.of("resourcequota"), *(w.top for w in self._workloads)]
        for name in sorted({o.namespace for o in owners if o.namespace} - set(seen)):
            seen[name] = Observed("namespace", name, name, "", {"metadata": {"name": name}})
        views: list[View] = []
        for name, o in sorted(seen.items()):
            within = [w for w in self._workloads if w.top.near(name)]
            fields = namespace_view(name, within, self._cluster, self._lost(within))
            view = self._view(o, "namespace", fields, {w.top.service for w in within})
            views.append(View(view.kind, name, name, view.region, view.fields, "", name, view.reach))
        return views

    def _lost(self, within: Sequence[Workload]) -> list[str]:
        """Workloads that others call by name and that have no service."""
        names = {o.name for o, _ in self._services}
        called = {a.first for told in self._told.values() for a in told if a.inside}
        return sorted(w.top.name for w in within if names and w.top.name in called - names)

    def others(self) -> list[View]:
        """Claims, routes and policies."""
        cluster = self._cluster
        claims = [self._claim(c) for c in cluster.of("persistentvolumeclaim")]
        routes = [
            self._view(r, "route", route_view(r, cluster))
            for kind in ("virtualservice", "ingress") for r in cluster.of(kind)
        ]  # fmt: skip
        policies = [
            self._view(p, "policy", fields | {"cut_off": self._cut_off(fields["applies_to"])}, fields["applies_to"])
            for p in cluster.of("networkpolicy") for fields in (policy_view(p, self._workloads),)
        ]  # fmt: skip
        return [*claims, *routes, *policies]

    def _cut_off(self, applications: Sequence[str]) -> list[str]:
        """Those whose pods are ready and whose service still does not answer."""
        return sorted({
            o.service for o, view in self._services
            if o.service in applications and view["unreachable"] and view["ready"] and not view["wrong_ports"]
        })  # fmt: skip

    def _claim(self, claim: Observed) -> View:
        """A claim; it belongs to the one application that mounts it."""
        users = sorted(self._users(claim))
        view = self._view(claim, "claim", claim_view(claim, self._cluster) | {"users": users}, users)
        return replace(view, application=users[0]) if len(users) == 1 else view

    def _users(self, claim: Observed) -> set[str]:
        return {
            w.top.service for w in self._workloads if w.top.near(claim.namespace)
            and any(text(v, "persistentVolumeClaim", "claimName") == claim.name for v in listing(w.spec, "volumes"))
        }  # fmt: skip


def _references(spec: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Secrets and config maps that pods cannot start without."""
    found: set[tuple[str, str]] = set()
    for volume in listing(spec, "volumes"):
        for kind, key, name in (("secret", "secret", "secretName"), ("configmap", "configMap", "name")):
            found.add((kind, text(volume, key, name))) if part(volume, key, "optional") is not True else None
    for container in listing(spec, "containers"):
        sources = [part(e, "valueFrom") for e in listing(container, "env")] + listing(container, "envFrom")
        for source in sources:
            for kind, keys in (
                ("secret", ("secretKeyRef", "secretRef")),
                ("configmap", ("configMapKeyRef", "configMapRef")),
            ):
                found |= {(kind, text(source, k, "name")) for k in keys if part(source, k, "optional") is not True}
    return {(kind, name) for kind, name in found if name and name != "kube-root-ca.crt"}


def _clashes(w: Workload) -> list[int]:
    """Ports that two containers of one pod both declare."""
    counted = [
        p for c in listing(w.spec, "containers") for p in {text(q, "containerPort") for q in listing(c, "ports")}
    ]
    return sorted({int(p) for p in counted if p.isdigit() and counted.count(p) > 1})
