"""Reading notes about a service: entries out of YAML or Markdown, and problems that name file, line and remedy.

YAML is read as a tree of plain texts: nothing is constructed, and anchors are refused, so that a small file cannot
become a large one.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal, get_args

import yaml

from autopilot.incident.base import clean

NoteKind = Literal["owners", "invariants", "quirks", "links"]
NOTE_KINDS: tuple[NoteKind, ...] = get_args(NoteKind)
_HEADINGS: dict[str, NoteKind] = {
    "owner": "owners", "owners": "owners", "invariant": "invariants", "invariants": "invariants", "link": "links",
    "links": "links",
}  # fmt: skip
MAX_FILE = 65_536
"""Bytes."""
MAX_ENTRIES = 60
"""Of one file: more than anybody reads during an incident."""
MAX_TEXT = 300
"""Characters of an entry: one or two sentences."""
MAX_DEPTH = 6
_HEADING = re.compile(r"#{1,6}\s+(?P<title>.+?)\s*#*\s*$")
_BULLET = re.compile(r"\s*(?:[-*+]|\d{1,3}[.)])\s+(?P<text>\S.*)$")
_LINK = re.compile(r"\[(?P<title>[^\]]{1,200})\]\((?P<url>[^)\s]{1,500})\)")
_FENCE = re.compile(r"-{3,}\s*$")
_RULE = re.compile(r"\s*(?:(?:-\s*){3,}|(?:\*\s*){3,}|(?:_\s*){3,})$")
_UNDERLINE = re.compile(r"\s{0,3}(?:-+|=+)\s*$")
"""Makes a heading of the line above it."""
_UNSAID = re.compile(r"<!--|^[ \t]*(?P<fence>`{3,}(?=[^`\n]*$)|~{3,})", re.MULTILINE)
"""Where a comment or a block of code begins."""
_URL = re.compile(r"https?://[^\s<>\"']{1,500}")


@dataclass(frozen=True)
class Entry:
    """One thing somebody wrote down."""

    kind: NoteKind
    text: str
    line: int
    """Where it stands in its file, from 1."""
    url: str = ""
    """Where a link leads; empty for everything else."""


@dataclass(frozen=True)
class NoteFile:
    """What one file says."""

    file: str
    service: str
    entries: tuple[Entry, ...] = ()
    problems: tuple[str, ...] = ()
    """Lines of `file:line: key: what; remedy`."""


def read_note_file(content: bytes, file: str, service: str) -> NoteFile:
    """The notes of one file. `service` is what it is about unless its key `service` says otherwise."""
    if len(content) > MAX_FILE:
        problem = f"{file}:1: file: has more than {MAX_FILE} bytes; keep what matters"
        return NoteFile(file, service, problems=(problem,))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return NoteFile(file, service, problems=(f"{file}:1: file: is not UTF-8; save it as UTF-8",))
    reader = _Reader(file, service)
    if file.lower().endswith(".md"):
        reader.read_markdown(text)
    else:
        reader.read_yaml(text, 0)
    return reader.result()


class _Reader:
    """Gathers entries and problems of one file."""

    def __init__(self, file: str, service: str) -> None:
        self._file = file
        self._service = service
        self._entries: list[Entry] = []
        self._problems: list[str] = []

    def result(self) -> NoteFile:
        if len(self._entries) > MAX_ENTRIES:
            line = self._entries[MAX_ENTRIES].line
            self._wrong(line, "file", f"has more than {MAX_ENTRIES} entries", "keep what matters in an incident")
        problems = tuple(self._problems)
        return NoteFile(self._file, self._service, () if problems else tuple(self._entries), problems)

    def read_markdown(self, text: str) -> None:
        """Front matter, then one entry per bullet or paragraph; headings say of which kind, `quirks` by default.

        Comments, blocks of code and lines that only divide say nothing.
        """
        lines = text.splitlines()
        body = 0
        if lines and _FENCE.match(lines[0]):
            end = next((n for n, line in enumerate(lines[1:], 1) if _FENCE.match(line)), None)
            if end is None:
                return self._wrong(1, "front matter", "has no end", "close it with a line of ---")
            self.read_yaml("\n".join(lines[1:end]), 1)
            body = end + 1
        said, unclosed = _said("\n".join(lines[body:]))
        for kind, entry, number in _entries(said):
            self._add(kind, entry, body + number)
        if unclosed:
            self._wrong(body + unclosed, "text", "has a comment or code that does not end", "close it")
        return None

    def read_yaml(self, text: str, above: int) -> None:
        """A mapping of the known keys; `above`: lines of the file before it."""
        try:
            if problem := _unfit(text):
                return self._wrong(above + problem[0], "YAML", problem[1], "write plain lists of sentences")
            node = yaml.compose(text, Loader=yaml.SafeLoader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = above + (mark.line + 1 if mark else 1)
            return self._wrong(line, "YAML", error.problem or "cannot be read", "check indentation and quotes")
        except (yaml.YAMLError, ValueError) as error:
            return self._wrong(above + 1, "YAML", clean(str(error), 200), "check the file")
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            return self._wrong(above + 1, "document", "is no mapping", "start with `quirks:` and a list")
        return self._keys(node, above)

    def _keys(self, node: yaml.MappingNode, above: int) -> None:
        seen: set[str] = set()
        for key, value in _pairs(node):
            name, line = _plain(key), above + key.start_mark.line + 1
            if name in seen:
                self._wrong(line, name, "stands twice", "remove one of them")
            elif name == "service" and isinstance(value, yaml.ScalarNode) and _plain(value):
                self._service = clean(_plain(value), 200)
            elif name in NOTE_KINDS:
                self._list(name, value, above)
            else:
                known = ("service", *NOTE_KINDS)
                near = get_close_matches(name, known, 1)
                remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
                self._wrong(line, name, "is not a known key", remedy)
            seen.add(name)

    def _list(self, kind: NoteKind, value: yaml.Node, above: int) -> None:
        items = _items(value) if isinstance(value, yaml.SequenceNode) else [value]
        for item in items:
            line = above + item.start_mark.line + 1
            if isinstance(item, yaml.ScalarNode):
                self._add(kind, _plain(item), line)
            elif kind == "links" and isinstance(item, yaml.MappingNode):
                told = {_plain(k): _plain(v) for k, v in _pairs(item)}
                self._link(told.get("title", ""), told.get("url", ""), line)
            else:
                self._wrong(line, kind, "is no sentence", "write `- one sentence`, quoted when it has a colon")

    def _add(self, kind: NoteKind, text: str, line: int) -> None:
        if kind == "links":
            named, plain = _LINK.search(text), _URL.search(text)
            title = named["title"] if named else text[: plain.start()].rstrip(" :-") if plain else text
            return self._link(title, named["url"] if named else plain[0] if plain else "", line)
        said = clean(text, MAX_TEXT + 1)
        if not said:
            return self._wrong(line, kind, "is empty", "write one sentence or remove it")
        if len(said) > MAX_TEXT:
            return self._wrong(line, kind, f"has more than {MAX_TEXT} characters", "split it into several entries")
        self._entries.append(Entry(kind, said, line))
        return None

    def _link(self, title: str, url: str, line: int) -> None:
        if not _URL.fullmatch(url):
            return self._wrong(line, "links", "has no http or https address", "write `- title: https://…`")
        self._entries.append(Entry("links", clean(title or url, MAX_TEXT), line, url))
        return None

    def _wrong(self, line: int, key: str, what: str, remedy: str) -> None:
        self._problems.append(f"{self._file}:{line}: {clean(key, 60)}: {what}; {remedy}")


def _said(text: str) -> tuple[str, int]:
    """A text whose comments and blocks of code are empty lines, and the line of one that does not end, else 0."""
    kept: list[str] = []
    place = 0
    while opened := _UNSAID.search(text, place):
        fence = opened["fence"]
        closing = re.compile(rf"^[ \t]*{fence}{fence[0]}*[ \t]*$" if fence else "-->", re.MULTILINE)
        closed = closing.search(text, opened.end())
        kept.append(text[place : opened.start()])
        if closed is None:
            return "".join(kept), text.count("\n", 0, opened.end()) + 1
        kept.append("\n" * text.count("\n", opened.start(), closed.end()))
        place = closed.end()
    return "".join([*kept, text[place:]]), 0


def _entries(text: str) -> list[tuple[NoteKind, str, int]]:
    """Every bullet and paragraph with its further lines: its kind by the heading above it, and where it begins."""
    found: list[tuple[NoteKind, str, int]] = []
    kind: NoteKind = "quirks"
    growing: Literal["", "bullet", "paragraph"] = ""
    for number, line in enumerate(text.splitlines(), 1):
        heading, bullet, ruled = _HEADING.match(line), _BULLET.match(line), _RULE.match(line)
        if heading:
            kind, growing = _kind_of(heading["title"]), ""
        elif growing == "paragraph" and _UNDERLINE.match(line):
            kind, growing = _kind_of(found.pop()[1]), ""
        elif ruled or not line.strip():
            growing = ""
        elif growing and not bullet:
            found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}", found[-1][2])
        else:
            found.append((kind, bullet["text"] if bullet else line, number))
            growing = "bullet" if bullet else "paragraph"
    return found


def _kind_of(title: str) -> NoteKind:
    return _HEADINGS.get(title.strip().lower().removesuffix(":"), "quirks")


def _unfit(text: str) -> tuple[int, str] | None:
    """The line of what notes have no need of: anchors, deep nesting, several documents. Raises yaml.YAMLError."""
    depth = documents = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return line, "has an anchor"
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        documents += isinstance(event, yaml.DocumentStartEvent)
        if depth > MAX_DEPTH:
            return line, f"is nested deeper than {MAX_DEPTH}"
        if documents > 1:
            return line, "has a second document"
    return None


def _pairs(node: yaml.MappingNode) -> Iterator[tuple[yaml.Node, yaml.Node]]:
    yield from node.value


def _items(node: yaml.SequenceNode) -> Iterator[yaml.Node]:
    yield from node.value


def _plain(node: yaml.Node) -> str:
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""
