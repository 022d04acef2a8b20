"""Where it hurts: one region, version, zone or any other label, while the rest of the same metric is unchanged.

Series of one metric of one service that differ in a label are compared by what changed in them. A label's value is
to blame for nothing by itself, so these findings support no suspect; they narrow the place.
"""

from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import TypeAdapter, ValidationError

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.metrics.regional import IDENTITY, regional_series
from autopilot.analysis.metrics.table import SeriesTable
from autopilot.analysis.windows import Windows
from autopilot.incident.base import Scalar, clean
from autopilot.incident.finding import Provenance

MOST = 8
"""Split findings in a dossier."""
_HIT = 0.3
"""Least score of a series that counts as hit."""
_VALUES = 20
"""Values a label may have: more of them name objects, not places."""
_LABELS = 20_000
"""Label sets that are read."""
_INSIDE = 0.5
"""Share of the metrics hit anywhere that must be hit at a value to call it hit."""
_OUTSIDE = 0.1
"""Share that may be hit elsewhere by chance."""
_SHOWN = 3
_NOT_PLACES = ("le", "quantile", "percentile", "status", "status_code", "code", "statusCode", "error", "level")
"""Labels that cut a measurement rather than the system."""
_GROUP = ["service", "source", "namespace", "metric", "statistic", "unit"]
_WORSE_UP = ("latency", "errors", "throttling", "saturation")
_WORSE_DOWN = ("availability", "headroom")
_PAIRS = TypeAdapter(dict[str, Scalar])


@dataclass(frozen=True)
class _Cut:
    """A label whose values part into hit and untouched."""

    label: str
    hit: tuple[str, ...]
    others: tuple[str, ...]
    inside: tuple[int, int]
    """Series hit, of how many, at the hit values."""
    outside: tuple[int, int]
    metrics: int
    lead: dict[str, Any]
    """The clearest of the hit series."""
    services: tuple[str, ...]


def split_clues(table: SeriesTable, logs: pl.DataFrame, spans: pl.DataFrame, focus: frozenset[str]) -> list[Clue]:
    """Labels of which only some values are hit, the clearest first; at most MOST."""
    columns = [*IDENTITY, "onset", "uncertainty", "baseline", "observed", "score"]
    measured = table.scored.select(columns).filter(pl.col("signal").is_in([*_WORSE_UP, *_WORSE_DOWN]))
    every = pl.concat([measured, regional_series(logs, spans, table.windows).select(columns)]).filter(
        pl.col("service").is_in(sorted(focus))
    )
    up = pl.col("observed") > pl.col("baseline")
    adverse = (up & pl.col("signal").is_in(_WORSE_UP)) | (~up & pl.col("signal").is_in(_WORSE_DOWN))
    cells = _cells(every.with_columns(hit=adverse & (pl.col("score") >= _HIT)))
    cuts = [cut for label in cells["label"].unique().sort().to_list() if (cut := _cut(cells, label)) is not None]
    # A host may be all there is of its region: of labels that say the same, the one with the fewest values speaks.
    told: dict[tuple[Any, ...], _Cut] = {}
    for cut in sorted(cuts, key=lambda c: (len(c.hit), len(c.others), c.label != "region", c.label)):
        told.setdefault((cut.inside[0] / cut.metrics, *(cut.lead[name] for name in [*_GROUP, "onset"])), cut)
    clues = [_clue(cut, table.windows) for cut in told.values()]
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:MOST]


def _cells(series: pl.DataFrame) -> pl.DataFrame:
    """A row per metric, label and value that can be compared with another value of the same label."""
    labels = _labels(series)
    told = pl.concat([
        series.filter(pl.col("region") != "").with_columns(label=pl.lit("region"), value=pl.col("region")),
        series.join(labels, on="dimensions", how="inner").filter(
            (pl.col("label").str.to_lowercase() != "region") | (pl.col("region") == "")
        ).select([*series.columns, "label", "value"]),
    ])  # fmt: skip
    few = told.group_by("label").agg(n=pl.col("value").n_unique()).filter(pl.col("n").is_between(2, _VALUES))
    told = told.join(few.select("label"), on="label", how="semi")
    # The clearest series stands for a value, but one of many hosts does not make its region one that is hit.
    cells = (
        told.sort("hit", "score", "dimensions", "baseline", descending=[True, True, False, False])
        .group_by(*_GROUP, "label", "value", maintain_order=True)
        .agg(pl.col("hit").mean() >= _INSIDE, pl.exclude("hit").first())
    )
    compared = cells.group_by([*_GROUP, "label"]).agg(values=pl.len(), any=pl.col("hit").any())
    return cells.join(compared.filter((pl.col("values") > 1) & pl.col("any")), on=[*_GROUP, "label"], how="inner")


