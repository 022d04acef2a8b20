"""Who is meant by a name in a schedule, a path or a rule: a person, a team, or whoever another system names."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from autopilot.incident.base import Time
from autopilot.incident.playbook import EscalationStep, OnCall, Person, Playbook
from autopilot.incident.ports import Failure
from autopilot.playbooks.directory import Directories, person_of
from autopilot.playbooks.people import TeamShape
from autopilot.playbooks.rules import Rules
from autopilot.playbooks.schedules import DutyShape

_SLACK_USER = re.compile(r"slack:[UW][A-Z0-9]+")


@dataclass(frozen=True)
class Reached:
    """The people behind a name, the one to page first, and what went wrong on the way."""

    people: tuple[Person, ...] = ()
    note: str = ""


class Reaching:
    """Looks names up, at one moment, in the rules and in other systems."""

    def __init__(self, rules: Rules, directories: Directories, at: Time) -> None:
        self._rules, self._directories, self._at = rules, directories, at

    def reach(self, name: str) -> Reached:
        """Whom a name means."""
        if not name:
            return Reached()
        if person := self._rules.people.get(name):
            return Reached((person,))
        if team := self._rules.teams.get(name):
            return self._team(team)
        system, colon, within = name.partition(":")
        if _SLACK_USER.fullmatch(name):
            known = next((p for p in self._rules.people.values() if p.slack == within), None)
            return Reached((known or Person(name=within, slack=within),))
        return self._ask(system, within) if colon else Reached((Person(name=name),))

    def _team(self, team: TeamShape) -> Reached:
        """Who of a team is on duty where that is known, then its members."""
        named = tuple(p for member in team.members if (p := self._rules.people.get(member)))
        group = f"slack:{team.slack_group}" if team.slack_group else ""
        asked = [self.reach(name) for name in (team.on_call, group) if name]
        everybody = (*(p for reached in asked for p in reached.people), *named)
        return Reached(tuple(dict.fromkeys(everybody)), " ".join(r.note for r in asked if r.note))

    def _ask(self, system: str, name: str) -> Reached:
        directory = self._directories.get(system)
        if directory is None:
            return Reached(note=f"{system} is not configured, so that {name!r} cannot be asked for.")
        try:
            members = directory.members(name, self._at)
        except Failure as failure:
            return Reached(note=f"Who is on call is not known: {failure}")
        people = tuple(person_of(member, system, self._rules.people.values()) for member in members)
        return Reached(people, "" if people else f"{system} names nobody for {name!r}.")

    def duty(self, service: str) -> tuple[OnCall, dict[str, tuple[str, ...]], DutyShape | None]:
        """Who is on duty for a service, the groups that stand for the roles, and the entry that says so."""
        found = [d for schedule in self._rules.schedules if (d := schedule.on_duty(service, self._at))]
        if not found:
            note = f"Nobody is on call for {service} at {self._at:%Y-%m-%d %H:%M} UTC."
            return OnCall(note=note), {}, None
        _, entry = min(found, key=lambda one: one[0])
        return *self._entry(entry), entry

    def _entry(self, entry: DutyShape) -> tuple[OnCall, dict[str, tuple[str, ...]]]:
        first, second = self.reach(entry.primary), self.reach(entry.secondary)
        primary = first.people[0] if first.people else None
        candidates = (*second.people, *(first.people if entry.primary == entry.secondary else ()))
        secondary = next((person for person in candidates if person != primary), None)
        note = " ".join(said for said in (first.note, second.note) if said)
        groups = {"primary": actors_of(first.people), "secondary": actors_of(second.people)}
        groups["on-call"] = tuple(dict.fromkeys((*groups["primary"], *groups["secondary"])))
        named = {role: members for role, members in groups.items() if members}
        return OnCall(primary=primary, secondary=secondary, note=note), named

    def groups(self, playbook: Playbook) -> dict[str, tuple[str, ...]]:
        """The teams, and what the playbook's approvers name besides people: each with its actors."""
        named = {name for rule in playbook.approvals for name in rule.approvers} | set(playbook.approvers)
        asked = {name for name in named if ":" in name and not _SLACK_USER.fullmatch(name)}
        wanted = {*(n for n in self._rules.people if n in named), *self._rules.teams, *asked}
        found = {name: actors_of(self._members(name, name in named)) for name in sorted(wanted)}
        return {name: members for name, members in found.items() if members}

    def _members(self, name: str, needed: bool) -> tuple[Person, ...]:
        """A team that nobody needs is not worth a question to another system."""
        team = self._rules.teams.get(name)
        if team is not None and not needed:
            return tuple(p for member in team.members if (p := self._rules.people.get(member)))
        return self.reach(name).people

    def path(self, playbook: Playbook, on_call: OnCall) -> tuple[tuple[EscalationStep, Person | None], ...]:
        """Each step of an escalation path with whom it reaches."""
        roles = {"primary": on_call.primary, "on-call": on_call.primary, "secondary": on_call.secondary}
        return tuple(
            (s, roles[s.to] if s.to in roles else next(iter(self.reach(s.to).people), None))
            for s in playbook.escalation
        )


def actors_of(people: Sequence[Person]) -> tuple[str, ...]:
    """The actors that decisions of some people carry."""
    return tuple(dict.fromkeys(f"slack:{person.slack}" for person in people if person.slack))
