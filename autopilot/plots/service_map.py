"""The service map: who calls whom, and how much of the trouble each service is blamed for."""

import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from autopilot.analysis.topology import read_graph
from autopilot.case.case import Case
from autopilot.incident.finding import Dossier
from autopilot.plots.drawing import FAINT, INK, LINE, QUIET, canvas, middle_out, save, short
from autopilot.plots.layers import Layout, lay_out

MOST = 28
"""Services drawn."""
WIDTH = 12.0
_LEAST_COLUMNS = 4
_BOX_HEIGHT, _ROW = 0.38, 0.62
_GAP = 0.32
"""Share of a column that is free for the calls."""
_HURT = 0.3
"""Least score of a finding that marks a service as suffering."""
_NO_SYMPTOM = ("change", "impact", "record", "recurrence")
_COLOURS = "YlOrBr"
"""Light to dark in one direction, also without colour."""


@dataclass(frozen=True)
class Service:
    """What the map says about one service."""

    name: str
    place: int = 0
    """Place of its first suspect, from 1; 0 when it is none."""
    score: float = 0.0
    cause: str = ""
    alerted: bool = False
    hurt: bool = False


def services_of(case: Case, dossier: Dossier) -> dict[str, Service]:
    """Every service that a suspect, a bad finding or the alert names."""
    hurt = {f.service for f in dossier.findings if f.score >= _HURT and f.kind not in _NO_SYMPTOM}
    found = {name: Service(name, alerted=name in case.scope.services, hurt=name in hurt)
             for name in sorted(hurt.union(case.scope.services))}  # fmt: skip
    for place, suspect in enumerate(dossier.suspects, start=1):
        known = found.get(suspect.service, Service(suspect.service))
        if not known.place:
            cause = (suspect.mechanism or suspect.cause_kind).replace("_", " ")
            found[suspect.service] = Service(known.name, place, suspect.score, cause, known.alerted, known.hurt)
    return found


def draw_service_map(path: Path, case: Case, dossier: Dossier) -> None:
    """Callers left, what they call right; darker is more to blame. Raises OSError."""
    graph = read_graph(case.table("topology"), case.table("spans"))
    services = services_of(case, dossier)
    layout = lay_out(graph, {name: (s.score, s.alerted, s.hurt) for name, s in services.items()}, MOST)
    height = _ROW * max(layout.rows, 1) + 1.2
    with canvas(WIDTH, height) as figure:
        axes = figure.add_subplot()
        axes.set_axis_off()
        columns = max(layout.columns, _LEAST_COLUMNS)
        axes.set_xlim(-0.12, columns - _GAP + 0.12)
        axes.set_ylim(max(layout.rows, 1) - 0.2, -0.6)
        suspects = {name for name, service in services.items() if service.place}
        for caller, callee in layout.edges:
            suffers = caller in services and (services[caller].hurt or services[caller].alerted)
            ink = INK if callee in suspects and (suffers or caller in suspects) else FAINT
            _call(axes, layout.places[caller], layout.places[callee], ink)
        for name, place in layout.places.items():
            _box(axes, place, services.get(name, Service(name)), columns)
        axes.set_title(_title(layout, services), loc="left", fontsize=9.5, color=INK)
        figure.text(0.01, 0.005, _legend(), fontsize=8.5, color=QUIET, va="bottom")
        save(figure, path)


def _title(layout: Layout, services: Mapping[str, Service]) -> str:
    left = f"; {layout.left_out} more services are not drawn" if layout.left_out else ""
    blamed = sum(1 for s in services.values() if s.place)
    return f"Calls go from left to right; the darker, the more to blame ({blamed} suspects){left}"


def _legend() -> str:
    return "thick blue frame: the alert is about it · dashed frame: suffers, not blamed · number: place and score"


def _box(axes: Any, at: tuple[float, float], service: Service, columns: int) -> None:
    patches, colours = import_module("matplotlib.patches"), import_module("matplotlib")
    dark = 0.12 + 0.75 * service.score
    fill = colours.colormaps[_COLOURS](dark) if service.place else "white"
    frame = LINE if service.alerted else INK if service.place or service.hurt else FAINT
    x, y = at
    axes.add_patch(patches.FancyBboxPatch(
        (x, y - _BOX_HEIGHT), 1 - _GAP, 2 * _BOX_HEIGHT, boxstyle="round,pad=0,rounding_size=0.06",
        facecolor=fill, edgecolor=frame, lw=2.6 if service.alerted else 1.0, zorder=3, mutation_aspect=4,
        ls="--" if service.hurt and not service.place and not service.alerted else "-",
    ))  # fmt: skip
    # A box is as wide as its column allows, a letter about 0.078 inch.
    letters = max(int(WIDTH / columns * (1 - _GAP) / 0.078), 8)
    name = textwrap.wrap(middle_out(service.name, 2 * letters - 2), letters)[:2]
    label = short(f"{service.place}. {service.score:.2f} {service.cause}", letters)
    axes.text(
        x + (1 - _GAP) / 2, y, "\n".join([*name, label] if service.place else name), ha="center", va="center",
        fontsize=8.5, color="white" if service.place and dark > 0.72 else INK, zorder=4, parse_math=False,
        weight="bold" if service.place == 1 else "normal",
    )  # fmt: skip


def _call(axes: Any, caller: tuple[float, float], callee: tuple[float, float], colour: str) -> None:
    """A curve from the right side of the caller to the left side of the callee; backwards it is dashed."""
    paths, patches = import_module("matplotlib.path"), import_module("matplotlib.patches")
    (x, y), (end_x, end_y) = caller, callee
    begin = x + 1 - _GAP
    bend = max(abs(end_x - begin) / 2, _GAP / 2)
    shape = paths.Path([(begin, y), (begin + bend, y), (end_x - bend, end_y), (end_x, end_y)], [1, 4, 4, 4])
    axes.add_patch(patches.FancyArrowPatch(
        path=shape, arrowstyle="-|>", mutation_scale=8, color=colour, lw=1.1 if colour == INK else 0.8,
        ls="--" if end_x <= x else "-", zorder=2 if colour == INK else 1,
    ))  # fmt: skip
