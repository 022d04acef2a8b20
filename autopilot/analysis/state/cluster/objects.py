"""Objects of a cluster as they were observed, read without trust: whatever is missing or misshapen is empty."""

import json
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, TypeGuard

import polars as pl

_MOST_OBJECTS = 5_000
_MOST_EVENTS = 5_000
_LONGEST = 200_000
"""Characters of a body that are parsed; objects of a cluster are far smaller."""
_PREFIX = "k8s_"
_UNITS = {
    "n": 1e-9, "u": 1e-6, "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
}  # fmt: skip
_QUANTITY = re.compile(r"\s*([0-9]{1,18}(?:\.[0-9]{1,9})?)\s*([a-zA-Z]{0,2})\s*$")


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether parsed JSON is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether parsed JSON is a list."""
    return isinstance(value, list)


def part(value: Any, *path: str) -> Any:
    """What lies at a path of keys; None when any of it is missing or no object."""
    for key in path:
        if not is_object(value):
            return None
        value = value.get(key)
    return value


def mapping(value: Any, *path: str) -> dict[str, Any]:
    """The object at a path, else an empty one."""
    found = part(value, *path)
    return found if is_object(found) else {}


def listing(value: Any, *path: str) -> list[Any]:
    """The list at a path, else an empty one."""
    found = part(value, *path)
    return found if is_list(found) else []


def text(value: Any, *path: str) -> str:
    """The text or number at a path as text, else ""."""
    found = part(value, *path)
    return str(found)[:2_000] if isinstance(found, str | int | float) else ""


def whole(value: Any, *path: str) -> int | None:
    """The whole number at a path, None when it is none."""
    found = text(value, *path)
    return int(found) if re.fullmatch(r"-?\d{1,12}", found) else None


def labels(value: Any, *path: str) -> dict[str, str]:
    """A flat object of texts."""
    return {str(key): str(item) for key, item in mapping(value, *path).items()}


def quantity(value: Any) -> float | None:
    """A Kubernetes quantity (`250m`, `1Gi`, 8) as a plain number of cores, bytes or pieces."""
    match = _QUANTITY.match(str(value)) if isinstance(value, str | int | float) else None
    if match is None or match.group(2) not in _UNITS:
        return None
    return float(match.group(1)) * _UNITS[match.group(2)]


def moment_of(value: Any) -> datetime | None:
    """An ISO time with a zone, None when it is none."""
    try:
        found = datetime.fromisoformat(str(value)) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is not None else None


def selects(selector: Mapping[str, str], found: Mapping[str, str]) -> bool:
    """Whether a selector of equal labels matches; an empty one matches nothing here."""
    return bool(selector) and all(found.get(key) == value for key, value in selector.items())


@dataclass(frozen=True)
class Observed:
    """One object: what it is, the application it belongs to, and its body as the API gives it."""

    kind: str
    name: str
    service: str
    region: str
    body: Mapping[str, Any]
    at: datetime | None = None

    @cached_property
    def namespace(self) -> str:
        """The object's namespace, "" for objects of the whole cluster."""
        return text(self.body, "metadata", "namespace")

    @cached_property
    def labels(self) -> dict[str, str]:
        """The object's labels."""
        return labels(self.body, "metadata", "labels")

    def near(self, namespace: str) -> bool:
        """Whether it lies in this namespace, as far as both are known."""
        return not namespace or not self.namespace or self.namespace == namespace

    @cached_property
    def owners(self) -> frozenset[tuple[str, str]]:
        """Kind and name of those that its metadata names as owners."""
        told = listing(self.body, "metadata", "ownerReferences")
        return frozenset((text(o, "kind").lower(), text(o, "name")) for o in told)


@dataclass(frozen=True)
class Event:
    """One recorded event about an object."""

    kind: str
    name: str
    warning: bool
    reason: str
    message: str
    count: int = 1
    at: datetime | None = None

    def view(self) -> dict[str, Any]:
        """The event as conditions see it."""
        told = {"reason": self.reason, "message": self.message, "count": self.count, "warning": self.warning}
        return told | {"object": f"{self.kind}/{self.name}"}


@dataclass(frozen=True)
class Cluster:
    """Everything observed of a cluster."""

    objects: Mapping[str, Sequence[Observed]]
    events: Mapping[tuple[str, str], Sequence[Event]] = field(default_factory=dict[tuple[str, str], list[Event]])

    @classmethod
    def read(cls, state: pl.DataFrame) -> "Cluster":
        """The cluster in the rows of a state table; rows whose body is no JSON object are left out."""
        ordered = state.filter(pl.col("body").str.len_chars() <= _LONGEST).sort("kind", "name", "service", "body")
        objects: dict[str, list[Observed]] = defaultdict(list)
        known = pl.col("kind").str.starts_with(_PREFIX) | pl.col("kind").is_in(["node_service", "connectivity"])
        for row in ordered.filter(known).head(_MOST_OBJECTS).to_dicts():
            body = _parsed(row["body"])
            if body:
                kind = row["kind"].removeprefix(_PREFIX)
                service = row["service"] or row["name"]
                objects[kind].append(Observed(kind, row["name"], service, row["region"], body, row["time"]))
        events: dict[tuple[str, str], list[Event]] = defaultdict(list)
        rows = ordered.filter(pl.col("kind") == "event").head(_MOST_EVENTS).to_dicts()
        for event in (_event(_parsed(row["body"]), row) for row in rows):
            events[event.kind, event.name].append(event)
        return cls(dict(objects), dict(events))

    def of(self, kind: str, namespace: str = "") -> list[Observed]:
        """The objects of a kind, in a namespace if one is given."""
        return [o for o in self.objects.get(kind, ()) if o.near(namespace)]

    def named(self, kind: str, name: str, namespace: str = "") -> Observed | None:
        """One object, None when it was not observed."""
        return next((o for o in self.of(kind, namespace) if o.name == name), None)

    def lacks(self, kind: str, name: str, namespace: str = "") -> bool:
        """Whether objects of this kind were observed and this one is not among them."""
        return bool(self.objects.get(kind)) and self.named(kind, name, namespace) is None

    def events_of(self, kind: str, name: str) -> list[Event]:
        """The events about one object."""
        return list(self.events.get((kind, name), ()))

    @property
    def at(self) -> datetime | None:
        """When it was last observed."""
        return max((o.at for group in self.objects.values() for o in group if o.at is not None), default=None)


def _parsed(body: str) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if is_object(found) else {}


def _event(body: dict[str, Any], row: Mapping[str, Any]) -> Event:
    kind, _, name = text(body, "object").partition("/")
    involved = mapping(body, "involvedObject")
    return Event(
        (kind or text(involved, "kind")).lower(), name or text(involved, "name") or row["name"],
        text(body, "type") == "Warning", text(body, "reason"), text(body, "message"),
        whole(body, "count") or 1, row["time"],
    )  # fmt: skip
