"""Logs: lines become templates, templates are compared with the baseline, failures are recognised.

Mining masks what varies (numbers, ids, addresses, quoted text) with vectorised expressions over the distinct
messages and groups by what remains; nothing here looks at a line at a time.
"""

from typing import Any, Literal

import polars as pl

from autopilot.analysis.clue import Clue, amount, clock, make_finding
from autopilot.analysis.series import detect, tidy
from autopilot.analysis.signatures import Signature, signature_of
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.base import clean
from autopilot.incident.finding import Provenance

MOST = 25
"""Log findings in a dossier."""
_LENGTH = 400
_BIN = 30 * MICROS
_BINS = 720
"""Bins a window is cut into at most: weeks of baseline get wider ones."""
_CANDIDATES = 400
_QUIET = 0.2
"""Share of the incident window that must pass before a line counts as new when nothing older was collected."""
_BURST = 3.0
"""Growth of a template's rate that counts as a burst."""
_MASKS: tuple[tuple[str, str], ...] = (
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[.,\d]*(?:Z|[+-]\d\d:?\d\d)?", "<time>"),
    (r"https?://\S+", "<url>"),
    (r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}", "<id>"),
    (r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b", "<ip>"),
    (r'"[^"]{0,200}"|\'[^\']{0,200}\'', "<text>"),
    (r"\b[A-Za-z_-]*\d[\w.:,%-]*", "<n>"),
    (r"<n>(?:[\s,;/]+<n>)+", "<n>"),
)
_SEVERE = ("ERROR", "FATAL", "CRITICAL", "SEVERE", "EMERG", "ALERT", "PANIC")
_WARN = ("WARN", "WARNING")


def templates(logs: pl.DataFrame) -> pl.DataFrame:
    """Application lines with `text` (the message proper), `template` and upper-case `level`."""
    lines = logs.filter(~pl.col("kind").is_in(["access", "audit"]) & (pl.col("message") != ""))
    distinct = lines.select("message").unique().with_columns(raw=pl.col("message").str.slice(0, 4 * _LENGTH))
    looks = pl.col("raw").str.starts_with("{") & pl.col("raw").str.ends_with("}")
    body = pl.when(looks).then(pl.col("raw"))
    paths = ("$.message", "$.msg", "$.error.message", "$.error", "$.event")
    distinct = distinct.with_columns(
        text=pl.coalesce([*(body.str.json_path_match(path) for path in paths), pl.col("raw")]).str.slice(
            0, _LENGTH
        ),
        said=pl.coalesce(
            [body.str.json_path_match("$.level"), pl.col("raw").str.extract(r"\b(ERROR|FATAL|WARN)\b")]
        ),
    )
    masked = pl.col("text")
    for pattern, token in _MASKS:
        masked = masked.str.replace_all(pattern, token)
    distinct = distinct.with_columns(
        template=masked.str.replace_all(r"\s+", " ").str.strip_chars().str.slice(0, 200)
    )
    return lines.join(distinct.drop("raw"), on="message", how="left").with_columns(
        level=pl.when(pl.col("level") != "").then(pl.col("level")).otherwise(pl.col("said").fill_null(""))
        .str.to_uppercase()
    )  # fmt: skip


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
            resource=pl.col("resource").min(), region=pl.col("region").min(),
            severe=pl.col("level").is_in(_SEVERE).any(), warn=pl.col("level").is_in(_WARN).any(),
            levelled=(pl.col("level") != "").any(),
        )
        .sort("service", "template")
        .with_row_index("sid")
        .with_columns(pl.col("sid").cast(pl.Int64))
    )  # fmt: skip


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
    return detect(tidy(grid.with_columns(pl.col("value").fill_null(0.0))), windows)


def log_clues(logs: pl.DataFrame, windows: Windows) -> list[Clue]:
    """New, bursting and vanished templates, the telling ones first; at most MOST."""
    lines = templates(logs)
    table = _summarise(lines, windows)
    if table.is_empty():
        return []
    compared = bool(table["before"].sum())
    table = table.sort(["severe", "warn", "after", "sid"], descending=[True, True, True, False]).head(_CANDIDATES)
    rated = table.join(_rates(lines, table, windows), on="sid", how="left", maintain_order="left")
    clues = [clue for row in rated.to_dicts() if (clue := _clue(row, windows, compared)) is not None]
    return sorted(clues, key=lambda c: (-c.score, c.service, c.finding.summary))[:MOST]


_Change = Literal["new", "up", "gone"]


def _change(row: dict[str, Any], windows: Windows, compared: bool) -> _Change | None:
    minutes = max((windows.end - windows.split) / MICROS / 60, 1e-9)
    usual = row["before"] / max(windows.baseline_minutes, 1e-9)
    # Without a baseline (only the incident was collected, or only failures), a quiet beginning stands in for it.
    quiet = compared or row["first"] >= windows.split + _QUIET * (windows.end - windows.split)
    if quiet and row["before"] == 0 and (row["after"] >= 3 or row["severe"]):
        return "new"
    risen = (row["score"] or 0) >= 0.2 and row["observed"] >= _BURST * max(row["baseline"], 1e-9)
    if row["after"] and risen:
        return "up"
    if row["after"] == 0 and usual * minutes >= 10:
        return "gone"
    return None


def _clue(row: dict[str, Any], windows: Windows, compared: bool) -> Clue | None:
    change = _change(row, windows, compared)
    if change is None:
        return None
    onset = {"new": row["first"], "up": row["onset"] or row["first"], "gone": row["last"]}[change]
    uncertainty = 2 * MICROS if change == "new" else int(row["uncertainty"] or _BIN)
    usual = row["before"] / max(windows.baseline_minutes, 1e-9)
    since = max((windows.end - max(onset, windows.split)) / MICROS / 60, 0.5)
    now = 0.0 if change == "gone" else row["after"] / since
    known = None if change == "gone" else _recognised(row)
    weight = 0.95 if known else 0.8 if row["severe"] else 0.55 if row["warn"] else 0.3
    count = row["before"] if change == "gone" else row["after"]
    words = {"new": "New", "up": "More frequent", "gone": "Vanished"}[change]
    level = "error" if row["severe"] else "warning" if row["warn"] else "log"
    what = f" [{known.name}]" if known else ""
    finding = make_finding(
        "log",
        service=row["service"], resource=row["resource"], region=row["region"], window=windows.since(onset),
        onset=onset, uncertainty=uncertainty, direction=change, size=now, baseline=usual, observed=now,
        unit="lines per minute", score=weight * (count / (count + 2)),
        summary=(
            f"{words} {level} of {row['service']}{what}: \"{clean(row['sample'], 160)}\" "
            f"({row['after']} lines, {amount(now)} per minute; before {amount(usual)}) since {clock(onset)}"
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
