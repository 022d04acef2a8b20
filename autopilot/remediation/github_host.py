"""GitHub as a code host: drafts are made through its git data API, from objects that the repository already has."""

import base64
import binascii
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.clients.http import Api, Params
from autopilot.remediation.base import Refusal
from autopilot.remediation.code_hosts import Entry, Opened, Revert, SourceFile, asking
from autopilot.remediation.patches import LABEL, MAX_FILES, FileChange, FileStatus, Proposal, safe_path

HEADERS = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


class _Hash(BaseModel):
    sha: str


class _Tree(_Hash):
    class Item(BaseModel):
        path: str
        mode: str
        type: str
        sha: str

    tree: list[Item] = []
    truncated: bool = False


class _GitCommit(_Hash):
    message: str = ""
    tree: _Hash


class _Ref(BaseModel):
    object: _Hash


class _File(BaseModel):
    filename: str
    status: str = "modified"
    sha: str | None = None
    previous_filename: str = ""
    patch: str = ""


class _CommitBody(BaseModel):
    message: str = ""
    tree: _Hash


class _Commit(_Hash):
    html_url: str = ""
    commit: _CommitBody
    parents: list[_Hash] = []
    files: list[_File] = []


class _Content(BaseModel):
    type: str = "file"
    encoding: str = ""
    content: str = ""


class _Pull(BaseModel):
    number: int
    html_url: str
    state: str = "open"
    merged_at: str | None = None


_HASH, _TREE, _GIT_COMMIT, _REF, _COMMIT, _CONTENT, _PULL, _PULLS = (
    TypeAdapter(_Hash), TypeAdapter(_Tree), TypeAdapter(_GitCommit), TypeAdapter(_Ref), TypeAdapter(_Commit),
    TypeAdapter(_Content), TypeAdapter(_Pull), TypeAdapter(list[_Pull]),
)  # fmt: skip
_STATUSES: dict[str, FileStatus] = {
    "added": "added", "copied": "added", "removed": "removed", "renamed": "renamed", "modified": "modified",
    "changed": "modified",
}  # fmt: skip


def github_api(base_url: str, token: str) -> Api:
    """A client of GitHub's REST API."""
    return Api("GitHub", base_url, headers=HEADERS | ({"Authorization": f"Bearer {token}"} if token else {}))


