"""When nothing may be changed unasked, and when something was changed too often. Pure.

Both bind what the playbook decides by itself. People are asked instead, and they may.
"""

from collections.abc import Sequence
from datetime import timedelta
from fnmatch import fnmatchcase

from autopilot.incident.base import Model, Name, Time
from autopilot.incident.playbook import Playbook, RateLimit


class Changed(Model):
    """A change that was made."""

    tool: Name
    service: Name
    at: Time


def quiet(playbook: Playbook, now: Time) -> str:
    """Why nothing runs unasked now; empty outside the quiet hours."""
    hours = next((hours for hours in playbook.quiet_hours if hours.covers(now)), None)
    return f"these are quiet hours ({hours.words})" if hours else ""


def too_often(playbook: Playbook, tool: str, service: str, earlier: Sequence[Changed], now: Time) -> str:
    """Why one more change would be too many; empty when it is within every rate limit.

    Args:
        playbook: Its rate limits count, each for the service by itself.
        tool: What would be run.
        service: On what service.
        earlier: What was changed before, by whichever incident; undoing counts like doing.
        now: The present.
    """
    for limit in playbook.rate_limits:
        if not _about(limit, tool, service):
            continue
        since = now - timedelta(seconds=limit.seconds)
        count = sum(
            1 for one in earlier if one.service == service and one.at > since and _about(limit, one.tool, service)
        )
        if count >= limit.times:
            span = f"within {limit.seconds:g} s"
            return f"{limit.tool} changed {service} {count} times {span}; {limit.times} are allowed"
    return ""


def _about(limit: RateLimit, tool: str, service: str) -> bool:
    return fnmatchcase(tool, limit.tool) and (not limit.services or service in limit.services)
