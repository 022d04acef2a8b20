"""Moves: the series of a place against their baselines, told alike by every probe that looks at metrics."""

from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from autopilot.analysis.clue import amount, make_finding
from autopilot.analysis.metrics.table import (
    WORTH_TELLING,
    SeriesTable,
    read_series,
    reference,
    series_finding,
    series_provenance,
)
from autopilot.analysis.windows import Windows
from autopilot.incident.finding import Finding

_NEAR = 0.3
"""Share of the usual level within which few samples suffice to say that it is the same."""
_MANY = 20
"""Samples of the incident from which on the spread of the baseline decides alone."""
Move = Literal["rose", "fell", "unchanged"]


@dataclass(frozen=True)
class Moved:
    """One series with samples during the incident, and whether it moved."""

    row: dict[str, Any]
    """As in `SeriesTable.scored`, with `level` and `peak` (median and maximum of the incident), and how
    many samples are `earlier` and `later` than its start."""
    windows: Windows

    @property
    def move(self) -> Move:
        """Whether it left its baseline, and to which side."""
        if self.row["score"] < WORTH_TELLING:
            return "unchanged"
        return "rose" if self.row["observed"] >= self.row["baseline"] else "fell"

    @property
    def compared(self) -> bool:
        """Whether there are samples of before the incident to compare with."""
        return bool(self.row["earlier"])

    @property
    def sure(self) -> bool:
        """Whether its move can be told: where it did not move, that its level is near the usual one.

        Few or noisy samples can hide a rise that is no proof against anybody; then nobody can tell.
        """
        row = self.row
        near = abs(row["level"] - row["baseline"]) <= _NEAR * abs(row["baseline"])
        return self.move != "unchanged" or (self.compared and (near or row["later"] >= _MANY))

    @property
    def label(self) -> str:
        """Metric, statistic and the object it is measured on."""
        row = self.row
        what = row["metric"] + (f" ({row['statistic']})" if row["statistic"] else "")
        where = " ".join(part for part in (row["resource"], row["region"]) if part and part != row["service"])
        return f"{what} [{where}]" if where else str(what)

    def finding(self) -> Finding:
        """The finding of it, also when it did not move."""
        if self.move != "unchanged":
            return series_finding(self.row, self.windows)
        row = self.row
        what = row["metric"] + (f" ({row['statistic']})" if row["statistic"] else "")
        usual = f"usually {amount(row['baseline'], row['unit'])}" if self.compared else "nothing older to compare"
        doubt = "" if self.sure else ", which is too little to say whether it moved"
        return make_finding(
            "metric",
            service=row["service"], resource=row["resource"], region=row["region"], window=self.windows.since(None),
            size=row["level"] / row["baseline"] if row["baseline"] else 0.0,
            baseline=row["baseline"] if self.compared else None, observed=row["level"], unit=row["unit"],
            score=row["score"],
            summary=(
                f"{what} of {row['service']} is {'unchanged ' if self.sure else ''}at "
                f"{amount(row['level'], row['unit'])} during the incident ({usual}; {row['later']} samples){doubt}"
            ),
            metric=reference(row),
            provenance=series_provenance(row, self.windows),
        )  # fmt: skip


def moves(metrics: pl.DataFrame, windows: Windows) -> list[Moved]:
    """Every series with samples during the incident, those that moved most first."""
    return moves_of(read_series(metrics, windows))


def moves_of(table: SeriesTable, chosen: pl.DataFrame | None = None) -> list[Moved]:
    """The same of a table that is read already, for the series of `chosen` (a part of its identity)."""
    windows = table.windows
    late = (pl.col("time") >= windows.split) & (pl.col("time") < windows.end)
    early = (pl.col("time") >= windows.start) & (pl.col("time") < windows.split)
    sides = table.samples.group_by("sid").agg(
        level=pl.col("value").filter(late).median(),
        peak=pl.col("value").filter(late).max(),
        later=late.sum(),
        earlier=early.sum(),
    )
    rows = table.scored if chosen is None else table.scored.join(chosen.select("sid"), on="sid", how="semi")
    present = (
        rows.join(sides, on="sid", how="inner").filter(pl.col("later") > 0)
        .with_columns(
            itself=pl.col("about") == "itself", plain=pl.col("version") == "", both=pl.col("earlier") > 0
        )
        .sort(["plain", "score", "itself", "both", "later", "sid"], descending=[*[True] * 5, False])
    )  # fmt: skip
    return [Moved(row, windows) for row in present.to_dicts()]
