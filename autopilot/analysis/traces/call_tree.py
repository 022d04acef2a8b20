"""Call trees: spans as arrays with parents as row numbers, and the time that each span spent itself.

Own time is a span's duration without the union of its children's intervals, so that parallel children count once.
A child on another machine is first moved into its parent, when it fits there: a skewed clock must not make a
caller look busy (the idea of Jaeger's clock skew adjuster). A leaf that merely stays open while a sibling's call
is under way (a wrapper of asynchronous code) waits, it does not work.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from autopilot.analysis.windows import Windows
from autopilot.case.schema import FAILED_STATUSES

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Hashes = npt.NDArray[np.uint64]

DEPTH = 64
"""Calls followed from a root; what lies deeper (or in a circle) belongs to no path."""
_LONGEST = 86_400_000_000
"""A day in microseconds: longer spans are taken for broken clocks and left out."""
_IDS_IN_PATHS = r"/(?:\d+|[0-9a-fA-F-]{16,})\b"


@dataclass(frozen=True)
class CallTree:
    """Spans inside the windows, in the order of trace, start and id; arrays have one entry per span."""

    ids: pl.DataFrame
    """`trace_id`, `span_id` and `row` of every span."""
    services: tuple[str, ...]
    operations: tuple[str, ...]
    trace: Ints
    service: Ints
    operation: Ints
    start: Ints
    """Microseconds since the epoch."""
    duration: Ints
    """Microseconds."""
    failed: Flags
    parent: Ints
    """Row of the parent; -1 where it is unknown."""

    @property
    def size(self) -> int:
        """Number of spans."""
        return self.start.size

    @cached_property
    def depth(self) -> Ints:
        """Calls above a span; -1 for spans in a circle or deeper than DEPTH."""
        depth = np.where(self.parent < 0, 0, -1).astype(np.int64)
        for level in range(1, DEPTH):
            open_rows = np.flatnonzero(depth < 0)
            reached = open_rows[depth[self.parent[open_rows]] == level - 1]
            if not reached.size:
                break
            depth[reached] = level
        return depth

    @cached_property
    def path(self) -> Hashes:
        """A number per chain of (service, operation) from the root down to the span."""
        own = _mixed(self.service.astype(np.uint64) * np.uint64(1_000_003) + self.operation.astype(np.uint64))
        path = own.copy()
        for level in range(1, int(self.depth.max(initial=0)) + 1):
            rows = np.flatnonzero(self.depth == level)
            path[rows] = _mixed(path[self.parent[rows]] ^ own[rows])
        return path

    @cached_property
    def remote(self) -> Flags:
        """Whether a span belongs to another service than its parent."""
        return (self.parent >= 0) & (self.service != self.service[self.parent])

    @cached_property
    def callee(self) -> Ints:
        """The service that a client span calls, -1 for other spans.

        A client span lies inside its own service and waits for one span of another one: what is left of it is
        time on the way.
        """
        kids = np.bincount(self.parent[self.parent >= 0], minlength=self.size)
        called = np.full(self.size, -1, dtype=np.int64)
        rows = np.flatnonzero(self.remote)
        above = self.parent[rows]
        nested = (self.parent[above] >= 0) & ~self.remote[above]
        waits = (kids[above] == 1) & nested & (self.duration[rows] <= self.duration[above])
        called[above[waits]] = self.service[rows[waits]]
        return called

    @cached_property
    def own(self) -> Ints:
        """Microseconds that a span spent itself."""
        children = np.flatnonzero(self.parent >= 0)
        low, high = self._inside(children)
        covered = Cover(self.parent[children], low, high)
        own = np.clip(self.duration - covered.total(self.size), 0, None)
        return own - np.minimum(own, self._waiting(children, low, high))

    def _inside(self, children: Ints) -> tuple[Ints, Ints]:
        """Where children lie in their parents, as microseconds since the parent's start."""
        above = self.parent[children]
        room, length = self.duration[above], self.duration[children]
        offset = self.start[children] - self.start[above]
        fits = self.remote[children] & (length <= room)
        low = np.where(fits, np.clip(offset, 0, room - np.minimum(length, room)), np.clip(offset, 0, room))
        high = np.where(fits, low + length, np.clip(offset + length, 0, room))
        return low.astype(np.int64), np.maximum(high, low).astype(np.int64)

    def _waiting(self, children: Ints, low: Ints, high: Ints) -> Ints:
        """Time of leaves during which a sibling's call to another service is under way."""
        waiting = np.zeros(self.size, dtype=np.int64)
        above = self.parent[children]
        busy = np.zeros(self.size, dtype=np.bool_)
        busy[self.parent[self.remote]] = True
        calls = busy[children]
        has_calls = np.zeros(self.size, dtype=np.bool_)
        has_calls[above[calls]] = True
        has_kids = np.bincount(above, minlength=self.size) > 0
        leaf = ~has_kids[children] & ~self.remote[children] & has_calls[above]
        if leaf.any():
            cover = Cover(above[calls], low[calls], high[calls])
            waiting[children[leaf]] = cover.within(above[leaf], low[leaf], high[leaf])
        return waiting

    def waiting_for(self, rows: Ints) -> Flags:
        """Which spans waited for some rows: their ancestors, as far as none is shorter than the one below.

        Durations need no common clock. A child that lasts longer than its parent was not waited for to its end.
        """
        marked = np.zeros(self.size, dtype=np.bool_)
        for _ in range(DEPTH):
            rows = rows[self.parent[rows] >= 0]
            above = self.parent[rows]
            above = np.unique(above[self.duration[rows] <= self.duration[above]])
            rows = above[~marked[above]]
            if not rows.size:
                break
            marked[rows] = True
        return marked


