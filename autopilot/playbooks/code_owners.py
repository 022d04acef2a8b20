"""CODEOWNERS: who owns which path of a repository, by the rules that GitHub documents (the last match wins)."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from codeowners import CodeOwners

from autopilot.incident.base import clean
from autopilot.playbooks.problem import Problem

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Where GitHub looks, in this order."""
MAX_FILE = 3_000_000
"""Bytes: GitHub reads no larger one."""
MAX_LINE, MAX_STARS = 1_000, 8
"""A pattern becomes a regular expression: long ones with many stars would take for ever."""


@dataclass(frozen=True)
class CodeOwnersFile:
    """One file, read."""

    file: str
    text: str
    sha256: str

    @cached_property
    def _owners(self) -> CodeOwners:
        return CodeOwners(self.text)

    def of(self, paths: Sequence[str]) -> tuple[tuple[str, ...], str]:
        """The owners of the first path that has any, and the line that says so."""
        for path in paths:
            owners, line, pattern, _ = self._owners.matching_line(path.strip("/"))
            if owners:
                return tuple(
                    clean(name, 200) for _, name in owners
                ), f"CODEOWNERS line {line}: {clean(pattern, 100)}"
        return (), ""


def code_owners_in(folder: Path, root: Path | None) -> Path | None:
    """Where the file of a folder is, else that of the repository it lies in; None when there is none."""
    places = (place / name for place in (folder, root) if place is not None for name in PLACES)
    return next((place for place in places if place.is_file()), None)


def read_code_owners(folder: Path, root: Path | None) -> tuple[CodeOwnersFile | None, list[Problem]]:
    """What the file says, and what is wrong with it; None when there is none."""
    path = code_owners_in(folder, root)
    if path is None:
        return None, []
    try:
        content = path.read_bytes()[: MAX_FILE + 1]
        text = content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        what = f"cannot be read ({type(error).__name__})"
        return None, [Problem(str(path), 1, "file", what, "make it readable and save it as UTF-8")]
    if len(content) > MAX_FILE:
        return None, [Problem(str(path), 1, "file", f"has more than {MAX_FILE} bytes", "shorten it")]
    problems = [
        Problem(str(path), number, "pattern", "is too long or has too many stars", "write a simpler pattern")
        for number, line in enumerate(text.splitlines(), start=1)
        if not line.lstrip().startswith("#") and (len(line) > MAX_LINE or line.count("*") > MAX_STARS)
    ]
    return CodeOwnersFile(str(path), text, hashlib.sha256(content).hexdigest()), problems
