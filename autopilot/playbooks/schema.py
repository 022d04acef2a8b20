"""The JSON schema of rules, for editors. `make schema` writes docs/playbook.schema.json."""

import json
import sys

from pydantic import JsonValue
from pydantic.json_schema import models_json_schema

from autopilot.playbooks.config_map import CONFIG_MAP
from autopilot.playbooks.documents import SPECS


def playbook_schema() -> dict[str, JsonValue]:
    """One schema for a document of any kind. What it cannot say, such as who is on call when, `check` does."""
    _, definitions = models_json_schema([(shape, "validation") for shape in SPECS.values()], by_alias=True)
    references = {kind: f"#/$defs/{shape.__name__}" for kind, shape in SPECS.items()}
    metadata: JsonValue = {
        "type": "object", "required": ["name"], "properties": {"name": {"type": "string", "minLength": 1}},
    }  # fmt: skip
    documents: list[JsonValue] = [
        _document(kind, metadata, {"spec": {"$ref": reference}}, SPECS[kind].model_json_schema().get("required"))
        for kind, reference in references.items()
    ]
    schedule: JsonValue = {"type": "object", "minProperties": 1, "additionalProperties": {"type": "string"}}
    documents.append(
        _document(CONFIG_MAP, metadata, {"data": schedule, "immutable": {"type": "boolean"}}, ["data"])
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Playbooks, on-call schedules, people, teams, owners and maintenance windows",
        "oneOf": documents,
        "$defs": definitions["$defs"],
    }


def _document(kind: str, metadata: JsonValue, content: dict[str, JsonValue], needed: object) -> JsonValue:
    """A document whose content may be left out when nothing in it is required."""
    parts: list[JsonValue] = ["kind", "metadata", *(list[JsonValue](content)[:1] if needed else [])]
    properties: dict[str, JsonValue] = {
        "apiVersion": {"type": "string", "minLength": 1}, "kind": {"const": kind}, "metadata": metadata, **content,
    }  # fmt: skip
    return {"type": "object", "required": parts, "properties": properties, "additionalProperties": False}


def text() -> str:
    """As it is published."""
    return json.dumps(playbook_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
