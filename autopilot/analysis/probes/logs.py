"""Probe `logs`: how often did lines with a text come before and during the incident?"""

from typing import Any, Literal

import polars as pl

from autopilot.analysis.clue import amount, clock, make_finding
from autopilot.analysis.logs.clues import log_clues, rates
from autopilot.analysis.logs.messages import templates
from autopilot.analysis.logs.signatures import signature_of
from autopilot.analysis.probes.lines import containing, meaning, of_level
from autopilot.analysis.probes.places import during, find_place, in_windows
from autopilot.analysis.probes.probe import Answer, Observed, ProbeArguments, ProbeKind
from autopilot.analysis.windows import MICROS, Windows
from autopilot.incident.base import Line, clean
from autopilot.incident.finding import Finding, Provenance
from autopilot.incident.investigation import FINDINGS_PER_PROBE

_SURE = 3.0
"""Surprise, in standard deviations, from which a rate has changed."""
_FACTOR = 1.5
"""Growth (or shrinking) of a rate that is worth telling."""


class LogsProbe(ProbeArguments):
    """Lines of a service that contain a text."""

    text: Line
    """Text that the lines contain, taken literally, upper and lower case alike; empty for every line."""
    level: Literal["any", "warning", "error"]
    """Least severity of the lines."""

    def answer(self, seen: Observed) -> Answer:
        """`present` (new), `rose`, `fell` or `unchanged` by lines per minute; `absent` when no line contains it."""
        windows = seen.windows
        place = find_place(seen.table("logs"), self.service)
        written = in_windows(place.rows, windows)
        if during(written, windows).is_empty():
            return place.nothing("log lines", "logs")
        asked = _asked(self, place.name, "contain")
        lines = of_level(templates(containing(written, self.text)), self.level)
        if lines.is_empty():
            asked = _asked(self, place.name, "contain or mean")
            lines = of_level(meaning(written, self.text), self.level)
        if lines.is_empty():
            count = during(written, windows).height
            text = f"No {asked} among the {count} lines of it during the incident, nor before"
            return seen.absent("log", place.name, text, source="logs", query=asked)
        alike = lines.with_columns(service=pl.lit(place.name), template=pl.lit(asked))
        row = rates(alike, windows).row(0, named=True)
        row["changed"], row["older"] = _changed(row, windows), written.height > during(written, windows).height
        told = _finding(place.name, asked, row, windows)
        # Several sorts of lines contain the text: those that changed are told one by one.
        several = lines["template"].n_unique() > 1
        single = [
            clue.finding for clue in log_clues(written.join(lines, on=["time", "message"], how="semi"), windows)
        ]
        findings = (told, *(single[: FINDINGS_PER_PROBE - 1] if several else ()))
        return Answer(row["changed"], told.summary, findings)


def _asked(probe: LogsProbe, service: str, how: str) -> str:
    lines = {"any": "lines", "warning": "lines (warning or worse)", "error": "error lines"}[probe.level]
    return f"{lines} of {service}" + (f' that {how} "{clean(probe.text, 120)}"' if probe.text else "")


def _changed(row: dict[str, Any], windows: Windows) -> Literal["present", "rose", "fell", "unchanged"]:
    """How the rate moved: by its course, or where lines are rare by how many intervals have one."""
    now, usual = _rates(row, windows)
    if row["before"] == 0:
        return "present"
    steady = row["steady"] or 0.0
    moved = (row["score"] or 0.0) >= 0.2
    course = float(row["observed"] or 0.0) - float(row["baseline"] or 0.0)
    if (now >= _FACTOR * usual and steady >= _SURE) or (moved and course > 0):
        return "rose"
    if (usual >= _FACTOR * now and steady <= -_SURE) or (moved and course < 0):
        return "fell"
    return "unchanged"


def _rates(row: dict[str, Any], windows: Windows) -> tuple[float, float]:
    """Lines per minute of the incident (of a new line: since its first) and of before."""
    since = windows.split if row["before"] else max(row["first"], windows.split)
    minutes = max((windows.end - since) / MICROS / 60, 0.5)
    return row["after"] / minutes, row["before"] / max(windows.baseline_minutes, 1e-9)


def _finding(service: str, asked: str, row: dict[str, Any], windows: Windows) -> Finding:
    now, usual = _rates(row, windows)
    changed = row["changed"]
    begun = row["onset"] if changed in ("rose", "fell") and (row["score"] or 0) >= 0.2 else None
    onset = row["first"] if changed == "present" else begun
    known = signature_of(row["sample"]) if row["severe"] or row["warn"] or not row["levelled"] else None
    before = f"{amount(usual)} before" if row["older"] else "nothing older was collected"
    since = f" since {clock(onset)}" if onset is not None else " during the incident"
    first = f"; first seen {clock(row['first'])}" if onset != row["first"] else ""
    words = {"present": "New: ", "rose": "More: ", "fell": "Fewer: ", "unchanged": "Unchanged: "}[changed]
    what = f" [{known.name}]" if known else ""
    weight = {"present": 0.8, "rose": 0.8, "fell": 0.3, "unchanged": 0.05}[changed]
    directions: dict[str, Literal["new", "up", "down", "none"]] = {
        "present": "new", "rose": "up", "fell": "down", "unchanged": "none",
    }  # fmt: skip
    worse = changed in ("present", "rose")
    return make_finding(
        "log",
        service=service, resource=row["resource"], region=row["region"],
        window=windows.since(onset if onset is not None else windows.split),
        onset=onset, uncertainty=2 * MICROS if changed == "present" else int(row["uncertainty"] or MICROS),
        direction=directions[changed], size=now, baseline=usual, observed=now, unit="lines per minute",
        score=weight * row["after"] / (row["after"] + 2) if worse else weight,
        summary=(
            f"{words}{asked}{what}: {amount(now)} per minute{since}, {before}"
            f"{first}, e.g. \"{clean(row['sample'], 110)}\""
        ),
        cause_kind=known.cause if known and worse and known.cause != "unknown" else None,
        mechanism=known.mechanism if known and worse else None,
        provenance=Provenance(source="logs", query=asked[:1_000], window=windows.whole),
    )  # fmt: skip


PROBE = ProbeKind(
    "Do log lines of a service contain a text, since when, and how often per minute now and before? "
    "`present` means new during the incident, `absent` that its lines never contain it.",
    LogsProbe,
    ("logs",),
    ("present", "rose", "fell", "unchanged", "absent", "unknown"),
)
