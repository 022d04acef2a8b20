"""The story as a picture: one row per moment, so that no label can lie on another."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl

from autopilot.analysis.timeline import most_telling
from autopilot.case.case import Case
from autopilot.case.schema import SEVERE_LEVELS
from autopilot.incident.finding import Dossier, TimelineEntry
from autopilot.plots.drawing import GRID, INK, QUIET, STYLES, MarkKind, canvas, save, short, time_axis

WIDTH, ROW = 12.0, 0.27
MOST = 26
"""Moments drawn."""
_TEXT = 92
_BINS = 60


def draw_timeline(path: Path, case: Case, dossier: Dossier) -> None:
    """Changes, onset, alerts, log bursts and what moved, in order, over the error lines of the logs.

    Raises:
        OSError: the file cannot be written.
    """
    entries = most_telling(dossier.timeline, MOST)
    start, end = _span(case, entries)
    failures = _failures(case, start, end)
    heights = [1.1, max(ROW * len(entries), 0.6)] if failures else [max(ROW * len(entries), 0.6)]
    with canvas(WIDTH, sum(heights) + 1.2) as figure:
        # The right part of the width belongs to the words.
        panels = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        if failures:
            _bursts(panels[0], failures, (end - start) / _BINS)
        _rows(panels[-1], entries, start, end, dossier)
        panels[-1].set_xlim(start, start + (end - start) * 2.6)
        _clock(panels[-1], start, end)
        _legend(figure, entries)
        save(figure, path)


def _span(case: Case, entries: Sequence[TimelineEntry]) -> tuple[datetime, datetime]:
    """The incident and as much time before it; what is older stands at the left edge with its date."""
    incident = case.scope.incident
    length = max(incident.end - incident.start, timedelta(minutes=1))
    last = max([e.at for e in entries if e.at <= incident.end + length], default=incident.end)
    return incident.start - length / 2, max(last, incident.end)


def _failures(case: Case, start: datetime, end: datetime) -> list[tuple[datetime, int]]:
    """Log lines of error level per bin of the span; empty when there are none."""
    width = (end - start) / _BINS
    rows = (
        case.table("logs")
        .filter(pl.col("level").str.to_uppercase().is_in(SEVERE_LEVELS) & pl.col("time").is_between(start, end))
        .select(bin=((pl.col("time") - start) / width).floor().clip(0, _BINS - 1).cast(pl.Int64))
        .group_by("bin")
        .len()
        .sort("bin")
    )
    return [(start + width * int(place), int(count)) for place, count in rows.iter_rows()]


def _bursts(axes: Any, failures: Sequence[tuple[datetime, int]], width: timedelta) -> None:
    axes.bar(
        [at for at, _ in failures], [count for _, count in failures], width=width, align="edge",
        color=STYLES["log"].colour,
    )  # fmt: skip
    seconds = width.total_seconds()
    each = f"{seconds / 60:.3g} min" if seconds >= 60 else f"{seconds:.3g} s"
    axes.set_title(f"Error lines in the logs, per {each}", loc="left", fontsize=9.5, color=INK)
    axes.locator_params(axis="y", nbins=3, integer=True)
    axes.tick_params(axis="x", length=0, labelbottom=False)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def _rows(axes: Any, entries: Sequence[TimelineEntry], start: datetime, end: datetime, dossier: Dossier) -> None:
    words = end + (end - start) * 0.03
    for row, entry in enumerate(entries):
        style = STYLES[_kind(entry)]
        at = max(entry.at, start)
        axes.plot([at, words], [row, row], color=GRID, lw=0.6, zorder=1)
        marker = "<" if entry.at < start else style.marker
        size = 9 if marker == "*" else 6
        axes.plot([at], [row], color=style.colour, marker=marker, ms=size, zorder=3, clip_on=False)
        axes.text(words, row, _words(entry, start), va="center", fontsize=8.5, color=INK, parse_math=False)
    if dossier.onset is not None and entries:
        reach = timedelta(seconds=min(dossier.onset_uncertainty, 86_400.0))
        axes.axvspan(
            max(dossier.onset - reach, start), min(dossier.onset + reach, end), color=STYLES["onset"].colour,
            alpha=0.15, lw=0,
        )  # fmt: skip
    axes.set_ylim(max(len(entries), 1) - 0.4, -0.6)
    axes.set_yticks([])
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)


def _words(entry: TimelineEntry, start: datetime) -> str:
    when = f"{entry.at:%b %d %H:%M}" if entry.at < start else f"{entry.at:%H:%M:%S}"
    late = " [after the onset]" if entry.after_onset else ""
    cited = f"{entry.finding_id} " if entry.finding_id else ""
    return f"{when}  {short(cited + entry.text, _TEXT - len(late))}{late}"


def _clock(axes: Any, start: datetime, end: datetime) -> None:
    """Clock times below the part that is time; the rest of the width belongs to the words."""
    time_axis(axes, (end - start).total_seconds())
    ticks = import_module("matplotlib.dates").AutoDateLocator(tz=UTC, minticks=4, maxticks=6)
    first, last = axes.convert_xunits(start), axes.convert_xunits(end)
    axes.set_xticks([tick for tick in ticks.tick_values(start, end) if first <= tick <= last])
    axes.set_xlabel(f"UTC, {end:%Y-%m-%d}", loc="left", color=QUIET)
    for panel in axes.figure.axes:
        panel.spines["bottom"].set_bounds(first, last)


def _legend(figure: Any, entries: Sequence[TimelineEntry]) -> None:
    lines = import_module("matplotlib.lines")
    handles = [
        lines.Line2D([], [], color=style.colour, marker=style.marker, ls="", label=style.word)
        for kind, style in STYLES.items() if any(_kind(e) == kind for e in entries)
    ]  # fmt: skip
    if any(_kind(e) == "onset" for e in entries):
        patches = import_module("matplotlib.patches")
        handles.append(patches.Patch(color=STYLES["onset"].colour, alpha=0.15, label="its uncertainty"))
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles), frameon=False, fontsize=9)


def _kind(entry: TimelineEntry) -> MarkKind:
    return entry.kind if entry.kind != "verification" else "note"
