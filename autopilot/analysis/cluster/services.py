"""Services against the pods they should reach, and addresses that pods are told against the services there are."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autopilot.analysis.cluster.containers import own
from autopilot.analysis.cluster.objects import (
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
from autopilot.analysis.cluster.workloads import Workload

_ADDRESS = re.compile(
    r"^(?:[a-z][a-z0-9+:.-]*://)?(?:[^@/\s]*@)?([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?):(\d{1,5})(?:[/?].*)?$"
)
_HOST_VARIABLE = re.compile(r"^(.*?)_?(HOST|HOSTNAME|ADDR|ADDRESS|SERVICE|SERVER|URL)$", re.IGNORECASE)
_LOCAL = re.compile(r"^(localhost|\d+\.\d+\.\d+\.\d+|0\.0\.0\.0)$")
_DATABASES = re.compile(
    r"mysql|maria|postgres|pgsql|mongo|redis|memcached|cassandra|oracle|mssql|sqlserver|(^|[-_])db([-_]|$)|database",
    re.IGNORECASE,
)
_PROTOCOLS = re.compile(r"^(grpc|http2?|https|tcp|udp|tls|mongo|redis|mysql)(-|$)")
_MOST_ADDRESSES = 60


@dataclass(frozen=True)
class Address:
    """An address that a workload was told in a variable."""

    variable: str
    host: str
    port: int | None

    @property
    def first(self) -> str:
        """The service that the name means inside the cluster."""
        return self.host.split(".", 1)[0]

    @property
    def space(self) -> str:
        """The namespace that the name gives, "" when it gives none."""
        return "" if _LOCAL.match(self.host) else self.host.partition(".")[2].split(".", 1)[0]

    @property
    def inside(self) -> bool:
        """Whether the name is one of the cluster: a bare name, or one that ends in the cluster's domain."""
        return not _LOCAL.match(self.host) and ("." not in self.host or bool(re.search(r"\.svc(\.|$)", self.host)))


def service_view(
    service: Observed, workloads: Sequence[Workload], cluster: Cluster, reports: Mapping[str, bool]
) -> dict[str, Any]:
    """A service with the workloads it selects, the ports that lead nowhere, and whether it answers."""
    spec = mapping(service.body, "spec")
    selector = labels(spec, "selector")
    near = [w for w in workloads if w.top.near(service.namespace)]
    # Pods may be given labels after they were made, such as their role in a replicated database.
    chosen = [
        w for w in near
        if selects(selector, w.labels) or any(selects(selector, p.observed.labels) for p in w.pods)
    ]  # fmt: skip
    ports = [_port(p) for p in listing(spec, "ports")[:30]]
    wanting = sum(w.desired for w in chosen)
    endpoints = _endpoints(service, cluster)
    containers = [c for w in chosen for c in w.containers]
    return {
        "type": text(spec, "type") or "ClusterIP",
        "selector": ", ".join(f"{k}={v}" for k, v in sorted(selector.items())),
        "ports": ports,
        "selects": sorted({w.top.name for w in chosen}),
        "namesake_missed": any(w.top.name == service.name and w not in chosen for w in near),
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


def addresses(workload: Workload, taken_over: Mapping[str, str]) -> list[Address]:
    """The addresses in the variables of a workload: `host:port`, URLs, and pairs of X_HOST and X_PORT.

    Args:
        workload: Whose containers are told them.
        taken_over: Variables that it gets from config maps and secrets; its own ones overrule them.
    """
    found: dict[Address, None] = {}
    for container in own(workload.containers):
        env: Mapping[str, str] = {**taken_over, **container["env"]}
        for variable, value in sorted(env.items()):
            address = _address(variable, value.strip(), env)
            if address is not None:
                found[address] = None
    return list(found)[:_MOST_ADDRESSES]


def _address(variable: str, value: str, env: Mapping[str, str]) -> Address | None:
    match = _ADDRESS.match(value)
    if match:
        return Address(variable, match.group(1), int(match.group(2)))
    stem = _HOST_VARIABLE.match(variable)
    plain = re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", value)
    if not stem or not plain or value.isdigit() or value in ("true", "false"):
        return None
    port = next((env[k] for k in (f"{stem.group(1)}_PORT", f"{variable}_PORT") if k in env), "")
    return Address(variable, value, int(port)) if re.fullmatch(r"\d{1,5}", port) else None


def wrong_addresses(
    workload: Workload, cluster: Cluster, everybody: Mapping[str, Sequence[Address]], said: str
) -> list[dict[str, Any]]:
    """Addresses of a workload to which no service of the cluster answers, and what others are told instead."""
    services = {s.name: s for s in cluster.of("service")}
    if not services:
        return []
    spaces = {o.namespace for group in cluster.objects.values() for o in group} - {""}
    found: list[dict[str, Any]] = []
    for address in everybody.get(workload.top.name, ()):
        service = services.get(address.first)
        if not address.inside and address.space not in spaces:
            continue
        elsewhere = service is not None and not service.near(address.space)
        ports = {whole(p, "port") for p in listing(service.body if service else {}, "spec", "ports")}
        meant = [s for s in sorted(services) if _means(address.variable, s) and s != address.first]
        others = _told_others(address, workload, everybody, services)
        swapped = (
            bool(meant) and not _means(address.variable, address.first) and (not others or others[0][0] in meant)
        )
        if service is not None and not elsewhere and (address.port in ports or not ports) and not swapped:
            continue
        found.append({
            "variable": address.variable, "host": address.host, "port": address.port,
            "address": f"{address.host}:{address.port}" if address.port else address.host,
            "unknown_host": service is None or elsewhere, "swapped": service is not None and swapped,
            "service_ports": sorted(p for p in ports if p is not None), "others": [told for _, told in others],
            "mentioned": len(address.host) > 3 and address.host in said, "meant": meant,
            "database": bool(_DATABASES.search(f"{address.variable} {address.first}")),
        })  # fmt: skip
    return found


def _told_others(
    address: Address,
    workload: Workload,
    everybody: Mapping[str, Sequence[Address]],
    services: Mapping[str, Observed],
) -> list[tuple[str, str]]:
    """Service and address that other workloads are told by the same variable."""
    return sorted({
        (a.first, a.host + (f":{a.port}" if a.port else ""))
        for name, told in everybody.items() if name != workload.top.name
        for a in told if a.variable == address.variable and a != address and a.first in services
    })  # fmt: skip


def _means(variable: str, service: str) -> bool:
    """`ORDER_SERVICE_ADDR` means `orderservice` and `order`: the letters of the stem are those of the service."""
    letters = re.sub(r"[^a-z0-9]", "", re.sub(r"_(ADDR|ADDRESS|HOST|HOSTNAME|URL|PORT)$", "", variable).lower())
    plain = re.sub(r"[^a-z0-9]", "", service.lower())
    return bool(letters) and plain in (letters, letters.removesuffix("service"), f"{letters}service")


def read_reports(cluster: Cluster) -> dict[str, bool]:
    """Service → whether it answered when somebody asked; a service is down when any of its ports is."""
    found: dict[str, bool] = {}
    for row in cluster.of("connectivity"):
        answer = row.body.get("reachable")
        if isinstance(answer, bool):
            name = text(row.body, "service") or row.service
            found[name] = found.get(name, True) and answer
    return found
