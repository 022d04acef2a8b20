"""Code hosts besides GitHub: which commits were made, with their diffs, and which pipelines failed."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import Protocol

from autopilot.case.schema import frame
from autopilot.clients.http_failures import HttpFailure
from autopilot.incident.base import Scalar, Time, TimeWindow, clean
from autopilot.incident.evidence import GapKind, Scope
from autopilot.sources.base import Budget, Collected
from autopilot.sources.diff_excerpt import FileDiff, excerpt
from autopilot.sources.git_inventory import SeenCommit, repository_item, run_item

COMMIT_DIFF = 4_000
MAX_RUNS = 10
"""Failed pipelines of a repository that are listed."""


@dataclass(frozen=True)
class HostCommit:
    """A commit as a host tells it."""

    id: str
    at: Time
    author: str
    title: str
    link: str


@dataclass(frozen=True)
class FailedRun:
    """A pipeline that did not succeed."""

    id: str
    name: str
    settings: Mapping[str, Scalar]


class ReadsRepositories(Protocol):
    """The reading side of a code host. All methods raise Failure."""

    name: str

    def branch(self, repository: str) -> str:
        """The branch that is deployed."""
        ...

    def commits(self, repository: str, branch: str, window: TimeWindow) -> Sequence[HostCommit]:
        """At most `MAX_COMMITS` newest commits of the window, the newest first."""
        ...

    def diffs(self, repository: str, commit: str) -> Sequence[FileDiff]:
        """What a commit changed."""
        ...

    def failed(self, repository: str, branch: str, window: TimeWindow) -> Sequence[FailedRun]:
        """Pipelines of the branch in the window that failed."""
        ...


class RepositorySource:
    """Commits and inventory of the repositories that the settings map to services."""

    def __init__(self, reader: ReadsRepositories, repositories: Mapping[str, str]) -> None:
        """`repositories` is service → repository at the host."""
        self.name = reader.name
        self._reader, self._repositories = reader, repositories

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """Commits with diffs as changes; repositories and failed pipelines as inventory."""
        window = TimeWindow(start=scope.baseline.start, end=scope.incident.end)
        for service in scope.services:
            if repository := self._repositories.get(service):
                self._repository(service, repository, window, budget, into)

    def _repository(
        self, service: str, repository: str, window: TimeWindow, budget: Budget, into: Collected
    ) -> None:
        budget.spend()
        branch = self._reader.branch(repository)
        budget.spend()
        commits = self._reader.commits(repository, branch, window)
        into.asked(f"commits of {repository} on {branch}", window, len(commits))
        seen: list[SeenCommit] = []
        for commit in commits:
            budget.spend()
            files = tuple(self._reader.diffs(repository, commit.id))
            seen.append(SeenCommit(commit.id, files))
            into.add("changes", frame("changes", [self._row(service, commit, files)]))
        rows = [repository_item(self.name, repository, service, branch, seen)] if seen else []
        budget.spend()
        rows += self._runs(service, repository, branch, window, into)
        into.add("inventory", frame("inventory", rows))

    def _runs(
        self, service: str, repository: str, branch: str, window: TimeWindow, into: Collected
    ) -> list[dict[str, object]]:
        try:
            failed = self._reader.failed(repository, branch, window)
        except HttpFailure as failure:
            kind: GapKind = "denied" if failure.status in (401, 403) else "failed"
            into.miss(kind, f"failed pipelines of {repository}: {failure}", "let the token read pipelines")
            return []
        return [run_item(self.name, repository, service, run.id, run.name, run.settings) for run in failed]

    def _row(self, service: str, commit: HostCommit, files: Sequence[FileDiff]) -> dict[str, object]:
        return {
            "time": commit.at,
            "id": f"{self.name}:{commit.id}",
            "kind": "commit",
            "service": service,
            "author": clean(commit.author, 200),
            "summary": clean(commit.title, 400),
            "link": commit.link[:1_000] if commit.link.startswith("https://") else "",
            "files": json.dumps([clean(file.name, 200) for file in files[:100]]),
            "diff": excerpt(files, COMMIT_DIFF),
            "review": "[]",
        }


def utc(moment: Time) -> str:
    """A time as these hosts write it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
