"""Services, endpoints and network policies, from `kubectl describe` to the Kubernetes API's words."""

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.kubectl_text import is_mapping, read_description
from benchmarks.snapshot_fields import number, pairs_of, rows_of, said
from benchmarks.snapshot_pods import Part, port_of

_PORT_LINE = re.compile(r"^(Port|TargetPort|NodePort):\s+(?:(\S+)\s+)?(\S+)/(\w+)$", re.MULTILINE)
_RULE = re.compile(r"-{5,}")


def service(told: Mapping[str, Any], text: str) -> Part:
    """A service; its ports are read from the text, where they stand one below the other."""
    address = said(told.get("IP"))
    return {
        "spec": {
            "type": said(told.get("Type")),
            "clusterIP": address,
            "externalName": said(told.get("External Name")),
            "selector": pairs_of(told.get("Selector")),
            "ports": _ports(text),
            "sessionAffinity": said(told.get("Session Affinity")),
        },
        "status": {},
    }


def _ports(text: str) -> list[Part]:
    found: list[Part] = []
    for line, name, port, protocol in _PORT_LINE.findall(text):
        if line == "Port":
            label = {} if name in ("", "<unset>") else {"name": name}
            found.append({"port": number(port), "protocol": protocol, **label})
        elif found:
            found[-1]["targetPort" if line == "TargetPort" else "nodePort"] = port_of(port)
    return found


def service_listed(row: Mapping[str, str]) -> Part:
    """A service of which only the line of a list is known: `80:30080/TCP,443/TCP`."""
    ports = re.findall(r"(\d+)(?::(\d+))?/(\w+)", row.get("port(s)", ""))
    return {
        "spec": {
            "type": row.get("type", ""),
            "clusterIP": said(row.get("cluster-ip", "")),
            "selector": pairs_of(row.get("selector", "")),
            "ports": [
                {"port": int(port), "protocol": protocol} | ({"nodePort": int(outer)} if outer else {})
                for port, outer, protocol in ports
            ],
        }
    }


def endpoints(text: str) -> Part:
    """The addresses behind a service, one subset per group of ports."""
    chunks = re.split(r"^  (?=Addresses:)", text, flags=re.MULTILINE)[1:]
    return {"subsets": [subset for chunk in chunks if (subset := _subset(chunk))]}


def _subset(chunk: str) -> Part:
    told = read_description("Addresses" + chunk.removeprefix("Addresses").replace("\n  ", "\n"))
    return {
        "addresses": _addresses(told.get("Addresses")),
        "notReadyAddresses": _addresses(told.get("NotReadyAddresses")),
        "ports": [
            {"name": said(row.get("name")), "port": number(row.get("port", "")), "protocol": row.get("protocol")}
            for row in rows_of(told.get("Ports"))
        ],
    }


def _addresses(told: Any) -> list[Part]:
    return [{"ip": ip.strip()} for ip in said(told).split(",") if ip.strip()]


def networkpolicy(told: Mapping[str, Any], text: str) -> Part:
    """A policy. A direction without rules is isolated; peers are told by their pod and namespace labels."""
    spec = told.get("Spec")
    inner: Mapping[str, Any] = spec if is_mapping(spec) else {}
    found: Part = {
        "podSelector": {"matchLabels": pairs_of(inner.get("PodSelector"))},
        "policyTypes": [kind.strip() for kind in said(inner.get("Policy Types")).split(",") if kind.strip()],
    }
    for way, peers in (("ingress", "from"), ("egress", "to")):
        block = re.search(rf"^  Allowing {way} traffic:\n((?:    .*\n?)*)", text, re.MULTILINE)
        rules = [_rule(part, peers) for part in _RULE.split(block.group(1))] if block else []
        found[way] = [rule for rule in rules if rule is not None]
    return {"spec": found}


def _rule(text: str, peers: str) -> Part | None:
    if "<none>" in text and "isolated" in text:
        return None
    ports = [{"port": port_of(p), "protocol": q} for p, q in re.findall(r"To Port: (\S+)/(\w+)", text)]
    given = re.findall(r"(Pod|Namespace)Selector: (\S+)", text)
    others = [{f"{kind.lower()}Selector": {"matchLabels": pairs_of(labels)}} for kind, labels in given]
    return {"ports": ports, peers: others}
