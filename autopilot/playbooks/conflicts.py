"""What is wrong between documents: names used twice, and people or teams that nobody knows."""

from collections.abc import Callable, Iterator, Sequence

from autopilot.playbooks.config_map import CONFIG_MAP
from autopilot.playbooks.people import (
    MAX_PEOPLE,
    CatalogueSpec,
    PeopleSpec,
    PersonShape,
    ServiceShape,
    TeamShape,
    TeamsSpec,
)
from autopilot.playbooks.problem import Problem
from autopilot.playbooks.response import IncidentResponseSpec
from autopilot.playbooks.rules import Rules, S
from autopilot.playbooks.schedules import OnCallSpec
from autopilot.playbooks.written import Written
from autopilot.playbooks.yaml_tree import Path

RESPONSE = "IncidentResponse"
RESERVED = ("on-call", "primary", "secondary", "anyone", "nobody")
"""Words with a meaning of their own: a team of that name would open a door."""
SYSTEMS = ("pagerduty:", "opsgenie:", "slack:")
"""References to groups and schedules of other systems."""
Named = tuple[Written, Path, str]
"""A name, and where in a document it stands."""


def conflicts(rules: Rules) -> Iterator[Problem]:
    """Every problem between the documents of a folder."""
    yield from _titled_once(rules)
    people = list(_names(rules, PeopleSpec, "people", lambda spec: spec.people))
    teams = list(_names(rules, TeamsSpec, "teams", lambda spec: spec.teams))
    yield from _borne_once([*people, *teams])
    yield from _borne_once(list(_names(rules, CatalogueSpec, "services", lambda spec: spec.services)))
    if len(people) > MAX_PEOPLE:
        written, path, _ = people[MAX_PEOPLE]
        yield written.problem(path, f"there are more than {MAX_PEOPLE} people", "keep those who are asked or paged")
    yield from _known(rules)


def _names(
    rules: Rules, kind: type[S], part: str, items: Callable[[S], Sequence[PersonShape | TeamShape | ServiceShape]]
) -> Iterator[Named]:
    for written, spec in rules.specs(kind):
        for number, item in enumerate(items(spec)):
            yield written, (part, number, "name"), item.name


def _borne_once(names: Sequence[Named]) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for written, path, name in names:
        if name in seen:
            yield written.problem(path, f"{name!r} is already in {seen[name]}", "rename or remove one of them")
        elif name in RESERVED:
            yield written.problem(path, f"{name!r} is a word with its own meaning", "choose another name")
        seen.setdefault(name, f"{written.file}:{written.line(path)}")


def _titled_once(rules: Rules) -> Iterator[Problem]:
    named: dict[str, str] = {}
    for written, _ in rules.specs(IncidentResponseSpec):
        if written.name in named:
            what = f"{written.name!r} is already used in {named[written.name]}"
            yield written.tree.problem(("metadata", "name"), what, "rename one")
        named.setdefault(written.name, written.where)


def _known(rules: Rules) -> Iterator[Problem]:
    """Names that schedules, teams and the catalogue use and nobody bears."""
    alone = not rules.people and not rules.teams
    for written, path, name in names_used(rules):
        # Documents of others may be all there is: people can then be named, and `check` says what is missing.
        if not stands_for(rules, written, name) and not (alone and written.kind in (CONFIG_MAP, RESPONSE)):
            remedy = "add him to a document of kind People, or the team to one of kind Teams"
            yield written.problem(path, f"nobody is called {name!r}", remedy)


def stands_for(rules: Rules, written: Written, name: str) -> bool:
    """Whether a name is that of a person, a team or a role, or a reference to another system."""
    roles = RESERVED if written.kind == RESPONSE else ()
    return name in (*roles, *rules.people, *rules.teams) or name.startswith(SYSTEMS)


def names_used(rules: Rules) -> Iterator[Named]:
    """Every name of a person or team that schedules, playbooks, teams and the catalogue use."""
    for written, schedule in rules.specs(OnCallSpec):
        for part, duties in (("entries", schedule.entries), ("overrides", schedule.overrides)):
            for number, duty in enumerate(duties):
                roles = (("primary", duty.primary), ("secondary", duty.secondary))
                yield from ((written, (part, number, role), name) for role, name in roles if name)
    for written, playbook in rules.specs(IncidentResponseSpec):
        yield from ((written, path, name) for path, name in _named_by(playbook))
    for written, teams in rules.specs(TeamsSpec):
        yield from _each(written, "teams", "members", [team.members for team in teams.teams])
    for written, catalogue in rules.specs(CatalogueSpec):
        yield from _each(written, "services", "owner", [service.owner for service in catalogue.services])


def _each(written: Written, part: str, key: str, lists: Sequence[tuple[str, ...]]) -> Iterator[Named]:
    for number, names in enumerate(lists):
        yield from ((written, (part, number, key, place), name) for place, name in enumerate(names))


def _named_by(playbook: IncidentResponseSpec) -> Iterator[tuple[Path, str]]:
    actions = playbook.actions
    lists: list[tuple[Path, tuple[str, ...]]] = [(("approvers",), playbook.approvers)]
    lists.append((("actions", "approvers"), actions.approvers))
    rules = enumerate(actions.approvals or ())
    lists += [(("actions", "approvals", number, "approvers"), rule.approvers) for number, rule in rules]
    yield from (((*path, place), name) for path, names in lists for place, name in enumerate(names))
    yield from ((("actions", "escalation", n, "to"), step.to) for n, step in enumerate(actions.escalation))
