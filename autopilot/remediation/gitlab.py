"""GitLab: draft merge requests through its commits API, and pipelines that are retried."""

import base64
import binascii
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.clients.http import Api, Params
from autopilot.remediation.base import Refusal, Tool
from autopilot.remediation.code_hosts import Opened, Place, Revert, SourceFile, asking, incident_pages
from autopilot.remediation.draft_requests import draft_tools
from autopilot.remediation.parts import Parts
from autopilot.remediation.patches import LABEL, MAX_FILES, FileChange, FileStatus, Proposal, safe_path
from autopilot.remediation.reruns import RerunFailedJobs, Run
from autopilot.settings import GitLab

FINISHED = ("success", "failed", "canceled", "skipped")


class _Commit(BaseModel):
    id: str
    title: str = ""
    message: str = ""
    web_url: str = ""
    parent_ids: list[str] = []


class _Diff(BaseModel):
    old_path: str
    new_path: str
    diff: str = ""
    new_file: bool = False
    renamed_file: bool = False
    deleted_file: bool = False

    @property
    def status(self) -> FileStatus:
        """What became of the file."""
        if self.new_file:
            return "added"
        return "removed" if self.deleted_file else "renamed" if self.renamed_file else "modified"


class _Comparison(BaseModel):
    diffs: list[_Diff] = []
    compare_timeout: bool = False


class _Branch(BaseModel):
    commit: _Commit


class _File(BaseModel):
    content: str = ""
    encoding: str = "base64"


class _Request(BaseModel):
    iid: int
    web_url: str
    state: str = "opened"


class _Pipeline(BaseModel):
    status: str = ""
    ref: str = ""
    updated_at: str | None = None
    web_url: str = ""


_COMMIT, _DIFFS, _COMPARISON, _BRANCH, _FILE, _REQUEST, _REQUESTS, _PIPELINE = (
    TypeAdapter(_Commit), TypeAdapter(list[_Diff]), TypeAdapter(_Comparison), TypeAdapter(_Branch),
    TypeAdapter(_File), TypeAdapter(_Request), TypeAdapter(list[_Request]), TypeAdapter(_Pipeline),
)  # fmt: skip


def gitlab_api(settings: GitLab, token: str) -> Api:
    """A client of GitLab's REST API v4."""
    return Api(
        "GitLab", f"{settings.base_url.rstrip('/')}/api/v4", headers={"PRIVATE-TOKEN": token} if token else {}
    )


def project(path: str) -> str:
    """The address of a project."""
    return f"projects/{quote(path, safe='')}"


