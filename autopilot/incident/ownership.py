"""Who owns the component that broke, which may be another one than the component that alarmed. Pure.

People on duty come first, because they are awake; then who is written down as owner; then who made the change.
"""

from collections.abc import Sequence
from typing import Protocol

from pydantic import Field

from autopilot.incident.base import Line, Model, Name, Time
from autopilot.incident.playbook import OnCall, Person


class Team(Model):
    """People who own things together."""

    name: Name
    members: tuple[Name, ...] = Field(default=(), max_length=200)
    """Names of people, the one to page first."""
    aliases: tuple[Name, ...] = ()
    """What it is called besides, such as `acme/checkout` on GitHub."""

    def is_called(self, name: str) -> bool:
        """Whether a name such as `checkout`, `@acme/checkout` means this team."""
        given = name.strip().removeprefix("@").casefold()
        return any(given in (own, own.rpartition("/")[2]) for own in self._names) or (
            "/" in given and given.rpartition("/")[2] in self._names
        )

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(name.removeprefix("@").casefold() for name in (self.name, *self.aliases))


class Ownership(Model):
    """What is known about the owner of one component."""

    component: Name
    duty: OnCall = OnCall()
    """Who is on duty for this very component; empty when only a general schedule covers it."""
    listed: tuple[Name, ...] = ()
    """Owners by the service catalogue: people or teams."""
    code: tuple[Name, ...] = ()
    """Owners by CODEOWNERS: `@login`, `@org/team` or addresses."""
    code_rule: Line = ""
    """The line of CODEOWNERS that says so."""
    people: tuple[Person, ...] = ()
    teams: tuple[Team, ...] = ()


class Owner(Model):
    """Whom to turn to."""

    person: Person | None = None
    """Whom to page; None when only a team is known that has no member in the identity map."""
    team: Name = ""
    found: Line
    """How the owner was found."""


class OwnerSource(Protocol):
    """Who owns what: schedules, the service catalogue, CODEOWNERS, the identity map."""

    def owner(self, component: str, files: Sequence[str], authors: Sequence[str], now: Time) -> Owner | None:
        """The owner of a component and how he was found; `files` and `authors` are those of the blamed change."""
        ...


def owner_of(known: Ownership, authors: Sequence[str] = ()) -> Owner | None:
    """The owner of a component, and the way he was found; None when nobody is known.

    Args:
        known: Schedule, catalogue and CODEOWNERS as far as they speak of the component.
        authors: Who made the blamed change, as the systems that recorded it call them.
    """
    if known.duty.primary is not None:
        return Owner(person=known.duty.primary, found=f"on call for {known.component}")
    ways = (
        (known.listed, f"owner of {known.component} in the service catalogue"),
        (known.code, f"code owner of {known.component} ({known.code_rule})" if known.code_rule else "code owner"),
        (tuple(authors), f"made the suspected change of {known.component}"),
    )
    teamless: Owner | None = None
    for names, found in ways:
        for name in names:
            owner = _named(name, known, found)
            if owner is not None and owner.person is not None:
                return owner
            teamless = teamless or owner
    return teamless


def _named(name: str, known: Ownership, found: str) -> Owner | None:
    person = next((p for p in known.people if p.is_called(name)), None)
    if person is not None:
        return Owner(person=person, found=found)
    team = next((t for t in known.teams if t.is_called(name)), None)
    if team is None:
        return None
    members = (next((p for p in known.people if p.is_called(member)), None) for member in team.members)
    return Owner(person=next((p for p in members if p is not None), None), team=team.name, found=found)