class GitHubHost:
    """Repositories at GitHub."""

    name = "github"
    noun = "pull request"
    tier: Literal["A", "B"] = "A"
    reads: tuple[str, ...] = ("github: contents:read",)
    writes: tuple[str, ...] = ("github: contents:write", "github: pull_requests:write")

    def __init__(self, api: Api) -> None:
        """`api` may write where drafts are to be made; else only what is read works."""
        self._api = api

    def revert(self, repository: str, base: str, commit: str) -> Revert:
        """See `CodeHost`. Five reads; the content before the commit is there already as objects."""
        root = f"repos/{quote(repository)}"
        with asking(f"commit {commit[:12]} of {repository}", self.reads):
            suspect = self._api.get(f"{root}/commits/{quote(commit, safe='')}").parse(_COMMIT)
            if not suspect.parents:
                raise Refusal(f"{repository}: {commit[:12]} is the first commit, there is nothing before it")
            head = self._head(repository, base)
            now = self._tree(repository, head)
            former = self._tree(repository, suspect.parents[0].sha)
        files, changed = _sorted_out(suspect.files, now, former)
        return Revert(
            commit=suspect.sha,
            title=suspect.commit.message.partition("\n")[0],
            url=suspect.html_url,
            parent=suspect.parents[0].sha,
            base=base,
            head=head,
            files=files,
            changed_since=changed,
            before={path: former[path] for f in files if (path := f.before or f.path) in former},
        )

    def file(self, repository: str, base: str, path: str) -> SourceFile:
        """See `CodeHost`."""
        with asking(f"{path} in {repository}", self.reads):
            head = self._head(repository, base)
            params: Params = {"ref": head}
            found = self._api.get(f"repos/{quote(repository)}/contents/{quote(path)}", params).parse(_CONTENT)
        if found.type != "file" or found.encoding != "base64":
            raise Refusal(f"{path} in {repository} is no readable file")
        try:
            text = base64.b64decode(found.content).decode()
        except (binascii.Error, UnicodeDecodeError) as error:
            raise Refusal(f"{path} in {repository} is no text") from error
        return SourceFile(path, text, base, head)

    def head_message(self, repository: str, branch: str) -> str | None:
        """See `CodeHost`."""
        root = f"repos/{quote(repository)}/git"
        with asking(f"branch {branch} of {repository}", self.reads):
            answer = self._api.get(f"{root}/ref/heads/{quote(branch)}", absent=True)
            if answer.status == 404:
                return None
            return self._api.get(f"{root}/commits/{answer.parse(_REF).object.sha}").parse(_GIT_COMMIT).message

    def find(self, repository: str, branch: str) -> Opened | None:
        """See `CodeHost`."""
        owner = repository.partition("/")[0]
        params: Params = {"head": f"{owner}:{branch}", "state": "all", "per_page": 1}
        with asking(f"pull requests of {repository}", ("github: pull_requests:read",)):
            found = self._api.get(f"repos/{quote(repository)}/pulls", params).parse(_PULLS)
        return _opened(found[0]) if found else None

    def push_revert(self, repository: str, revert: Revert, proposal: Proposal) -> None:
        """See `CodeHost`. The tree is made of blobs that the parent has: no content is sent."""
        entries: list[JsonValue] = []
        for file in revert.files:
            before = file.before or file.path
            if before != file.path or file.status == "added":
                entries.append({"path": file.path, "mode": "100644", "type": "blob", "sha": None})
            if file.status != "added":
                was = revert.before[before]
                entries.append({"path": before, "mode": was.mode, "type": "blob", "sha": was.object})
        self._push(repository, revert.head, entries, proposal)

    def push_file(self, repository: str, file: SourceFile, text: str, proposal: Proposal) -> None:
        """See `CodeHost`."""
        with asking(f"a branch of {repository}", self.writes):
            mode = self._tree(repository, file.head)[file.path].mode
            body: JsonValue = {"content": base64.b64encode(text.encode()).decode(), "encoding": "base64"}
            blob = self._api.send("POST", f"repos/{quote(repository)}/git/blobs", body, repeatable=True)
        entry: JsonValue = {"path": file.path, "mode": mode, "type": "blob", "sha": blob.parse(_HASH).sha}
        self._push(repository, file.head, [entry], proposal)

    def open(self, repository: str, base: str, proposal: Proposal) -> Opened:
        """See `CodeHost`."""
        body: JsonValue = {
            "title": proposal.title, "head": proposal.branch, "base": base, "body": proposal.body, "draft": True,
        }  # fmt: skip
        with asking(f"a draft pull request in {repository}", self.writes):
            return _opened(self._api.send("POST", f"repos/{quote(repository)}/pulls", body).parse(_PULL))

    def mark(self, repository: str, opened: Opened) -> None:
        """See `CodeHost`."""
        with asking(f"the label of pull request {opened.number}", self.writes):
            path = f"repos/{quote(repository)}/issues/{opened.number}/labels"
            self._api.send("POST", path, {"labels": [LABEL]}, repeatable=True)

    def close(self, repository: str, opened: Opened) -> None:
        """See `CodeHost`."""
        with asking(f"pull request {opened.number} of {repository}", self.writes):
            path = f"repos/{quote(repository)}/pulls/{opened.number}"
            self._api.send("PATCH", path, {"state": "closed"}, repeatable=True)

    def delete_branch(self, repository: str, branch: str) -> None:
        """See `CodeHost`."""
        with asking(f"branch {branch} of {repository}", self.writes):
            self._api.send("DELETE", f"repos/{quote(repository)}/git/refs/heads/{quote(branch)}", absent=True)

    def _push(self, repository: str, head: str, entries: list[JsonValue], proposal: Proposal) -> None:
        """Tree, commit, branch: only the branch can be seen, and it is made last and at once."""
        git = f"repos/{quote(repository)}/git"
        with asking(f"a branch of {repository}", self.writes):
            tip = self._api.get(f"{git}/commits/{head}").parse(_GIT_COMMIT)
            wanted: JsonValue = {"base_tree": tip.tree.sha, "tree": entries}
            tree = self._api.send("POST", f"{git}/trees", wanted, repeatable=True).parse(_HASH)
            made: JsonValue = {"message": proposal.message, "tree": tree.sha, "parents": [head]}
            commit = self._api.send("POST", f"{git}/commits", made, repeatable=True).parse(_HASH)
            ref: JsonValue = {"ref": f"refs/heads/{proposal.branch}", "sha": commit.sha}
            self._api.send("POST", f"{git}/refs", ref)

    def _head(self, repository: str, base: str) -> str:
        return self._api.get(f"repos/{quote(repository)}/git/ref/heads/{quote(base)}").parse(_REF).object.sha

    def _tree(self, repository: str, commit: str) -> dict[str, Entry]:
        """All files of a commit."""
        git = f"repos/{quote(repository)}/git"
        root = self._api.get(f"{git}/commits/{commit}").parse(_GIT_COMMIT).tree.sha
        params: Params = {"recursive": 1}
        found = self._api.get(f"{git}/trees/{root}", params).parse(_TREE)
        if found.truncated:
            raise Refusal(f"{repository} has more files than GitHub lists at once: a person has to do it")
        return {item.path: Entry(item.mode, item.sha) for item in found.tree if item.type == "blob"}


def _sorted_out(
    files: list[_File], now: dict[str, Entry], former: dict[str, Entry]
) -> tuple[tuple[FileChange, ...], tuple[str, ...]]:
    """The files of a commit that still are as it left them, and the paths of the others."""
    kept: list[FileChange] = []
    changed: list[str] = []
    for file in files[: MAX_FILES + 1]:
        status = _STATUSES.get(file.status)
        before = file.previous_filename if status == "renamed" else ""
        present = now[file.filename].object if file.filename in now else None
        untouched = present == (None if status == "removed" else file.sha)
        free = not before or before not in now
        restorable = status == "added" or (before or file.filename) in former
        if status and untouched and free and restorable and safe_path(file.filename):
            kept.append(FileChange(file.filename, status, file.patch, before))
        else:
            changed.append(file.filename)
    return tuple(kept), tuple(changed)


def _opened(pull: _Pull) -> Opened:
    return Opened(pull.number, pull.html_url, pull.state == "open", pull.merged_at is not None)
