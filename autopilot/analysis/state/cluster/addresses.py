"""Addresses that pods are told in variables, against the services there are."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autopilot.analysis.state.cluster.containers import own
from autopilot.analysis.state.cluster.objects import Cluster, Observed, listing, whole
from autopilot.analysis.state.cluster.workloads import Workload

_ADDRESS = re.compile(
    r"^(?:[a-z][a-z0-9+:.-]*://)?(?:[^@/\s]*@)?([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?):(\d{1,5})(?:[/?].*)?$"
)
_HOST_VARIABLE = re.compile(r"^(.*?)_?(HOST|HOSTNAME|ADDR|ADDRESS|SERVICE|SERVER|URL)$", re.IGNORECASE)
_LOCAL = re.compile(r"^(localhost|\d+\.\d+\.\d+\.\d+|0\.0\.0\.0)$")
_DATABASES = re.compile(
    r"mysql|maria|postgres|pgsql|mongo|redis|memcached|cassandra|oracle|mssql|sqlserver|(^|[-_])db([-_]|$)|database",
    re.IGNORECASE,
)
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


@dataclass(frozen=True)
class AddressBook:
    """The services there are, and what every workload is told."""

    services: Mapping[str, Observed]
    ports: Mapping[str, frozenset[int]]
    spaces: frozenset[str]
    """The namespaces."""
    told: Mapping[str, Sequence[tuple[str, Address]]]
    """Variable → workloads and what they are told by it."""
    meanings: Mapping[str, Sequence[str]]
    """The letters of a service's name → the services."""

    @classmethod
    def of(cls, cluster: Cluster, told: Mapping[str, Sequence[Address]]) -> "AddressBook":
        """The book of a cluster; `told` is what each workload is told."""
        services = {s.name: s for s in cluster.of("service")}
        by_variable: dict[str, list[tuple[str, Address]]] = defaultdict(list)
        for name, addresses_told in told.items():
            for address in addresses_told:
                by_variable[address.variable].append((name, address))
        meanings: dict[str, list[str]] = defaultdict(list)
        for name in sorted(services):
            meanings[_letters(name)].append(name)
        ports = {
            name: frozenset(
                p for port in listing(s.body, "spec", "ports") if (p := whole(port, "port")) is not None
            )
            for name, s in services.items()
        }
        spaces = frozenset(o.namespace for group in cluster.objects.values() for o in group) - {""}
        return cls(services, ports, spaces, by_variable, meanings)

    def wrong(self, workload: str, told: Iterable[Address], said: str) -> list[dict[str, Any]]:
        """Addresses of a workload to which no service answers, or another than their variable names.

        Args:
            workload: Its name.
            told: Its addresses.
            said: What its logs say.
        """
        found = [self._judged(workload, address, said) for address in told if self.services]
        return [view for view in found if view]

    def _judged(self, workload: str, address: Address, said: str) -> dict[str, Any]:
        service = self.services.get(address.first)
        if not address.inside and address.space not in self.spaces:
            return {}
        elsewhere = service is not None and not service.near(address.space)
        ports = self.ports.get(address.first, frozenset())
        meant, others = self._meant(address.variable), self._others(workload, address)
        swapped = bool(meant) and address.first not in meant and (not others or others[0][0] in meant)
        if service is not None and not elsewhere and (address.port in ports or not ports) and not swapped:
            return {}
        return {
            "variable": address.variable, "host": address.host, "port": address.port,
            "address": f"{address.host}:{address.port}" if address.port else address.host,
            "unknown_host": service is None or elsewhere, "swapped": service is not None and swapped,
            "service_ports": sorted(ports), "others": [told for _, told in others],
            "meant": [name for name in meant if name != address.first],
            "mentioned": len(address.host) > 3 and address.host in said,
            "database": bool(_DATABASES.search(f"{address.variable} {address.first}")),
        }  # fmt: skip

    def _others(self, workload: str, address: Address) -> list[tuple[str, str]]:
        """Service and address that other workloads are told by the same variable."""
        return sorted({
            (a.first, a.host + (f":{a.port}" if a.port else ""))
            for name, a in self.told.get(address.variable, ())
            if name != workload and a != address and a.first in self.services
        })  # fmt: skip

    def _meant(self, variable: str) -> list[str]:
        """`ORDER_SERVICE_ADDR` means `orderservice` and `order`: the stem has the letters of the service."""
        stem = _letters(re.sub(r"_(ADDR|ADDRESS|HOST|HOSTNAME|URL|PORT)$", "", variable))
        spellings = {stem, stem.removesuffix("service"), f"{stem}service"} - {"", "service"}
        return sorted(name for spelling in spellings for name in self.meanings.get(spelling, ()))


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