def _labels(series: pl.DataFrame) -> pl.DataFrame:
    """(dimensions, label, value) of every label set that is a flat JSON object."""
    found: list[tuple[str, str, str]] = []
    for text in series["dimensions"].unique().sort().head(_LABELS).to_list():
        try:
            labels = _PAIRS.validate_json(text or "{}")
        except ValidationError:
            continue
        found += [(text, name, str(value)) for name, value in sorted(labels.items()) if name not in _NOT_PLACES]
    return pl.DataFrame(
        found, schema={"dimensions": pl.String, "label": pl.String, "value": pl.String}, orient="row"
    )


def _cut(cells: pl.DataFrame, label: str) -> _Cut | None:
    rows = cells.filter(pl.col("label") == label)
    shares = rows.group_by("value").agg(n=pl.len(), hit=pl.col("hit").sum()).sort("value").to_dicts()
    hit = tuple(str(s["value"]) for s in shares if s["hit"] >= _INSIDE * s["n"])
    others = tuple(str(s["value"]) for s in shares if s["value"] not in hit)
    if not hit or not others or len(hit) > min(_SHOWN, len(shares) / 2):
        return None
    there = rows.filter(pl.col("value").is_in(hit))
    elsewhere = rows.filter(~pl.col("value").is_in(hit))
    stray = int(elsewhere["hit"].sum())
    if stray > _OUTSIDE * elsewhere.height:
        return None
    struck = there.filter(pl.col("hit")).sort(
        "score", *_GROUP, "value", descending=[True, *(False for _ in _GROUP), False]
    )
    return _Cut(
        label, hit, others, (struck.height, there.height), (stray, elsewhere.height),
        rows.select(_GROUP).unique().height, struck.head(1).to_dicts()[0],
        tuple(struck["service"].unique().sort().to_list()),
    )  # fmt: skip


def _clue(cut: _Cut, windows: Windows) -> Clue:
    lead = cut.lead
    inside = cut.inside[0] / cut.inside[1]
    outside = cut.outside[0] / cut.outside[1]
    # One metric in two places may differ by chance; several that agree do not.
    score = 0.9 * inside * (1 - outside) * cut.metrics / (cut.metrics + 1)
    where = _listed(cut.hit)
    of = _listed(cut.services)
    label = clean(cut.label, 40)
    finding = make_finding(
        "metric" if lead["source"] not in ("logs", "traces") else "log" if lead["source"] == "logs" else "trace",
        service=lead["service"], region=cut.hit[0] if cut.label == "region" and len(cut.hit) == 1 else "",
        window=windows.since(lead["onset"]), onset=lead["onset"], uncertainty=lead["uncertainty"],
        direction="up" if lead["observed"] > lead["baseline"] else "down", size=inside, baseline=outside,
        observed=inside, unit="share", score=score,
        summary=(
            f"Only {label} {where} is hit: {cut.inside[0]} of {cut.inside[1]} series of {of} changed there, "
            f"{cut.outside[0]} of {cut.outside[1]} elsewhere ({_listed(cut.others)}); clearest: "
            f"{lead['metric']} of {lead['service']} from {amount(lead['baseline'], lead['unit'])} to "
            f"{amount(lead['observed'], lead['unit'])}, since {clock(lead['onset'])}"
        ),
        provenance=Provenance(
            source=lead["source"] or "metrics", query=f"{lead['metric']} by {label}"[:1_000], window=windows.whole
        ),
    )  # fmt: skip
    return Clue(finding, "split", lead["onset"], lead["uncertainty"])


def _listed(names: tuple[str, ...]) -> str:
    shown = ", ".join(clean(name, 60) for name in names[:_SHOWN])
    return shown + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
