"""Which part of a diff to show: the hunks most likely to change how a service behaves under load come first."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from autopilot.incident.base import clean

_TELLING = re.compile(
    r"quer(?:y|ies)|scan|select|join|index|limit|batch|loop|for |while |retry|timeout|pool|connection|cache|lock|"
    r"thread|memory|capacity|concurren|throttl|sleep|await|env|config|flag|version|url|host|secret|permission|role",
    re.IGNORECASE,
)
_QUIET = re.compile(
    r"(^|/)(docs?|tests?|examples?|\.github)/|\.(md|rst|txt|lock|svg|png|snap)$|(^|/)(package-lock\.json|go\.sum|"
    r"CHANGELOG[^/]*|LICENSE)$|(^|/)test_[^/]*$|_test\.[a-z]+$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class FileDiff:
    """One changed file; `patch` is a unified diff without file headers, empty for binary or huge files."""

    name: str
    patch: str


def split_patch(whole: str) -> dict[str, str]:
    """The hunks of each file of a `git diff`, by the file's path after it (before it where the file is gone)."""
    found: dict[str, str] = {}
    for part in re.split(r"(?m)^diff --git ", whole)[1:]:
        head, at, hunks = part.partition("\n@@ ")
        paths = dict(re.findall(r"(?m)^(---|\+\+\+) (?:[ab]/)?(.+?)\t?$", head))
        path = paths.get("+++", "")
        path = paths.get("---", "") if path in ("", "/dev/null") else path
        if at and path:
            found[path] = f"@@ {hunks}"
    return found


def _hunks(patch: str) -> list[str]:
    return [part for part in re.split(r"(?m)^(?=@@ )", patch) if part.strip()]


def _weight(name: str, hunk: str) -> float:
    changed = [line for line in hunk.splitlines() if line[:1] in ("+", "-")]
    telling = sum(1 for line in changed if _TELLING.search(line))
    weight = telling * 2 + min(len(changed), 20) / 10
    return weight * (0.1 if _QUIET.search(name) else 1.0)


def excerpt(files: Iterable[FileDiff], limit: int) -> str:
    """The hunks that matter first, each under its file's name, within `limit` characters; says what is left out."""
    ranked = sorted(
        (
            (_weight(f.name, hunk), f.name, number, hunk)
            for f in files
            for number, hunk in enumerate(_hunks(f.patch))
        ),
        key=lambda item: (-item[0], item[1], item[2]),
    )
    shown: list[str] = []
    left = limit - 40
    for place, (_, name, _, hunk) in enumerate(ranked):
        text = f"--- {clean(name, 200)}\n{clean(hunk, 2_000, lines=True)}"
        if len(text) > left:
            shown.append(f"… {len(ranked) - place} more hunks")
            break
        shown.append(text)
        left -= len(text) + 1
    return "\n".join(shown)
