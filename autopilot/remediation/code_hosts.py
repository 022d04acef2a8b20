"""What a code host must be able to do for drafts that revert or correct a change, and its errors in our words."""

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal, Protocol

from autopilot.clients.http_failures import HttpFailure
from autopilot.incident.ids import digest
from autopilot.incident.ports import Failure
from autopilot.remediation.base import Missing, NoAnswer, Refusal
from autopilot.remediation.parts import Parts
from autopilot.remediation.patches import FileChange, Proposal


@dataclass(frozen=True)
class Entry:
    """A file in a git tree."""

    mode: str
    object: str
    """Its blob's id."""


@dataclass(frozen=True)
class Revert:
    """What taking back a commit would write, on top of a branch as it is now."""

    commit: str
    title: str
    """Of the commit; text from outside."""
    url: str
    parent: str
    base: str
    """The branch it goes to."""
    head: str
    """The newest commit of that branch."""
    files: tuple[FileChange, ...]
    """Those that still are as the commit left them."""
    changed_since: tuple[str, ...] = ()
    """Those that somebody has changed since: they are left to people."""
    before: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """Path → the file as it was in the parent, where the host tells it."""

    @property
    def state(self) -> str:
        """Changes when what the revert would write changes."""
        return digest(self.commit, sorted(f.path for f in self.files), sorted(self.changed_since))


@dataclass(frozen=True)
class SourceFile:
    """A text file at the tip of a branch."""

    path: str
    text: str
    base: str
    head: str
    """The newest commit of that branch."""


@dataclass(frozen=True)
class Opened:
    """A request that exists at the host."""

    number: int
    url: str
    open: bool
    merged: bool = False


class CodeHost(Protocol):
    """A place for repositories. All methods raise Refusal, Missing, NoAnswer or Failure."""

    name: str
    """Also the beginning of its tools' names and of its targets: `github`."""
    noun: str
    """What it calls a request: "pull request"."""
    tier: Literal["A", "B"]
    """A: tested against a running server; B: against wire-format fixtures."""
    reads: tuple[str, ...]
    """Scopes of the reading token."""
    writes: tuple[str, ...]
    """Scopes of the writing token."""

    def revert(self, repository: str, base: str, commit: str) -> Revert:
        """What taking back a commit would write."""
        ...

    def file(self, repository: str, base: str, path: str) -> SourceFile:
        """A text file of a branch."""
        ...

    def head_message(self, repository: str, branch: str) -> str | None:
        """The message of a branch's newest commit; None when there is no such branch."""
        ...

    def find(self, repository: str, branch: str) -> Opened | None:
        """The newest request for a branch, also one that is closed or merged."""
        ...

    def push_revert(self, repository: str, revert: Revert, proposal: Proposal) -> None:
        """Make the branch with one commit that takes back the commit."""
        ...

    def push_file(self, repository: str, file: SourceFile, text: str, proposal: Proposal) -> None:
        """Make the branch with one commit that gives a file another text."""
        ...

    def open(self, repository: str, base: str, proposal: Proposal) -> Opened:
        """Open the draft request for the branch."""
        ...

    def mark(self, repository: str, opened: Opened) -> None:
        """Label the request as ours, where the host has labels; doing it twice is harmless."""
        ...

    def close(self, repository: str, opened: Opened) -> None:
        """Close the request without merging it."""
        ...

    def delete_branch(self, repository: str, branch: str) -> None:
        """Delete a branch; one that is gone already is fine."""
        ...


@dataclass(frozen=True)
class Place:
    """A host and its repositories that the settings name: no other is touched."""

    host: CodeHost
    repositories: frozenset[str]


def incident_pages(parts: Parts) -> str:
    """The address of incident pages, with `{}` for the id."""
    return f"{parts.settings.web.public_url.rstrip('/')}/incidents/{{}}"


@contextmanager
def asking(what: str, scopes: tuple[str, ...]) -> Generator[None]:
    """Around calls to a host about `what`; `scopes` are named when it denies them."""
    try:
        yield
    except HttpFailure as failure:
        raise _told(failure, what, scopes) from failure


def _told(failure: HttpFailure, what: str, scopes: tuple[str, ...]) -> Exception:
    if failure.status == 404:
        return Missing(f"{what}: it does not exist, or the token may not see it (needs {', '.join(scopes)})")
    if failure.status in (400, 409, 410, 422):
        return Refusal(f"{what}: {failure}")
    if failure.status in (401, 403) and failure.who == "operator":
        return Failure(f"{what}: denied; the token needs {', '.join(scopes)}. {failure}", who="operator")
    if failure.sent and (failure.status == 0 or failure.status >= 500):
        return NoAnswer(f"{what}: {failure} Its outcome is not known.", retry_after=failure.retry_after)
    return failure
