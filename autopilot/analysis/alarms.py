"""Alarms: what the watched systems themselves complained about."""

import re

import polars as pl

from autopilot.analysis.clue import Clue, clock, make_finding
from autopilot.analysis.windows import MICROS, Windows, micros
from autopilot.incident.base import clean
from autopilot.incident.finding import Provenance

_LONG = re.compile(r"(\d\.\d)\d{2,}")
"""Measured values come with a dozen digits that nobody reads."""
MOST = 10
"""Alarm findings in a dossier."""


def alarm_clues(alarms: pl.DataFrame, windows: Windows) -> list[Clue]:
    """Alarms that fired in the incident window, each once at its first time; at most MOST."""
    fired = alarms.filter((pl.col("state") == "firing") & pl.col("time").is_not_null()).filter(
        (pl.col("time").cast(pl.Int64) >= windows.split) & (pl.col("time").cast(pl.Int64) < windows.end)
    )
    first = fired.sort("time", "name", "service", "resource", "reason", "region", "link").unique(
        ["name", "service", "resource"], keep="first"
    )
    clues: list[Clue] = []
    for row in first.sort("time", "name", "service", "resource").head(MOST).to_dicts():
        at = micros(row["time"])
        reason = _LONG.sub(r"\1", clean(row["reason"], 220))
        finding = make_finding(
            "alarm",
            service=row["service"], resource=row["resource"], region=row["region"], window=windows.since(at),
            onset=at, uncertainty=MICROS, direction="new", score=0.5,
            summary=f"Alarm {clean(row['name'], 80)} fired at {clock(at)}: {reason}",
            provenance=Provenance(source="alarms", query=f"alarm {row['name']}"[:1_000], link=row["link"]),
        )  # fmt: skip
        clues.append(Clue(finding, "alarm", at, MICROS))
    return clues
