"""Inventory of a repository: its newest commits, and the numbers in settings files that they changed."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from autopilot.incident.base import Scalar, clean
from autopilot.sources.diff_excerpt import FileDiff
from autopilot.sources.inventory import item

MAX_COMMITS = 20
MAX_SETTINGS = 10
MAX_ISSUES = 30
SETTINGS_FILES = re.compile(r"\.(ya?ml|json|toml|ini|properties|cfg|conf|env|tf|tfvars)$")
_LINE = re.compile(
    r"(?P<side>[-+])[ \t]*[\"']?(?P<key>[A-Za-z_][\w.-]{0,119})[\"']?[ \t]*[:=][ \t]*[\"']?"
    r"(?P<value>-?\d[\w.%]{0,40})[\"']?[ \t]*[,;]?[ \t]*(?:#.*)?\r?"
)


@dataclass(frozen=True)
class SettingChange:
    """A number in a settings file that a commit changed."""

    file: str
    key: str
    former: str
    value: str


@dataclass(frozen=True)
class SeenCommit:
    """A commit with its diffs."""

    commit: str
    files: tuple[FileDiff, ...]


def setting_changes(files: Iterable[FileDiff]) -> Iterator[SettingChange]:
    """Keys that a diff removes once with one number and adds once with another."""
    for file in files:
        if not SETTINGS_FILES.search(file.name):
            continue
        sides: dict[str, dict[str, list[str]]] = {"-": {}, "+": {}}
        for line in file.patch.split("\n"):
            if found := _LINE.fullmatch(line):
                sides[found["side"]].setdefault(found["key"], []).append(found["value"])
        for key, former in sides["-"].items():
            value = sides["+"].get(key, [])
            if len(former) == len(value) == 1 and former != value:
                yield SettingChange(file.name, key, former[0], value[0])


def repository_item(
    system: str,
    repository: str,
    service: str,
    base: str,
    commits: Iterable[SeenCommit],
    issues: Iterable[tuple[int, str]] = (),
) -> dict[str, object]:
    """The inventory row of a repository.

    Args:
        system: the code host, such as `github`.
        repository: its path there.
        service: whose repository it is.
        base: the branch that is deployed.
        commits: the newest first.
        issues: number and title of open ones, the newest first.
    """
    settings: dict[str, Scalar] = {"base": base}
    number = 0
    for index, seen in enumerate(list(commits)[:MAX_COMMITS], start=1):
        settings[f"commit_{index}"] = seen.commit
        for change in setting_changes(seen.files):
            number += 1
            if number <= MAX_SETTINGS:
                settings |= _numbered(number, change, seen.commit)
    for index, (issue, title) in enumerate(list(issues)[:MAX_ISSUES], start=1):
        settings |= {f"issue_{index}": issue, f"issue_{index}_title": clean(title, 160)}
    return item(
        "git_repository", f"{system}:{repository}", name=repository, service=service, region="", settings=settings,
        source=system,
    )  # fmt: skip


def _numbered(number: int, change: SettingChange, commit: str) -> Mapping[str, Scalar]:
    return {
        f"setting_{number}_file": clean(change.file, 300),
        f"setting_{number}_key": change.key,
        f"setting_{number}_former": change.former,
        f"setting_{number}_value": change.value,
        f"setting_{number}_commit": commit,
    }


def run_item(
    system: str,
    repository: str,
    service: str,
    run: str,
    name: str,
    settings: Mapping[str, Scalar],
) -> dict[str, object]:
    """The inventory row of a run of a workflow or pipeline that did not succeed."""
    return item(
        "workflow_run", f"{system}:{repository}#{run}", name=clean(name, 120) or run, service=service, region="",
        settings=settings, source=system,
    )  # fmt: skip
