"""GitLab: commits, diffs and failed pipelines of a project."""

from collections.abc import Sequence
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, TypeAdapter

from autopilot.clients.http import Api, Params
from autopilot.incident.base import Line, Name, TimeWindow
from autopilot.settings import GitLab
from autopilot.sources.diff_excerpt import FileDiff
from autopilot.sources.git_hosts import MAX_RUNS, FailedRun, HostCommit, utc
from autopilot.sources.git_inventory import MAX_COMMITS


class _Project(BaseModel):
    default_branch: Name = "main"


class _Commit(BaseModel):
    id: str
    title: Line = ""
    author_name: Name = ""
    committed_date: AwareDatetime
    web_url: str = ""


class _Diff(BaseModel):
    new_path: str
    diff: str = ""


class _Pipeline(BaseModel):
    id: int
    status: Name = ""
    updated_at: str | None = None


_PROJECT, _COMMITS, _DIFFS, _PIPELINES = (
    TypeAdapter(_Project), TypeAdapter(list[_Commit]), TypeAdapter(list[_Diff]),
    TypeAdapter(list[_Pipeline]),
)  # fmt: skip


class GitLabReader:
    """Projects at GitLab."""

    name = "gitlab"

    def __init__(self, settings: GitLab) -> None:
        """Nothing is asked yet."""
        token = settings.token.get_secret_value() if settings.token else ""
        headers = {"PRIVATE-TOKEN": token} if token else {}
        self._api = Api("GitLab", f"{settings.base_url.rstrip('/')}/api/v4", headers=headers)

    def branch(self, repository: str) -> str:
        """See `ReadsRepositories`."""
        return self._api.get(_project(repository)).parse(_PROJECT).default_branch

    def commits(self, repository: str, branch: str, window: TimeWindow) -> Sequence[HostCommit]:
        """See `ReadsRepositories`."""
        params: Params = {
            "ref_name": branch, "since": utc(window.start), "until": utc(window.end), "per_page": MAX_COMMITS,
        }  # fmt: skip
        found = self._api.get(f"{_project(repository)}/repository/commits", params).parse(_COMMITS)
        return [HostCommit(c.id, c.committed_date, c.author_name, c.title, c.web_url) for c in found]

    def diffs(self, repository: str, commit: str) -> Sequence[FileDiff]:
        """See `ReadsRepositories`."""
        where = f"{_project(repository)}/repository/commits/{quote(commit, safe='')}/diff"
        found = self._api.get(where, {"per_page": 100}).parse(_DIFFS)
        return [FileDiff(diff.new_path, diff.diff) for diff in found]

    def failed(self, repository: str, branch: str, window: TimeWindow) -> Sequence[FailedRun]:
        """See `ReadsRepositories`."""
        params: Params = {
            "ref": branch, "status": "failed", "updated_after": utc(window.start), "per_page": MAX_RUNS,
        }  # fmt: skip
        found = self._api.get(f"{_project(repository)}/pipelines", params).parse(_PIPELINES)
        return [FailedRun(str(p.id), f"pipeline {p.id}", {"run": str(p.id), "conclusion": p.status}) for p in found]


def _project(path: str) -> str:
    return f"projects/{quote(path, safe='')}"
