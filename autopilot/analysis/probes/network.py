"""Probe `network`: are calls lost on the way, or does the far side answer?"""

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind
from autopilot.incident.base import Name


class NetworkProbe(ProbeArguments):
    """The way between a service and its peers."""

    peer: Name
    """The service or host at the other end; empty for all."""


PROBE = ProbeKind(
    "Do connections, name resolution or packets between a service and a peer fail? `absent` means that no such sign was "
    "found where it would show, or that the far side answers: a rejection is an answer.",
    NetworkProbe,
    ("logs", "metrics", "spans", "topology"),
)
