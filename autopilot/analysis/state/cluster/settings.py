"""Settings from elsewhere: variables out of config maps and secrets, and gateways' routes in files."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import Any

import yaml

from autopilot.analysis.state.cluster.objects import Cluster, Observed, is_object, listing, mapping, part, text

_LONGEST = 40_000
"""Characters of a file that are parsed; settings of gateways are far smaller."""
_DEEPEST = 30
_MOST_FILES = 20
_MOST_PARTS = 20_000
"""Parts of a document that are looked at; aliases could make them countless."""
_MOST_ROUTES = 1_000
_TARGETS = ("uri", "url", "target", "upstream", "service", "host", "backend", "cluster", "destination")
_LABELS = ("id", "name", "path", "prefix", "route", "match", "location", "predicates", "paths")
_DEFAULT = re.compile(r"\$\{[^}:]*:?-?([^}]*)\}")
_HOST = re.compile(
    r"^(?:[a-z][a-z0-9+.-]*:/{1,2})?([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)(?::(\d{1,5}))?(?:/.*)?$"
)
_NGINX = re.compile(
    r"location\s{1,9}(?:[=~^*]{1,3}\s{0,9})?([^\s{]{1,300})\s{0,9}\{[^{}]{0,3000}?proxy_pass\s{1,9}([^;\s]{1,300})"
)
"""Every repeat is bounded, so that no file can make a search slow."""
_Target = tuple[str, str]
"""Service and port; both may be empty."""
_VARIABLE = re.compile(r"[A-Za-z_][\w.-]*")


def settings(spec: Mapping[str, Any], cluster: Cluster, namespace: str) -> dict[str, str]:
    """The variables that containers take over whole from config maps and, as far as they are told, from secrets."""
    found: dict[str, str] = {}
    for container in listing(spec, "containers"):
        for source in listing(container, "envFrom"):
            for key, kind, field in (
                ("configMapRef", "configmap", "data"), ("secretRef", "secret", "stringData"),
            ):  # fmt: skip
                named = cluster.named(kind, text(source, key, "name"), namespace) if part(source, key) else None
                told = mapping(named.body, field) if named else {}
                prefix = text(source, "prefix")
                found |= {
                    f"{prefix}{name}": str(value) for name, value in told.items()
                    if _VARIABLE.fullmatch(str(name)) and isinstance(value, str | int)
                }  # fmt: skip
    return found


def misroutes(cluster: Cluster) -> list[tuple[Observed, str, dict[str, Any]]]:
    """Routes in gateways' files that lead to another service than their words name, to none, or to a closed port.

    Returns:
        The config map, the service whose requests go astray, and `route`, `target`, `meant` for rules.
    """
    ports = {s.name: {text(p, "port") for p in listing(s.body, "spec", "ports")} for s in cluster.of("service")}
    shared = _shared(sorted(ports))
    cores = {name: _core(name, shared) for name in sorted(ports)}
    found: list[tuple[Observed, str, dict[str, Any]]] = []
    for settings_map in cluster.of("configmap"):
        for words, (target, port) in _routes(settings_map):
            closed = bool(port) and bool(ports.get(target)) and port not in ports[target]
            meant = target if closed else _meant(words, _core(target, shared), cores)
            if meant:
                where = f"{target}:{port}" if port else target
                told = {"route": ", ".join(words)[:200], "target": where, "meant": meant}
                found.append((settings_map, _application(meant, cluster), told))
    return found


def _application(service: str, cluster: Cluster) -> str:
    return next((s.service for s in cluster.of("service") if s.name == service), service)


def _shared(names: Sequence[str]) -> frozenset[str]:
    """Words that half of the services share; they tell none from the others."""
    counted = Counter(word for name in names for word in set(_words(name)))
    return frozenset(word for word, count in counted.items() if len(names) >= 4 and 2 * count >= len(names))


def _core(name: str, shared: frozenset[str]) -> str:
    """The letters that tell a service from the others."""
    return "".join(word for word in _words(name) if word not in shared) or "".join(_words(name))


def _words(name: str) -> list[str]:
    return re.split(r"[-_.]+", name.lower())


def _letters(word: str) -> str:
    return re.sub(r"[^a-z0-9]", "", word.lower())


def _meant(words: Sequence[str], target: str, cores: Mapping[str, str]) -> str:
    """The service that the words of a route name though they do not fit the core of its target, "" when they do."""
    plain = [_letters(word) for word in words]
    if not target or any(target in word for word in plain):
        return ""
    exact = {name for name, core in cores.items() if any(w in (core, f"{core}service", f"{core}s") for w in plain)}
    return min(exact) if len(exact) == 1 else ""


def _routes(settings_map: Observed) -> Iterator[tuple[list[str], _Target]]:
    """The words of each route (its name and the segments of its paths) and the host it leads to."""
    files = [c for _, c in sorted(mapping(settings_map.body, "data").items()) if isinstance(c, str)]
    found = (
        route for content in files[:_MOST_FILES] if len(content) <= _LONGEST
        for route in (*_in_yaml(content), *_in_nginx(content))
    )  # fmt: skip
    yield from islice(found, _MOST_ROUTES)


def _in_nginx(content: str) -> Iterator[tuple[list[str], _Target]]:
    for location, address in _NGINX.findall(content):
        yield _segments([location]), _target(address)


def _in_yaml(content: str) -> Iterator[tuple[list[str], _Target]]:
    # Only files that speak of routes are worth parsing.
    if not re.search(r"\b(routes?|predicates|upstreams?|paths?)\b", content, re.IGNORECASE) or _deep(content):
        return
    try:
        # The faster loader in C ends the process on a document that is nested too deeply; this one raises.
        documents = list(yaml.load_all(content, Loader=yaml.SafeLoader))
    except (yaml.YAMLError, ValueError, RecursionError):
        return
    waiting: deque[Any] = deque(documents)
    for _ in range(_MOST_PARTS):
        if not waiting:
            return
        value = waiting.popleft()
        if is_object(value):
            yield from _route(value)
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(_members(value))
        while len(waiting) > _MOST_PARTS:
            waiting.pop()


def _deep(content: str) -> bool:
    """Whether brackets, or markers on one line, are nested deeper than settings are; parsing takes their square."""
    steps = (1 if bracket in "[{" else -1 for bracket in re.findall(r"[\[\]{}]", content))
    return max(accumulate(steps), default=0) > _DEEPEST or bool(re.search(rf"(?:[-?:] ){{{_DEEPEST}}}", content))


def _route(value: Mapping[str, Any]) -> Iterator[tuple[list[str], _Target]]:
    addresses = (_target(told) for key in _TARGETS if isinstance(told := value.get(key), str))
    target = next(addresses, ("", ""))
    words = _segments(_texts(value.get(key) for key in _LABELS))
    if target[0] and words:
        yield words, target


def _members(value: Any) -> list[Any]:
    """The items of a list; anything else is its own only one."""
    return listing({"items": value}, "items") if isinstance(value, list) else [value]


def _texts(values: Iterable[Any]) -> list[str]:
    """Texts, also those in lists and one level into objects."""
    found: list[str] = []
    for value in values:
        for item in _members(value)[:50]:
            inner = list(item.values()) if is_object(item) else [item]
            found += [text for text in inner if isinstance(text, str)]
    return found


def _segments(texts: Iterable[str]) -> list[str]:
    """The words of names and paths: `Path=/api/v1/orders/**` is api, v1 and orders."""
    found = (part for text in texts for part in re.split(r"[/=,\s]+", text[:500]))
    return [word for word in found if re.search(r"[a-z]{2}", word, re.IGNORECASE)][:60]


def _target(address: str) -> _Target:
    """The service in this cluster and the port that an address names; placeholders stand for their default."""
    match = _HOST.match(_DEFAULT.sub(r"\1", address.strip()[:500]).lower())
    host = match.group(1) if match else ""
    inside = "." not in host or re.search(r"\.svc(\.|$)", host)
    if match is None or not inside or host == "localhost":
        return "", ""
    return host.split(".", 1)[0], match.group(2) or ""
