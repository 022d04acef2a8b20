"""What each kind of evidence is worth when suspects are ranked: the chosen numbers of the fusion, in one place.

The values are judged by `benchmarks.accuracy`, which also refits them without the group it scores.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


def _named() -> Mapping[str, float]:
    return {
        "metric": 0.5,
        "log": 0.55,
        "trace": 0.5,
        "self_time": 0.8,
        "state": 0.6,
        "condition": 1.0,
        "utilisation": 0.65,
        "recurrence": 0.15,
        "trend": 0.4,
    }


def _symptoms() -> Mapping[str, float]:
    return {
        "metric": 0.65,
        "log": 0.35,
        "trace": 0.5,
        "self_time": 0.8,
        "own_errors": 0.8,
        "pattern": 0.8,
        "state": 0.3,
    }


def _effects() -> Mapping[str, float]:
    return {
        "work_per_request": 0.9,
        "version": 0.5,
        "metric": 0.5,
        "trend": 0.5,
        "log": 0.5,
        "trace": 0.45,
        "state": 0.3,
    }


@dataclass(frozen=True)
class Weights:
    """Shares between 0 and 1; mappings go by a clue's signal, else by its finding's kind."""

    named: Mapping[str, float] = field(default_factory=_named)
    """Clues that name a cause."""
    symptoms: Mapping[str, float] = field(default_factory=_symptoms)
    """Clues that only say where it hurts."""
    effects: Mapping[str, float] = field(default_factory=_effects)
    """Clues that began with a change, for that change."""
    traffic: float = 0.6
    """A rise of demand where users enter."""
    below: float = 0.92
    """A candidate that another one explains stands at most this far below it."""
    passed_on: float = 0.85
    """A service without a cause of its own against a likely cause in what it calls."""
    consequence: float = 0.5
    """What a candidate counts that only hands on the trouble of something it calls."""
    missing: float = 0.98
    """What every suspect keeps for each kind of evidence (metrics, logs, traces, changes, state) of which nothing
    was collected: it might have contradicted. Small, because what was found stays true."""
    own_symptoms: float = 0.3
    """What symptoms of the same service add to a cause that something else names."""


WEIGHTS = Weights()
