"""Probe `metric`: did a metric of a service move against its baseline?"""

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind
from autopilot.incident.base import Name


class MetricProbe(ProbeArguments):
    """A metric of a service."""

    metric: Name
    """Name of the metric, or a part of it such as `latency` or `connections`."""
    region: Name
    """Region to look at; empty for all."""


PROBE = ProbeKind(
    "Did a metric of a service rise, fall or stay unchanged during the incident against its baseline?",
    MetricProbe,
    ("metrics",),
)
