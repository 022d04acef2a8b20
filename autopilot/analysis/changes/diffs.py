"""Diffs: which lines a change really edits, and of what nature it is. Reading is bounded; broken diffs do no harm.

A line that was removed here and added there has only moved: what remains is the net edit, which says what a change
can do to a running service. Documentation, tests, comments or style sheets can do next to nothing.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

_MOST_CHARACTERS = 30_000
_MOST_LINES = 500
_LONGEST = 300
Sign = Literal["+", "-", " "]
Nature = Literal[
    "unknown",
    "code",
    "dependencies",
    "moved",
    "logging",
    "presentation",
    "pipeline",
    "tests",
    "comments",
    "documents",
]
HARM: dict[Nature, float] = {
    "unknown": 1.0, "code": 1.0, "dependencies": 0.4, "moved": 0.25, "logging": 0.2, "presentation": 0.15,
    "pipeline": 0.1, "tests": 0.05, "comments": 0.05, "documents": 0.02,
}  # fmt: skip
"""How much a change of this nature can do to a running service, as a share."""
NATURE_TOLD: dict[Nature, str] = {
    "dependencies": "only raises versions of libraries", "moved": "only moves code",
    "logging": "only changes logging", "presentation": "only changes presentation",
    "pipeline": "only changes the build", "tests": "only changes tests", "comments": "only changes comments",
    "documents": "only changes documents",
}  # fmt: skip
_BY_PATH: tuple[tuple[Nature, str], ...] = (
    (
        "tests",
        r"(^|/)(tests?|__tests__|testdata|fixtures|spec|e2e)/|_test\.\w+$|(^|/)test_[^/]*$|\.(spec|test)\.\w+$",
    ),
    (
        "pipeline",
        r"(^|/)\.(github|gitlab|circleci|husky)|(^|/)(jenkinsfile|codeowners|\.\w*lint\w*|\.editorconfig|"
        r"\.gitignore|\.pre-commit[^/]*)|\.golangci",
    ),
    (
        "documents",
        r"(^|/)(docs?|adr|runbooks)/|\.(md|rst|adoc|txt)$|(^|/)(readme|changelog|licen[cs]e|authors)[^/]*$",
    ),
    ("presentation", r"\.(css|scss|sass|less|svg|png|jpe?g|gif|ico|woff2?|html?)$"),
    (
        "dependencies",
        r"(^|/)(go\.(mod|sum)|package(-lock)?\.json|yarn\.lock|pnpm-lock\.yaml|poetry\.lock|pipfile(\.lock)?|uv\.lock|"
        r"requirements[^/]*\.txt|cargo\.(toml|lock)|gemfile(\.lock)?|pom\.xml|[^/]*\.gradle(\.kts)?)$",
    ),
)  # fmt: skip
_PATHS: tuple[tuple[Nature, re.Pattern[str]], ...] = tuple(
    (nature, re.compile(pattern, re.IGNORECASE)) for nature, pattern in _BY_PATH
)
_COMMENT = re.compile(r"^\s*(//|#(?!!|include|define|if|else|endif|\[)|/\*|\*(\s|/|$)|--\s|<!--|\"\"\"|'{3}|rem\s)")
_LOGGING = re.compile(
    r"^\s*[\w.:>-]*\b(log|logger|logging|slog|console|LOG_\w+|log4j|printf?|println|fmt\.Print\w*)\b[\w.:]*\s*[(!]|"
    r"^\s*LOG_\w+\s*\(|^\s*log\.\w+",
    re.IGNORECASE,
)
_BARE = re.compile(r"^[\s{}()\[\];,]*$")
_IMPORT = re.compile(r"^\s*(import|from\s+\S+\s+import|use|using|require|#include|package)\b")
_DEFINITION = re.compile(
    r"\b(?:func|def|function|fn|fun|void|static|private|public)\b[^(=]*?(?:\([^)]*\)\s*)?(\w+)\s*\("
)
_AT_HEAD = re.compile(r"@@\s+([\w.@+-]+(?:/[\w.@+-]+)*\.\w{1,8}|[\w.@+-]+(?:/[\w.@+-]+)+)")
_PATH = re.compile(r"[\w.@+-]+(?:/[\w.@+-]+)+|[\w@+-]+\.\w{1,6}")


@dataclass(frozen=True)
class DiffLine:
    """A line of a diff; `net` when it was really added or removed rather than moved."""

    sign: Sign
    text: str
    net: bool = False


@dataclass(frozen=True)
class Edit:
    """What a change does to one file."""

    path: str
    lines: tuple[DiffLine, ...]

    def net(self, sign: Sign) -> tuple[str, ...]:
        """The lines really added ("+") or removed ("-")."""
        return tuple(line.text for line in self.lines if line.sign == sign and line.net)

    @property
    def nature(self) -> Nature:
        """What sort of edit it is, by its path, then by its lines."""
        by_path = nature_of_path(self.path)
        if by_path != "code":
            return by_path
        edited = [line.text for line in self.lines if line.net and not _IMPORT.match(line.text)]
        if not edited:
            return "moved" if any(line.sign != " " for line in self.lines) else "code"
        if all(_COMMENT.match(text) for text in edited):
            return "comments"
        if all(_LOGGING.match(text) or _COMMENT.match(text) for text in edited):
            return "logging"
        return "moved" if self._extracted() else "code"

    def _extracted(self) -> bool:
        """Whether the lines taken out all came back in a new function, and nothing else but its calls is new."""
        taken = [line for line in self.lines if line.sign == "-" and not _BARE.match(line.text)]
        new = [text for text in self.net("+") if not _COMMENT.match(text)]
        names = [found.group(1) for text in new if (found := _DEFINITION.search(text))]
        told = all(any(name in text for name in names) for text in new)
        return len(taken) >= 2 and not any(line.net for line in taken) and bool(names) and told


def read_diff(diff: str, files: Sequence[str] = ()) -> tuple[Edit, ...]:
    """The edits of a diff, file by file; files of the change that the diff does not show come without lines.

    Understands `diff --git`, `---`/`+++` pairs, a lone `--- path` and hunk headings that name a path.
    """
    gathered: dict[str, list[DiffLine]] = {}
    path = files[0] if files else ""
    for raw in diff[:_MOST_CHARACTERS].splitlines()[:_MOST_LINES]:
        line = raw[:_LONGEST]
        named = _heading(line, files)
        if named is not None:
            path = named or path
            if line.startswith("@@"):
                gathered.setdefault(path, []).append(DiffLine(" ", line.strip("@ ")))
            continue
        sign: Sign = "+" if line.startswith("+") else "-" if line.startswith("-") else " "
        gathered.setdefault(path, []).append(DiffLine(sign, line[1:] if line[:1] in "+- " else line))
    for file in files[:50]:
        gathered.setdefault(file, [])
    return tuple(Edit(path, lines) for path, lines in _net(gathered).items())


def _heading(line: str, files: Sequence[str]) -> str | None:
    """The path that a heading names, "" for a heading without one, None for a line of the file."""
    if line.startswith(("diff --git ", "--- ", "+++ ")):
        found = _PATH.findall(line)
        kept = [p for p in found if p not in ("dev/null", "/dev/null")]
        paths = [p if p in files else re.sub(r"^[ab]/", "", p) for p in kept]
        if line.startswith("--- ") and not paths:
            return "" if "/dev/null" in line else None
        return paths[-1] if paths else ""
    if line.startswith(("index ", "new file mode", "deleted file mode", "similarity index", "rename ")):
        return ""
    if not line.startswith("@@"):
        return None
    named = _AT_HEAD.match(line)
    return named.group(1) if named and (named.group(1) in files or "/" in named.group(1)) else ""


def _net(gathered: dict[str, list[DiffLine]]) -> dict[str, tuple[DiffLine, ...]]:
    every = [line for lines in gathered.values() for line in lines]
    removed = Counter(_plain(line.text) for line in every if line.sign == "-")
    added = Counter(_plain(line.text) for line in every if line.sign == "+")
    moved = removed & added
    left = {"+": moved.copy(), "-": moved.copy()}
    result: dict[str, tuple[DiffLine, ...]] = {}
    for path, lines in gathered.items():
        kept: list[DiffLine] = []
        for line in lines:
            plain = _plain(line.text)
            if line.sign == " " or _BARE.match(line.text):
                kept.append(line)
            elif left[line.sign][plain] > 0:
                left[line.sign][plain] -= 1
                kept.append(line)
            else:
                kept.append(replace(line, net=True))
        result[path] = tuple(kept)
    return result


def _plain(text: str) -> str:
    return re.sub(r"\s+", "", text)


def nature_of_path(path: str) -> Nature:
    """What sort of file a path names."""
    for nature, pattern in _PATHS:
        if pattern.search(path[:_LONGEST]):
            return nature
    return "code"


def nature_of(edits: Iterable[Edit]) -> Nature:
    """The most harmful nature among edits; `unknown` when there are none."""
    natures: list[Nature] = sorted((edit.nature for edit in edits), key=lambda n: (HARM[n], n))
    return natures[-1] if natures else "unknown"
