"""Lines that go with the traces in trouble: which line of which service occurs in them and hardly elsewhere."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from autopilot.analysis.clue import Clue, clock, make_finding
from autopilot.analysis.traces.call_tree import CallTree, Ints
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.base import clean
from autopilot.incident.finding import Provenance

MOST = 6
_FEW = 3
"""Traces in trouble needed to speak of what they share."""
_SHARED = 0.3
"""Least share of them that a line must occur in …"""
_ELSEWHERE = 0.2
"""… and the most, as a part of that share, that it may reach in other traces."""
_UNCERTAIN = 5 * MICROS


def failing_lines(tree: CallTree, lines: pl.DataFrame, began: Ints, windows: Windows) -> list[Clue]:
    """Lines that mark the traces in trouble: those whose first span failed or which hold a span of `began`."""
    roots = np.flatnonzero((tree.parent < 0) & tree.failed & (tree.start >= windows.split))
    bad = np.unique(tree.trace[np.concatenate((roots, began))])
    if bad.size < _FEW or lines.is_empty():
        return []
    late = np.unique(tree.trace[tree.start >= windows.split])
    early = np.setdiff1d(np.unique(tree.trace), late)
    sizes = _Sizes(bad.size, max(late.size - bad.size, 0), early.size)
    sides = pl.DataFrame({"trace": tree.trace}).unique().select(
        "trace", bad=pl.col("trace").is_in(bad.tolist()), late=pl.col("trace").is_in(late.tolist())
    )  # fmt: skip
    found = _marking(_counted(tree, lines, sides), sizes)
    blamed = np.isin(found["service"].to_numpy(), tree.service[began]).tolist()
    return [
        _clue(row, tree.services[int(row["service"])], here, sizes, windows)
        for row, here in zip(found.to_dicts(), blamed, strict=True)
    ]


@dataclass(frozen=True)
class _Sizes:
    """Traces in trouble, other traces of the incident, traces before it."""

    bad: int
    others: int
    earlier: int


def _counted(tree: CallTree, lines: pl.DataFrame, sides: pl.DataFrame) -> pl.DataFrame:
    """In how many traces of each sort a line of a service occurs."""
    spans = pl.DataFrame({
        "row": np.arange(tree.size), "trace": tree.trace, "service": tree.service, "at": tree.start,
    })  # fmt: skip
    occurs = (
        lines.join(spans, on="row").group_by("service", "shape", "trace")
        .agg(pl.col("at").min(), pl.col("severe").any(), pl.col("sample").min()).join(sides, on="trace")
    )  # fmt: skip
    return occurs.group_by("service", "shape").agg(
        hit=pl.col("bad").sum(), elsewhere=(pl.col("late") & ~pl.col("bad")).sum(),
        earlier=(~pl.col("late")).sum(), severe=pl.col("severe").any(), sample=pl.col("sample").min(),
        first=pl.col("at").filter("bad").min(),
    )  # fmt: skip


def _marking(counted: pl.DataFrame, sizes: _Sizes) -> pl.DataFrame:
    """The lines that occur in many traces in trouble and in few others."""
    return (
        counted.with_columns(
            share=pl.col("hit") / sizes.bad,
            rest=pl.max_horizontal(
                pl.col("elsewhere") / max(sizes.others, 1), pl.col("earlier") / max(sizes.earlier, 1)
            ),
        )
        .filter(
            (pl.col("hit") >= _FEW) & (pl.col("share") >= _SHARED)
            & (pl.col("rest") <= _ELSEWHERE * pl.col("share"))
        )
        .sort("severe", "share", "service", "shape", descending=[True, True, False, False])
        .head(MOST)
    )  # fmt: skip


def _clue(row: dict[str, Any], service: str, blamed: bool, sizes: _Sizes, windows: Windows) -> Clue:
    before = f"{row['earlier']} of {sizes.earlier} before" if sizes.earlier else "none is known from before"
    finding = make_finding(
        "log",
        service=service, window=windows.since(row["first"]), onset=row["first"], uncertainty=_UNCERTAIN,
        direction="up" if row["earlier"] else "new", size=row["hit"], baseline=100 * row["rest"],
        observed=100 * row["share"], unit="Percent",
        score=(0.8 if row["severe"] else 0.4) * (row["share"] - row["rest"]) * row["hit"] / (row["hit"] + 2),
        summary=(
            f"\"{clean(row['sample'], 140)}\" of {service} occurs in {row['hit']} of {sizes.bad} traces in trouble "
            f"since {clock(row['first'])}, in {row['elsewhere']} of {sizes.others} others and {before}"
        ),
        provenance=Provenance(
            source="logs", query=f"{service}, joined to spans by trace: {row['shape']}"[:1_000],
            window=windows.whole,
        ),
    )  # fmt: skip
    adverse = blamed and bool(row["severe"])
    return Clue(finding, "log", row["first"], _UNCERTAIN, adverse, mentions=row["sample"])
