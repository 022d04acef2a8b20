"""Bitbucket Cloud: draft pull requests through its source API, and pipelines that are started again."""

from typing import Literal
from urllib.parse import quote, urlencode

from pydantic import JsonValue

from autopilot.clients.http import Api, Params, Upload
from autopilot.remediation.base import Refusal, Tool
from autopilot.remediation.bitbucket_wire import (
    BRANCH,
    COMMIT,
    PIPELINE,
    PIPELINES,
    REQUEST,
    REQUESTS,
    STATS,
    Pipeline,
    Request,
    Stat,
)
from autopilot.remediation.code_hosts import Opened, Place, Revert, SourceFile, asking, incident_pages
from autopilot.remediation.draft_requests import draft_tools
from autopilot.remediation.parts import Parts
from autopilot.remediation.patches import (
    MAX_FILES,
    FileChange,
    FileStatus,
    Proposal,
    safe_path,
)
from autopilot.remediation.reruns import RerunFailedJobs, Run
from autopilot.settings import Bitbucket
from autopilot.sources.diff_excerpt import split_patch

EVERY_STATE = (
    '(state = "OPEN" OR state = "MERGED" OR state = "DECLINED" OR state = "SUPERSEDED") '
    "AND (draft = true OR draft = false)"
)
"""Lists leave out what is not open, and left out drafts (BCLOUD-23659), unless they are asked for by name."""


_STATUSES: dict[str, FileStatus] = {"added": "added", "removed": "removed", "renamed": "renamed"}


def bitbucket_api(settings: Bitbucket, token: str) -> Api:
    """A client of Bitbucket Cloud's REST API 2.0."""
    return Api("Bitbucket", settings.base_url, headers={"Authorization": f"Bearer {token}"} if token else {})


