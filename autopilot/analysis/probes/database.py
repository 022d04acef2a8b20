"""Probe `database`: is a database under pressure, and does each request ask more of it than before?"""

from typing import Literal

from autopilot.analysis.probes.probe import ProbeArguments, ProbeKind

Aspect = Literal["all", "load", "work_per_request", "slow_queries", "throttling", "connections", "locks"]


class DatabaseProbe(ProbeArguments):
    """A database, or what a service asks of its databases."""

    aspect: Aspect
    """What to look at; `load` is requests, processor time and disk work."""


PROBE = ProbeKind(
    "Is a database (or the databases that a service calls) under more pressure: load, work per request, slow queries, "
    "throttling, connections, locks?",
    DatabaseProbe,
    ("metrics", "logs", "topology", "spans", "inventory", "state"),
)
