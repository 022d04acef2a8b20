"""All plots of a case."""

from dataclasses import dataclass
from pathlib import Path

from autopilot.case.case import Case
from autopilot.incident.finding import Dossier
from autopilot.incident.ports import Failure
from autopilot.plots.curves import read_curves
from autopilot.plots.metrics import draw_metrics
from autopilot.plots.service_map import draw_service_map
from autopilot.plots.timeline import draw_timeline


@dataclass(frozen=True)
class Plot:
    """One picture, or why there is none."""

    name: str
    path: Path | None
    said: str


def draw_case(case: Case, dossier: Dossier, folder: Path) -> list[Plot]:
    """Write `metrics.png`, `services.png` and `timeline.png` into a folder, which is created.

    Raises:
        Failure: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return [_metrics(case, dossier, folder), _services(case, dossier, folder), _timeline(case, dossier, folder)]
    except OSError as error:
        raise Failure(
            f"The plots cannot be written to {str(folder)!r}: {error.strerror or error}; name another folder.",
            who="operator",
        ) from error


def _metrics(case: Case, dossier: Dossier, folder: Path) -> Plot:
    curves = read_curves(case, dossier)
    if not curves:
        had = "no series of a suspect or of an alerted service moved"
        return Plot("metrics", None, had if case.table("metrics").height else "the case has no metrics")
    path = folder / "metrics.png"
    draw_metrics(path, dossier, curves)
    return Plot("metrics", path, f"{len(curves)} series of the leading suspects and symptoms")


def _services(case: Case, dossier: Dossier, folder: Path) -> Plot:
    path = folder / "services.png"
    draw_service_map(path, case, dossier)
    return Plot("services", path, "who calls whom, coloured by blame")


def _timeline(case: Case, dossier: Dossier, folder: Path) -> Plot:
    if not dossier.timeline:
        return Plot("timeline", None, "nothing happened at a known time")
    path = folder / "timeline.png"
    draw_timeline(path, case, dossier)
    return Plot("timeline", path, "changes, onset, alerts and log bursts")
