"""A repository as git keeps it: blobs, trees, commits and branches, made of the patches that the records hold."""

import hashlib
import re
from dataclasses import dataclass

from demo.saas.records import Commit, GitHubRecords

FILE_MODE = "100644"
Tree = dict[str, tuple[str, str]]
"""Path → mode and blob id."""

_HUNK = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


@dataclass(frozen=True)
class StoredCommit:
    """A commit object."""

    tree: str
    parents: tuple[str, ...]
    message: str


def _id(kind: str, content: bytes) -> str:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _hunks(patch: str) -> list[tuple[int, list[str], list[str]]]:
    """(first line, lines before, lines after) of every hunk."""
    found: list[tuple[int, list[str], list[str]]] = []
    for line in patch.removesuffix("\n").split("\n"):
        header = _HUNK.match(line)
        if header:
            found.append((int(header[1]), [], []))
        elif line.startswith("-"):
            found[-1][1].append(line[1:])
        elif line.startswith("+"):
            found[-1][2].append(line[1:])
        else:
            found[-1][1].append(line[1:])
            found[-1][2].append(line[1:])
    return found


def _before(patch: str) -> list[str]:
    """A file to which the patch applies: what the hunks show, and numbered lines where they show nothing."""
    lines: list[str] = []
    for start, old, _ in _hunks(patch):
        lines += [f"# line {number}" for number in range(len(lines) + 1, start)]
        lines += old
    return lines


def _after(lines: list[str], patch: str) -> list[str]:
    """The file with the patch applied. Raises ValueError where it does not fit."""
    result, shift = list(lines), 0
    for start, old, new in _hunks(patch):
        at = max(start - 1, 0) + shift
        if result[at : at + len(old)] != old:
            raise ValueError(f"a hunk at line {start} does not fit")
        result[at : at + len(old)] = new
        shift += len(new) - len(old)
    return result


class GitStore:
    """The objects and branches of one repository."""

    def __init__(self, records: GitHubRecords) -> None:
        """Raises ValueError when the patches of the records do not follow from each other."""
        self.blobs: dict[str, bytes] = {}
        self.trees: dict[str, Tree] = {}
        self.commits: dict[str, StoredCommit] = {}
        self.refs: dict[str, str] = {}
        root: Tree = {}
        for commit in records.commits:
            for file in commit.files:
                if file.filename not in root and file.status != "added":
                    root[file.filename] = (FILE_MODE, self.blob("\n".join([*_before(file.patch), ""]).encode()))
        above, tree = "", root
        for commit in records.commits:
            tree = self._applied(tree, commit)
            self.commits[commit.sha] = StoredCommit(self.tree(tree), (above,) if above else (), commit.message)
            above = commit.sha
        self.refs["heads/main"] = above

    def blob(self, content: bytes) -> str:
        """Keep a file's content; its id."""
        sha = _id("blob", content)
        self.blobs[sha] = content
        return sha

    def tree(self, entries: Tree) -> str:
        """Keep a tree; its id (of our flat notation, not git's)."""
        sha = _id("tree", repr(sorted(entries.items())).encode())
        self.trees[sha] = dict(entries)
        return sha

    def commit(self, tree: str, parents: tuple[str, ...], message: str) -> str:
        """Keep a commit; its id."""
        sha = _id("commit", f"{tree} {parents} {message}".encode())
        self.commits[sha] = StoredCommit(tree, parents, message)
        return sha

    def files(self, ref: str) -> Tree:
        """All files of a branch (`heads/main`), commit or tree. Raises KeyError."""
        sha = self.refs.get(ref, ref)
        return self.trees[self.commits[sha].tree if sha in self.commits else sha]

    def text(self, ref: str, path: str) -> str:
        """A file's text at a branch or commit. Raises KeyError."""
        return self.blobs[self.files(ref)[path][1]].decode()

    def write(self, path: str, text: str | None, message: str, branch: str = "main") -> str:
        """What a person does: one commit on a branch that changes (or with None removes) one file."""
        tip = self.refs[f"heads/{branch}"]
        files = dict(self.files(tip))
        if text is None:
            del files[path]
        else:
            files[path] = (FILE_MODE, self.blob(text.encode()))
        self.refs[f"heads/{branch}"] = self.commit(self.tree(files), (tip,), message)
        return self.refs[f"heads/{branch}"]

    def _applied(self, tree: Tree, commit: Commit) -> Tree:
        files = dict(tree)
        for file in commit.files:
            before = self.blobs[files[file.filename][1]].decode() if file.filename in files else ""
            lines = before.removesuffix("\n").split("\n") if before else []
            if file.status == "removed":
                del files[file.filename]
                continue
            text = "\n".join([*_after(lines, file.patch), ""])
            files[file.filename] = (FILE_MODE, self.blob(text.encode()))
        return files
