"""Hours of the week and maintenance windows as they are written."""

from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from autopilot.incident.base import Line, Name
from autopilot.incident.hours import Hours, Maintenance
from autopilot.playbooks.values import Clock, Day, Listed, Moment, Several, Shape, Zone


class HoursShape(Shape):
    """The same hours of some days; an end at or before the start is on the next day."""

    days: Annotated[tuple[Day, ...], Several] = ()
    """`mon` to `sun`, on which the hours begin; left out: every day."""
    from_: Clock = Field(alias="from")
    to: Clock
    timezone: Zone = "UTC"

    def hours(self) -> Hours:
        """As the incident sees it."""
        return Hours(days=self.days, start=self.from_, end=self.to, timezone=self.timezone)


class WindowShape(Shape):
    """When alerts are expected, because somebody works there: they are noted, and nobody is bothered."""

    name: Name = ""
    reason: Line = ""
    services: Annotated[tuple[Name, ...], Several] = ()
    """Left out: any."""
    environments: Annotated[tuple[Name, ...], Several] = ()
    """Left out: any."""
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None
    timezone: Zone = "UTC"
    """Of times that name none."""
    hours: Annotated[tuple[HoursShape, ...], Listed] = ()
    """Instead of `from` and `to`: every week."""

    @model_validator(mode="after")
    def _sometime(self) -> "WindowShape":
        once = self.from_ is not None and self.to is not None
        if (self.from_ is None) != (self.to is None) or once == bool(self.hours):
            raise ValueError("says no single time; write `from` and `to`, or `hours`")
        start, end = self._span()
        if start is not None and end is not None and start >= end:
            raise ValueError("ends before it begins; exchange `from` and `to`")
        return self

    def _span(self) -> tuple[datetime | None, datetime | None]:
        zone = UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)
        times = (t if t is None or t.tzinfo else t.replace(tzinfo=zone) for t in (self.from_, self.to))
        start, end = times
        return start, end

    def maintenance(self, name: str) -> Maintenance:
        """As the incident sees it; `name` is what it is called when it has no name of its own."""
        start, end = self._span()
        return Maintenance(
            name=self.name or name,
            reason=self.reason,
            services=self.services,
            environments=self.environments,
            start=start,
            end=end,
            hours=tuple(hours.hours() for hours in self.hours),
        )
