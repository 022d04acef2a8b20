"""Events of spans: the calls made, the lines logged, failures, calls that nobody answered, calls made too often."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from autopilot.analysis.traces.call_tree import CallTree, Ints
from autopilot.analysis.windows import Windows

CALL, LINE, SEVERE_LINE, FAILED, UNANSWERED, MORE = range(6)
"""What an event is; those from SEVERE_LINE on are bad news. An event is its number times KINDS plus this."""
KINDS = 6
_OFTEN = 5
"""Calls of one sort inside a span from which on there may be too many."""
_TIMES = 2
"""How many times the most that was usual are too many."""


class Events:
    """Which spans show which events. An event is a number; its words are made when it is told."""

    def __init__(
        self, tree: CallTree, present: pl.DataFrame, shapes: Sequence[str], samples: Sequence[str]
    ) -> None:
        self.present = present
        self._tree, self._shapes, self._samples = tree, shapes, samples

    def words(self, event: int) -> tuple[str, str]:
        """The event in words, and the line it stands for."""
        number, kind = divmod(event, KINDS)
        if kind in (CALL, MORE):
            service, operation = divmod(number, max(len(self._tree.operations), 1))
            called = f"{self._tree.services[service]} {self._tree.operations[operation]}"
            return (called if kind == CALL else f"more than {_TIMES} times the usual calls of {called}"), ""
        if kind in (LINE, SEVERE_LINE):
            return self._shapes[number], self._samples[number]
        return ("failed" if kind == FAILED else "no answer"), ""

    def asked(self, rows: Ints) -> int:
        """The service that calls like some unanswered ones usually reach."""
        tree = self._tree
        alike = (tree.callee >= 0) & np.isin(tree.path, tree.path[rows])
        return int(np.bincount(tree.callee[alike]).argmax())


def read_events(tree: CallTree, lines: pl.DataFrame, windows: Windows) -> Events:
    """Every event of every span, once."""
    distinct = lines.group_by("shape", "severe").agg(pl.col("sample").min()).sort("shape", "severe")
    distinct = distinct.with_row_index("number")
    written = lines.join(distinct.select("shape", "severe", "number"), on=["shape", "severe"]).select(
        "row",
        event=pl.col("number").cast(pl.Int64) * KINDS
        + pl.when("severe").then(pl.lit(SEVERE_LINE)).otherwise(pl.lit(LINE)),
    )
    calls = _calls(tree)
    silent = _unanswered(tree)
    failed = np.setdiff1d(np.flatnonzero(tree.failed), silent)
    marks = pl.DataFrame({
        "row": np.concatenate((failed, silent)),
        "event": np.repeat(np.asarray([FAILED, UNANSWERED]), [failed.size, silent.size]),
    })  # fmt: skip
    parts = [calls.select("row", "event"), _too_many(tree, calls, windows), marks, written]
    return Events(tree, pl.concat(parts).unique(), distinct["shape"].to_list(), distinct["sample"].to_list())


def _calls(tree: CallTree) -> pl.DataFrame:
    """Spans that call something (`row`), what (`event`), and how often.

    A client span stands for what it calls, so it is left out.
    """
    child = np.flatnonzero(tree.parent >= 0)
    client = tree.callee >= 0
    child = child[~client[child]]
    owner = tree.parent[child]
    owner = np.where(client[owner], tree.parent[owner], owner)
    called = tree.service[child] * len(tree.operations) + tree.operation[child]
    calls = pl.DataFrame({"row": owner.astype(np.int64), "event": (called * KINDS + CALL).astype(np.int64)})
    return calls.group_by("row", "event").agg(times=pl.len())


def _too_many(tree: CallTree, calls: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Spans that make some call far more often than any did along the same chain before the incident."""
    repeated = calls.with_columns(
        path=pl.Series(tree.path).gather(calls["row"]),
        early=pl.Series(tree.start < windows.split).gather(calls["row"]),
    )
    usual = repeated.filter("early").group_by("path", "event").agg(most=pl.col("times").max())
    return (
        repeated.filter(pl.col("times") >= _OFTEN).join(usual, on=["path", "event"])
        .filter(pl.col("times") > _TIMES * pl.col("most"))
        .select("row", event=pl.col("event") - CALL + MORE)
    )  # fmt: skip


def _unanswered(tree: CallTree) -> Ints:
    """Spans without any below them whose like usually call another service."""
    leaf = np.ones(tree.size, dtype=np.bool_)
    leaf[tree.parent[tree.parent >= 0]] = False
    calling = np.unique(tree.path[tree.callee >= 0])
    return np.flatnonzero(leaf & np.isin(tree.path, calling)).astype(np.int64)
