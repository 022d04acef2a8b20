"""Where boxes of a call graph go: columns by the longest way from an entry, rows by where their callers are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import mean

from autopilot.analysis.topology import Graph

COLUMNS = 6
"""What lies deeper shares the last column."""
_SWEEPS = 4
Interest = tuple[float, bool, bool]
"""Score, whether alerted, whether it suffers: the more, the rather it is drawn."""


@dataclass(frozen=True)
class Layout:
    """Places of services in columns and rows."""

    places: dict[str, tuple[float, float]]
    """Service → column and row, counted from the upper left."""
    edges: tuple[tuple[str, str], ...]
    columns: int
    rows: int
    left_out: int


def lay_out(graph: Graph, interest: Mapping[str, Interest], most: int) -> Layout:
    """Place the services of most interest and their neighbours; those without a call come last, in rows below."""
    everything = {*graph.down, *graph.up, *interest}
    kept = _kept(graph, interest, everything, most)
    edges = tuple((a, b) for a in sorted(kept) for b in graph.down.get(a, ()) if b in kept)
    connected = sorted({name for edge in edges for name in edge})
    depth = _depths(connected, edges)
    columns = _ordered(connected, edges, depth)
    rows = max((len(column) for column in columns), default=0)
    places = {
        name: (float(x), (rows - len(column)) / 2 + y)
        for x, column in enumerate(columns) for y, name in enumerate(column)
    }  # fmt: skip
    wide = max(len(columns), min(4, len(kept) - len(connected)), 1)
    alone = [name for name in kept if name not in places]
    for number, name in enumerate(alone):
        places[name] = (float(number % wide), rows + 0.25 * bool(rows) + number // wide)
    rows += -(-len(alone) // wide) + bool(alone and rows)
    return Layout(places, edges, wide, rows, len(everything) - len(kept))


def _kept(graph: Graph, interest: Mapping[str, Interest], everything: Iterable[str], most: int) -> list[str]:
    """Those of interest, then the neighbours of the interesting in order of interest, then by name."""
    none: Interest = (0.0, False, False)
    named = sorted(interest, key=lambda s: tuple(-float(v) for v in interest[s]))
    between = [
        name for centre in named for name in (*graph.up.get(centre, ()), *graph.down.get(centre, ()))
        if interest.get(centre, none) > none
    ]  # fmt: skip
    return list(dict.fromkeys([*named, *between, *sorted(everything)]))[:most]


def _depths(names: Iterable[str], edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """Column of each service: the longest way from an entry, calls that close a circle left out."""
    down: dict[str, list[str]] = {name: [] for name in names}
    called: set[str] = set()
    for caller, callee in edges:
        down[caller].append(callee)
        called.add(callee)
    depth: dict[str, int] = {}
    starts = [*(name for name in down if name not in called), *down]
    for start in starts:
        if start not in depth:
            depth[start] = 0
            _follow(start, down, depth)
    return depth


def _follow(start: str, down: Mapping[str, list[str]], depth: dict[str, int]) -> None:
    """Push everything below `start` to the right of its callers; a way never enters a service twice."""
    ways: list[tuple[str, frozenset[str]]] = [(start, frozenset({start}))]
    while ways:
        name, way = ways.pop()
        below = min(depth[name] + 1, COLUMNS - 1)
        for callee in down[name]:
            if callee not in way and depth.get(callee, -1) < below:
                depth[callee] = below
                ways.append((callee, way | {callee}))


def _ordered(names: Iterable[str], edges: Iterable[tuple[str, str]], depth: Mapping[str, int]) -> list[list[str]]:
    """Names by column, each column in the order of its neighbours' rows (barycentre, a few sweeps)."""
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for name in names:
        columns[depth[name]].append(name)
    beside: dict[str, list[str]] = {name: [] for name in names}
    for caller, callee in edges:
        beside[caller].append(callee)
        beside[callee].append(caller)
    row = {name: y - len(column) / 2 for column in columns for y, name in enumerate(column)}
    for _ in range(_SWEEPS):
        for column in columns:
            column.sort(key=lambda name: (mean([row[n] for n in beside[name]] or [row[name]]), name))
            row |= {name: y - len(column) / 2 for y, name in enumerate(column)}
    return columns
