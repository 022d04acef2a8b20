"""Probe `neighbours`: which callers and callees of a service suffer, and who suffered first?"""

from typing import Literal

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind


class NeighboursProbe(ProbeArguments):
    """The services around a service."""

    direction: Literal["callers", "callees", "both"]
    """Who calls it, whom it calls, or both."""


PROBE = ProbeKind(
    "Which services around a service suffer too, and who suffered first? `absent` means that those that are measured "
    "are healthy.",
    NeighboursProbe,
    ("topology", "spans", "metrics", "logs"),
)
