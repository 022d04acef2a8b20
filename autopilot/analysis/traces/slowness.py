"""Slowness: which kinds of span spend more time of their own than before, and which service explains it.

Time on the way of a call belongs to both ends: a service whose packets, threads or processor are slow delays every
call into it and out of it, while its neighbours delay only the calls that touch it. So each service is credited
with its own added time, with that of calls into it as far as all of them agree, and likewise with that of calls
out of it. The best one is taken for a root, what it explains is removed, and the rest is looked at again (a greedy
set cover).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from autopilot.analysis.metrics.series import NORMAL, Floats
from autopilot.analysis.traces.call_tree import CallTree, Flags, Ints
from autopilot.analysis.windows import MICROS, Windows

_End = Literal["caller", "callee"]

_ROOTS = 5
"""Services told at most."""
_KINDS = 400
_KEY = ["service", "operation", "callee"]
_SMALL = 1_000.0
"""Microseconds: differences below a millisecond are of no practical interest."""
_CLEAR = 3.0
"""Standard errors that a kind of span must have moved."""
_FACTOR = 1.5
"""Growth that a kind of span must show."""
_LEAST_SPREAD = 0.3
"""Spread of durations between calls (natural logarithm) even where few baseline calls look alike."""
_ONE_CALL = 1.0
"""Spread assumed where fewer than three calls tell the usual duration: a single one may be off by a factor e."""
_FELT = 0.15
"""Added share of a request's usual time at which slowness counts half."""
_STEADY = 10 * 60 * MICROS
"""Longer incident windows may begin healthy: their later parts are looked at as well."""


@dataclass(frozen=True)
class SlowKind:
    """One kind of span that takes longer. Durations in microseconds, its own time only."""

    operation: str
    callee: str
    """The service called, for time on the way; "" for work of its own."""
    caller: str
    before: float
    after: float
    calls: int


@dataclass(frozen=True)
class SlowService:
    """A service that explains added time."""

    service: str
    score: float
    share: float
    """Of all time that was added anywhere."""
    on_the_way: float
    """Share of what it explains that is time on the way of calls into and out of it."""
    inward: float
    """Share of what it explains that is time on the way of calls into it."""
    starved: float
    """Share of its own kinds of work that are slower."""
    kinds: tuple[SlowKind, ...]
    """The most telling ones first."""
    rows: Ints
    """Its slow spans since the beginning that tells most."""
    lead: Ints
    """Every span of its most telling kind, before and since."""
    calls_slow: float
    """Share of the calls into it (or out of it, what is more) that are slower."""


def beginnings(windows: Windows) -> Iterator[int]:
    """Times (µs) from which the incident may show: its start and, in a long window, its later quarters."""
    length = windows.end - windows.split
    for quarter in range(4 if length > _STEADY else 1):
        yield windows.split + quarter * length // 4


def slow_services(tree: CallTree, windows: Windows) -> list[SlowService]:
    """The services that explain added time, best first, since the beginning that tells most."""
    readings = [_Reading(tree, windows, since).roots() for since in beginnings(windows)]
    return max(readings, key=lambda found: found[0].score if found else 0.0)


class _Reading:
    """Spans before the incident compared with those since a moment."""

    def __init__(self, tree: CallTree, windows: Windows, since: int) -> None:
        self._tree = tree
        self._late: Flags = tree.start >= since
        before: Flags = tree.start < windows.split
        rows = _own_times(tree, self._late, before)
        self._kinds = _compared(rows)
        numbered = rows.join(self._kinds.select(*_KEY, "kind"), on=_KEY, how="left", maintain_order="left")
        self._kind: Ints = numbered["kind"].fill_null(-1).cast(pl.Int64).to_numpy()
        self._slow: Flags = self._kinds["slow"].to_numpy()
        self._caller: Ints = self._kinds["service"].to_numpy()
        self._callee: Ints = self._kinds["callee"].to_numpy()

    def roots(self) -> list[SlowService]:
        """Services by what they explain; each kind of span is explained once."""
        kinds, found = self._kinds, list[SlowService]()
        added: Floats = np.where(self._slow, kinds["added"].to_numpy(), 0.0)
        total = float(added.sum())
        remaining = self._slow.copy()
        into, out_of = self._agreement("callee"), self._agreement("caller")
        while remaining.any() and len(found) < _ROOTS:
            credit = self._credit(np.where(remaining, added, 0.0), into, out_of)
            best = int(credit.argmax())
            mine = remaining & ((self._caller == best) | (self._callee == best))
            remaining &= ~mine
            calls_slow = float(max(into[best], out_of[best]))
            found.append(self._root(best, mine, float(credit[best]) / total, calls_slow))
        return sorted(found, key=lambda root: (-root.score, root.service))

    def _agreement(self, end: _End) -> Floats:
        """Per service: which share of the comparable calls into (or out of) it became slower."""
        size, at = len(self._tree.services), self._callee if end == "callee" else self._caller
        way = self._callee >= 0
        calls: Floats = self._kinds["calls"].cast(pl.Float64).to_numpy()[way]
        every, slower = (np.bincount(at[way], n, size) for n in (calls, calls * self._slow[way]))
        return np.asarray(slower / np.maximum(every, 1.0), dtype=np.float64)

    def _credit(self, added: Floats, into: Floats, out_of: Floats) -> Floats:
        size, way = len(self._tree.services), self._callee >= 0
        work = np.bincount(self._caller[~way], added[~way], size)
        called = into * np.bincount(self._callee[way], added[way], size)
        # Where all agree, one caller and one callee explain the same: the callee is the likelier one.
        calling = 0.9 * out_of * np.bincount(self._caller[way], added[way], size)
        return np.asarray(work + called + calling, dtype=np.float64)

    def _root(self, service: int, mine: Flags, share: float, calls_slow: float) -> SlowService:
        kinds = self._kinds.filter(pl.Series(mine)).sort(["added", *_KEY], descending=[True, *[False] * 3])
        rows = np.flatnonzero(self._late & (self._kind >= 0) & mine[self._kind])
        added, clear = _number(kinds["added"].sum()), _number(kinds["z"].max())
        felt = added / max(self._usual_time(rows), 1.0)
        local = self._kinds.filter((pl.col("service") == service) & (pl.col("callee") < 0))
        return SlowService(
            service=self._tree.services[service],
            score=share * felt / (felt + _FELT) * (1 - float(np.exp(-(clear - _CLEAR + 1) / 2))),
            share=share,
            on_the_way=_number(kinds.filter(pl.col("callee") >= 0)["added"].sum()) / max(added, 1.0),
            inward=_number(kinds.filter(pl.col("callee") == service)["added"].sum()) / max(added, 1.0),
            starved=_number(local["slow"].cast(pl.Float64).mean()),
            kinds=tuple(self._told(row) for row in kinds.head(5).iter_rows(named=True)),
            rows=rows.astype(np.int64),
            lead=np.flatnonzero(self._kind == int(kinds["kind"][0])).astype(np.int64),
            calls_slow=calls_slow,
        )

    def _usual_time(self, rows: Ints) -> float:
        """How long the traces of some spans would usually have taken, in microseconds of own time."""
        tree = self._tree
        usual: Floats = np.where(self._late & (self._kind >= 0), self._kinds["usual"].to_numpy()[self._kind], 0.0)
        per_trace = np.bincount(tree.trace, usual)
        return float(per_trace[np.unique(tree.trace[rows])].sum())

    def _told(self, row: dict[str, int | float]) -> SlowKind:
        tree, callee = self._tree, int(row["callee"])
        return SlowKind(
            operation=tree.operations[int(row["operation"])],
            callee=tree.services[callee] if callee >= 0 else "",
            caller=tree.services[int(row["service"])],
            before=float(row["usual"]), after=float(row["now"]), calls=int(row["calls"]),
        )  # fmt: skip