class GitLabHost:
    """Projects at GitLab."""

    name = "gitlab"
    noun = "merge request"
    tier: Literal["A", "B"] = "B"
    reads: tuple[str, ...] = ("gitlab: read_api",)
    writes: tuple[str, ...] = ("gitlab: api",)
    run_scopes: tuple[str, ...] = ("gitlab: api",)

    def __init__(self, api: Api) -> None:
        """`api` may write where drafts are to be made; else only what is read works."""
        self._api = api

    def revert(self, repository: str, base: str, commit: str) -> Revert:
        """See `CodeHost`: what the comparison of the commit with the branch names was changed since."""
        root = f"{project(repository)}/repository"
        with asking(f"commit {commit[:12]} of {repository}", self.reads):
            suspect = self._api.get(f"{root}/commits/{quote(commit, safe='')}").parse(_COMMIT)
            if not suspect.parent_ids:
                raise Refusal(f"{repository}: {commit[:12]} is the first commit, there is nothing before it")
            diffs = self._api.get(f"{root}/commits/{suspect.id}/diff", {"per_page": MAX_FILES + 1}).parse(_DIFFS)
            head = self._api.get(f"{root}/branches/{quote(base, safe='')}").parse(_BRANCH).commit.id
            since = self._api.get(f"{root}/compare", {"from": suspect.id, "to": head}).parse(_COMPARISON)
        if since.compare_timeout:
            raise Refusal(f"{repository}: GitLab could not tell what was changed since {commit[:12]}")
        touched = {path for diff in since.diffs for path in (diff.old_path, diff.new_path)}
        kept = [d for d in diffs if not touched & {d.old_path, d.new_path} and safe_path(d.new_path)]
        return Revert(
            commit=suspect.id,
            title=suspect.title,
            url=suspect.web_url,
            parent=suspect.parent_ids[0],
            base=base,
            head=head,
            files=tuple(
                FileChange(d.new_path, d.status, d.diff, d.old_path if d.renamed_file else "") for d in kept
            ),
            changed_since=tuple(d.new_path for d in diffs if d not in kept),
        )

    def file(self, repository: str, base: str, path: str) -> SourceFile:
        """See `CodeHost`."""
        with asking(f"{path} in {repository}", self.reads):
            where = f"{project(repository)}/repository/branches/{quote(base, safe='')}"
            head = self._api.get(where).parse(_BRANCH).commit.id
            content = self._content(repository, path, head)
        try:
            return SourceFile(path, base64.b64decode(content).decode(), base, head)
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refusal(f"{path} in {repository} is no text") from error

    def head_message(self, repository: str, branch: str) -> str | None:
        """See `CodeHost`."""
        with asking(f"branch {branch} of {repository}", self.reads):
            where = f"{project(repository)}/repository/branches/{quote(branch, safe='')}"
            answer = self._api.get(where, absent=True)
        return None if answer.status == 404 else answer.parse(_BRANCH).commit.message

    def find(self, repository: str, branch: str) -> Opened | None:
        """See `CodeHost`."""
        params: Params = {"source_branch": branch, "state": "all", "order_by": "created_at", "per_page": 1}
        with asking(f"merge requests of {repository}", self.reads):
            found = self._api.get(f"{project(repository)}/merge_requests", params).parse(_REQUESTS)
        return _opened(found[0]) if found else None

    def push_revert(self, repository: str, revert: Revert, proposal: Proposal) -> None:
        """See `CodeHost`. Branch and commit are made by one call."""
        actions: list[JsonValue] = []
        with asking(f"files of {repository} before {revert.commit[:12]}", self.reads):
            for file in revert.files:
                if file.status == "added":
                    actions.append({"action": "delete", "file_path": file.path})
                    continue
                before = file.before or file.path
                kind = {"removed": "create", "renamed": "move"}.get(file.status, "update")
                action: dict[str, JsonValue] = {
                    "action": kind, "file_path": before, "encoding": "base64",
                    "content": self._content(repository, before, revert.parent),
                }  # fmt: skip
                actions.append(action | ({"previous_path": file.path} if kind == "move" else {}))
        self._push(repository, revert.head, actions, proposal)

    def push_file(self, repository: str, file: SourceFile, text: str, proposal: Proposal) -> None:
        """See `CodeHost`."""
        action: JsonValue = {"action": "update", "file_path": file.path, "content": text}
        self._push(repository, file.head, [action], proposal)

    def open(self, repository: str, base: str, proposal: Proposal) -> Opened:
        """See `CodeHost`. GitLab knows a draft by its title."""
        body: JsonValue = {
            "source_branch": proposal.branch, "target_branch": base, "title": f"Draft: {proposal.title}",
            "description": proposal.body, "labels": LABEL, "remove_source_branch": True,
        }  # fmt: skip
        with asking(f"a draft merge request in {repository}", self.writes):
            return _opened(self._api.send("POST", f"{project(repository)}/merge_requests", body).parse(_REQUEST))

    def mark(self, repository: str, opened: Opened) -> None:
        """Nothing: the label came with the request."""

    def close(self, repository: str, opened: Opened) -> None:
        """See `CodeHost`."""
        with asking(f"merge request {opened.number} of {repository}", self.writes):
            where = f"{project(repository)}/merge_requests/{opened.number}"
            self._api.send("PUT", where, {"state_event": "close"}, repeatable=True)

    def delete_branch(self, repository: str, branch: str) -> None:
        """See `CodeHost`."""
        with asking(f"branch {branch} of {repository}", self.writes):
            where = f"{project(repository)}/repository/branches/{quote(branch, safe='')}"
            self._api.send("DELETE", where, repeatable=True, absent=True)

    def run(self, repository: str, run: str) -> Run:
        """See `RunsWorkflows`. A retried pipeline keeps its id: what tells is when it changed."""
        with asking(f"pipeline {run} of {repository}", self.reads):
            found = self._api.get(f"{project(repository)}/pipelines/{run}").parse(_PIPELINE)
        failed = found.status in ("failed", "canceled")
        attempt = found.updated_at or ""
        return Run(
            f"pipeline of {found.ref}", attempt, found.status in FINISHED, failed, found.status, found.web_url
        )

    def rerun(self, repository: str, run: str) -> None:
        """See `RunsWorkflows`."""
        with asking(f"pipeline {run} of {repository}", self.run_scopes):
            self._api.send("POST", f"{project(repository)}/pipelines/{run}/retry")

    def rerun_command(self, repository: str, run: str) -> str:
        """See `RunsWorkflows`."""
        return f"glab api --method POST {project(repository)}/pipelines/{run}/retry"

    def _content(self, repository: str, path: str, ref: str) -> str:
        """A file in base64."""
        where = f"{project(repository)}/repository/files/{quote(path, safe='')}"
        found = self._api.get(where, {"ref": ref}).parse(_FILE)
        if found.encoding != "base64":
            raise Refusal(f"{path} in {repository} is no readable file")
        return found.content

    def _push(self, repository: str, head: str, actions: list[JsonValue], proposal: Proposal) -> None:
        body: JsonValue = {
            "branch": proposal.branch, "start_sha": head, "commit_message": proposal.message, "actions": actions,
        }  # fmt: skip
        with asking(f"a branch of {repository}", self.writes):
            self._api.send("POST", f"{project(repository)}/repository/commits", body)


def _opened(request: _Request) -> Opened:
    return Opened(request.iid, request.web_url, request.state == "opened", request.state == "merged")


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows: none without a writing token."""
    settings = parts.settings.gitlab
    if settings is None or settings.write_token is None:
        return ()
    host = GitLabHost(gitlab_api(settings, settings.write_token.get_secret_value()))
    place = Place(host, frozenset(settings.projects.values()))
    rerun = RerunFailedJobs(host, place.repositories, "retry_pipeline")
    return (*draft_tools(place, incident_pages(parts)), rerun)
