"""The JSON schema of autopilot.yaml, for editors. `make schema` writes docs/autopilot.schema.json."""

import json
import sys

from pydantic import JsonValue

from autopilot.settings import Settings


def settings_schema() -> dict[str, JsonValue]:
    """The schema of the file: secrets come from the environment, so that none is required in it."""
    schema: dict[str, JsonValue] = Settings.model_json_schema()
    sections = schema.get("$defs")
    for section in sections.values() if isinstance(sections, dict) else ():
        if isinstance(section, dict):
            _without_secrets(section)
    return schema


def _without_secrets(section: dict[str, JsonValue]) -> None:
    required, properties = section.get("required"), section.get("properties")
    if not isinstance(required, list) or not isinstance(properties, dict):
        return
    secret = {name for name, shape in properties.items() if isinstance(shape, dict) and shape.get("writeOnly")}
    section["required"] = [name for name in required if name not in secret]


def text() -> str:
    """As it is published."""
    return json.dumps(settings_schema(), indent=2) + "\n"


if __name__ == "__main__":
    sys.stdout.write(text())
