"""Metrics: every series of a case, what it is about, and how it changed."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.clue import SYMPTOMS, Clue, amount, clock, make_finding
from autopilot.analysis.kinds import MetricKind, kind_of
from autopilot.analysis.series import detect, tidy
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.base import Scalar
from autopilot.incident.finding import Provenance
from autopilot.incident.metric import MetricRef

KEY = ["source", "namespace", "metric", "statistic", "dimensions", "service", "resource", "region", "unit"]
SUMS = ("Sum", "SampleCount", "sum", "count")
"""Statistics that add up over time."""
VERSION_LABELS = ("ExecutedVersion", "version", "service_version", "app_version")
WORTH_TELLING = 0.2
"""Least score of a metric finding."""
MOST = 60
"""Metric findings in a dossier."""
_LEAST_STEP = 10 * MICROS
_MOST_ZEROS = 2_000
"""Zeros put into one silent series at most."""
_DIMENSIONS_LIMIT = 4_000
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
        flipped = self.samples.join(
            self.identity.select("sid", "top"), on="sid", how="left", maintain_order="left"
        ).with_columns(
            pl.when(pl.col("top").is_null())
            .then(pl.col("value"))
            .otherwise(pl.col("top") - pl.col("value"))
            .alias("value")
        )
        found = self.identity.join(detect(flipped, self.windows), on="sid", how="inner", maintain_order="left")
        turned = pl.col("top").is_not_null()
        return found.with_columns(
            [
                pl.when(turned).then(pl.col("top") - pl.col(name)).otherwise(pl.col(name)).alias(name)
                for name in ("baseline", "observed")
            ]
            + [pl.when(turned).then(-pl.col("z")).otherwise(pl.col("z")).alias("z")]
        )


def read_series(metrics: pl.DataFrame, windows: Windows) -> SeriesTable:
    """Group samples into series; bring counters to rates and mixed sampling to one step."""
    usable = metrics.filter(pl.col("dimensions").str.len_chars() <= _DIMENSIONS_LIMIT)
    keys = usable.select(KEY).unique().sort(KEY).with_row_index("sid").with_columns(pl.col("sid").cast(pl.Int64))
    kinds = _kinds(keys)
    identity = keys.join(kinds, on=["metric", "unit"], how="left", maintain_order="left").with_columns(
        pl.coalesce(
            pl.when(pl.col(name) != "").then(pl.col(name)) for name in ("service", "resource", "metric")
        ).alias("service"),
        _version(keys),
    )
    rows = usable.join(keys, on=KEY, how="inner").select("sid", "time", "value")
    samples = _zeros(_one_step(_rates(tidy(rows), identity), identity, windows), identity, windows)
    return SeriesTable(identity.join(_tops(samples, identity), on="sid", how="left"), samples, windows)


def _kinds(keys: pl.DataFrame) -> pl.DataFrame:
    pairs = keys.select("metric", "unit").unique().sort("metric", "unit")
    kinds = [kind_of(str(metric), str(unit)) for metric, unit in pairs.iter_rows()]
    return pairs.with_columns(
        pl.Series("signal", [k.signal for k in kinds], dtype=pl.String),
        pl.Series("cause", [k.cause for k in kinds], dtype=pl.String),
        pl.Series("counter", [k.counter for k in kinds], dtype=pl.Boolean),
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


def _rates(samples: pl.DataFrame, identity: pl.DataFrame) -> pl.DataFrame:
    """Cumulative counters (by name, and never falling but for a restart) become rates per second."""
    named = identity.filter(pl.col("counter") & ~pl.col("statistic").is_in([*SUMS, "Average"]))["sid"]
    counted = samples.filter(pl.col("sid").is_in(named.implode()))
    if counted.is_empty():
        return samples
    steps = counted.with_columns(
        rise=pl.col("value").diff().over("sid"), gap=pl.col("time").diff().over("sid") / MICROS
    )
    monotone = steps.group_by("sid").agg(
        steady=(pl.col("rise") >= 0).mean(), moved=(pl.col("rise") > 0).mean(), n=pl.len()
    )
    real = monotone.filter((pl.col("steady") >= 0.95) & (pl.col("moved") >= 0.3) & (pl.col("n") >= 5))["sid"]
    rates = steps.filter(pl.col("sid").is_in(real.implode()) & (pl.col("rise") >= 0) & (pl.col("gap") > 0)).select(
        "sid", "time", value=pl.col("rise") / pl.col("gap")
    )
    return pl.concat([samples.filter(~pl.col("sid").is_in(real.implode())), rates]).sort("sid", "time")


def _one_step(samples: pl.DataFrame, identity: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Sums collected at different periods are summed to the longest; an unfinished last period is left out."""
    sums = identity.filter(pl.col("statistic").is_in(SUMS))["sid"].implode()
    gaps = (
        samples.with_columns(gap=pl.col("time").diff().over("sid"))
        .group_by("sid")
        .agg(
            wide=pl.col("gap").quantile(0.9, "lower").cast(pl.Int64),
            narrow=pl.col("gap").quantile(0.1, "lower").cast(pl.Int64),
        )
    )
    joined = samples.join(gaps, on="sid", how="left", maintain_order="left")
    mixed = pl.col("sid").is_in(sums) & (pl.col("wide") > pl.col("narrow") * 1.5)
    uneven = joined.filter(mixed).with_columns(time=pl.col("time") // pl.col("wide") * pl.col("wide"))
    # Sorted values make the sum of a period independent of the order in which its parts arrived.
    binned = (
        uneven.sort("sid", "time", "value")
        .group_by("sid", "time", maintain_order=True)
        .agg(pl.col("value").sum(), pl.col("wide").first())
    )
    kept = pl.concat([joined.filter(~mixed.fill_null(False)).select(binned.columns), binned])
    unfinished = pl.col("sid").is_in(sums) & (pl.col("time") + pl.col("wide") > windows.end)
    return kept.filter(~unfinished.fill_null(False)).select("sid", "time", "value").sort("sid", "time")


def _zeros(samples: pl.DataFrame, identity: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Counts of failures are often sent only when there are any: where their source was heard, silence is zero."""
    # A version that was silent may not have served at all.
    rare = identity.filter(
        pl.col("statistic").is_in(SUMS)
        & pl.col("signal").is_in(["errors", "throttling"])
        & (pl.col("version") == "")
    )
    heard = (
        samples.join(identity.select("sid", "source"), on="sid")
        .group_by("source")
        .agg(since=pl.col("time").min(), until=pl.col("time").max())
    )
    least = max(_LEAST_STEP, (windows.end - windows.start) // _MOST_ZEROS)
    spans = (
        samples.join(rare.select("sid", "source"), on="sid")
        .group_by("sid", "source")
        .agg(first=pl.col("time").min(), step=pl.col("time").sort().diff().median())
        .join(heard, on="source")
        .with_columns(step=pl.max_horizontal(pl.col("step").fill_null(0).cast(pl.Int64), pl.lit(least)))
        .sort("sid")
    )
    phase = pl.col("first") % pl.col("step")
    start = (pl.max_horizontal("since", pl.lit(windows.start)) - phase) // pl.col("step") * pl.col("step") + phase
    grid = spans.select(
        "sid",
        "step",
        "first",
        time=pl.int_ranges(start, pl.min_horizontal("until", pl.lit(windows.end)), pl.col("step")),
    ).explode("time")
    slot = (pl.col("time") - pl.col("first")) // pl.col("step")
    taken = samples.join(spans.select("sid", "step", "first"), on="sid").select("sid", slot=slot)
    silent = (
        grid.filter(pl.col("time").is_not_null())
        .with_columns(slot=slot)
        .join(taken, on=["sid", "slot"], how="anti")
    )
    added = silent.select("sid", "time", value=pl.lit(0.0))
    return pl.concat([samples, added]).sort("sid", "time")


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


def metric_clues(table: SeriesTable, focus: frozenset[str]) -> list[Clue]:
    """The series that changed, those of the focus first, then by score; at most MOST."""
    changed = (
        table.scored.filter((pl.col("score") >= WORTH_TELLING) & (pl.col("version") == ""))
        .with_columns(pl.col("service").is_in(sorted(focus)).alias("near"))
        .sort(["near", "score", "sid"], descending=[True, True, False])
        .head(MOST)
    )
    return [_clue(row, table.windows) for row in changed.to_dicts()]


def _clue(row: dict[str, Any], windows: Windows) -> Clue:
    kind = MetricKind(row["signal"], row["cause"], row["counter"])
    up = row["observed"] >= row["baseline"]
    direction: Literal["up", "down"] = "up" if up else "down"
    adverse = kind.adverse(direction)
    size = row["observed"] / row["baseline"] if row["baseline"] else 0.0
    times = f", {amount(size)} times" if size > 0 else ""
    what = row["metric"] + (f" ({row['statistic']})" if row["statistic"] else "")
    finding = make_finding(
        "metric",
        service=row["service"], resource=row["resource"], region=row["region"], window=windows.since(row["onset"]),
        onset=row["onset"], uncertainty=row["uncertainty"], direction=direction, size=size,
        baseline=row["baseline"], observed=row["observed"], unit=row["unit"], score=row["score"],
        summary=(
            f"{what} of {row['service']} {'rose' if up else 'fell'} from {amount(row['baseline'], row['unit'])} to "
            f"{amount(row['observed'], row['unit'])}{times}, since {clock(row['onset'])}"
        ),
        cause_kind=row["cause"] if adverse else None,
        metric=reference(row),
        provenance=Provenance(
            source=row["source"] or "metrics",
            query=f"{row['namespace']} {what} {row['dimensions']}".strip()[:1_000],
            window=windows.whole,
        ),
    )  # fmt: skip
    return Clue(
        finding,
        row["signal"],
        row["onset"],
        row["uncertainty"],
        adverse and row["signal"] in SYMPTOMS | {"capacity"},
    )
