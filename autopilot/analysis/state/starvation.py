"""Starvation: containers that use up the processor time they may have, by declared limits and measured use."""

from collections.abc import Iterable, Mapping
from typing import Any

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.table import SeriesTable
from autopilot.analysis.state.cluster.views import View
from autopilot.incident.finding import Provenance

_NEAR = 0.6
"""Share of the limit from which on it is felt: an average over a window hides the bursts that are throttled."""
_BEYOND = 2.0
"""Times the limit above which the series is of another unit than cores."""
_MORE = 2.0
"""Times the usual; a container that always runs near its limit is no news."""
_SCORE = 0.88
_THROTTLED = "(?i)throttl|cfs"


def starvation_clues(views: Iterable[View], table: SeriesTable) -> list[Clue]:
    """One clue per application that came near the processor time its containers may use."""
    used = table.scored.filter(
        (pl.col("cause") == "cpu") & (pl.col("version") == "") & ~pl.col("metric").str.contains(_THROTTLED)
    )
    if used.is_empty():
        return []
    limits = {v.application: limit for v in views if v.kind == "workload" and (limit := _limit(v.fields))}
    clues: dict[str, Clue] = {}
    for row in used.filter(pl.col("service").is_in(sorted(limits))).sort("observed", "sid").to_dicts():
        limit = limits[row["service"]]
        grown = row["observed"] >= _MORE * row["baseline"]
        if grown and _NEAR * limit <= row["observed"] <= _BEYOND * limit:
            clues[row["service"]] = _clue(row, limit, table)
    return [clue for _, clue in sorted(clues.items())]


def _limit(fields: Mapping[str, Any]) -> float:
    """Cores that a pod's own containers may use together; 0 when one of them may use any number."""
    told = {str(c["name"]): c["limits"].get("cpu") for c in fields["containers"]}
    return sum(told.values()) if told and None not in told.values() else 0.0


def _clue(row: Mapping[str, Any], limit: float, table: SeriesTable) -> Clue:
    onset = row["onset"] if row["onset"] is not None else table.windows.split
    finding = make_finding(
        "state",
        service=row["service"], resource=row["resource"], region=row["region"],
        window=table.windows.since(onset), onset=onset, uncertainty=row["uncertainty"] or 0, direction="up",
        baseline=row["baseline"], observed=row["observed"], unit="cores", score=_SCORE,
        summary=(
            f"{row['service']} uses {amount(row['observed'])} of the {amount(limit)} cores it may use, before "
            f"{amount(row['baseline'])}, since {clock(onset)}"
        ),
        mechanism="cpu_overload",
        provenance=Provenance(source=row["source"] or "metrics", query=f"{row['metric']} of {row['service']}"),
    )  # fmt: skip
    return Clue(finding, "condition", onset, row["uncertainty"] or 0, adverse=True)