class Cover:
    """Unions of intervals, one union per group, answered by binary search instead of loops."""

    def __init__(self, group: Ints, low: Ints, high: Ints) -> None:
        """Intervals [low, high) with 0 <= low <= high <= a day, in microseconds."""
        order = np.lexsort((high, low, group))
        self._group = group[order]
        base = self._group * (_LONGEST + 1)
        low, high = low[order] + base, high[order] + base
        reach = np.maximum.accumulate(high) if high.size else high
        before = np.maximum(np.concatenate((base[:1], reach[:-1])), base)
        self._low = np.maximum(low, before)
        self._length = np.clip(high - self._low, 0, None)
        self._sums = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(self._length)))

    def total(self, groups: int) -> Ints:
        """Covered microseconds of each group 0 … groups - 1."""
        covered = np.zeros(groups, dtype=np.int64)
        np.add.at(covered, self._group, self._length)
        return covered

    def within(self, group: Ints, low: Ints, high: Ints) -> Ints:
        """Covered microseconds of each [low, high) in its group."""
        base = group * (_LONGEST + 1)
        return self._until(base + high) - self._until(base + low)

    def _until(self, at: Ints) -> Ints:
        found = np.searchsorted(self._low, at, side="right")
        last = np.maximum(found - 1, 0)
        part = np.minimum(at - self._low[last], self._length[last])
        return np.where(found > 0, self._sums[last] + part, 0).astype(np.int64)


def _mixed(values: Hashes) -> Hashes:
    """Numbers spread over 64 bits (the finaliser of splitmix64)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))


def read_tree(spans: pl.DataFrame, windows: Windows) -> CallTree:
    """The call tree of the usable spans inside the windows. Spans told twice count once."""
    at = pl.col("start").cast(pl.Int64)
    usable = (
        spans.filter(
            pl.col("duration").is_between(0, _LONGEST / 1e6)
            & (at >= windows.start) & (at < windows.end)
        )
        .select(
            "trace_id", "span_id", "parent_id", "service",
            pl.col("operation").str.slice(0, 200).str.replace_all(_IDS_IN_PATHS, "/<id>"), at,
            pl.col("duration").mul(1e6).round().cast(pl.Int64),
            failed=pl.col("status").is_in(FAILED_STATUSES),
        )
        .sort("trace_id", "start", "span_id", "duration", "service", "operation", "parent_id", "failed")
        .unique(["trace_id", "span_id"], keep="first", maintain_order=True)
        .with_row_index("row")
    )  # fmt: skip
    ids = usable.select("trace_id", "span_id", pl.col("row").cast(pl.Int64))
    parents = ids.rename({"span_id": "parent_id", "row": "parent"})
    found = usable.join(parents, on=["trace_id", "parent_id"], how="left", maintain_order="left")
    trace = (usable["trace_id"] != usable["trace_id"].shift(1)).fill_null(True).cast(pl.Int64).cum_sum() - 1
    services, service = _coded(usable["service"])
    operations, operation = _coded(usable["operation"])
    parent: Ints = found["parent"].fill_null(-1).to_numpy()
    return CallTree(
        ids, services, operations, trace.to_numpy(), service, operation, usable["start"].to_numpy(),
        usable["duration"].to_numpy(), usable["failed"].to_numpy(),
        np.where(parent == np.arange(parent.size), -1, parent).astype(np.int64),
    )  # fmt: skip


def _coded(values: pl.Series) -> tuple[tuple[str, ...], Ints]:
    """Distinct values in order, and the place of each value among them."""
    distinct = values.unique().sort()
    codes = distinct.search_sorted(values).cast(pl.Int64).to_numpy()
    return tuple(distinct.to_list()), codes
