"""When the incident began: the earliest clear symptom in the focus, never later than the alarm."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from autopilot.analysis.clue import SYMPTOMS, Clue
from autopilot.analysis.windows import MICROS, Windows

_CLEAR = 0.3
"""Least score of a symptom that may date the onset."""
_SHARE_OF_BEST = 0.5
"""A faint early wobble does not date the onset when others speak twice as clearly."""


@dataclass(frozen=True)
class Onset:
    """The beginning of the incident in microseconds, with its uncertainty either side."""

    at: int
    uncertainty: int
    latest: int
    """No later than this: the first alarm had fired."""
    measured: bool
    """False when no symptom was found and the alarm's time stands in."""

    def is_after(self, at: int) -> bool:
        """Whether something at `at` came after the incident had begun."""
        return at > min(self.at + self.uncertainty, self.latest)


def find_onset(clues: Sequence[Clue], alarms: pl.DataFrame, focus: frozenset[str], windows: Windows) -> Onset:
    """The onset of the incident."""
    symptoms = [
        clue for clue in clues
        if clue.adverse and clue.onset is not None and clue.service in focus
        and (clue.signal in SYMPTOMS or clue.signal in ("log", "utilisation"))
    ]  # fmt: skip
    best = max((clue.score for clue in symptoms), default=0.0)
    clear = [c for c in symptoms if c.score >= max(_CLEAR, _SHARE_OF_BEST * best)]
    first = min(clear, key=lambda c: (c.onset or 0, c.uncertainty), default=None)
    if first is None or first.onset is None:
        return Onset(windows.alerted, MICROS, windows.alerted, measured=False)
    fired = alarms.filter((pl.col("state") == "firing") & pl.col("time").is_not_null())["time"].cast(pl.Int64)
    times = [at for at in fired.to_list() if at >= first.onset - first.uncertainty]
    latest = max(min([windows.alerted, *times]), first.onset - first.uncertainty)
    return Onset(min(first.onset, latest), first.uncertainty, latest, measured=True)