def compared_kinds(tree: CallTree, windows: Windows, chosen: Flags, time: Ints) -> pl.DataFrame:
    """Kinds of some spans that occur before the incident and during it, by a time of each (such as `tree.own`).

    `service`, `operation` and `callee` are places in the tree. Columns besides: `base` and `calls` (how many before
    and during), `usual` and `now` (microseconds), `z` (standard errors), `slow`.
    """
    rows = _own_times(tree, tree.start >= windows.split, tree.start < windows.split)
    return _compared(rows.with_columns(own=pl.Series(time.astype(np.float64))).filter(pl.Series(chosen)))


def _own_times(tree: CallTree, late: Flags, before: Flags) -> pl.DataFrame:
    return pl.DataFrame({
        "service": tree.service, "operation": tree.operation, "callee": tree.callee, "path": tree.path,
        "own": tree.own.astype(np.float64), "late": late, "before": before,
    }).with_row_index("row")  # fmt: skip


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0


def _trimean(name: str, side: str) -> pl.Expr:
    """Tukey's trimean: as steady as a median, yet it moves when a quarter of the calls is slow."""
    value = pl.col(name).filter(side)
    return (value.quantile(0.25, "linear") + 2 * value.median() + value.quantile(0.75, "linear")) / 4


def _compared(rows: pl.DataFrame) -> pl.DataFrame:
    """Kinds of span with calls on both sides, and how far their own time moved, in standard errors.

    Each call is compared with the earlier ones along the same chain: another mix of requests is not slowness.
    """
    scaled = rows.with_columns(log=(pl.col("own") + _SMALL).log())
    chains = (
        scaled.filter("before").group_by(*_KEY, "path")
        .agg(usual=pl.col("own").median(), middle=pl.col("log").median())
    )  # fmt: skip
    gains = (
        scaled.join(chains, on=[*_KEY, "path"])
        .with_columns(gain=pl.col("own") - pl.col("usual"), log=pl.col("log") - pl.col("middle"))
        .filter(pl.col("late").any().over(*_KEY, "path"))
    )  # fmt: skip
    few = pl.when(pl.col("base") < 3).then(_ONE_CALL).otherwise(_LEAST_SPREAD)
    error = pl.max_horizontal("spread", few) * (1 / pl.col("base") + 1 / pl.col("calls")).sqrt()
    return (
        gains.group_by(_KEY)
        .agg(
            base=pl.col("before").sum(), calls=pl.col("late").sum(), usual=pl.col("usual").filter("late").mean(),
            gain=_trimean("gain", "late") - _trimean("gain", "before"),
            moved=_trimean("log", "late") - _trimean("log", "before"),
            spread=NORMAL * pl.col("log").filter("before").abs().median(),
        )
        .filter((pl.col("base") > 0) & (pl.col("calls") > 0))
        .sort(["calls", *_KEY], descending=[True, False, False, False]).head(_KINDS).sort(_KEY)
        .with_columns(
            pl.col("usual").round(3), now=(pl.col("usual") + pl.col("gain")).round(3),
            added=(pl.col("gain").clip(0) * pl.col("calls")).round(3), z=(pl.col("moved") / error).round(9),
        )
        .with_columns(
            slow=(pl.col("z") >= _CLEAR) & (pl.col("gain") >= (_FACTOR - 1) * pl.col("usual"))
            & (pl.col("gain") >= _SMALL)
        )
        .with_row_index("kind")
    )  # fmt: skip
