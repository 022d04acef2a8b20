"""Are two running incidents one? Topology decides; the older one takes the younger's alerts."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

from autopilot.incident.base import Model, Name, Time

HOPS = 2
"""How many calls apart two services may be to share an incident."""


class Neighbour(Model):
    """Another running incident."""

    group: str
    services: tuple[Name, ...]
    started_at: Time


def within_reach(start: Iterable[str], edges: Sequence[tuple[str, str]], hops: int = HOPS) -> set[str]:
    """The services at most `hops` calls away, in either direction, including the start."""
    beside: dict[str, set[str]] = defaultdict(set)
    for caller, callee in edges:
        beside[caller].add(callee)
        beside[callee].add(caller)
    reached = set(start)
    frontier = set(reached)
    for _ in range(hops):
        frontier = {other for service in frontier for other in beside[service]} - reached
        reached |= frontier
    return reached


def choose_neighbour(
    group: str,
    services: Sequence[str],
    started_at: Time,
    running: Sequence[Neighbour],
    edges: Sequence[tuple[str, str]],
) -> Neighbour | None:
    """The oldest running incident within reach that is older than ours; only the younger ever joins."""
    reach = within_reach(services, edges)
    older = [
        other
        for other in running
        if (other.started_at, other.group) < (started_at, group) and reach.intersection(other.services)
    ]
    return min(older, key=lambda other: (other.started_at, other.group), default=None)
