"""Small line charts of the review as inline SVG."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from markupsafe import Markup

from autopilot.plots.drawing import BAND, LATER, LIMIT, LINE, Mark, canvas, mark, plain, thinned, time_axis
from autopilot.review.series import Series


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


def svg(chart: Chart, number: int) -> Markup:
    """The chart as an SVG element; `number` keeps the ids of several charts on one page apart."""
    target = io.BytesIO()
    with canvas(7.6, 2.3) as figure:
        _draw(figure.add_subplot(), chart)
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None})
    text = target.getvalue().decode()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(\bid="|url\(#|href="#)', rf"\g<1>c{number}-", text)
    return Markup(text)  # noqa: S704 - written by matplotlib, which escapes texts; only the unit comes from outside


def _draw(axes: Any, chart: Chart) -> None:
    pairs = [(t, v) for t, v in zip(chart.series.times, chart.series.values, strict=True)
             if chart.start is None or t >= chart.start]  # fmt: skip
    times, values = thinned([t for t, _ in pairs], [v for _, v in pairs])
    if chart.series.band:
        axes.axhspan(*chart.series.band, color=BAND, alpha=0.13, lw=0, label="usual range")
    if chart.limit is not None:
        axes.axhline(chart.limit, color=LIMIT, lw=0.9, ls=(0, (4, 3)), label="limit")
    axes.plot(times, values, color=LINE, lw=1.4, marker="o" if len(times) < 30 else "", ms=2.5)
    if chart.later:
        after = [t for t, _ in chart.later], [v for _, v in chart.later]
        axes.plot(*after, color=LATER, lw=1.4, marker="o", ms=3, label="readings during verification")
    mark(axes, chart.marks, (chart.start or min(times, default=datetime.min.replace(tzinfo=UTC))))
    axes.set_ylim(bottom=min(0.0, *values, *(v for _, v in chart.later)) if values else None)
    axes.set_ylabel(chart.unit[:20], parse_math=False)
    time_axis(axes, (times[-1] - times[0]).total_seconds() if len(times) > 1 else 0.0)
    plain(axes)
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)


def span(times: Sequence[datetime], incident_start: datetime, incident_seconds: float) -> datetime | None:
    """Where a chart begins: enough of the time before the incident to see what is usual."""
    if not times:
        return None
    return max(times[0], incident_start - timedelta(seconds=max(incident_seconds, 1_800.0)))
