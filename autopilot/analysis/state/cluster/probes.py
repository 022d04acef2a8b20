"""Probes against what the container listens to and speaks, and which of them fail now."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_SPEAKING = ("grpc", "http")
_LIVENESS = re.compile(r"(liveness|startup) probe failed|failed (liveness|startup) probe", re.IGNORECASE)
_READINESS = re.compile(r"readiness probe failed", re.IGNORECASE)
_MISUNDERSTOOD = re.compile(
    r"malformed http|http response to https|does not look like a tls|server preface|unimplemented|"
    r"unknown service grpc|connection error: desc|error reading server|http/1\.x transport|unexpected eof",
    re.IGNORECASE,
)
_NO_PATH = re.compile(r"statuscode: (404|405|400|415|501)", re.IGNORECASE)
_LATE, _HARDLY = 60, 0.1
_OTHERWISE = ("OOMKilled", "ContainerCannotRun", "StartError")


def read_probes(
    containers: Iterable[Mapping[str, Any]], complaint: str, declared: Sequence[str]
) -> list[dict[str, Any]]:
    """The probes of some containers, each with what is wrong with it.

    Args:
        containers: As `containers.read_containers` gives them.
        complaint: What is complained about now.
        declared: Protocols that services declare for these containers.
    """
    lines = complaint.splitlines()
    found: dict[str, dict[str, Any]] = {}
    for container in containers:
        for which in ("liveness", "readiness", "startup"):
            probe = container[which]
            if probe:
                told = _judged(container, which, probe, lines, declared)
                found.setdefault(f"{container['name']} {which} {sorted(probe.items())}", told)
    return list(found.values())


def _judged(
    container: Mapping[str, Any],
    which: str,
    probe: Mapping[str, Any],
    lines: Sequence[str],
    declared: Sequence[str],
) -> dict[str, Any]:
    rule = _READINESS if which == "readiness" else _LIVENESS
    failures = "\n".join(line for line in lines if rule.search(line))
    others = {container[o]["kind"] for o in ("liveness", "readiness", "startup") if o != which and container[o]}
    spoken = sorted(others & set(_SPEAKING) or {d for d in declared if d in _SPEAKING})
    kind: str = probe["kind"]
    alive: Mapping[str, Any] = container["liveness"] or {}
    differs = kind in _SPEAKING and bool(spoken) and kind not in spoken
    return {
        "which": which, "container": container["name"], **probe,
        "wrong_port": _wrong_port(container, probe),
        "spoken": spoken,
        "wrong_protocol": differs or bool(_MISUNDERSTOOD.search(failures)),
        "wrong_path": kind == "http" and bool(_NO_PATH.search(failures)),
        "as_liveness": all(alive.get(key) == probe[key] for key in ("kind", "port", "port_name", "path")),
        "failure": failures[:400],
    }  # fmt: skip


def _wrong_port(container: Mapping[str, Any], probe: Mapping[str, Any]) -> bool:
    """Whether the probe asks where the container does not say that it listens."""
    if probe["kind"] == "exec":
        return False
    if probe["port_name"]:
        return bool(container["ports"]) and probe["port_name"] not in container["port_names"]
    known = {*container["ports"], *container["told_ports"]}
    return bool(known) and probe["port"] is not None and probe["port"] not in known


def mark_late(probes: Iterable[dict[str, Any]], elsewhere: Sequence[int]) -> None:
    """Mark each probe that starts a minute late or more, where hardly any other workload's waits half as long.

    Args:
        probes: As `read_probes` gives them.
        elsewhere: The delays of the readiness probes of other workloads, in seconds.
    """
    for probe in probes:
        alike = sum(2 * delay >= probe["delay"] for delay in elsewhere)
        probe["late"] = probe["delay"] >= _LATE and alike <= _HARDLY * len(elsewhere)


def failing(containers: Sequence[Mapping[str, Any]], missing: int, complaint: str) -> dict[str, bool]:
    """Which probes fail now, judged by what they bring about.

    A failing liveness probe restarts the container; a failing readiness probe leaves it running and not ready.
    """
    restarted = any(c["restarted_lately"] for c in containers)
    otherwise = any(c["ended"] in _OTHERWISE for c in containers)
    running = any(c["running"] and not c["ready"] for c in containers)
    killed = any(c["exit_code"] in (137, 143) and c["ended"] not in _OTHERWISE for c in containers)
    said = bool(_LIVENESS.search(complaint))
    return {
        "failing_liveness": (restarted and not otherwise) or (said and bool(missing)),
        "failing_readiness": bool(missing) and running and not restarted,
        "ended_otherwise": otherwise or (restarted and not killed and not said),
    }
