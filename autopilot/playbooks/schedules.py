"""`kind: OnCallSchedule`, and the same inside a ConfigMap: who is on duty when."""

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import BeforeValidator, Field, PositiveInt, WithJsonSchema, model_validator

from autopilot.incident.base import Name
from autopilot.playbooks.values import Listed, Moment, Several, Shape, Zone

_ISO_WEEK = re.compile(r"(\d{4})-?W(\d{1,2})", re.IGNORECASE)


def _first_day(value: object) -> object:
    """A date, or an ISO week such as 2026-W47, whose first day is its Monday."""
    if isinstance(value, datetime):
        return value.date()
    found = _ISO_WEEK.fullmatch(value.strip()) if isinstance(value, str) else None
    try:
        return date.fromisocalendar(int(found[1]), int(found[2]), 1) if found else _date(value)
    except ValueError as error:
        raise ValueError(f"{value!r} is not a date; write the first day of the week as 2026-01-31") from error


def _date(value: object) -> object:
    if isinstance(value, date):
        return value
    if not isinstance(value, str):
        raise ValueError("no text")  # told as the caller's ValueError
    return date.fromisoformat(value.strip())


FirstDay = Annotated[date, BeforeValidator(_first_day), WithJsonSchema({"type": "string"})]


class DutyShape(Shape):
    """Who is on duty when. Without `week`, `from` and `to`: always."""

    week: FirstDay | None = None
    """The first day of the seven, whichever weekday it is."""
    repeat_weeks: PositiveInt | None = None
    """The week comes back every so many weeks."""
    from_: Moment | None = Field(default=None, alias="from")
    to: Moment | None = None
    primary: Name = Field(min_length=1)
    """A person, a team, or a reference such as `pagerduty:P1234`."""
    secondary: Name = ""
    services: Annotated[tuple[Name, ...], Several] = ()
    """Left out: all that no other entry covers."""

    @model_validator(mode="after")
    def _consistent(self) -> "DutyShape":
        if self.repeat_weeks is not None and self.week is None:
            raise ValueError("repeats nothing; add `week`, the first day of a week")
        begin, end = self.from_, self.to
        if begin and end and (begin.tzinfo is None) == (end.tzinfo is None) and begin >= end:
            raise ValueError("ends before it begins; exchange `from` and `to`")
        return self

    def _span(self, zone: tzinfo) -> tuple[datetime | None, datetime | None]:
        begin = self.from_.replace(tzinfo=self.from_.tzinfo or zone) if self.from_ else None
        end = self.to.replace(tzinfo=self.to.tzinfo or zone) if self.to else None
        return begin, end

    def covers(self, now: datetime, zone: tzinfo) -> bool:
        """Whether the duty includes this moment; dates without a zone are read in `zone`."""
        begin, end = self._span(zone)
        if self.week is not None:
            days = (now.astimezone(zone).date() - self.week).days
            cycle = 7 * self.repeat_weeks if self.repeat_weeks else None
            if days < 0 or (days % cycle if cycle else days) >= 7:
                return False
        return (begin is None or begin <= now) and (end is None or now < end)

    def edges(self, since: datetime, until: datetime, zone: tzinfo) -> set[datetime]:
        """The moments between two times at which the duty may begin or end."""
        found = {at for at in self._span(zone) if at is not None}
        if self.week is not None:
            first, last = since.astimezone(zone).date(), until.astimezone(zone).date()
            days = (first + timedelta(days=n) for n in range((last - first).days + 2))
            found |= {datetime.combine(d, time(), zone) for d in days if (d - self.week).days % 7 == 0}
        return {at for at in found if since <= at < until}


class OnCallSpec(Shape):
    """A schedule: overrides come first, then entries that name the service, then the first that covers it."""

    timezone: Zone = "UTC"
    """In which weeks begin, and of times that name none."""
    entries: Annotated[tuple[DutyShape, ...], Listed] = Field(min_length=1, max_length=500)
    overrides: Annotated[tuple[DutyShape, ...], Listed] = Field(default=(), max_length=500)
    """Swaps and holidays."""

    @property
    def zone(self) -> tzinfo:
        """The schedule's zone."""
        return UTC if self.timezone == "UTC" else ZoneInfo(self.timezone)

    @property
    def duties(self) -> tuple[tuple[int, DutyShape], ...]:
        """Every duty with its rank: 0 for overrides, 1 for entries that name services, 2 for the others."""
        swaps = ((0, duty) for duty in self.overrides)
        return (*swaps, *((1 if duty.services else 2, duty) for duty in self.entries))

    def on_duty(self, service: str, at: datetime) -> tuple[int, DutyShape] | None:
        """The duty for a service at a moment, with its rank."""
        covering = [
            (rank, duty)
            for rank, duty in self.duties
            if (not duty.services or service in duty.services) and duty.covers(at, self.zone)
        ]
        return min(covering, key=lambda found: found[0], default=None)

    def edges(self, since: datetime, until: datetime) -> set[datetime]:
        """The moments between two times at which somebody else may come on duty."""
        return {at for _, duty in self.duties for at in duty.edges(since, until, self.zone)}
