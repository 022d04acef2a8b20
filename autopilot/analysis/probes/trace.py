"""Probe `trace`: did calls of a service become slower or fail more, and where does their time go?"""

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind
from autopilot.incident.base import Name


class TraceProbe(ProbeArguments):
    """Spans of a service."""

    operation: Name
    """Operation, or a part of its name; empty for all."""
    callee: Name
    """Service that is called, to look only at the calls into it; empty for the service's own work."""


PROBE = ProbeKind(
    "Did the own time or the share of errors of a service's calls rise, and where do its requests spend their time? "
    "With a callee: of its calls into that service.",
    TraceProbe,
    ("spans",),
)
