"""Logs: templates of lines are compared with the baseline, failures are recognised, exceptions are placed.

A template is new, more frequent or gone. Besides the change of its rate (which needs lines in most intervals) a
likelihood-ratio test of two Poisson rates sees rare lines that became frequent. It counts intervals with a line
instead of lines, for lines come in bursts. Where failures of several services begin together, their order is told.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.logs.messages import WARN, templates
from autopilot.analysis.logs.signatures import Signature, signature_of
from autopilot.analysis.metrics.series import detect, tidy
from autopilot.analysis.windows import MICROS, Windows
from autopilot.case.schema import SEVERE_LEVELS
from autopilot.incident.base import clean
from autopilot.incident.finding import Provenance

MOST = 25
"""Log findings in a dossier."""
_BIN = 30 * MICROS
_BINS = 720
"""Bins a window is cut into at most: weeks of baseline get wider ones."""
_CANDIDATES = 400
_QUIET = 0.2
"""Share of the incident window that must pass before a line counts as new when nothing older was collected."""
_BURST = 3.0
"""Growth of a template's rate that counts as a burst."""
_SURE = 4.0
"""Surprise (in standard deviations) from which a rate has changed: once in 30,000 templates by chance."""
_LIKELY = 2.0
"""Surprise that a new line needs which is no failure."""
_FEW = 5
"""Lines that make a burst at least."""
_TOGETHER = 60 * MICROS
"""Failures of services that begin this closely one after the other are told as one course."""


