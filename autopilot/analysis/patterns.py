"""Patterns of calls: what usually happens inside a span and no longer does, and errors that did not happen before.

The events of a span are the calls it makes and the lines it logs. Fault-free and later spans of one operation are
compared event by event, stratified by the chain of calls that led there (Cochran-Mantel-Haenszel), so that
another mix of requests is not mistaken for a change. The idea of comparing event patterns of both periods
is that of Nezha (Yu et al., ESEC/FSE 2023).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from autopilot.analysis.call_tree import CallTree, Flags, Ints
from autopilot.analysis.windows import Windows

Change = Literal["gone", "errors"]
CLEAR = 2.58
"""Standard errors of a change that counts: one in a hundred by chance."""
_USUAL = 0.25
"""Share of the calls along a chain in which an event must occur to be missed."""
_MOST_GONE = 0.5
"""Least share of the expected occurrences that must be missing."""
_EVENTS = 60
_ERROR_NAME = re.compile(r"error|exception|fail|fallback", re.IGNORECASE)
_CALL, _LINE, _SEVERE_LINE, _FAILED, _UNANSWERED = range(5)
_OWNER = ["service", "operation", "event"]


@dataclass(frozen=True)
class Shift:
    """One event of one operation that changed."""

    change: Change
    service: str
    operation: str
    event: str
    """In words."""
    sample: str
    """A line as it was written, "" when the event is no line."""
    before: tuple[int, int]
    """Spans with the event, and spans, before the incident (along chains seen on both sides)."""
    after: tuple[int, int]
    clear: float
    """Standard errors from no change."""
    share: float
    """Expected occurrences that are missing, or later spans that newly show the error."""
    rows: Ints
    """Later spans that show the change."""


def shifts(tree: CallTree, lines: pl.DataFrame, windows: Windows, since: int) -> list[Shift]:
    """What changed between the spans before the incident and those since a moment, clearest first."""
    events = _events(tree, lines)
    counted = _counted(tree, events.present, windows, since)
    told = [_shift(tree, events, counted, row, since) for row in _changed(counted).iter_rows(named=True)]
    return [shift for shift in told if not (shift.change == "gone" and events.is_error(shift))]


class _Events:
    """Which spans show which events. An event is a number; its words are made when it is told."""

    def __init__(
        self, tree: CallTree, present: pl.DataFrame, shapes: Sequence[str], samples: Sequence[str]
    ) -> None:
        self.present = present
        self._tree, self._shapes, self._samples = tree, shapes, samples

    def words(self, event: int) -> tuple[str, str]:
        """The event in words, and the line it stands for."""
        kind, number = event % 5, event // 5
        if kind == _CALL:
            service, operation = divmod(number, max(len(self._tree.operations), 1))
            return f"{self._tree.services[service]} {self._tree.operations[operation]}", ""
        if kind in (_LINE, _SEVERE_LINE):
            return self._shapes[number], self._samples[number]
        return ("failed" if kind == _FAILED else "no answer"), ""

    def is_error(self, shift: Shift) -> bool:
        """Whether the event itself is an error: its end is good news."""
        return _ERROR_NAME.search(shift.event) is not None and not shift.sample


def _events(tree: CallTree, lines: pl.DataFrame) -> _Events:
    distinct = lines.group_by("shape", "severe").agg(pl.col("sample").min()).sort("shape", "severe")
    distinct = distinct.with_row_index("number")
    written = lines.join(distinct.select("shape", "severe", "number"), on=["shape", "severe"]).select(
        "row",
        event=pl.col("number").cast(pl.Int64) * 5
        + pl.when("severe").then(pl.lit(_SEVERE_LINE)).otherwise(pl.lit(_LINE)),
    )
    owner, call = _calls(tree)
    failed, silent = np.flatnonzero(tree.failed), _unanswered(tree)
    rows = np.concatenate((owner, failed, silent))
    codes = np.concatenate((call, np.full(failed.size, _FAILED), np.full(silent.size, _UNANSWERED)))
    present = pl.concat([pl.DataFrame({"row": rows, "event": codes.astype(np.int64)}), written]).unique()
    return _Events(tree, present, distinct["shape"].to_list(), distinct["sample"].to_list())


def _calls(tree: CallTree) -> tuple[Ints, Ints]:
    """Spans that call something, and what: a client span stands for what it calls, so it is left out."""
    child = np.flatnonzero(tree.parent >= 0)
    client = tree.callee >= 0
    child = child[~client[child]]
    owner = tree.parent[child]
    owner = np.where(client[owner], tree.parent[owner], owner)
    called = tree.service[child] * len(tree.operations) + tree.operation[child]
    return owner.astype(np.int64), (called * 5 + _CALL).astype(np.int64)


def _unanswered(tree: CallTree) -> Ints:
    """Spans without any below them whose like usually call another service."""
    parents = np.unique(tree.parent[tree.parent >= 0])
    leaf = np.ones(tree.size, dtype=np.bool_)
    leaf[parents] = False
    calling = np.unique(tree.path[tree.callee >= 0])
    return np.flatnonzero(leaf & np.isin(tree.path, calling)).astype(np.int64)


@dataclass(frozen=True)
class _Counted:
    """Spans and events by chain, on both sides."""

    strata: pl.DataFrame
    """service, operation, event, path, and the counts b of nb before, a of na since."""
    tests: pl.DataFrame
    """service, operation, event and what the strata say together."""
    present: pl.DataFrame


def _counted(tree: CallTree, present: pl.DataFrame, windows: Windows, since: int) -> _Counted:
    early, late = tree.start < windows.split, tree.start >= since
    spans = pl.DataFrame({
        "service": tree.service, "operation": tree.operation, "path": tree.path, "early": early, "late": late,
    }).with_row_index("row").with_columns(pl.col("row").cast(pl.Int64))  # fmt: skip
    sizes = (
        spans.filter(tree.depth >= 0).group_by("path")
        .agg(nb=pl.col("early").sum(), na=pl.col("late").sum())
        .filter((pl.col("nb") > 0) & (pl.col("na") > 0))
    )  # fmt: skip
    strata = (
        present.join(spans, on="row").group_by(*_OWNER, "path")
        .agg(b=pl.col("early").sum(), a=pl.col("late").sum())
        .join(sizes, on="path").cast(dict.fromkeys(("b", "a", "nb", "na"), pl.Float64))
        .with_columns(n=pl.col("nb") + pl.col("na"), m=pl.col("b") + pl.col("a"))
        .with_columns(
            expected=pl.col("na") * pl.col("m") / pl.col("n"),
            variance=pl.col("na") * pl.col("nb") * pl.col("m") * (pl.col("n") - pl.col("m"))
            / (pl.col("n") ** 2 * (pl.col("n") - 1).clip(1)),
            usual=pl.col("na") * pl.col("b") / pl.col("nb"),
        )
        .sort(*_OWNER, "path")
    )  # fmt: skip
    tests = (
        strata.group_by(_OWNER, maintain_order=True)
        .agg(pl.col("b", "nb", "a", "na", "expected", "variance", "usual").sum())
        .with_columns(z=((pl.col("expected") - pl.col("a")) / (pl.col("variance").sqrt() + 1e-9)).round(9))
    )
    return _Counted(strata, tests, present)


def _changed(counted: _Counted) -> pl.DataFrame:
    adverse = pl.col("event") % 5 >= _SEVERE_LINE
    missing = 1 - pl.col("a") / pl.col("usual").clip(1e-9)
    gone = ~adverse & (pl.col("z") >= CLEAR) & (missing >= _MOST_GONE)
    errors = adverse & (pl.col("z") <= -CLEAR)
    return (
        counted.tests.with_columns(
            gone=gone,
            share=pl.when(adverse).then((pl.col("a") - pl.col("usual")) / pl.col("na")).otherwise(missing),
        )
        .filter(gone | errors)
        .sort(pl.col("z").abs(), *_OWNER, descending=[True, False, False, False])
        .head(_EVENTS)
    )


def _shift(tree: CallTree, events: _Events, counted: _Counted, row: dict[str, float], since: int) -> Shift:
    service, operation, event = (int(row[name]) for name in _OWNER)
    of_operation = (tree.service == service) & (tree.operation == operation) & (tree.start >= since)
    has: Flags = np.zeros(tree.size, dtype=np.bool_)
    has[counted.present.filter(pl.col("event") == event)["row"].to_numpy()] = True
    if row["gone"]:
        mine = counted.strata.filter(
            (pl.col("service") == service) & (pl.col("operation") == operation) & (pl.col("event") == event)
            & (pl.col("b") >= _USUAL * pl.col("nb"))
        )  # fmt: skip
        rows = of_operation & ~has & np.isin(tree.path, mine["path"].to_numpy())
    else:
        rows = of_operation & has
    words, sample = events.words(event)
    return Shift(
        change="gone" if row["gone"] else "errors",
        service=tree.services[service], operation=tree.operations[operation], event=words, sample=sample,
        before=(int(row["b"]), int(row["nb"])), after=(int(row["a"]), int(row["na"])),
        clear=abs(row["z"]), share=min(max(row["share"], 0.0), 1.0), rows=np.flatnonzero(rows).astype(np.int64),
    )  # fmt: skip
