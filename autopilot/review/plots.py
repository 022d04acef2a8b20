"""Small line charts as inline SVG. Matplotlib is loaded at the first chart and used without its global state."""

import io
import re
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import ModuleType
from typing import Any, Literal

from markupsafe import Markup

from autopilot.review.series import Series

MarkKind = Literal["change", "onset", "alarm", "decision", "action"]
STYLES: dict[MarkKind, tuple[str, str, str]] = {
    "change": ("#8250df", "--", "change"),
    "onset": ("#cf222e", "-", "first deviation"),
    "alarm": ("#bc4c00", ":", "alert"),
    "decision": ("#57606a", "-.", "decision"),
    "action": ("#1a7f37", "-", "action"),
}
"""Kind → colour, line style, word in the legend."""
LINE, BAND, LIMIT = "#0969da", "#0969da", "#cf222e"
MAX_POINTS = 1_500
SHORT = timedelta(minutes=10)
"""Below this span the seconds are worth showing."""
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "review", "font.family": "sans-serif", "font.size": 9}
_lock = threading.Lock()


@dataclass(frozen=True)
class Mark:
    """A moment drawn as a vertical line."""

    at: datetime
    kind: MarkKind


@dataclass(frozen=True)
class Chart:
    """What to draw: one series, its usual range, a limit and marked moments."""

    series: Series
    unit: str = ""
    limit: float | None = None
    marks: tuple[Mark, ...] = ()
    start: datetime | None = None
    """Earlier samples are left out."""
    later: tuple[tuple[datetime, float], ...] = ()
    """Readings taken after the case was collected."""


def load() -> tuple[ModuleType, ModuleType, ModuleType]:
    """Matplotlib, its figures and its SVG backend. Loading takes seconds, and most activities never draw."""
    names = ("matplotlib", "matplotlib.figure", "matplotlib.backends.backend_svg")
    mpl, figures, backend = (import_module(name) for name in names)
    return mpl, figures, backend


def svg(chart: Chart, number: int) -> Markup:
    """The chart as an SVG element; `number` keeps the ids of several charts on one page apart."""
    mpl, figures, backend = load()
    target = io.BytesIO()
    with _lock, mpl.rc_context(SETTINGS):
        figure = figures.Figure(figsize=(7.6, 2.3), layout="constrained")
        axes = figure.add_subplot()
        _draw(axes, chart)
        backend.FigureCanvasSVG(figure).print_svg(target, metadata={"Date": None, "Creator": None})
    text = target.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>c{number}-", text)
    return Markup(text)  # noqa: S704 - written by matplotlib, which escapes texts; only the unit comes from outside


def _draw(axes: Any, chart: Chart) -> None:
    dates = import_module("matplotlib.dates")

    pairs = [(t, v) for t, v in zip(chart.series.times, chart.series.values, strict=True)
             if chart.start is None or t >= chart.start]  # fmt: skip
    thin = max(1, len(pairs) // MAX_POINTS)
    times, values = [t for t, _ in pairs][::thin], [v for _, v in pairs][::thin]
    if chart.series.band:
        axes.axhspan(*chart.series.band, color=BAND, alpha=0.13, lw=0, label="usual range")
    if chart.limit is not None:
        axes.axhline(chart.limit, color=LIMIT, lw=0.9, ls=(0, (4, 3)), label="limit")
    axes.plot(times, values, color=LINE, lw=1.4, marker="o" if len(times) < 30 else "", ms=2.5)
    if chart.later:
        after = [t for t, _ in chart.later], [v for _, v in chart.later]
        axes.plot(*after, color="#1a7f37", lw=1.4, marker="o", ms=3, label="readings during verification")
    _mark(axes, chart.marks, (chart.start or min(times, default=datetime.min.replace(tzinfo=UTC))))
    axes.set_ylim(bottom=min(0.0, *values, *(v for _, v in chart.later)) if values else None)
    axes.set_ylabel(chart.unit[:20], parse_math=False)
    axes.xaxis.set_major_locator(dates.AutoDateLocator(tz=UTC, maxticks=8))
    brief = len(times) > 1 and times[-1] - times[0] < SHORT
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S" if brief else "%H:%M", tz=UTC))
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color="#d0d7de", lw=0.5)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)


def _mark(axes: Any, marks: Sequence[Mark], start: datetime) -> None:
    said: set[MarkKind] = set()
    for mark in marks:
        if mark.at < start:
            continue
        colour, style, word = STYLES[mark.kind]
        axes.axvline(mark.at, color=colour, ls=style, lw=1.1, label=None if mark.kind in said else word)
        said.add(mark.kind)


def span(times: Sequence[datetime], incident_start: datetime, incident_seconds: float) -> datetime | None:
    """Where a chart begins: enough of the time before the incident to see what is usual."""
    if not times:
        return None
    return max(times[0], incident_start - timedelta(seconds=max(incident_seconds, 1_800.0)))
