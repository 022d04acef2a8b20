"""What a request that reverts or corrects a change consists of: patch, branch, words. Pure; for all code hosts."""

import difflib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from autopilot.incident.base import clean
from autopilot.incident.ids import digest

MAX_FILES = 50
"""Files of a commit that are reverted; a larger one is for people."""
MAX_PATCH = 60_000
"""Characters of a patch that are delivered."""
MAX_TITLE = 160
LABEL = "autopilot-draft"
"""What our requests are labelled with, where the host has labels."""

FileStatus = Literal["added", "modified", "removed", "renamed"]

_HUNK = re.compile(r"@@ -(?P<old>\d+(?:,\d+)?) \+(?P<new>\d+(?:,\d+)?) @@(?P<rest>.*)")
_CITED = re.compile(r"\bF\d+\b")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True)
class FileChange:
    """One file of a commit."""

    path: str
    """Its path in the commit."""
    status: FileStatus
    patch: str = ""
    """Its hunks as a unified diff; empty where the host gives none (binary or very large)."""
    before: str = ""
    """Its path in the parent, where it was renamed."""


@dataclass(frozen=True)
class Proposal:
    """A draft request in words."""

    branch: str
    title: str
    body: str
    message: str
    """Of its commit; ends with the mark by which we know our own commit again."""


def safe_path(path: str) -> bool:
    """Whether a path from outside names a file inside a checkout and nothing of git's own."""
    parts = path.split("/")
    return bool(path) and not _CONTROL.search(path) and not {"", ".", "..", ".git"} & set(parts)


def reversed_hunks(patch: str) -> str:
    """The hunks of a unified diff the other way round, removals first as `diff` writes them."""
    lines: list[str] = []
    removed: list[str] = []
    added: list[str] = []
    last = lines

    def settle() -> None:
        lines.extend([*removed, *added])
        removed.clear()
        added.clear()

    for line in patch.removesuffix("\n").split("\n"):
        if line.startswith("\\"):  # "No newline at end of file" belongs to the line before
            last.append(line)
        elif line.startswith("+"):
            removed.append(f"-{line[1:]}")
            last = removed
        elif line.startswith("-"):
            added.append(f"+{line[1:]}")
            last = added
        else:
            settle()
            header = _HUNK.fullmatch(line)
            lines.append(f"@@ -{header['new']} +{header['old']} @@{header['rest']}" if header else line or " ")
            last = lines
    settle()
    return "\n".join(lines) + "\n"


def reverting_patch(files: Iterable[FileChange]) -> str:
    """One patch for `git apply` that takes back what a commit did to these files, within `MAX_PATCH`."""
    return _bounded([_reverted(file) for file in files])


def _reverted(file: FileChange) -> str:
    before = file.before or file.path
    head = [f"diff --git a/{file.path} b/{before}"]
    if not file.patch:
        what = "" if file.status == "renamed" else "# its content is binary or too large to be shown here\n"
        return "\n".join([*head, *_renamed(file), ""]) + what
    head += ["deleted file mode 100644"] if file.status == "added" else []
    head += ["new file mode 100644"] if file.status == "removed" else []
    head += _renamed(file)
    head.append("--- /dev/null" if file.status == "removed" else f"--- a/{file.path}")
    head.append("+++ /dev/null" if file.status == "added" else f"+++ b/{before}")
    return "\n".join(head) + "\n" + reversed_hunks(file.patch)


def _renamed(file: FileChange) -> list[str]:
    return [f"rename from {file.path}", f"rename to {file.before}"] if file.status == "renamed" else []


def editing_patch(path: str, before: str, after: str) -> str:
    """A patch for `git apply` that turns one text of a file into another."""
    diff = "".join(difflib.unified_diff(_lines(before), _lines(after), f"a/{path}", f"b/{path}"))
    return _bounded([f"diff --git a/{path} b/{path}\n{diff}"])


def _lines(text: str) -> list[str]:
    """Lines as git counts them, the last one marked when nothing ends it."""
    whole = text.split("\n")
    ended = [f"{line}\n" for line in whole[:-1]]
    return [*ended, f"{whole[-1]}\n\\ No newline at end of file\n"] if whole[-1] else ended


def _bounded(parts: Sequence[str]) -> str:
    """The parts that fit as wholes: half a hunk cannot be applied."""
    kept: list[str] = []
    size = 0
    for part in parts:
        size += len(part)
        if size > MAX_PATCH:
            kept.append(f"# {len(parts) - len(kept)} more files do not fit here; see the commit itself\n")
            break
        kept.append(part)
    return "".join(kept)


def mark_of(key: str) -> str:
    """What shows that something at a vendor was made under this key, and says nothing else."""
    return f"Autopilot-Key: {digest(key)}"


def branch_of(kind: Literal["revert", "hotfix"], subject: str, key: str) -> str:
    """The branch of a request: the same key always has the same one."""
    named = re.sub(r"[^A-Za-z0-9]+", "-", subject).strip("-")[:12].lower()
    return f"autopilot/{kind}-{named}-{digest(key)[:10]}"


def cited(sources: Iterable[str]) -> tuple[str, ...]:
    """The findings that the sources of a step's arguments name, behind their semicolons."""
    found = (_CITED.findall(source.partition(";")[2]) for source in sources)
    return tuple(dict.fromkeys(finding for ids in found for finding in ids))


def code(text: str, limit: int = 200) -> str:
    """Text from outside as inline code: it mentions nobody, links nothing and formats nothing."""
    return f"`{clean(text, limit).replace('`', chr(39)) or '-'}`"


@dataclass(frozen=True)
class Because:
    """Why a request is made, as its words tell it."""

    key: str
    link: str
    """The incident's page; empty when it is not known."""
    summary: str
    """What the step does."""
    findings: tuple[str, ...] = ()

    @property
    def incident(self) -> str:
        """The incident's id."""
        return self.key.partition("/")[0]

    @property
    def plan(self) -> str:
        """Which step of which plan this is."""
        parts = self.key.split("/")
        numbers = dict(zip(("plan", "option", "step"), parts[1:4], strict=False))
        return ", ".join(f"{name} {number}" for name, number in numbers.items())


def proposal(
    kind: Literal["revert", "hotfix"], subject: str, title: str, lines: Sequence[str], because: Because
) -> Proposal:
    """The words of a draft request.

    Args:
        kind: What sort of request.
        subject: The commit or file, for the branch's name.
        title: In one line.
        lines: What it contains, in Markdown.
        because: Why it is made.
    """
    incident = f"[{because.incident}]({because.link})" if because.link else code(because.incident)
    evidence = ", ".join(because.findings) or "see the incident"
    body = [
        f"Drafted for incident {incident}.",
        "",
        *lines,
        "",
        f"- Evidence: {evidence}",
        f"- Plan: {because.plan}: {code(because.summary)}",
        "",
        "Nothing is merged or deployed by the autopilot. Review it like any other change; close it if not needed.",
    ]
    short = clean(title, MAX_TITLE)
    message = f"{short}\n\nIncident: {because.incident}\n{mark_of(because.key)}\n"
    return Proposal(branch_of(kind, subject, because.key), short, "\n".join(body), message)
