"""What kubectl prints, read back: tables, `describe` blocks and manifests, whatever the kind of object."""

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

import yaml

_HEADING = re.compile(r"\S+(?: \S+)*")
_KEY = re.compile(r"([^\s:][^:]*(?::\S[^:]*)*):(?:\s+(.*))?$")
_RULED = re.compile(r"-{2,}(\s+-{2,})*\s*$")
_HEADED = re.compile(r"[A-Z]\w*( {2,}[A-Z]\w*)+$")
_AGE = re.compile(r"(\d+)([dhms])")
_SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
_DEPTH = 12
"""Levels of indentation that are followed; nothing kubectl prints is deeper."""
_VERBATIM = frozenset({"Args", "Command", "Mounts", "Environment Variables from", "Tolerations", "Taints"})
"""Blocks whose lines are values in their own words, whatever colons they hold."""
_Lines = list[tuple[int, str]]


def is_mapping(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether a parsed value is an object."""
    return isinstance(value, dict)


def is_list(value: object) -> TypeGuard[list[Any]]:
    """Whether a parsed value is a list."""
    return isinstance(value, list)


def read_table(text: str) -> list[dict[str, str]]:
    """The rows of a table with a heading; cells are cut where the headings begin, keys are lower case."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines or not re.match(r"[A-Z][A-Z /()-]*(\s{2,}|$)", lines[0]):
        return []
    return list(_cells(lines[0], lines[1:]))


def _cells(heading: str, lines: list[str]) -> Iterator[dict[str, str]]:
    found = [(m.start(), m.group().lower().replace(" ", "_")) for m in _HEADING.finditer(heading)]
    ends = [start for start, _ in found[1:]] + [None]
    for line in lines:
        yield {name: line[start:end].strip() for (start, name), end in zip(found, ends, strict=True)}


def read_description(text: str) -> dict[str, Any]:
    """A `describe` output as nested objects; a block without keys is a list of its lines."""
    lines = [(len(line) - len(line.lstrip()), line) for line in text.splitlines() if line.strip()]
    block = _block(lines, 0)
    return block if is_mapping(block) else {"text": text}


def _block(lines: _Lines, depth: int) -> Any:
    """What stands under a key: a table, an object or a list of lines."""
    if len(lines) > 1 and _RULED.match(lines[1][1].strip()):
        return list(_cells(lines[0][1], [line for _, line in lines[2:]]))
    if len(lines) > 1 and _HEADED.match(lines[0][1].strip()):
        return list(_cells(lines[0][1], [line for _, line in lines[1:]]))
    margin = min(indent for indent, _ in lines)
    entries = list(_entries(lines, margin))
    keyed = [_KEY.match(head.strip()) for head, _ in entries]
    if depth >= _DEPTH or not any(keyed):
        return [line.strip() for _, line in lines]
    found: dict[str, Any] = {}
    rest: list[str] = []
    for match, (head, below) in zip(keyed, entries, strict=True):
        if match is None:
            rest += [head.strip(), *(line.strip() for _, line in below)]
        else:
            key, value = match.group(1), (match.group(2) or "").strip()
            verbatim = key in _VERBATIM
            found[key] = _verbatim(value, below) if verbatim else _value(value, below, depth)
    return found | ({"lines": rest} if rest else {})


def _entries(lines: _Lines, margin: int) -> Iterator[tuple[str, _Lines]]:
    """Lines at the margin, each with the deeper ones that follow it."""
    at = 0
    while at < len(lines):
        end = at + 1
        while end < len(lines) and lines[end][0] > margin:
            end += 1
        yield lines[at][1], lines[at + 1 : end]
        at = end


def _verbatim(value: str, below: _Lines) -> list[str]:
    return [text for text in (value, *(line.strip() for _, line in below)) if text]


def _value(value: str, below: _Lines, depth: int) -> Any:
    if not below:
        return value
    inner = _block(below, depth + 1)
    if not value or (is_list(inner) and inner and is_mapping(inner[0])):
        return inner
    return {"value": value, **inner} if is_mapping(inner) else [value, *inner]


def read_manifests(text: str) -> list[dict[str, Any]]:
    """The objects of a YAML stream; one that cannot be read ends the list."""
    found: list[dict[str, Any]] = []
    try:
        for document in yaml.load_all(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
            found += [document] if is_mapping(document) else []
    except yaml.YAMLError:
        return found
    return found


def seconds_of(age: str) -> float | None:
    """`2m17s` as seconds; of `65s (x4 over 108s)` the last time. None when it is no age."""
    parts = _AGE.findall(age.split(" (", maxsplit=1)[0])
    return float(sum(int(number) * _SECONDS[unit] for number, unit in parts)) if parts else None


_EVENT = re.compile(r"(\S+(?: \(x\d+ over \S+\))?)\s+(Normal|Warning)\s+(\S+)\s+([a-z]\S*/\S+)\s+(.*)$")


def read_events(text: str) -> list[dict[str, str]]:
    """Events as `get events` prints them, with or without a heading."""
    names = ("age", "type", "reason", "object", "message")
    matches = (_EVENT.match(line) for line in text.splitlines())
    return [dict(zip(names, match.groups(), strict=True)) for match in matches if match]
