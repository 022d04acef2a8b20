"""Probe `logs`: how often did lines with a text come before and during the incident?"""

from typing import Literal

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind
from autopilot.incident.base import Line


class LogsProbe(ProbeArguments):
    """Lines of a service that contain a text."""

    text: Line
    """Text that the lines contain, taken literally, upper and lower case alike; empty for every line."""
    level: Literal["any", "warning", "error"]
    """Least severity of the lines."""


PROBE = ProbeKind(
    "Do log lines of a service contain a text, since when, and how often per minute now and before? "
    "`present` means new during the incident, `absent` that its lines never contain it.",
    LogsProbe,
    ("logs",),
)
