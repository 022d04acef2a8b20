"""Patterns of calls: what usually happens inside a span and no longer does, and errors that did not happen before.

The events of a span are the calls it makes and the lines it logs. Fault-free and later spans of one operation are
compared event by event, stratified by the chain of calls that led there (Cochran-Mantel-Haenszel), so that
another mix of requests is not mistaken for a change. The idea of comparing event patterns of both periods
is that of Nezha (Yu et al., ESEC/FSE 2023).
"""

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from autopilot.analysis.traces.call_tree import CallTree, Flags, Ints
from autopilot.analysis.traces.span_events import KINDS, MORE, SEVERE_LINE, UNANSWERED, Events
from autopilot.analysis.windows import Windows

Change = Literal["gone", "errors", "more"]
CLEAR = 2.58
"""Standard errors of a change that counts: one in a hundred by chance."""
_USUAL = 0.25
"""Share of the calls along a chain in which an event must occur to be missed."""
_MOST_GONE = 0.5
"""Least share of the expected occurrences that must be missing."""
_EVENTS = 60
_ERROR_NAME = re.compile(r"error|exception|fail|fallback", re.IGNORECASE)
_OWNER = ["service", "operation", "event"]


@dataclass(frozen=True)
class Shift:
    """One event of one operation that changed."""

    change: Change
    service: str
    """The one it speaks against: that of the spans, or the one that no longer answers them."""
    caller: str
    """That of the spans."""
    operation: str
    event: str
    """In words."""
    sample: str
    """A line as it was written, "" when the event is no line."""
    before: tuple[int, int]
    """Traces with the event, and traces, before the incident (along chains of calls seen on both sides)."""
    after: tuple[int, int]
    clear: float
    """Standard errors from no change."""
    share: float
    """Expected occurrences that are missing, or later traces that newly show the error."""
    rows: Ints
    """Later spans that show the change."""


def shifts(tree: CallTree, events: Events, windows: Windows, since: int) -> list[Shift]:
    """What changed between the spans before the incident and those since a moment, clearest first."""
    counted = _counted(tree, events.present, windows, since)
    told = [_shift(tree, events, counted, row, since) for row in _changed(counted).iter_rows(named=True)]
    return [shift for shift in told if not _good_news(shift)]


def _good_news(shift: Shift) -> bool:
    """Whether what is gone was an error itself: the page, the handler that reports one."""
    return shift.change == "gone" and not shift.sample and _ERROR_NAME.search(shift.event) is not None


@dataclass(frozen=True)
class _Counted:
    """Traces and events by chain, on both sides."""

    strata: pl.DataFrame
    """service, operation, event, path, and the counts b of nb before, a of na since."""
    tests: pl.DataFrame
    """service, operation, event and what the strata say together."""
    present: pl.DataFrame


def _counted(tree: CallTree, present: pl.DataFrame, windows: Windows, since: int) -> _Counted:
    """Counts of traces: what happens many times in one request is one observation."""
    early, late = tree.start < windows.split, tree.start >= since
    spans = pl.DataFrame({
        "row": np.arange(tree.size), "trace": tree.trace, "service": tree.service, "operation": tree.operation,
        "path": tree.path, "early": early, "late": late,
    })  # fmt: skip
    sizes = (
        spans.filter(tree.depth >= 0).select("path", "trace", "early", "late").unique().group_by("path")
        .agg(nb=pl.col("early").sum(), na=pl.col("late").sum())
        .filter((pl.col("nb") > 0) & (pl.col("na") > 0))
    )  # fmt: skip
    strata = (
        present.join(spans, on="row").drop("row").unique().group_by(*_OWNER, "path")
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
    adverse = pl.col("event") % KINDS >= SEVERE_LINE
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


def _shift(tree: CallTree, events: Events, counted: _Counted, row: dict[str, float], since: int) -> Shift:
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
    found = np.flatnonzero(rows).astype(np.int64)
    unheard = event % KINDS == UNANSWERED and found.size > 0
    return Shift(
        change="gone" if row["gone"] else "more" if event % KINDS == MORE else "errors",
        service=tree.services[events.asked(found) if unheard else service], caller=tree.services[service],
        operation=tree.operations[operation], event=words, sample=sample,
        before=(int(row["b"]), int(row["nb"])), after=(int(row["a"]), int(row["na"])),
        clear=abs(row["z"]), share=min(max(row["share"], 0.0), 1.0), rows=found,
    )  # fmt: skip
