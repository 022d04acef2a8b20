"""X-Ray's service graph, counted from visits of traces."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

Node = tuple[str, str]
"""(name, type) of a service in the map."""


@dataclass
class Statistics:
    """How calls went, as the wire wants it."""

    ok: int = 0
    throttled: int = 0
    errors: int = 0
    faults: int = 0
    seconds: float = 0.0

    @staticmethod
    def of(seconds: float, *, fault: bool, error: bool, throttle: bool) -> "Statistics":
        """One call."""
        failed = error and not fault
        return Statistics(
            ok=int(not fault and not failed),
            throttled=int(failed and throttle),
            errors=int(failed and not throttle),
            faults=int(fault),
            seconds=seconds,
        )

    def add(self, other: "Statistics") -> None:
        """Count more calls."""
        self.ok += other.ok
        self.throttled += other.throttled
        self.errors += other.errors
        self.faults += other.faults
        self.seconds += other.seconds

    def wire(self) -> dict[str, object]:
        """SummaryStatistics."""
        failed = self.throttled + self.errors
        return {
            "OkCount": self.ok,
            "ErrorStatistics": {
                "ThrottleCount": self.throttled,
                "OtherCount": self.errors,
                "TotalCount": failed,
            },
            "FaultStatistics": {"OtherCount": self.faults, "TotalCount": self.faults},
            "TotalCount": self.ok + failed + self.faults,
            "TotalResponseTime": round(self.seconds, 3),
        }


@dataclass
class _Seen:
    """A node or an edge while counting."""

    first: float
    last: float
    statistics: Statistics = field(default_factory=Statistics)

    def visit(self, outcome: Statistics, at: float) -> None:
        self.first, self.last = min(self.first, at), max(self.last, at)
        self.statistics.add(outcome)

    def wire(self) -> dict[str, object]:
        return {"StartTime": self.first, "EndTime": self.last, "SummaryStatistics": self.statistics.wire()}


def service_map(
    traces: Iterable[Sequence[tuple[Node, Node | None, Statistics, float]]],
) -> list[dict[str, object]]:
    """Services with their outgoing edges."""
    nodes: dict[Node, _Seen] = {}
    edges: dict[tuple[Node, Node], _Seen] = {}
    roots: set[Node] = set()
    for visits in traces:
        for node, caller, outcome, at in visits:
            nodes.setdefault(node, _Seen(at, at)).visit(outcome, at)
            if caller:
                edges.setdefault((caller, node), _Seen(at, at)).visit(outcome, at)
            else:
                roots.add(node)
    number = {node: index for index, node in enumerate(nodes)}
    return [
        {
            "ReferenceId": number[node],
            "Name": node[0],
            "Names": [node[0]],
            "Type": node[1],
            "State": "active",
            "Root": node in roots,
            "Edges": [
                {"ReferenceId": number[callee], "EdgeType": "link", **edge.wire()}
                for (caller, callee), edge in edges.items()
                if caller == node
            ],
            **seen.wire(),
        }
        for node, seen in nodes.items()
    ]
