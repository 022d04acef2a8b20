"""Probe `settings`: which settings and limits are in force, and how much room is left below them?"""

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind
from autopilot.incident.base import Name


class SettingsProbe(ProbeArguments):
    """Settings of a resource, or of the resources of a service."""

    setting: Name
    """Name of a setting or a part of it, such as `memory` or `capacity`; empty for all."""


PROBE = ProbeKind(
    "Which settings and limits does a resource (or do the resources of a service) have now, and how close is its use to "
    "the limits?",
    SettingsProbe,
    ("inventory", "state", "metrics"),
)
