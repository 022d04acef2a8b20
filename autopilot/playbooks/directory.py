"""The port to systems that know who is in a group or on duty, and people out of what they say."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from autopilot.incident.base import Time
from autopilot.incident.playbook import Person


@dataclass(frozen=True)
class Member:
    """Somebody as another system knows him."""

    id: str
    name: str = ""
    email: str = ""


class Directory(Protocol):
    """A system that knows who is in a group, or on duty by a schedule."""

    def members(self, name: str, at: Time) -> tuple[Member, ...]:
        """Those in a group, or on duty at a moment, the first to be asked first. Raises Failure."""
        ...


Directories = Mapping[str, Directory]
"""By the word before the colon of a reference: `slack`, `pagerduty`, `opsgenie`."""


def person_of(member: Member, system: str, people: Iterable[Person]) -> Person:
    """The person of the identity map that a member is, else one who is known to that system only."""
    for person in people:
        own = {"slack": person.slack, "pagerduty": person.pager}.get(system, "")
        if (own and own == member.id) or any(person.is_called(n) for n in (member.email, member.id) if "@" in n):
            return person
    return Person(
        name=member.name or member.email or member.id,
        email=member.email,
        slack=member.id if system == "slack" else "",
        pager=member.id if system == "pagerduty" else "",
    )
