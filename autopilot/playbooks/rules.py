"""What a folder of YAML says as a whole."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from autopilot.incident.alert import Alert
from autopilot.incident.hours import Maintenance
from autopilot.incident.playbook import Person, Playbook
from autopilot.playbooks.code_owners import CodeOwnersFile
from autopilot.playbooks.people import CatalogueSpec, PeopleSpec, ServiceShape, TeamShape, TeamsSpec
from autopilot.playbooks.response import IncidentResponseSpec
from autopilot.playbooks.schedules import OnCallSpec
from autopilot.playbooks.values import Shape
from autopilot.playbooks.windows import WindowShape
from autopilot.playbooks.written import Written

DEFAULT = "default"
S = TypeVar("S", bound=Shape)


@dataclass(frozen=True)
class Rules:
    """What a folder says, valid as a whole."""

    written: tuple[Written, ...]
    digests: dict[str, str]
    """File → SHA-256."""
    code_owners: CodeOwnersFile | None = None
    commit: str = ""

    def specs(self, kind: type[S]) -> Iterator[tuple[Written, S]]:
        """The documents of one shape."""
        return ((written, written.spec) for written in self.written if isinstance(written.spec, kind))

    @cached_property
    def playbooks(self) -> tuple[Playbook, ...]:
        """In the order in which they are written, files by name."""
        return tuple(spec.playbook(written.name) for written, spec in self.specs(IncidentResponseSpec))

    @cached_property
    def schedules(self) -> tuple[OnCallSpec, ...]:
        """Every schedule, those of ConfigMaps included."""
        return tuple(spec for _, spec in self.specs(OnCallSpec))

    @cached_property
    def people(self) -> dict[str, Person]:
        """The identity map by name."""
        return {p.name: p.person() for _, spec in self.specs(PeopleSpec) for p in spec.people}

    @cached_property
    def teams(self) -> dict[str, TeamShape]:
        """The teams by name."""
        return {team.name: team for _, spec in self.specs(TeamsSpec) for team in spec.teams}

    @cached_property
    def catalogue(self) -> dict[str, ServiceShape]:
        """The services by name."""
        return {service.name: service for _, spec in self.specs(CatalogueSpec) for service in spec.services}

    @cached_property
    def maintenance(self) -> tuple[Maintenance, ...]:
        """The maintenance windows that hold for every playbook."""
        return tuple(spec.maintenance(written.name) for written, spec in self.specs(WindowShape))


def matching(rules: Rules, alert: Alert) -> Playbook:
    """The playbook whose fitting trigger demands most, the first of equals; else `default`, else built-in rules."""
    fitting = [
        (max(trigger.conditions for trigger in playbook.triggers if trigger.fits(alert)), -number, playbook)
        for number, playbook in enumerate(rules.playbooks)
        if any(trigger.fits(alert) for trigger in playbook.triggers)
    ]
    if fitting:
        return max(fitting, key=lambda found: found[:2])[2]
    return next((p for p in rules.playbooks if p.name == DEFAULT and not p.triggers), Playbook())


def digest_of(digests: dict[str, str], files: Sequence[str], mode: str) -> str:
    """Equal for equal content under equal names, wherever and whenever it was written."""
    together = "\n".join(f"{Path(file).name} {digests[file]}" for file in sorted(files))
    return hashlib.sha256(f"{together}\nmode {mode}".encode()).hexdigest()
