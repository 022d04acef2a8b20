"""Containers and their probes as rules see them: what is declared, and what state each is in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from autopilot.analysis.state.cluster.objects import (
    is_object,
    listing,
    mapping,
    moment_of,
    part,
    quantity,
    text,
    whole,
)

_RECENT = timedelta(hours=1)
"""A container that ended longer ago has recovered."""
_PORT_VARIABLE = re.compile(r"(^|_)PORT$")
_KINDS = {"httpGet": "http", "grpc": "grpc", "tcpSocket": "tcp", "exec": "exec"}
_SIDECARS = re.compile(r"^(istio-(proxy|init)|linkerd-(proxy|init)|envoy|vault-agent.*)$")


def read_containers(spec: Any, statuses: Sequence[Any], at: datetime | None) -> list[dict[str, Any]]:
    """The containers of a pod's spec, joined with their statuses (a list as in `status.containerStatuses`)."""
    known = {text(s, "name"): s for s in statuses}
    declared = [c for c in listing(spec, "containers") if is_object(c)][:30]
    return [_container(c, known.get(text(c, "name")), at) for c in declared]


def own(containers: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The containers of the application itself, without the proxies of a mesh."""
    return [c for c in containers if not _SIDECARS.match(str(c["name"]))]


def _container(declared: Any, status: Any, at: datetime | None) -> dict[str, Any]:
    ports = [whole(p, "containerPort") for p in listing(declared, "ports")]
    names = [text(p, "name") for p in listing(declared, "ports")]
    env = {text(e, "name"): text(e, "value") for e in listing(declared, "env") if text(e, "name")}
    listens = sorted({p for p in ports if p is not None})
    told = [int(v) for k, v in sorted(env.items()) if _PORT_VARIABLE.search(k) and re.fullmatch(r"\d{1,5}", v)]
    words = [text({"word": w}, "word") for w in [*listing(declared, "command"), *listing(declared, "args")]]
    return {
        "name": text(declared, "name"),
        "image": text(declared, "image"),
        "ports": listens,
        "port_names": sorted(n for n in names if n),
        "named_ports": {n: p for n, p in zip(names, ports, strict=True) if n and p is not None},
        "told_ports": told,
        "transports": {
            str(n): text(p, "protocol") or "TCP" for n, p in zip(ports, listing(declared, "ports"), strict=True)
        },
        "env": env,
        "command": " ".join(words)[:2_000],
        "requests": _amounts(declared, "requests"),
        "limits": _amounts(declared, "limits"),
        "liveness": _probe(mapping(declared, "livenessProbe")),
        "readiness": _probe(mapping(declared, "readinessProbe")),
        "startup": _probe(mapping(declared, "startupProbe")),
        "mounts": sorted(text(m, "mountPath") for m in listing(declared, "volumeMounts")),
    } | _state(status, at)


def _amounts(declared: Any, which: str) -> dict[str, float]:
    told = mapping(declared, "resources", which)
    return {str(key): amount for key, value in sorted(told.items()) if (amount := quantity(value)) is not None}


def _probe(probe: Mapping[str, Any]) -> dict[str, Any] | None:
    kind = next((name for key, name in _KINDS.items() if key in probe), "")
    if not kind:
        return None
    target = next(mapping(probe, key) for key in _KINDS if key in probe)
    delay, period = whole(probe, "initialDelaySeconds") or 0, whole(probe, "periodSeconds") or 10
    failures = whole(probe, "failureThreshold") or 3
    return {
        "kind": kind,
        "port": whole(target, "port"),
        "port_name": "" if whole(target, "port") is not None else text(target, "port"),
        "path": text(target, "path"),
        "delay": delay,
        "timeout": whole(probe, "timeoutSeconds") or 1,
        "period": period,
        "failures": failures,
        "successes": whole(probe, "successThreshold") or 1,
        "patience": delay + period * failures,
    }


def _state(status: Any, at: datetime | None) -> dict[str, Any]:
    waiting, ended = mapping(status, "state", "waiting"), mapping(status, "state", "terminated")
    last = mapping(status, "lastState", "terminated")
    finished = moment_of(last.get("finishedAt") or ended.get("finishedAt"))
    restarts = whole(status, "restartCount") or 0
    ready = part(status, "ready") is True
    old = finished is not None and at is not None and at - finished > _RECENT
    return {
        "observed": is_object(status),
        "ready": ready,
        "running": is_object(part(status, "state", "running")),
        "restarts": restarts,
        "waiting": text(waiting, "reason"),
        "message": text(waiting, "message") or text(ended, "message") or text(last, "message"),
        "ended": "" if old and ready else text(ended, "reason") or text(last, "reason"),
        "exit_code": whole(ended, "exitCode") if ended else whole(last, "exitCode"),
        "restarted_lately": restarts > 0 and not (old and ready) and (finished is not None or not ready),
    }
