"""Rows that all inventory sources write in the same way."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.sources.aws import whole
from autopilot.sources.base import Collected

MAX_RESOURCES = 50
"""Resources of one kind that are looked at closely; those of the scope's services come first."""
MAX_VERSIONS = 20

ItemT = TypeVar("ItemT")


def item(
    kind: str,
    resource: str,
    *,
    name: str,
    service: str,
    region: str,
    settings: Mapping[str, Scalar],
    source: str,
    versions: Sequence[Mapping[str, Scalar]] = (),
    health: str = "",
) -> dict[str, object]:
    """One inventory row. `versions` newest first: version, created_at, description, active."""
    return {
        "resource": resource,
        "kind": kind,
        "name": name,
        "service": service,
        "region": region,
        "settings": json.dumps(dict(settings), sort_keys=True),
        "versions": json.dumps([dict(version) for version in versions[:MAX_VERSIONS]]),
        "health": health,
        "source": source,
    }


def observed(
    at: datetime, kind: str, *, name: str, service: str, region: str, body: Mapping[str, object]
) -> dict[str, object]:
    """One state row: an object as it was seen, or an event."""
    text = json.dumps(dict(body), sort_keys=True, default=str)
    return {"time": at, "kind": kind, "name": name, "service": service, "region": region, "body": text}


def nearest(
    scope: Scope, found: Iterable[tuple[str, ItemT]], what: str, into: Collected
) -> list[tuple[str, ItemT]]:
    """(service, resource) pairs, those of the scope first, at most `MAX_RESOURCES`; says what was left out."""
    ranked = sorted(found, key=lambda pair: pair[0] not in scope.services)
    if len(ranked) > MAX_RESOURCES:
        into.miss(
            "truncated", f"{len(ranked)} {what}, {MAX_RESOURCES} were read, those of the scope's services first"
        )
    return ranked[:MAX_RESOURCES]


def in_scope(scope: Scope, at: datetime) -> bool:
    """Whether something happened in the baseline or the incident."""
    return whole(scope).contains(at)


def moment(text: str) -> datetime | None:
    """An ISO time such as Lambda's `2026-03-01T03:00:00.000+0000`; None when it is none."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def iso(at: datetime | None) -> str:
    """A time as the case's JSON holds it."""
    return at.astimezone(UTC).isoformat() if at else ""


def entries(rows: Iterable[Mapping[str, object]], limit: int) -> list[TimelineEntry]:
    """Change rows as moments of the story, newest first."""
    told = [
        TimelineEntry(
            at=at,
            kind="change",
            text=f"{row['kind']}: {row['summary']}" + (f" by {row['author']}" if row.get("author") else ""),
        )
        for row in rows
        if isinstance(at := row["time"], datetime)
    ]
    return sorted(told, key=lambda entry: entry.at, reverse=True)[:limit]
