"""What every plot shares: colours, marked moments, the axis of time, and matplotlib, loaded at the first plot.

The colours are those of Okabe and Ito (2008), which people with any kind of colour vision tell apart; moments
differ by line style and marker as well. Texts come from outside: nothing in them is read as a formula.
"""

import threading
import warnings
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from autopilot.incident.base import clean

MarkKind = Literal["change", "onset", "alarm", "decision", "action", "log", "note"]


@dataclass(frozen=True)
class Style:
    """How a kind of moment looks, and its word in a legend."""

    colour: str
    line: str
    marker: str
    word: str


STYLES: dict[MarkKind, Style] = {
    "change": Style("#b5559b", "--", "D", "change"),
    "onset": Style("#d55e00", "-", "*", "first deviation"),
    "alarm": Style("#a87400", ":", "^", "alert"),
    "decision": Style("#57606a", "-.", "o", "decision"),
    "action": Style("#009e73", "-", "P", "action"),
    "log": Style("#0072b2", "-", "s", "log lines"),
    "note": Style("#57606a", "-", "o", "metric, state or trace"),
}
LINE, BAND, LIMIT, LATER = "#0072b2", "#0072b2", "#d55e00", "#009e73"
INK, QUIET, FAINT, GRID = "#1f2328", "#57606a", "#afb8c1", "#d0d7de"
MAX_POINTS = 1_500
SHORT = timedelta(minutes=10)
"""Below this span the seconds are worth showing."""
DOTS_PER_INCH = 150
SETTINGS = {"svg.fonttype": "none", "svg.hashsalt": "review", "font.family": "sans-serif", "font.size": 9}
_lock = threading.Lock()


@dataclass(frozen=True)
class Mark:
    """A moment drawn as a vertical line."""

    at: datetime
    kind: MarkKind


def load() -> Any:
    """Matplotlib's figures, its backends loaded. That takes seconds, and most processes never draw."""
    for name in ("matplotlib", "matplotlib.backends.backend_svg", "matplotlib.backends.backend_agg"):
        import_module(name)
    return import_module("matplotlib.figure")


@contextmanager
def canvas(width: float, height: float) -> Generator[Any]:
    """A figure of so many inches without matplotlib's global state; one thread draws at a time."""
    figures = load()
    with _lock, import_module("matplotlib").rc_context(SETTINGS), warnings.catch_warnings():
        # A name in a script that the font lacks is drawn as boxes; nobody needs to be told on stderr.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield figures.Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, path: Path) -> None:
    """Write a PNG without the time and version that would make equal plots differ. Raises OSError."""
    figure.savefig(path, format="png", dpi=DOTS_PER_INCH, metadata={"Software": None})


def short(text: str, limit: int) -> str:
    """Outside text as a label: one line, harmless, at most `limit` characters."""
    return clean(text, limit)


def middle_out(text: str, limit: int) -> str:
    """Outside text as a label that keeps both ends: long names often differ in the last letters only."""
    whole = clean(text, 4 * limit)
    tail = limit // 2
    return whole if len(whole) <= limit else f"{whole[: limit - tail - 1]}…{whole[-tail:]}"


def thinned(times: Sequence[datetime], values: Sequence[float]) -> tuple[list[datetime], list[float]]:
    """Every n-th sample, so that no plot has more points than it can show."""
    step = max(1, len(times) // MAX_POINTS)
    return list(times[::step]), list(values[::step])


def mark(axes: Any, marks: Sequence[Mark], start: datetime) -> None:
    """Vertical lines for the moments from `start` on; each kind has one entry in the legend."""
    said: set[MarkKind] = set()
    for moment in marks:
        if moment.at < start:
            continue
        style = STYLES[moment.kind]
        word = None if moment.kind in said else style.word
        axes.axvline(moment.at, color=style.colour, ls=style.line, lw=1.1, label=word)
        said.add(moment.kind)


def time_axis(axes: Any, seconds: float, *, ticks: int = 8) -> None:
    """Clock times in UTC below; the date where more than a day is shown, seconds where little is."""
    dates = import_module("matplotlib.dates")
    axes.xaxis.set_major_locator(dates.AutoDateLocator(tz=UTC, minticks=3, maxticks=ticks))
    clock = "%H:%M:%S" if seconds < SHORT.total_seconds() else "%H:%M" if seconds <= 86_400 else "%b %d %H:%M"
    axes.xaxis.set_major_formatter(dates.DateFormatter(clock, tz=UTC))


def plain(axes: Any) -> None:
    """No frame above and right, a faint grid."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.grid(axis="y", color=GRID, lw=0.5)
