"""The Git checkout that rules come from: its root, and the commit when the files are just as committed."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

SECONDS = 5.0
_QUIET = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""A checkout's own configuration starts no program of its own."""


def repository_of(folder: Path) -> Path | None:
    """The root of the checkout in which a folder lies; None outside one."""
    here = folder.resolve()
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), None)


def commit_of(folder: Path, files: Sequence[Path]) -> str:
    """The commit that holds exactly these files; empty without Git, outside a checkout, or when they differ."""
    if repository_of(folder) is None or not files:
        return ""
    changed = _git(
        folder, "status", "--porcelain", "--untracked-files=all", "--", *(str(f.resolve()) for f in files)
    )
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    return commit if commit and changed == "" else ""


def _git(folder: Path, *arguments: str) -> str | None:
    """What Git says; None when it is not there or refuses."""
    try:
        said = subprocess.run(
            ["git", *_QUIET, "-C", str(folder), *arguments],
            capture_output=True, text=True, timeout=SECONDS, check=True,
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()
