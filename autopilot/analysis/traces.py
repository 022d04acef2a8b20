"""Traces: which service's own time and own errors grew.

A caller that waits longer is not to blame for it: self time (duration without the calls made) grows only where
work is done, and an error counts where it began (no failing child), so pass-through services stay clear.
"""

from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.series import detect, tidy
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.finding import Provenance

MOST = 20
"""Trace findings in a dossier."""
_OPERATIONS = 300
_BIN = 30 * MICROS
_WORTH_TELLING = 0.2
_FAILED = ["error", "throttled", "fault"]
_BY = ["service", "operation"]


def own_work(spans: pl.DataFrame) -> pl.DataFrame:
    """Spans with `own` seconds (without children) and `failed_here` (failed, and no child did)."""
    usable = spans.filter(
        pl.col("duration").is_not_null()
        & pl.col("duration").is_finite()
        & (pl.col("duration") >= 0)
        & pl.col("start").is_not_null()
    ).with_columns(failed=pl.col("status").is_in(_FAILED))
    children = (
        usable.filter(pl.col("parent_id") != "")
        .sort("trace_id", "parent_id", "duration")
        .group_by("trace_id", "parent_id", maintain_order=True)
        .agg(below=pl.col("duration").sum(), below_failed=pl.col("failed").any())
    )
    return usable.join(
        children, left_on=["trace_id", "span_id"], right_on=["trace_id", "parent_id"], how="left"
    ).with_columns(
        own=(pl.col("duration") - pl.col("below").fill_null(0.0)).clip(0.0),
        failed_here=pl.col("failed") & ~pl.col("below_failed").fill_null(False),
        time=pl.col("start").cast(pl.Int64),
    )  # fmt: skip


def trace_clues(spans: pl.DataFrame, windows: Windows) -> list[Clue]:
    """Operations whose own time or own errors grew, the telling ones first; at most MOST."""
    work = own_work(spans)
    groups = (
        work.group_by(_BY).agg(n=pl.len()).sort(["n", *_BY], descending=[True, False, False]).head(_OPERATIONS)
        .sort(_BY).with_row_index("sid").with_columns(pl.col("sid").cast(pl.Int64))
    )  # fmt: skip
    if groups.is_empty():
        return []
    rows = work.join(groups, on=_BY, how="inner")
    clues = _slower(rows, groups, windows) + _failing(rows, groups, windows)
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:MOST]


def _grown(samples: pl.DataFrame, groups: pl.DataFrame, windows: Windows) -> list[dict[str, Any]]:
    found = detect(tidy(samples), windows).filter(
        (pl.col("score") >= _WORTH_TELLING) & (pl.col("observed") > pl.col("baseline"))
    )
    return found.join(groups, on="sid", how="left", suffix="_group", maintain_order="left").to_dicts()


def _slower(rows: pl.DataFrame, groups: pl.DataFrame, windows: Windows) -> list[Clue]:
    grown = _grown(rows.select("sid", "time", value="own"), groups, windows)
    if not grown:
        return []
    late = rows.filter(pl.col("time") >= windows.split).group_by("sid").agg(calls=pl.len())
    calls = dict(late.iter_rows())
    added = {row["sid"]: (row["observed"] - row["baseline"]) * calls.get(row["sid"], 0) for row in grown}
    total = sum(added.values()) or 1.0
    return [_clue_of_time(row, added[row["sid"]] / total, windows) for row in grown]


def _clue_of_time(row: dict[str, Any], share: float, windows: Windows) -> Clue:
    before, after = row["baseline"] * 1_000, row["observed"] * 1_000
    finding = make_finding(
        "trace",
        service=row["service"], window=windows.since(row["onset"]), onset=row["onset"],
        uncertainty=row["uncertainty"], direction="up", size=after / before if before else 0.0, baseline=before,
        observed=after, unit="Milliseconds", score=row["score"] * (0.4 + 0.6 * share),
        summary=(
            f"Own time of {row['service']} {row['operation'][:80]} rose from {amount(before)} ms "
            f"to {amount(after)} ms since {clock(row['onset'])}: {amount(100 * share)}% of the time added in traces"
        ),
        provenance=_provenance(row, "self time", windows),
    )  # fmt: skip
    return Clue(finding, "self_time", row["onset"], row["uncertainty"], adverse=True)


def _failing(rows: pl.DataFrame, groups: pl.DataFrame, windows: Windows) -> list[Clue]:
    shares = (
        rows.with_columns(time=pl.col("time") // _BIN * _BIN)
        .group_by("sid", "time").agg(value=pl.col("failed_here").mean())
    )  # fmt: skip
    return [_clue_of_errors(row, windows) for row in _grown(shares, groups, windows)]


def _clue_of_errors(row: dict[str, Any], windows: Windows) -> Clue:
    before, after = 100 * row["baseline"], 100 * row["observed"]
    finding = make_finding(
        "trace",
        service=row["service"], window=windows.since(row["onset"]), onset=row["onset"],
        uncertainty=row["uncertainty"], direction="up", size=after / before if before else 0.0, baseline=before,
        observed=after, unit="Percent", score=row["score"],
        summary=(
            f"Errors that begin in {row['service']} {row['operation'][:80]} rose from {amount(before)}% to "
            f"{amount(after)}% of its spans since {clock(row['onset'])}"
        ),
        provenance=_provenance(row, "own errors", windows),
    )  # fmt: skip
    return Clue(finding, "own_errors", row["onset"], row["uncertainty"], adverse=True)


def _provenance(row: dict[str, Any], what: str, windows: Windows) -> Provenance:
    query = f"spans of service {row['service']!r}, operation {row['operation'][:200]!r}: {what}"
    return Provenance(source="traces", query=query, window=windows.whole)
