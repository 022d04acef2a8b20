"""Metrics: every series of a case, what it is about, and how it changed."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.clue import SYMPTOMS, Clue, amount, clock, make_finding
from autopilot.analysis.metrics.course import likeness
from autopilot.analysis.metrics.kinds import MetricKind, kind_of
from autopilot.analysis.metrics.sampling import SUMS, regular, split_series
from autopilot.analysis.metrics.series import detect
from autopilot.analysis.windows import Windows, moment
from autopilot.incident.base import Scalar, TimeWindow
from autopilot.incident.finding import Finding, Provenance
from autopilot.incident.metric import MetricRef

__all__ = [
    "SUMS", "VOLUME", "WORTH_TELLING", "SeriesTable", "measured_services", "metric_clues", "read_series",
    "reference", "series_finding", "series_provenance",
]  # fmt: skip
VERSION_LABELS = ("ExecutedVersion", "version", "service_version", "app_version")
WORTH_TELLING = 0.2
"""Least score of a metric finding."""
MOST = 60
"""Metric findings in a dossier."""
_EACH = 1
"""Of one service and signal, as long as others wait."""
VOLUME = "(?i)byte|packet|network"
"""Traffic that is not counted in requests."""
_DIMENSIONS = TypeAdapter(dict[str, Scalar])


@dataclass(frozen=True)
class SeriesTable:
    """All series: who they are (one row per sid), their samples, and the change found in each."""

    identity: pl.DataFrame
    samples: pl.DataFrame
    """sid, time (µs), value; counters as rates per second."""
    windows: Windows

    @cached_property
    def scored(self) -> pl.DataFrame:
        """Identity and change of each series that has samples, in the order of sid."""
        flipped = self.identity.filter(pl.col("top").is_not_null()).select("sid", "top")
        found = self.identity.join(
            detect(_missing_to_top(self.samples, flipped), self.windows),
            on="sid",
            how="inner",
            maintain_order="left",
        )
        turned = pl.col("top").is_not_null()
        return found.with_columns(
            [
                pl.when(turned).then(pl.col("top") - pl.col(name)).otherwise(pl.col(name)).alias(name)
                for name in ("baseline", "observed")
            ]
            + [pl.when(turned).then(-pl.col("z")).otherwise(pl.col("z")).alias("z")]
        )


def _missing_to_top(samples: pl.DataFrame, tops: pl.DataFrame) -> pl.DataFrame:
    """Samples with the series that have a top replaced by what is missing to it."""
    if tops.is_empty():
        return samples
    top = pl.col("sid").replace_strict(tops["sid"], tops["top"], default=None, return_dtype=pl.Float64)
    return samples.with_columns(value=pl.coalesce(top - pl.col("value"), "value"))


def read_series(metrics: pl.DataFrame, windows: Windows) -> SeriesTable:
    """Group samples into series; bring counters to rates and mixed sampling to one step."""
    keys, rows = split_series(metrics)
    kinds = _kinds(keys)
    identity = keys.join(kinds, on=["metric", "unit"], how="left", maintain_order="left").with_columns(
        pl.coalesce(
            pl.when(pl.col(name) != "").then(pl.col(name)) for name in ("service", "resource", "metric")
        ).alias("service"),
        _version(keys),
    )
    samples = regular(rows, identity, windows)
    return SeriesTable(identity.join(_tops(samples, identity), on="sid", how="left"), samples, windows)


def _kinds(keys: pl.DataFrame) -> pl.DataFrame:
    pairs = keys.select("metric", "unit").unique().sort("metric", "unit")
    kinds = [kind_of(str(metric), str(unit)) for metric, unit in pairs.iter_rows()]
    return pairs.with_columns(
        pl.Series("signal", [k.signal for k in kinds], dtype=pl.String),
        pl.Series("cause", [k.cause for k in kinds], dtype=pl.String),
        pl.Series("counter", [k.counter for k in kinds], dtype=pl.Boolean),
        pl.Series("about", [k.about for k in kinds], dtype=pl.String),
    )


def _version(keys: pl.DataFrame) -> pl.Series:
    """The version dimension of each series, empty when it has none."""
    looks = pl.col("dimensions").str.starts_with("{") & pl.col("dimensions").str.ends_with("}")
    text = pl.when(looks).then(pl.col("dimensions"))
    return keys.select(
        pl.coalesce([text.str.json_path_match(f"$.{label}") for label in VERSION_LABELS])
        .fill_null("")
        .alias("version")
    )["version"]


def _tops(samples: pl.DataFrame, identity: pl.DataFrame) -> pl.DataFrame:
    """For availability near one or near one hundred: that top, so that what is missing to it is compared."""
    shares = identity.filter(pl.col("signal") == "availability")["sid"].implode()
    levels = (
        samples.filter(pl.col("sid").is_in(shares))
        .group_by("sid")
        .agg(level=pl.col("value").median(), largest=pl.col("value").max())
    )
    return levels.select(
        "sid",
        top=pl.when((pl.col("level") > 0.9) & (pl.col("largest") <= 1))
        .then(1.0)
        .when((pl.col("level") > 90) & (pl.col("largest") <= 100))
        .then(100.0)
        .otherwise(None),
    )


def reference(row: dict[str, Any]) -> MetricRef | None:
    """The coordinates of a series in its own system; None when its dimensions are not a flat JSON object."""
    try:
        dimensions = _DIMENSIONS.validate_json(row["dimensions"] or "{}")
    except ValidationError:
        return None
    return MetricRef(
        source=row["source"], namespace=row["namespace"], name=row["metric"],
        dimensions={name: str(value) for name, value in dimensions.items()},
        statistic=row["statistic"] or "Average", unit=row["unit"][:40], region=row["region"][:40],
        service=row["service"],
    )  # fmt: skip


def measured_services(table: SeriesTable) -> frozenset[str]:
    """Services whose slowness or failures are measured."""
    told = table.identity.filter(
        pl.col("signal").is_in(["latency", "errors", "availability"]) & (pl.col("about") == "itself")
    )
    return frozenset(told["service"].unique().to_list())


def usual_requests(table: SeriesTable) -> dict[str, float]:
    """How much each service is usually asked, by the one metric of requests that most services have in common.

    The unit is that metric's own: only shares of it mean something. Empty when no two services share such a metric.
    """
    counted = table.scored.filter(
        (pl.col("signal") == "traffic")
        & (pl.col("about") == "itself")
        & (pl.col("version") == "")
        & ~pl.col("metric").str.contains(VOLUME)
    )
    alike = ["metric", "statistic", "unit"]
    shared = (
        counted.group_by(alike).agg(n=pl.col("service").n_unique()).filter(pl.col("n") > 1)
        .sort("n", *alike, descending=[True, False, False, False]).head(1)
    )  # fmt: skip
    asked = (
        counted.join(shared, on=alike, how="semi").sort("sid")
        .group_by("service", maintain_order=True).agg(pl.col("baseline").sum())
    )  # fmt: skip
    return dict(asked.sort("service").iter_rows())


def metric_clues(
    table: SeriesTable, focus: frozenset[str], scope: frozenset[str] = frozenset()
) -> list[Clue]:  # fmt: skip
    """The series that changed, at most MOST: those of the focus first, then by score.

    Of each service and signal the best comes before the second best of any other, so that many series of one
    resource do not hide the rest.
    """
    turn = pl.col("score").rank("ordinal", descending=True).over("near", "service", "signal", "about")
    changed = (
        table.scored.filter((pl.col("score") >= WORTH_TELLING) & (pl.col("version") == ""))
        .with_columns(pl.col("service").is_in(sorted(focus)).alias("near"))
        .sort("near", "score", "sid", descending=[True, True, False])
        .with_columns(turn=turn)
        .sort(["near", pl.col("turn") > _EACH, "score", "sid"], descending=[True, False, True, False])
        .head(MOST)
    )
    symptom = table.scored.filter(pl.col("service").is_in(sorted(scope)) & (pl.col("version") == ""))
    compared = pl.concat([changed.select(symptom.columns), symptom]).unique("sid", maintain_order=True)
    follows = dict(likeness(table.samples, compared, scope, table.windows).iter_rows())
    return [_clue(row, follows.get(row["sid"]), table.windows) for row in changed.to_dicts()]


def _window(row: dict[str, Any], windows: Windows) -> TimeWindow:
    """From the onset to the end, or to where the series had clearly recovered."""
    over = int(row["until"] + row["step"])
    return TimeWindow(
        start=moment(row["onset"]), end=moment(over if over + row["step"] < windows.end else windows.end)
    )


def _clue(row: dict[str, Any], follows: float | None, windows: Windows) -> Clue:
    kind = MetricKind(row["signal"], row["cause"], row["counter"], row["about"])
    finding = series_finding(row, windows)
    adverse = kind.adverse(finding.direction)
    return Clue(
        finding,
        row["signal"],
        row["onset"],
        row["uncertainty"],
        adverse and row["signal"] in SYMPTOMS | {"capacity", "work_per_request"},
        follows=follows,
        about=kind.about,
    )


def series_finding(row: dict[str, Any], windows: Windows) -> Finding:
    """What is told of a series that moved; `row` is one of `SeriesTable.scored`."""
    kind = MetricKind(row["signal"], row["cause"], row["counter"], row["about"])
    up = row["observed"] >= row["baseline"]
    direction: Literal["up", "down"] = "up" if up else "down"
    size = row["observed"] / row["baseline"] if row["baseline"] else 0.0
    times = f", {amount(size)} times" if size > 0 else ""
    what = row["metric"] + (f" ({row['statistic']})" if row["statistic"] else "")
    return make_finding(
        "metric",
        service=row["service"], resource=row["resource"], region=row["region"], window=_window(row, windows),
        onset=row["onset"], uncertainty=row["uncertainty"], direction=direction, size=size,
        baseline=row["baseline"], observed=row["observed"], unit=row["unit"], score=row["score"],
        summary=(
            f"{what} of {row['service']} {'rose' if up else 'fell'} from {amount(row['baseline'], row['unit'])} to "
            f"{amount(row['observed'], row['unit'])}{times}, since {clock(row['onset'])}"
        ),
        cause_kind=row["cause"] if kind.adverse(direction) else None,
        metric=reference(row),
        provenance=series_provenance(row, windows),
    )  # fmt: skip


def series_provenance(row: dict[str, Any], windows: Windows) -> Provenance:
    """The question to whose answer a series belongs."""
    what = row["metric"] + (f" ({row['statistic']})" if row["statistic"] else "")
    return Provenance(
        source=row["source"] or "metrics",
        query=f"{row['namespace']} {what} {row['dimensions']}".strip()[:1_000],
        window=windows.whole,
    )
