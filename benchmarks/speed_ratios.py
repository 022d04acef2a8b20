"""The same work done by published code and by ours, in one process and on the same input."""

import time
from dataclasses import dataclass

import numpy as np
import polars as pl

from autopilot.analysis.logs.messages import templates
from autopilot.case.schema import conform
from benchmarks.baselines import robust_scores
from benchmarks.log_lines import draw_lines
from benchmarks.references import BaroInput, drain3_groups
from benchmarks.telemetry import series_values

LINES = 200_000
TEMPLATES = 2_500
SERIES = 10_000
POINTS = 1_440
_INCIDENT = 30
"""Points of the incident."""
_SICK = 50
"""One series in so many rises in it."""


@dataclass(frozen=True)
class Ratio:
    """Seconds of the reference and ours."""

    reference: float
    ours: float
    sentence: str
    same: bool = True
    """Whether both gave the same answer."""
    detail: tuple[float, float] | None = None
    """Quality of the reference and ours."""

    @property
    def ratio(self) -> float:
        """How many times faster we are."""
        return self.reference / self.ours


def grouping_accuracy(found: pl.Series, truth: pl.Series) -> float:
    """Share of lines whose group holds exactly the lines of their template (Zhu et al., ICSE-SEIP 2019)."""
    both = pl.DataFrame({"found": found, "truth": truth}).with_columns(
        in_found=pl.len().over("found"), in_truth=pl.len().over("truth"), shared=pl.len().over("found", "truth")
    )
    exact = (pl.col("in_found") == pl.col("shared")) & (pl.col("in_truth") == pl.col("shared"))
    return float(both.select(exact.mean()).item())


def logs_ratio(lines: int = LINES, kinds: int = TEMPLATES) -> Ratio:
    """Lines of known templates, mined by drain3's loop and by our reading of log tables, masking included."""
    drawn = draw_lines(np.random.default_rng(11), lines, kinds)
    table = conform("logs", pl.DataFrame({"message": drawn.message, "level": drawn.level}))
    logs = table.with_row_index("number")
    texts = drawn.message.to_list()
    began = time.perf_counter()
    groups = drain3_groups(texts)
    reference = time.perf_counter() - began
    began = time.perf_counter()
    mined = templates(logs)
    ours = time.perf_counter() - began
    found = mined.sort("number")["template"]
    quality = grouping_accuracy(pl.Series(groups), drawn.truth), grouping_accuracy(found, drawn.truth)
    return Ratio(
        reference, ours,
        f"{lines:,} lines of {kinds:,} templates: drain3 {reference:.2f} s, ours {ours:.2f} s, "
        f"{reference / ours:.1f} times; grouping accuracy {quality[0]:.3f} and {quality[1]:.3f}",
        detail=(round(quality[0], 3), round(quality[1], 3)),
    )  # fmt: skip


def metrics_ratio(count: int = SERIES, points: int = POINTS) -> Ratio:
    """Series scored by the robust scorer of the `fse-baro` package and by ours, with their orders compared.

    The package's data frame is made beforehand: it is paid for neither there nor here.
    """
    random = np.random.default_rng(12)
    split = points - _INCIDENT
    series = series_values(count, points, random)
    series[::_SICK, split:] *= random.uniform(1.5, 4, size=(len(series[::_SICK]), 1))
    package = BaroInput(series, split)
    columns = np.ascontiguousarray(series.T)
    began = time.perf_counter()
    theirs = package.ranks()
    reference = time.perf_counter() - began
    began = time.perf_counter()
    scores = robust_scores(columns[:split], columns[split:])
    ranks = np.argsort(-scores, kind="stable")
    ours = time.perf_counter() - began
    same = ranks.tolist() == theirs
    return Ratio(
        reference, ours,
        f"{count:,} series of {points:,} points: fse-baro {reference:.2f} s, ours {ours:.2f} s, "
        f"{reference / ours:.1f} times; {'the same ranks' if same else 'DIFFERENT RANKS'}",
        same=same,
    )  # fmt: skip
