"""Probe `similar_incidents`: did something like this happen before, and what solved it?"""

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind
from autopilot.incident.base import Line


class SimilarIncidentsProbe(ProbeArguments):
    """Records about a service."""

    text: Line
    """Words of the trouble, such as `throttling of orders`; empty for every record of the service."""


PROBE = ProbeKind(
    "Which past incidents, tickets and notes of a service speak of such trouble, and what solved it?",
    SimilarIncidentsProbe,
    ("records",),
)
