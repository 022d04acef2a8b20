"""Gateways' routes and network policies: where requests are sent, and which traffic is not let through."""

from collections.abc import Sequence
from typing import Any

from autopilot.analysis.state.cluster.objects import (
    Cluster,
    Observed,
    is_object,
    labels,
    listing,
    mapping,
    part,
    text,
    whole,
)
from autopilot.analysis.state.cluster.workloads import Workload


def route_view(route: Observed, cluster: Cluster) -> dict[str, Any]:
    """A virtual service or an ingress: destinations that do not exist, ports that their services do not have."""
    targets = [_target(d) for d in _destinations(route)]
    services = {s.name: s for s in cluster.of("service")}
    known = [(host, port, services.get(host.split(".", 1)[0])) for host, port in targets if host]
    lost = sorted({host for host, _, service in known if services and service is None and _inside(host)})
    ports = sorted({
        f"{host}:{port}" for host, port, service in known if service is not None and port is not None
        and port not in {whole(p, "port") for p in listing(service.body, "spec", "ports")}
    })  # fmt: skip
    gateways = [str(g) for g in listing(route.body, "spec", "gateways") if g != "mesh"]
    return {
        "targets": sorted({f"{host}:{port}" if port else host for host, port in targets if host}),
        "lost_hosts": lost,
        "lost_ports": ports,
        "lost_gateways": sorted(g for g in gateways if cluster.lacks("gateway", g.rpartition("/")[2])),
        "injects": _faults(route),
    }


def _inside(host: str) -> bool:
    return "." not in host or ".svc" in host


def _destinations(route: Observed) -> list[Any]:
    spec = mapping(route.body, "spec")
    found = [part(r, "destination") for kind in ("http", "tcp", "tls") for h in listing(spec, kind)
             for r in listing(h, "route")]  # fmt: skip
    backends = [
        part(p, "backend", "service") for rule in listing(spec, "rules") for p in listing(rule, "http", "paths")
    ]
    return [d for d in [*found, *backends, part(spec, "defaultBackend", "service")] if is_object(d)][:200]


def _target(destination: Any) -> tuple[str, int | None]:
    return text(destination, "host") or text(destination, "name"), whole(destination, "port", "number")


def _faults(route: Observed) -> list[str]:
    """Faults that a mesh was told to inject: delays and refusals."""
    return sorted({
        str(kind) for h in listing(route.body, "spec", "http") for kind in mapping(h, "fault")
    })  # fmt: skip


def policy_view(policy: Observed, workloads: Sequence[Workload]) -> dict[str, Any]:
    """A network policy: the workloads it applies to, and whether it lets nothing in or out."""
    spec = mapping(policy.body, "spec")
    selector = labels(spec, "podSelector", "matchLabels")
    narrow = bool(selector) or bool(listing(spec, "podSelector", "matchExpressions"))
    near = [w for w in workloads if w.top.near(policy.namespace)]
    hit = [w for w in near if not narrow or (selector and selector.items() <= dict(w.labels).items())]
    kinds = [str(k) for k in listing(spec, "policyTypes")] or ["Ingress", *(["Egress"] if "egress" in spec else [])]
    closed = [k for k in kinds if not listing(spec, k.lower())]
    peers = [p for rule in listing(spec, "ingress") for p in listing(rule, "from")]
    return {
        "applies_to": sorted({w.top.service for w in hit}),
        "closed": sorted(closed),
        "whole_namespace": not narrow,
        "allows": [labels(p, "podSelector", "matchLabels") for p in peers][:20],
        "admits_nobody": "Ingress" in kinds and bool(peers) and not any(_admits(p, near) for p in peers),
    }


def _admits(peer: Any, workloads: Sequence[Workload]) -> bool:
    if part(peer, "ipBlock") is not None or part(peer, "namespaceSelector") is not None:
        return True
    selector = labels(peer, "podSelector", "matchLabels")
    return not selector or any(selector.items() <= dict(w.labels).items() for w in workloads)
