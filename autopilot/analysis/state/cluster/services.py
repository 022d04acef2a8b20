"""Services against the pods they should reach."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from autopilot.analysis.state.cluster.containers import own
from autopilot.analysis.state.cluster.objects import (
    Cluster,
    Observed,
    labels,
    listing,
    mapping,
    part,
    selects,
    text,
    whole,
)
from autopilot.analysis.state.cluster.workloads import Workload

_PROTOCOLS = re.compile(r"^(grpc|http2?|https|tcp|udp|tls|mongo|redis|mysql)(-|$)")


class Labelled:
    """Workloads by the labels of their pods, so that selectors need not try all of them."""

    def __init__(self, workloads: Sequence[Workload]) -> None:
        self._workloads = workloads
        self._marked: dict[tuple[str, str], list[tuple[int, Mapping[str, str]]]] = defaultdict(list)
        for number, workload in enumerate(workloads):
            # Pods may be given labels after they were made, such as their role in a replicated database.
            for marks in (workload.labels, *(p.observed.labels for p in workload.pods)):
                for item in marks.items():
                    self._marked[item].append((number, marks))

    def near(self, namespace: str) -> list[Workload]:
        """Those in a namespace."""
        return [w for w in self._workloads if w.top.near(namespace)]

    def selected(self, selector: Mapping[str, str]) -> list[Workload]:
        """Those with pods that a selector of equal labels matches, in their order."""
        if not selector:
            return []
        rarest = min((self._marked.get(item, []) for item in sorted(selector.items())), key=len)
        return [self._workloads[n] for n in sorted({n for n, marks in rarest if selects(selector, marks)})]


def service_view(
    service: Observed, labelled: "Labelled", cluster: Cluster, reports: Mapping[str, bool]
) -> dict[str, Any]:
    """A service with the workloads it selects, the ports that lead nowhere, and whether it answers."""
    spec = mapping(service.body, "spec")
    selector = labels(spec, "selector")
    near = labelled.near(service.namespace)
    chosen = [w for w in labelled.selected(selector) if w.top.near(service.namespace)]
    ports = [_port(p) for p in listing(spec, "ports")[:30]]
    wanting = sum(w.desired for w in chosen)
    endpoints = _endpoints(service, cluster)
    containers = [c for w in chosen for c in w.containers]
    return {
        "type": text(spec, "type") or "ClusterIP",
        "selector": ", ".join(f"{k}={v}" for k, v in sorted(selector.items())),
        "ports": ports,
        "selects": sorted({w.top.name for w in chosen}),
        "namesake_missed": any(w.top.name == service.name and not any(c is w for c in chosen) for w in near),
        "selector_misses": bool(selector) and bool(near) and not chosen,
        "wanted": wanting,
        "ready": sum(w.ready for w in chosen),
        "endpoints": endpoints,
        "empty": endpoints == 0 if endpoints is not None else not any(w.ready for w in chosen),
        "unreachable": reports.get(service.name) is False,
        "reachable": reports.get(service.name) is True,
        "wrong_ports": [p for p in ports if _leads_nowhere(p, containers)],
        "protocols": sorted({p["protocol"] for p in ports if p["protocol"]}),
        "spoken": sorted(_spoken(containers)),
        "wrong_protocols": [p for p in ports if _other_protocol(p, containers)],
        "external_name": text(spec, "externalName"),
        "complaint": "\n".join(e.message for e in cluster.events_of("service", service.name) if e.warning),
    }


def _port(port: Any) -> dict[str, Any]:
    number, target = whole(port, "port"), part(port, "targetPort")
    name, told = text(port, "name"), text(port, "appProtocol")
    named = target if isinstance(target, str) and not target.isdigit() else ""
    match = _PROTOCOLS.match(told.rpartition("/")[2] or name)
    return {
        "name": name, "port": number, "target": number if target in (None, "") else whole(port, "targetPort"),
        "target_name": named, "protocol": match.group(1) if match else "",
        "transport": text(port, "protocol") or "TCP",
    }  # fmt: skip


def _endpoints(service: Observed, cluster: Cluster) -> int | None:
    """Addresses that are ready behind a service, None when nothing was observed of them."""
    found = cluster.named("endpoints", service.name, service.namespace)
    if found is not None:
        return sum(len(listing(s, "addresses")) for s in listing(found.body, "subsets"))
    slices = [
        o for o in cluster.of("endpointslice", service.namespace)
        if o.labels.get("kubernetes.io/service-name") == service.name
    ]  # fmt: skip
    if not slices:
        return None
    return sum(part(e, "conditions", "ready") is not False for o in slices for e in listing(o.body, "endpoints"))


def _leads_nowhere(port: Mapping[str, Any], containers: Iterable[Mapping[str, Any]]) -> bool:
    """Whether the target port is none that the containers declare or are told to listen on."""
    known = list(containers)
    if port["target_name"]:
        return bool(known) and not any(port["target_name"] in c["port_names"] for c in known)
    listens = {p for c in known for p in (*c["ports"], *c["told_ports"])}
    return bool(listens) and port["target"] not in listens


def _spoken(containers: Iterable[Mapping[str, Any]]) -> set[str]:
    """The protocols in which the applications are probed, as far as these say something."""
    probes = [c[kind] for c in own(containers) for kind in ("readiness", "liveness", "startup") if c[kind]]
    return {p["kind"] for p in probes if p["kind"] in ("grpc", "http")}


def _other_protocol(port: Mapping[str, Any], containers: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a port is declared to speak what its pods do not.

    A transport other than the one the containers declare cannot work; gRPC declared as plain HTTP/1, or the
    reverse, is broken by proxies that go by the declaration.
    """
    spoken = _spoken(containers)
    offered = {c["transports"].get(str(port["target"])) for c in containers} - {None}
    if offered and port["transport"] not in offered:
        return True
    return (port["protocol"] in ("http", "mongo", "redis", "mysql") and spoken == {"grpc"}) or (
        port["protocol"] in ("grpc", "mongo", "redis", "mysql") and spoken == {"http"}
    )


def read_reports(cluster: Cluster) -> dict[str, bool]:
    """Service → whether it answered when somebody asked; a service is down when any of its ports is."""
    found: dict[str, bool] = {}
    for row in cluster.of("connectivity"):
        answer = row.body.get("reachable")
        if isinstance(answer, bool):
            name = text(row.body, "service") or row.service
            found[name] = found.get(name, True) and answer
    return found
