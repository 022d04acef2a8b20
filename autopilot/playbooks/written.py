"""A valid document with the place of each of its parts, and mistakes as problems at those places."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from autopilot.incident.base import clean
from autopilot.playbooks.problem import Problem
from autopilot.playbooks.values import Shape, near
from autopilot.playbooks.yaml_tree import Path, Tree

OWN_VERSION = "autopilot/v1"
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Place:
    """Where a spec stands in its document."""

    under: Path = ("spec",)
    entries: Path = ("entries",)
    """Where the entries of a schedule stand: others call them otherwise, or write nothing else."""

    def of(self, path: Path) -> Path:
        """Where a part of the spec stands."""
        return (*self.under, *(self.entries + path[1:] if path[:1] == ("entries",) else path))


@dataclass(frozen=True)
class Written:
    """One valid document: what it says and where each part of it stands."""

    kind: str
    name: str
    spec: Shape
    tree: Tree
    place: Place = Place()
    version: str = OWN_VERSION

    @property
    def file(self) -> str:
        """The file."""
        return self.tree.source.file

    @property
    def where(self) -> str:
        """`file:line`."""
        return f"{self.file}:{self.tree.line()}"

    def line(self, path: Path) -> int:
        """Where a part of the spec stands."""
        return self.tree.line(self.place.of(path))

    def problem(self, path: Path, what: str, remedy: str) -> Problem:
        """A problem with a part of the spec."""
        return self.tree.problem(self.place.of(path), what, remedy, shown(self.place, path))


def shown(place: Place, path: Path) -> str:
    """A path as people read it."""
    return clean(".".join(map(str, place.of(path))) or "data", 200)


def _inner(field: FieldInfo) -> type[BaseModel] | None:
    """The model that a field holds, alone, as an alternative or in a tuple."""
    waiting: list[object] = [field.annotation]
    while waiting:
        kind = waiting.pop()
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
        waiting += get_args(kind)
    return None


def known_keys(shape: type[BaseModel], path: Path) -> list[str]:
    """The keys that are allowed beside the last part of a path."""
    for part in path[:-1]:
        if isinstance(part, str):
            field = next((f for n, f in shape.model_fields.items() if part in (n, f.alias)), None)
            inner = _inner(field) if field else None
            if inner is None:
                break
            shape = inner
    return [f.alias or n for n, f in shape.model_fields.items()]


def explained(error: ValidationError, shape: type[BaseModel], tree: Tree, place: Place) -> Iterator[Problem]:
    """One problem per mistake."""
    for item in error.errors(include_url=False, include_input=False):
        path: Path = item["loc"]
        what, remedy = "cannot be used", item["msg"].replace("Input should", "it should")
        if item["type"] == "extra_forbidden":
            what, remedy = "is not a known key", near(str(path[-1]), known_keys(shape, path))
        elif item["type"] == "missing":
            what, remedy = "is missing", f"add `{path[-1]}:`"
        elif item["type"] == "literal_error":
            what, remedy = "is no value for it", f"use {item.get('ctx', {}).get('expected', '')}"
        elif item["type"] == "value_error":
            what, _, remedy = item["msg"].removeprefix("Value error, ").partition("; ")
        yield tree.problem(place.of(path), clean(what, 300), clean(remedy, 300), shown(place, path))


def validated(shape: type[M], value: object, tree: Tree, place: Place) -> tuple[M | None, list[Problem]]:
    """A value as its shape, or what is wrong with it."""
    try:
        return shape.model_validate({} if value is None else value), []
    except ValidationError as error:
        return None, list(explained(error, shape, tree, place))