class BitbucketHost:
    """Repositories at Bitbucket Cloud."""

    name = "bitbucket"
    noun = "pull request"
    tier: Literal["A", "B"] = "B"
    reads: tuple[str, ...] = ("bitbucket: repository", "bitbucket: pullrequest")
    writes: tuple[str, ...] = ("bitbucket: repository:write", "bitbucket: pullrequest:write")
    run_scopes: tuple[str, ...] = ("bitbucket: pipeline", "bitbucket: pipeline:write")

    def __init__(self, api: Api) -> None:
        """`api` may write where drafts are to be made; else only what is read works."""
        self._api = api

    def revert(self, repository: str, base: str, commit: str) -> Revert:
        """See `CodeHost`: what the difference between commit and branch names was changed since."""
        root = f"repositories/{quote(repository)}"
        with asking(f"commit {commit[:12]} of {repository}", self.reads):
            suspect = self._api.get(f"{root}/commit/{quote(commit, safe='')}").parse(COMMIT)
            if not suspect.parents:
                raise Refusal(f"{repository}: {commit[:12]} is the first commit, there is nothing before it")
            head = self._head(repository, base)
            stats = self._stats(repository, suspect.hash)
            since = self._stats(repository, f"{head}..{suspect.hash}")
            patches = split_patch(self._api.get(f"{root}/diff/{suspect.hash}").body.decode(errors="replace"))
        touched = {path for stat in since for path in (stat.before, stat.path) if path}
        kept = [s for s in stats if not touched & {s.before, s.path} and safe_path(s.path)]
        return Revert(
            commit=suspect.hash,
            title=suspect.message.partition("\n")[0],
            url=suspect.links.html.href,
            parent=suspect.parents[0].hash,
            base=base,
            head=head,
            files=tuple(_change(stat, patches.get(stat.path, "")) for stat in kept),
            changed_since=tuple(s.path for s in stats if s not in kept),
        )

    def file(self, repository: str, base: str, path: str) -> SourceFile:
        """See `CodeHost`."""
        with asking(f"{path} in {repository}", self.reads):
            head = self._head(repository, base)
            return SourceFile(path, self._text(repository, head, path), base, head)

    def head_message(self, repository: str, branch: str) -> str | None:
        """See `CodeHost`."""
        with asking(f"branch {branch} of {repository}", self.reads):
            answer = self._api.get(self._branch(repository, branch), absent=True)
        return None if answer.status == 404 else answer.parse(BRANCH).target.message

    def find(self, repository: str, branch: str) -> Opened | None:
        """See `CodeHost`."""
        wanted = f'source.branch.name = "{branch}" AND {EVERY_STATE}'
        params: Params = {"q": wanted, "sort": "-created_on", "pagelen": 1}
        with asking(f"pull requests of {repository}", self.reads):
            found = self._api.get(f"repositories/{quote(repository)}/pullrequests", params).parse(REQUESTS).values
        return _opened(found[0]) if found else None

    def push_revert(self, repository: str, revert: Revert, proposal: Proposal) -> None:
        """See `CodeHost`. One call makes the commit and its branch."""
        fields: list[tuple[str, str]] = []
        with asking(f"files of {repository} before {revert.commit[:12]}", self.reads):
            for file in revert.files:
                before = file.before or file.path
                if file.status == "added" or before != file.path:
                    fields.append(("files", f"/{file.path}"))
                if file.status != "added":
                    fields.append((f"/{before}", self._text(repository, revert.parent, before)))
        self._push(repository, revert.head, fields, proposal)

    def push_file(self, repository: str, file: SourceFile, text: str, proposal: Proposal) -> None:
        """See `CodeHost`."""
        self._push(repository, file.head, [(f"/{file.path}", text)], proposal)

    def open(self, repository: str, base: str, proposal: Proposal) -> Opened:
        """See `CodeHost`."""
        body: JsonValue = {
            "title": proposal.title, "description": proposal.body, "draft": True, "close_source_branch": True,
            "source": {"branch": {"name": proposal.branch}}, "destination": {"branch": {"name": base}},
        }  # fmt: skip
        with asking(f"a draft pull request in {repository}", self.writes):
            where = f"repositories/{quote(repository)}/pullrequests"
            return _opened(self._api.send("POST", where, body).parse(REQUEST))

    def mark(self, repository: str, opened: Opened) -> None:
        """Nothing: Bitbucket has no labels."""

    def close(self, repository: str, opened: Opened) -> None:
        """See `CodeHost`: Bitbucket calls it declining."""
        with asking(f"pull request {opened.number} of {repository}", self.writes):
            self._api.send("POST", f"repositories/{quote(repository)}/pullrequests/{opened.number}/decline")

    def delete_branch(self, repository: str, branch: str) -> None:
        """See `CodeHost`."""
        with asking(f"branch {branch} of {repository}", self.writes):
            self._api.send("DELETE", self._branch(repository, branch), repeatable=True, absent=True)

    def run(self, repository: str, run: str) -> Run:
        """See `RunsWorkflows`. A pipeline runs once: another one of the same commit is its next attempt."""
        found = self._pipeline(repository, run)
        newest = self._newest(repository, found)
        ended = found.state.result.name if found.state.result else ""
        url = f"https://bitbucket.org/{repository}/pipelines/results/{found.build_number}"
        failed = ended in ("FAILED", "ERROR", "STOPPED")
        name = f"pipeline {found.build_number}"
        return Run(name, str(newest), found.state.name == "COMPLETED", failed, ended, url)

    def rerun(self, repository: str, run: str) -> None:
        """See `RunsWorkflows`: the same commit, branch and selector once more."""
        target = self._pipeline(repository, run).target
        body: dict[str, JsonValue] = {"type": target.type, "ref_type": target.ref_type, "ref_name": target.ref_name}
        body |= {"commit": {"type": "commit", "hash": target.commit.hash}} if target.commit else {}
        body |= {"selector": target.selector} if target.selector else {}
        with asking(f"a pipeline of {repository}", self.run_scopes):
            self._api.send("POST", f"repositories/{quote(repository)}/pipelines", {"target": body})

    def rerun_command(self, repository: str, run: str) -> str:
        """See `RunsWorkflows`."""
        return f"Run pipeline {run} of {repository} again on its page in Bitbucket"

    def _pipeline(self, repository: str, run: str) -> Pipeline:
        with asking(f"pipeline {run} of {repository}", self.run_scopes[:1]):
            where = f"repositories/{quote(repository)}/pipelines/{quote(run, safe='')}"
            return self._api.get(where).parse(PIPELINE)

    def _newest(self, repository: str, found: Pipeline) -> int:
        """The build number of the newest pipeline of the same commit."""
        if found.target.commit is None:
            return found.build_number
        params: Params = {"target.commit.hash": found.target.commit.hash, "sort": "-created_on", "pagelen": 1}
        with asking(f"pipelines of {repository}", self.run_scopes[:1]):
            newest = self._api.get(f"repositories/{quote(repository)}/pipelines", params).parse(PIPELINES).values
        return max((one.build_number for one in newest), default=found.build_number)

    def _branch(self, repository: str, branch: str) -> str:
        return f"repositories/{quote(repository)}/refs/branches/{quote(branch)}"

    def _head(self, repository: str, base: str) -> str:
        return self._api.get(self._branch(repository, base)).parse(BRANCH).target.hash

    def _stats(self, repository: str, spec: str) -> list[Stat]:
        """What differs; more than can be reverted is not read on."""
        where, params = f"repositories/{quote(repository)}/diffstat/{spec}", {"pagelen": 100, "topic": "false"}
        found: list[Stat] = []
        while where and len(found) <= MAX_FILES * 20:
            page = self._api.get(where, params or None).parse(STATS)
            found += page.values
            where, params = page.next, {}
        if where:
            raise Refusal(f"{repository}: too much differs in {spec[:60]}; a person has to look")
        return found

    def _text(self, repository: str, commit: str, path: str) -> str:
        body = self._api.get(f"repositories/{quote(repository)}/src/{commit}/{quote(path)}").body
        try:
            return body.decode()
        except UnicodeDecodeError as error:
            raise Refusal(f"{path} in {repository} is no text: a person has to revert it") from error

    def _push(self, repository: str, head: str, fields: list[tuple[str, str]], proposal: Proposal) -> None:
        form = [("message", proposal.message), ("branch", proposal.branch), ("parents", head), *fields]
        upload = Upload(urlencode(form).encode(), "application/x-www-form-urlencoded")
        with asking(f"a branch of {repository}", self.writes):
            self._api.send("POST", f"repositories/{quote(repository)}/src", upload)


def _change(stat: Stat, patch: str) -> FileChange:
    status = _STATUSES.get(stat.status, "modified")
    return FileChange(stat.path, status, patch, stat.before if status == "renamed" else "")


def _opened(request: Request) -> Opened:
    return Opened(request.id, request.links.html.href, request.state == "OPEN", request.state == "MERGED")


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows: none without a writing token."""
    settings = parts.settings.bitbucket
    if settings is None or settings.write_token is None:
        return ()
    host = BitbucketHost(bitbucket_api(settings, settings.write_token.get_secret_value()))
    place = Place(host, frozenset(settings.repositories.values()))
    rerun = RerunFailedJobs(host, place.repositories, "rerun_pipeline")
    return (*draft_tools(place, incident_pages(parts)), rerun)
