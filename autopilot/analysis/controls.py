"""What a verification reads along: series that no remedy of this incident touches."""

from collections.abc import Sequence

import polars as pl

from autopilot.analysis.clue import Clue
from autopilot.analysis.metrics.table import SUMS, VOLUME, SeriesTable, reference
from autopilot.analysis.topology import Graph
from autopilot.incident.metric import Control, Signal

MOST = 2
"""Of each kind."""
_SICK = 0.5
"""Least score of a series that was clearly sick."""


def user_demand(table: SeriesTable, graph: Graph, scope: frozenset[str]) -> tuple[Control, ...]:
    """The requests of the services in scope that users call; what services ask of each other holds retries too."""
    entries = [service for service in sorted(scope) if graph.is_entry(service)]
    counted = table.scored.filter(
        (pl.col("signal") == "traffic")
        & (pl.col("about") == "itself")
        & (pl.col("version") == "")
        & (pl.col("statistic").is_in(SUMS) | pl.col("counter"))
        & ~pl.col("metric").str.contains(VOLUME)
        & pl.col("service").is_in(entries)
    )
    largest = counted.sort("baseline", "sid", descending=[True, False]).unique("service", maintain_order=True)
    found = [(row["service"], reference(row)) for row in largest.head(MOST).to_dicts()]
    return tuple(
        Control(kind="demand", signal=Signal(metric=metric, threshold=0.0), of=service)
        for service, metric in found
        if metric is not None
    )


def siblings(clues: Sequence[Clue], graph: Graph, scope: frozenset[str]) -> tuple[Control, ...]:
    """Series that are sick as well where nothing calls the services in scope or is called by them.

    None when no calls are known: anything might be related. The limit lies at a third of the way from the usual to
    the present level.
    """
    known = {*graph.up, *graph.down}
    related = graph.focus(scope, known)
    controls: dict[str, Control] = {}
    for finding in sorted((clue.finding for clue in clues), key=lambda f: (-f.score, f.service, f.summary)):
        metric, usual, present = finding.metric, finding.baseline, finding.observed
        apart = finding.service in known and finding.service not in related and finding.service not in controls
        if metric is None or usual is None or present is None or finding.direction != "up" or finding.score < _SICK:
            continue
        if apart and len(controls) < MOST:
            limit = Signal(metric=metric, threshold=usual + (present - usual) / 3)
            controls[finding.service] = Control(kind="sibling", signal=limit, of=finding.service)
    return tuple(controls.values())
