"""Bitbucket Cloud: commits, diffs and failed pipelines of a repository."""

from collections.abc import Sequence
from urllib.parse import quote

from pydantic import AwareDatetime, BaseModel, TypeAdapter

from autopilot.clients.http import Api, Params
from autopilot.incident.base import Name, TimeWindow
from autopilot.settings import Bitbucket
from autopilot.sources.diff_excerpt import FileDiff, split_patch
from autopilot.sources.git_hosts import MAX_RUNS, FailedRun, HostCommit
from autopilot.sources.git_inventory import MAX_COMMITS


class _Branch(BaseModel):
    name: Name = "main"


class _Repository(BaseModel):
    mainbranch: _Branch | None = None


class _Author(BaseModel):
    raw: Name = ""


class _Html(BaseModel):
    href: str = ""


class _Links(BaseModel):
    html: _Html = _Html()


class _Commit(BaseModel):
    hash: str
    message: str = ""
    date: AwareDatetime
    author: _Author = _Author()
    links: _Links = _Links()


class _Commits(BaseModel):
    values: list[_Commit] = []


class _Result(BaseModel):
    name: Name = ""


class _State(BaseModel):
    result: _Result | None = None


class _Pipeline(BaseModel):
    uuid: str
    build_number: int = 0
    state: _State = _State()
    created_on: AwareDatetime


class _Pipelines(BaseModel):
    values: list[_Pipeline] = []


_REPOSITORY, _COMMITS, _PIPELINES = (
    TypeAdapter(_Repository), TypeAdapter(_Commits), TypeAdapter(_Pipelines)
)  # fmt: skip


class BitbucketReader:
    """Repositories at Bitbucket Cloud."""

    name = "bitbucket"

    def __init__(self, settings: Bitbucket) -> None:
        """Nothing is asked yet."""
        token = settings.token.get_secret_value() if settings.token else ""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._api = Api("Bitbucket", settings.base_url, headers=headers)

    def branch(self, repository: str) -> str:
        """See `ReadsRepositories`."""
        found = self._api.get(f"repositories/{quote(repository)}").parse(_REPOSITORY)
        return found.mainbranch.name if found.mainbranch else "main"

    def commits(self, repository: str, branch: str, window: TimeWindow) -> Sequence[HostCommit]:
        """See `ReadsRepositories`. Bitbucket cannot be asked for a time: the newest are read."""
        where = f"repositories/{quote(repository)}/commits/{quote(branch)}"
        found = self._api.get(where, {"pagelen": MAX_COMMITS}).parse(_COMMITS).values
        return [_told(one) for one in found if window.contains(one.date)]

    def diffs(self, repository: str, commit: str) -> Sequence[FileDiff]:
        """See `ReadsRepositories`."""
        body = self._api.get(f"repositories/{quote(repository)}/diff/{quote(commit, safe='')}").body
        return [FileDiff(path, hunks) for path, hunks in split_patch(body.decode(errors="replace")).items()]

    def failed(self, repository: str, branch: str, window: TimeWindow) -> Sequence[FailedRun]:
        """See `ReadsRepositories`."""
        params: Params = {"target.branch": branch, "status": "FAILED", "sort": "-created_on", "pagelen": MAX_RUNS}
        found = self._api.get(f"repositories/{quote(repository)}/pipelines", params).parse(_PIPELINES).values
        return [
            FailedRun(p.uuid, f"pipeline {p.build_number}", {"run": p.uuid, "conclusion": p.state.result.name})
            for p in found
            if window.contains(p.created_on) and p.state.result is not None
        ]


def _told(commit: _Commit) -> HostCommit:
    author, title = commit.author.raw.partition(" <")[0], commit.message.partition("\n")[0]
    return HostCommit(commit.hash, commit.date, author, title, commit.links.html.href)
