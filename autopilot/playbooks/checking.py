"""`check`: everything that is wrong with a folder or file of rules, and everything worth knowing about it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from autopilot.playbooks.coverage import uncovered
from autopilot.playbooks.loading import read_rules
from autopilot.playbooks.problem import Problem
from autopilot.playbooks.remarks import remarks
from autopilot.playbooks.rules import Rules, digest_of

DAYS = 14
"""How far ahead somebody has to be on call."""


@dataclass(frozen=True)
class Checked:
    """What `check` found."""

    rules: Rules
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]

    @property
    def digest(self) -> str:
        """What an incident would be stamped with."""
        return digest_of(self.rules.digests, list(self.rules.digests), "")


def check(path: Path, since: datetime, days: int = DAYS) -> Checked:
    """Read rules as the worker does, and look whether somebody is on call for some days from `since` on."""
    rules, problems = read_rules(path)
    if not problems:
        problems = list(uncovered(rules, since, days))
    if not rules.written and not problems:
        problems = [
            Problem(str(path), 1, "folder", "holds no document", "add a file with `kind: IncidentResponse`")
        ]
    return Checked(rules, _sorted(problems), _sorted(remarks(rules)))


def _sorted(found: Iterable[Problem]) -> tuple[Problem, ...]:
    """In the order in which a reader of the files meets them."""
    return tuple(sorted(found, key=lambda one: (one.file, one.line)))
