"""`kind: People`, `kind: Teams` and `kind: ServiceCatalogue`: who is who, who belongs together, who owns what."""

from typing import Annotated

from pydantic import Field

from autopilot.incident.base import Name
from autopilot.incident.ownership import Team
from autopilot.incident.playbook import Person
from autopilot.playbooks.values import Several, Shape

MAX_PEOPLE = 500
"""They travel with every incident."""


class PersonShape(Shape):
    """Somebody and what he is called in other systems."""

    name: Name = Field(min_length=1)
    """As schedules and teams call him."""
    slack: Name = Field(default="", pattern=r"^([UW][A-Z0-9]+)?$")
    """Slack's user id."""
    pager: Name = ""
    """PagerDuty's user id."""
    git: Annotated[tuple[Name, ...], Several] = ()
    """Author names, logins or addresses of commits."""
    email: Name = ""
    """Also Opsgenie's user name."""
    aliases: Annotated[tuple[Name, ...], Several] = ()
    """What he is called besides."""

    def person(self) -> Person:
        """As the incident sees him."""
        first, *others = self.git or ("",)
        return Person(
            name=self.name,
            slack=self.slack,
            pager=self.pager,
            git=first,
            email=self.email,
            aliases=tuple(dict.fromkeys((*others, *self.aliases)))[:20],
        )


class PeopleSpec(Shape):
    """The identity map."""

    people: tuple[PersonShape, ...] = Field(min_length=1, max_length=MAX_PEOPLE)


class TeamShape(Shape):
    """People who own things together."""

    name: Name = Field(min_length=1)
    members: Annotated[tuple[Name, ...], Several] = Field(default=(), max_length=200)
    """Names of people, the one to page first."""
    slack_group: Name = Field(default="", pattern=r"^(S[A-Z0-9]+)?$")
    """Id of a Slack user group whose members belong to the team as well."""
    on_call: Name = Field(default="", pattern=r"^((pagerduty|opsgenie|slack):\S.*)?$")
    """Where to ask who of the team is on duty, such as `pagerduty:P1234`."""
    github: Annotated[tuple[Name, ...], Several] = ()
    """Names of the team in CODEOWNERS, such as `acme/checkout`."""

    def team(self) -> Team:
        """As the incident sees it."""
        return Team(name=self.name, members=self.members, aliases=self.github)


class TeamsSpec(Shape):
    """The teams."""

    teams: tuple[TeamShape, ...] = Field(min_length=1, max_length=MAX_PEOPLE)


class ServiceShape(Shape):
    """A service and who owns it."""

    name: Name = Field(min_length=1)
    owner: Annotated[tuple[Name, ...], Several] = ()
    """People or teams."""
    paths: Annotated[tuple[Name, ...], Several] = ()
    """Where its code is, to be looked up in CODEOWNERS; left out: `services/NAME` and `NAME`."""


class CatalogueSpec(Shape):
    """Who owns which service."""

    services: tuple[ServiceShape, ...] = Field(min_length=1, max_length=2_000)
