"""Reading YAML that may be hostile: bounded in size, depth and nodes, no anchors, no tags, each node with its line.

PyYAML composes recursively, and its C loader ends the process on deep nesting; aliases let a small file become a
large one. So the events, which are produced one by one, are looked at before anything is composed.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol, cast

import yaml
from yaml.scanner import ScannerError

from autopilot.incident.base import clean
from autopilot.playbooks.problem import Problem

MAX_FILE = 262_144
"""Bytes; nobody's rules are longer, a mistake may be."""
MAX_DEPTH = 20
MAX_NODES = 20_000

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """Where a text stands: lines of an embedded text count from its place in the outer file."""

    file: str
    above: int = 0
    """Lines of the file before the text."""

    def problem(self, line: int, key: str, what: str, remedy: str) -> Problem:
        """A problem at a line (from 1) of the text."""
        return Problem(self.file, self.above + line, key, what, remedy)


@dataclass(frozen=True)
class Tree:
    """One YAML document: its value and where each part of it stands."""

    source: Source
    node: yaml.Node
    value: object

    def line(self, path: Path = ()) -> int:
        """The line (from 1, in the file) of a path, or of its nearest known parent."""
        return self.source.above + _line(self.node, path)

    def problem(self, path: Path, what: str, remedy: str, key: str = "") -> Problem:
        """A problem with what stands at a path."""
        return Problem(self.source.file, self.line(path), key or ".".join(map(str, path)), what, remedy)

    def at(self, path: Path) -> yaml.Node | None:
        """The node at a path; None when there is none."""
        node: yaml.Node | None = self.node
        for key in path:
            node = _child(node, key)
        return node


def _child(node: yaml.Node | None, key: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        if isinstance(key, int):
            # One mapping may stand for a list of one.
            return node
        return next((value for name, value in node.value if name.value == key), None)
    if isinstance(node, yaml.SequenceNode):
        if isinstance(key, int):
            return node.value[key] if key < len(node.value) else None
        # A list of mappings may stand for one mapping: `- autoRollback: …`.
        return next((found for item in node.value if (found := _child(item, key)) is not None), None)
    return None


def _line(node: yaml.Node, path: Path) -> int:
    line = node.start_mark.line + 1
    for key in path:
        child = _child(node, key)
        if child is None:
            break
        line, node = (line if child is node else _name_line(node, key, child)), child
    return line


def _name_line(node: yaml.Node, key: str | int, child: yaml.Node) -> int:
    """Where the key of a child stands; of a list's item, where the item begins."""
    holders = [node] if isinstance(node, yaml.MappingNode) else node.value if isinstance(key, str) else []
    names = (name for holder in holders if isinstance(holder, yaml.MappingNode) for name, _ in holder.value)
    found = next((name for name in names if name.value == key), child)
    return int(found.start_mark.line) + 1


def _guarded(text: str, source: Source) -> Problem | None:
    """The first reason not to compose a text."""
    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            return source.problem(line, "YAML", "uses an anchor or alias", "write the value out in each place")
        if getattr(event, "tag", None):
            return source.problem(line, "YAML", "uses a tag", "write plain texts, numbers, lists and mappings")
        if isinstance(event, (yaml.MappingStartEvent, yaml.SequenceStartEvent)):
            depth += 1
        elif isinstance(event, (yaml.MappingEndEvent, yaml.SequenceEndEvent)):
            depth -= 1
        nodes += isinstance(event, yaml.NodeEvent)
        if depth > MAX_DEPTH:
            return source.problem(line, "YAML", f"is nested deeper than {MAX_DEPTH} levels", "flatten it")
        if nodes > MAX_NODES:
            return source.problem(line, "YAML", f"has more than {MAX_NODES} values", "split the file")
    return None


def _repeated(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping: YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                yield key.start_mark.line + 1, str(key.value)
            seen.add(str(key.value))
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)


class _Loader(Protocol):
    """What the loader offers, with the types it lacks."""

    def check_node(self) -> bool: ...

    def get_node(self) -> yaml.Node | None: ...

    def construct_document(self, node: yaml.Node) -> object: ...


def read_trees(text: str, source: Source) -> tuple[list[Tree], list[Problem]]:
    """Every YAML document of a text, and what is wrong with the YAML itself."""
    if len(text.encode()) > MAX_FILE:
        return [], [source.problem(1, "file", f"has more than {MAX_FILE} bytes", "split it")]
    trees: list[Tree] = []
    try:
        if problem := _guarded(text, source):
            return [], [problem]
        loader = cast("_Loader", yaml.SafeLoader(text))  # its stubs leave a type unknown
        while loader.check_node():
            if (node := loader.get_node()) is not None:
                trees.append(Tree(source, node, loader.construct_document(node)))
    except yaml.MarkedYAMLError as error:
        # A scanner notices what is unfinished only further on; a parser's context may be the whole document.
        begun = error.context_mark if isinstance(error, ScannerError) else None
        mark = begun or error.problem_mark or error.context_mark
        what = clean(error.problem or "cannot be read", 200)
        return trees, [source.problem(mark.line + 1 if mark else 1, "YAML", what, "check indentation and quotes")]
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        what = clean(str(error).splitlines()[0] if str(error) else type(error).__name__, 200)
        return trees, [source.problem(1, "YAML", what, "check the characters, dates and numbers of the file")]
    doubles = [
        tree.source.problem(line, clean(key, 80), "stands twice", "remove one of them")
        for tree in trees
        for line, key in _repeated(tree.node)
    ]
    return trees, doubles
