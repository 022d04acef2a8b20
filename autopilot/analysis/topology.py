"""Who calls whom: a small graph from the topology table and from spans."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

DEPTH = 4
"""Calls followed from a service; what lies further away explains little."""
_Calls = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Graph:
    """Directed calls between services."""

    down: _Calls
    up: _Calls

    @classmethod
    def of(cls, edges: Iterable[tuple[str, str]]) -> "Graph":
        """The graph of some (caller, callee) pairs; calls to oneself and to nobody are left out."""
        down: dict[str, set[str]] = defaultdict(set)
        up: dict[str, set[str]] = defaultdict(set)
        for caller, callee in edges:
            if caller and callee and caller != callee:
                down[caller].add(callee)
                up[callee].add(caller)
        return cls({k: tuple(sorted(v)) for k, v in down.items()}, {k: tuple(sorted(v)) for k, v in up.items()})

    def callees(self, service: str) -> frozenset[str]:
        """Everything a service calls, directly or through others; never itself."""
        return _reach(self.down, service)

    def callers(self, service: str) -> frozenset[str]:
        """Everything that calls a service, directly or through others; never itself."""
        return _reach(self.up, service)

    def focus(self, services: Iterable[str], everything: Iterable[str] = ()) -> frozenset[str]:
        """The services in scope with everything they call and everything that calls them.

        When no call of theirs is known, `everything` that was observed might be related.
        """
        named = frozenset(services)
        if not any(service in self.down or service in self.up for service in named):
            return named.union(everything)
        return named.union(*(self.callees(s) | self.callers(s) for s in named))

    def is_entry(self, service: str) -> bool:
        """Whether nobody known calls it: users do."""
        return service not in self.up


def _reach(calls: _Calls, start: str) -> frozenset[str]:
    seen: set[str] = set()
    layer = [start]
    for _ in range(DEPTH):
        layer = sorted({callee for caller in layer for callee in calls.get(caller, ())} - seen)
        seen.update(layer)
    return frozenset(seen - {start})


def read_graph(topology: pl.DataFrame, spans: pl.DataFrame) -> Graph:
    """The graph of a case; parent and child spans of different services are calls too."""
    known = topology.select("caller", "callee").unique()
    parents = spans.select("trace_id", parent_id="span_id", caller="service").unique()
    seen = (
        spans.filter(pl.col("parent_id") != "")
        .select("trace_id", "parent_id", callee="service")
        .unique()
        .join(parents, on=["trace_id", "parent_id"], how="inner")
        .select("caller", "callee")
        .unique()
    )
    both = pl.concat([known, seen]).unique().sort("caller", "callee")
    return Graph.of((str(caller), str(callee)) for caller, callee in both.iter_rows())
