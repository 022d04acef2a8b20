"""Schedules in a ConfigMap: each value of `data` is YAML by itself, told of with lines of the outer file."""

import yaml
from pydantic import TypeAdapter, ValidationError

from autopilot.incident.base import clean
from autopilot.playbooks.problem import Problem
from autopilot.playbooks.schedules import DutyShape, OnCallSpec
from autopilot.playbooks.values import Zone, mapping, sequence
from autopilot.playbooks.written import Place, Written, validated
from autopilot.playbooks.yaml_tree import Path, Source, Tree, read_trees

CONFIG_MAP = "ConfigMap"
LISTS = ("entries", "schedule", "schedules", "rotation", "rotations", "weeks", "oncall", "onCall")
"""What the list of entries is called there."""
_ZONE = TypeAdapter(Zone)
_ENTRY = {field.alias or name for name, field in DutyShape.model_fields.items()}


def read_config_map(tree: Tree, data: object, name: str) -> tuple[list[Written], list[Problem]]:
    """The schedules of a ConfigMap; `timezone` beside them holds for those that name none."""
    texts = mapping(data) or {}
    if not set(texts) - {"timezone"}:
        return [], [tree.problem(("data",), "holds no schedule", "add a key with the schedule as text below `|`")]
    written, problems = list[Written](), _about_zone(tree, texts.get("timezone"))
    if problems:
        return [], problems
    for key, text in texts.items():
        node = tree.at(("data", str(key)))
        if key == "timezone" or node is None:
            continue
        if isinstance(text, str):
            source = Source(tree.source.file, _above(tree, node))
            found, wrong = _schedules(text, source, texts.get("timezone"), f"{name}/{key}")
            written += found
            problems += wrong
        else:
            remedy = "write the schedule as text below `|`, as Kubernetes wants it"
            problems.append(tree.problem(("data", str(key)), "is no text", remedy))
    return written, problems


def _about_zone(tree: Tree, zone: object) -> list[Problem]:
    try:
        if zone is not None:
            _ZONE.validate_python(zone)
    except ValidationError:
        what = f"{clean(zone, 80)!r} is no time zone"
        return [tree.problem(("data", "timezone"), what, "write it as Europe/Berlin or UTC")]
    return []


def _above(tree: Tree, node: yaml.Node) -> int:
    """Lines before the first line of an embedded text: a block begins on the line after its `|`."""
    block = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return tree.source.above + node.start_mark.line + (1 if block else 0)


def _schedules(text: str, source: Source, zone: object, name: str) -> tuple[list[Written], list[Problem]]:
    trees, problems = read_trees(text, source)
    if not trees and not problems:
        problems = [source.problem(1, "data", "is empty", "write the entries of the schedule here")]
    written: list[Written] = []
    for tree in trees if not problems else ():
        given, entries = _as_spec(tree.value)
        if given is None:
            problems.append(tree.problem((), "is no schedule", "write a list of entries with `primary:`", "data"))
            continue
        place = Place((), entries)
        spec, wrong = validated(OnCallSpec, {"timezone": zone, **given} if zone else given, tree, place)
        written += [Written(CONFIG_MAP, name, spec, tree, place)] if spec else []
        problems += wrong
    return written, problems


def _as_spec(value: object) -> tuple[dict[object, object] | None, Path]:
    """What is written as our own spec, and where its entries stand."""
    if (items := sequence(value)) is not None:
        return {"entries": items}, ()
    if (keys := mapping(value)) is None:
        return None, ()
    if "primary" in keys or (set(keys) <= _ENTRY and keys):
        return {"entries": [keys]}, ()
    called = next((name for name in LISTS if name in keys), "entries")
    return {("entries" if key == called else key): content for key, content in keys.items()}, (called,)