def _summarise(lines: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """One row per service and template: counts either side of the split, first and last time, an example."""
    at = pl.col("time").cast(pl.Int64)
    inside = lines.with_columns(at=at).filter((pl.col("at") >= windows.start) & (pl.col("at") < windows.end))
    return (
        inside.with_columns(late=pl.col("at") >= windows.split)
        .group_by("service", "template")
        .agg(
            before=(~pl.col("late")).sum().cast(pl.Int64), after=pl.col("late").sum().cast(pl.Int64),
            first=pl.col("at").min(), last=pl.col("at").max(), sample=pl.col("text").min(),
            resource=pl.col("resource").cast(pl.String).min(), region=pl.col("region").cast(pl.String).min(),
            severe=(pl.col("level").is_in(SEVERE_LEVELS) | (pl.col("traced") & (pl.col("level") == ""))).any(),
            warn=pl.col("level").is_in(WARN).any(), levelled=(pl.col("level") != "").any(),
            traced=pl.col("traced").any(),
        )
        .with_columns(surprise=_surprise(pl.col("before"), pl.col("after"), windows))
        .sort("service", "template")
        .with_row_index("sid")
        .with_columns(pl.col("sid").cast(pl.Int64))
    )  # fmt: skip


def _surprise(before: pl.Expr, after: pl.Expr, windows: Windows) -> pl.Expr:
    """How unlike one rate two counts are, in standard deviations; negative where the rate fell.

    The signed root of the likelihood ratio of two Poisson rates against one (Li, Ma: Analysis methods for results
    in gamma-ray astronomy, ApJ 272, 1983), which holds for small counts too.
    """
    late = (windows.end - windows.split) / max(windows.end - windows.start, 1)
    both = before + after

    def part(count: pl.Expr, share: float) -> pl.Expr:
        return pl.when(count > 0).then(count * (count / (both * max(share, 1e-9))).log()).otherwise(0.0)

    ratio = 2 * (part(after, late) + part(before, 1 - late))
    return ratio.clip(0.0).sqrt() * pl.when(after >= both * late).then(1.0).otherwise(-1.0)


def _rates(lines: pl.DataFrame, table: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """Change of each template's rate. Silence is a value here: bins without a line count zero."""
    width = max(_BIN, (windows.end - windows.start) // _BINS)
    counts = (
        lines.join(table.select("service", "template", "sid"), on=["service", "template"], how="inner")
        .with_columns(time=pl.col("time").cast(pl.Int64) // width * width)
        .group_by("sid", "time")
        .agg(value=pl.len().cast(pl.Float64))
    )
    start = max(windows.start, min(table["first"].to_list()))
    bins = pl.DataFrame({"time": range(start // width * width, windows.end, width)}, schema={"time": pl.Int64})
    grid = table.select("sid").join(bins, how="cross").join(counts, on=["sid", "time"], how="left")
    late = pl.col("time") >= windows.split
    busy = counts.group_by("sid").agg(
        busy_before=(~late).sum().cast(pl.Int64), busy_after=late.sum().cast(pl.Int64)
    )
    changed = detect(tidy(grid.with_columns(pl.col("value").fill_null(0.0))), windows)
    return changed.join(busy, on="sid", how="left").with_columns(
        steady=_surprise(pl.col("busy_before").fill_null(0), pl.col("busy_after").fill_null(0), windows)
    )


def rates(lines: pl.DataFrame, windows: Windows) -> pl.DataFrame:
    """One row per service and template of lines, as `templates` gives them: counts, levels, how its rate moved.

    At most _CANDIDATES rows, the grave and the surprising ones first. `compared`: whether anything older is known.
    """
    table = _summarise(lines, windows)
    if table.is_empty():
        return table
    table = (
        table.with_columns(compared=pl.col("before").sum() > 0)
        .sort(["severe", "warn", pl.col("surprise").abs(), "sid"], descending=[True, True, True, False])
        .head(_CANDIDATES)
    )  # fmt: skip
    return table.join(_rates(lines, table, windows), on="sid", how="left", maintain_order="left")


def log_clues(logs: pl.DataFrame, windows: Windows) -> list[Clue]:
    """New, bursting and vanished templates, the telling ones first; at most MOST."""
    rated = rates(templates(logs), windows)
    changed = [told for row in rated.to_dicts() if (told := _told(row, windows)) is not None]
    telling = sorted(changed, key=lambda t: (-t.score, t.row["service"], t.row["template"]))[:MOST]
    order = _order_of_failures(telling)
    return [_clue(told, windows, order) for told in telling]


_Change = Literal["new", "up", "gone"]


def _change(row: dict[str, Any], windows: Windows) -> _Change | None:
    minutes = max((windows.end - windows.split) / MICROS / 60, 1e-9)
    usual = row["before"] / max(windows.baseline_minutes, 1e-9)
    # Without a baseline (only the incident was collected, or only failures), a quiet beginning stands in for it.
    quiet = row["compared"] or row["first"] >= windows.split + _QUIET * (windows.end - windows.split)
    if quiet and row["before"] == 0 and (row["severe"] or (row["after"] >= 3 and row["surprise"] >= _LIKELY)):
        return "new"
    risen = (row["score"] or 0) >= 0.2 and row["observed"] >= _BURST * max(row["baseline"], 1e-9)
    rare = (row["steady"] or 0) >= _SURE and row["after"] >= max(_FEW, _BURST * usual * minutes)
    if row["after"] and (risen or (row["compared"] and rare)):
        return "up"
    if row["after"] == 0 and usual * minutes >= 10:
        return "gone"
    return None


@dataclass(frozen=True)
class _Told:
    """A template whose rate changed."""

    row: dict[str, Any]
    change: _Change
    known: Signature | None
    onset: int
    score: float

    @property
    def fails(self) -> bool:
        return self.change != "gone" and (self.known is not None or self.row["severe"])


def _told(row: dict[str, Any], windows: Windows) -> _Told | None:
    change = _change(row, windows)
    if change is None:
        return None
    onset = {"new": row["first"], "up": row["onset"] or row["first"], "gone": row["last"]}[change]
    known = None if change == "gone" else _recognised(row)
    weight = 0.95 if known else 0.8 if row["severe"] else 0.55 if row["warn"] else 0.3
    count = row["before"] if change == "gone" else row["after"]
    return _Told(row, change, known, onset, round(weight * (count / (count + 2)), 4))


def _order_of_failures(telling: list[_Told]) -> dict[str, str]:
    """Service → its place among services whose failures began together (each within a minute of the one before)."""
    firsts: dict[str, int] = {}
    for told in sorted((t for t in telling if t.fails), key=lambda t: (t.onset, t.row["service"])):
        firsts.setdefault(told.row["service"], told.onset)
    groups: list[list[str]] = []
    for service, onset in firsts.items():
        if not groups or onset - firsts[groups[-1][-1]] > _TOGETHER:
            groups.append([])
        groups[-1].append(service)
    places: dict[str, str] = {}
    for group in (g for g in groups if len(g) > 1):
        places[group[0]] = f"; the first of {len(group)} services whose failures began together"
        places |= {
            service: f"; {(firsts[service] - firsts[group[0]]) / MICROS:.0f} s after {group[0]}"
            for service in group[1:]
        }
    return places


def _clue(told: _Told, windows: Windows, order: Mapping[str, str]) -> Clue:
    row, known, onset = told.row, told.known, told.onset
    uncertainty = 2 * MICROS if told.change == "new" else int(row["uncertainty"] or _BIN)
    usual = row["before"] / max(windows.baseline_minutes, 1e-9)
    since = max((windows.end - max(onset, windows.split)) / MICROS / 60, 0.5)
    now = 0.0 if told.change == "gone" else row["after"] / since
    words = {"new": "New", "up": "More frequent", "gone": "Vanished"}[told.change]
    level = "exception" if row["traced"] else "error" if row["severe"] else "warning" if row["warn"] else "log"
    what = f" [{known.name}]" if known else ""
    finding = make_finding(
        "log",
        service=row["service"], resource=row["resource"], region=row["region"], window=windows.since(onset),
        onset=onset, uncertainty=uncertainty, direction=told.change, size=now, baseline=usual, observed=now,
        unit="lines per minute", score=told.score,
        summary=(
            f"{words} {level} of {row['service']}{what}: \"{clean(row['sample'], 160)}\" "
            f"({row['after']} lines, {amount(now)} per minute; before {amount(usual)}) since {clock(onset)}"
            f"{order.get(row['service'], '') if told.fails else ''}"
        ),
        cause_kind=known.cause if known and known.cause != "unknown" else None,
        mechanism=known.mechanism if known else None,
        provenance=Provenance(
            source="logs", query=f"{row['resource'] or row['service']}: {row['template']}"[:1_000],
            window=windows.whole,
        ),
    )  # fmt: skip
    return Clue(finding, "log", onset, uncertainty, bool(known) or row["severe"], mentions=row["sample"])


def _recognised(row: dict[str, Any]) -> Signature | None:
    """The failure signature of a template; informational lines may say `timeout` without having one."""
    return signature_of(row["sample"]) if row["severe"] or row["warn"] or not row["levelled"] else None
