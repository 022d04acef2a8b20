"""Reading playbook files: valid documents, and problems that name file, line, key and remedy."""

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from typing import cast, get_args

import yaml
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from autopilot.playbooks.response import SPECS, Metadata, Shape

MAX_FILE = 262_144
"""Bytes; nobody's rules are longer, a mistake may be."""


@dataclass(frozen=True)
class Written:
    """One valid document: what it says and where it stands."""

    kind: str
    name: str
    spec: Shape
    where: str
    """`file:line`."""


def _line(node: yaml.Node | None, path: tuple[str | int, ...]) -> int:
    """The line (1-based) of a path, or of its nearest known parent."""
    line = node.start_mark.line + 1 if node else 1
    for key in path:
        if isinstance(node, yaml.MappingNode):
            pair = next(((k, v) for k, v in node.value if k.value == key), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(key, int) and key < len(node.value):
            node = node.value[key]
            line = node.start_mark.line + 1 if node else line
    return line


def _repeated(node: yaml.Node | None) -> Iterator[tuple[int, str]]:
    """Keys that stand twice in one mapping: YAML would silently take the last."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                yield key.start_mark.line + 1, str(key.value)
            seen.add(str(key.value))
            yield from _repeated(value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)


def _keys(shape: type[BaseModel], path: tuple[str | int, ...]) -> list[str]:
    """The keys that are allowed beside the last part of a path."""
    for part in path[:-1]:
        if isinstance(part, str):
            field = next((f for n, f in shape.model_fields.items() if part in (n, f.alias)), None)
            inner = _inner(field) if field else None
            if inner is None:
                break
            shape = inner
    return [f.alias or n for n, f in shape.model_fields.items()]


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    found = (field.annotation, *get_args(field.annotation))
    return next((a for a in found if isinstance(a, type) and issubclass(a, BaseModel)), None)


def _explained(
    error: ValidationError, shape: type[BaseModel], node: yaml.Node, prefix: str, file: str
) -> list[str]:
    """One line per problem: `file:line: key: what; remedy`."""
    problems: list[str] = []
    for item in error.errors(include_url=False, include_input=False):
        path = item["loc"]
        key = ".".join(str(part) for part in (prefix, *path))
        line = _line(node, (prefix, *path))
        allowed = _keys(shape, path)
        what, remedy = item["msg"].removeprefix("Value error, "), "see docs/contract.md for the values"
        if item["type"] == "extra_forbidden":
            near = get_close_matches(str(path[-1]), allowed, 1)
            what = "is not a known key"
            remedy = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(allowed)}"
        elif item["type"] == "missing":
            what, remedy = "is missing", f"add `{path[-1]}:`"
        elif "; " in what:
            what, _, remedy = what.partition("; ")
        problems.append(f"{file}:{line}: {key}: {what}; {remedy}")
    return problems


def _document(node: yaml.Node, value: object, file: str) -> tuple[Written | None, list[str]]:
    """One YAML document as a valid one, or its problems."""
    first = node.start_mark.line + 1
    doubles = [f"{file}:{line}: {key}: stands twice; remove one of them" for line, key in _repeated(node)]
    if doubles:
        return None, doubles
    if not isinstance(value, dict):
        return None, [f"{file}:{first}: document: is no mapping; start with `kind: IncidentResponse`"]
    keys = cast("dict[object, object]", value)  # YAML is untyped until its shape is checked
    kind = str(keys.get("kind"))
    spec = SPECS.get(kind)
    if spec is None:
        return None, [f"{file}:{_line(node, ('kind',))}: kind: {kind!r} is not known; use {', '.join(SPECS)}"]
    problems: list[str] = []
    parts: dict[str, BaseModel] = {}
    for key, shape in (("metadata", Metadata), ("spec", spec)):
        try:
            parts[key] = shape.model_validate(keys.get(key) or {})
        except ValidationError as error:
            problems += _explained(error, shape, node, key, file)
    metadata, body = parts.get("metadata"), parts.get("spec")
    if not isinstance(metadata, Metadata) or not isinstance(body, Shape):
        return None, problems
    return Written(kind, metadata.name, body, f"{file}:{first}"), []


def read_documents(text: str, file: str) -> tuple[list[Written], list[str]]:
    """Every document of a file, and every problem in it as `file:line: key: what; remedy`."""
    if len(text.encode()) > MAX_FILE:
        return [], [f"{file}:1: file: has more than {MAX_FILE} bytes; split it"]
    written: list[Written] = []
    problems: list[str] = []
    try:
        values: Iterator[object] = yaml.safe_load_all(text)
        for node, value in zip(yaml.compose_all(text, Loader=yaml.SafeLoader), values, strict=True):
            found, wrong = _document(node, value, file)
            written += [found] if found else []
            problems += wrong
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        problems.append(f"{file}:{line}: YAML: {error.problem or 'cannot be read'}; check indentation and quotes")
    except (yaml.YAMLError, ValueError) as error:
        problems.append(f"{file}:1: YAML: {str(error).splitlines()[0]}; check the file")
    return written, problems
