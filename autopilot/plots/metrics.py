"""The series behind the leading suspects: usual range, onset with its uncertainty, changes and alerts."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import Any

from autopilot.incident.finding import Dossier, Finding
from autopilot.plots.curves import Curve
from autopilot.plots.drawing import (
    BAND,
    INK,
    LINE,
    QUIET,
    STYLES,
    Mark,
    MarkKind,
    canvas,
    mark,
    middle_out,
    plain,
    save,
    short,
    thinned,
    time_axis,
)

WIDTH, PANEL = 12.0, 1.75
"""Inches: of the picture, and of the height of one series."""
_MARKED: tuple[MarkKind, ...] = ("change", "alarm")
_LARGE = 10_000
_FLAT = 0.5
"""Series that stay within this share of their largest value are not drawn from zero."""


def draw_metrics(path: Path, dossier: Dossier, curves: Sequence[Curve]) -> None:
    """One panel per series, all with the same time. Raises OSError."""
    with canvas(WIDTH, PANEL * len(curves) + 0.9) as figure:
        panels = figure.subplots(len(curves), 1, sharex=True, squeeze=False)[:, 0]
        for axes, curve in zip(panels, curves, strict=True):
            _panel(axes, curve, dossier)
        times = [at for curve in curves for at in curve.times] or [dossier.scope_incident.start]
        first, last = min(times), max(times)
        panels[-1].set_xlim(first, max(last, dossier.scope_incident.end))
        time_axis(panels[-1], (last - first).total_seconds(), ticks=12)
        panels[-1].set_xlabel(
            f"UTC, {first:%Y-%m-%d}" + (f" to {last:%Y-%m-%d}" if last.date() > first.date() else "")
        )
        _legend(figure, panels)
        save(figure, path)


def _panel(axes: Any, curve: Curve, dossier: Dossier) -> None:
    times, values = thinned(curve.times, curve.values)
    axes.axhspan(*curve.band, color=BAND, alpha=0.13, lw=0, label="usual range")
    onset, reach = _onset(curve.finding)
    if onset is not None:
        style = STYLES["onset"]
        axes.axvline(onset, color=style.colour, lw=1.4, label="onset of this series")
        axes.axvspan(onset - reach, onset + reach, color=style.colour, alpha=0.18, lw=0, label="its uncertainty")
    axes.plot(times, values, color=LINE, lw=1.3, marker="o" if len(times) < 80 else "", ms=2.5)
    kinds = {entry.kind for entry in dossier.timeline}
    marks = [Mark(e.at, kind) for kind in _MARKED if kind in kinds for e in dossier.timeline if e.kind == kind]
    mark(axes, marks, min(times, default=dossier.scope_incident.start))
    _scale(axes, [*values, *curve.band])
    axes.set_title(_title(curve, dossier), loc="left", fontsize=9.5, color=INK, parse_math=False)
    axes.set_ylabel(short(_unit(curve.finding), 22), color=QUIET, parse_math=False)
    plain(axes)


def _onset(finding: Finding) -> tuple[datetime | None, timedelta]:
    return finding.onset, timedelta(seconds=min(finding.onset_uncertainty, 86_400.0))


def _unit(finding: Finding) -> str:
    metric = finding.metric
    return finding.unit or (metric.unit if metric else "") or "no unit"


def _title(curve: Curve, dossier: Dossier) -> str:
    metric = curve.finding.metric
    label = f"{middle_out(metric.label if metric else curve.finding.service, 90)} [{curve.finding.id}]"
    if not curve.suspect:
        return f"Where it hurts: {label}"
    suspect = dossier.suspects[curve.suspect - 1]
    cause = (suspect.mechanism or suspect.cause_kind).replace("_", " ")
    of = "" if suspect.service == curve.finding.service else f" of {middle_out(suspect.service, 30)}"
    return f"Suspect {curve.suspect} ({suspect.score:.2f}, {cause}{of}): {label}"


def _scale(axes: Any, values: Sequence[float]) -> None:
    """From zero, unless that would make a flat line of a series far from zero; large numbers with a prefix."""
    low, high = min(values), max(values)
    if low >= 0 and high - low > _FLAT * high:
        axes.set_ylim(0, high * 1.08 or 1.0)
    if max(abs(low), abs(high)) >= _LARGE:
        axes.yaxis.set_major_formatter(import_module("matplotlib.ticker").EngFormatter())
    axes.locator_params(axis="y", nbins=4)


def _legend(figure: Any, panels: Sequence[Any]) -> None:
    """One legend for all panels, above them."""
    known: dict[str, Any] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            known.setdefault(label, handle)
    figure.legend(
        known.values(), known.keys(), loc="outside upper left", ncols=len(known), frameon=False, fontsize=9
    )
