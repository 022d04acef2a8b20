"""Times of the week, and maintenance windows made of them. Pure.

A span that ends at or before its start ends on the next day. Hours are read in their own time zone, so that a night
stays a night over a change of the clocks.
"""

from collections.abc import Sequence
from datetime import UTC, time, timedelta, tzinfo
from typing import Literal
from zoneinfo import ZoneInfo

from autopilot.incident.base import Line, Model, Name, Time

Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
WEEKDAYS: tuple[Weekday, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class Hours(Model):
    """The same hours on some days of every week."""

    days: tuple[Weekday, ...] = ()
    """The days on which the hours begin; empty: every day."""
    start: time
    end: time
    timezone: Name = "UTC"

    @property
    def zone(self) -> tzinfo:
        """The zone in which the hours are read."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)

    def covers(self, at: Time) -> bool:
        """Whether a moment lies in the hours; the end does not belong to them."""
        local = at.astimezone(self.zone)
        clock = local.time()
        if self.start < self.end:
            return self._begins(local.weekday()) and self.start <= clock < self.end
        yesterday = (local - timedelta(days=1)).weekday()
        return (self._begins(local.weekday()) and clock >= self.start) or (
            self._begins(yesterday) and clock < self.end
        )

    def _begins(self, weekday: int) -> bool:
        return not self.days or WEEKDAYS[weekday] in self.days

    @property
    def words(self) -> str:
        """How a person would say it."""
        days = ", ".join(self.days) if self.days else "every day"
        return f"{self.start:%H:%M} to {self.end:%H:%M} {self.timezone}, {days}"


class Maintenance(Model):
    """A time in which work is announced: what alarms then is expected."""

    name: Name
    reason: Line = ""
    services: tuple[Name, ...] = ()
    """Empty: any service."""
    environments: tuple[Name, ...] = ()
    """Empty: any environment."""
    start: Time | None = None
    end: Time | None = None
    """One span of time; both are None for hours of the week."""
    hours: tuple[Hours, ...] = ()

    def covers(self, service: str, environment: str, at: Time) -> bool:
        """Whether it is announced for this service at this moment."""
        about = (not self.services or service in self.services) and (
            not self.environments or environment in self.environments
        )
        once = self.start is not None and self.end is not None and self.start <= at < self.end
        return about and (once or any(hours.covers(at) for hours in self.hours))


def suppressed(windows: Sequence[Maintenance], service: str, environment: str, at: Time) -> Maintenance | None:
    """The first maintenance window in which an alert is expected; None when it is news."""
    return next((window for window in windows if window.covers(service, environment, at)), None)
