"""docker-compose.yml and the image, as far as they can be checked without a container engine.

compose_spec.json is the schema that the package docker-compose 1.29.2 (Apache-2.0) ships.
"""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator, ValidationError, validate

from autopilot.settings import Settings
from tests.unit.project.compose import ROOT, services

ONE_SHOT = {"temporal-schema", "temporal-namespace", "register"}


def setting_names(schema: dict[str, Any]) -> set[str]:
    """Every environment name that a setting has."""
    names: set[str] = set()

    def walk(shape: dict[str, Any], prefix: str) -> None:
        for branch in (shape, *shape.get("anyOf", ()), *shape.get("oneOf", ())):
            if "$ref" in branch:
                walk(schema["$defs"][branch["$ref"].rpartition("/")[2]], prefix)
            for name, inner in branch.get("properties", {}).items():
                names.add(f"{prefix}{name}".upper())
                walk(inner, f"{prefix}{name}__")

    walk(schema, "AUTOPILOT_")
    return names


def test_the_file_follows_the_compose_specification() -> None:
    schema = json.loads((Path(__file__).parent / "compose_spec.json").read_text())
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())

    validate(document, schema, cls=Draft7Validator)
    document["services"]["worker"]["comand"] = ["typing", "error"]
    with pytest.raises(ValidationError, match="comand"):
        validate(document, schema, cls=Draft7Validator)


def test_every_service_says_how_it_is_or_ends_by_itself() -> None:
    without = {name for name, service in services().items() if "healthcheck" not in service}

    assert without == ONE_SHOT
    assert all(services()[name]["restart"] in ("no", "on-failure:10") for name in ONE_SHOT)


def test_every_start_waits_for_what_it_needs() -> None:
    for name, service in services().items():
        for needed, how in service.get("depends_on", {}).items():
            ends = needed in ONE_SHOT
            expected = "service_completed_successfully" if ends else "service_healthy"
            assert how["condition"] == expected, f"{name} waits for {needed}"
    assert "register" in services()["worker"]["depends_on"]


def test_images_are_pinned_and_nothing_is_published_beyond_this_machine() -> None:
    for name, service in services().items():
        assert re.search(r":\d+\.\d+(\.\d+)?$", service["image"]), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name


def test_no_secret_has_a_value_of_its_own() -> None:
    secret = re.compile(r"PASSWORD|PWD|TOKEN|SECRET|SEAL_KEY|API_KEY|ROUTING_KEY|ACCESS_KEY")
    found = 0
    for name, service in services().items():
        for key, value in service.get("environment", {}).items():
            if secret.search(key):
                found += 1
                assert value is None or re.fullmatch(r"\$\{\w+:\?[^}]+\}", value), f"{name}: {key}"
    assert found > 10
    for line in (ROOT / ".env.example").read_text().splitlines():
        name, _, value = line.lstrip("#").partition("=")
        assert not secret.search(name) or not value or " " in line.partition("=")[0], line


def test_every_product_variable_is_a_setting() -> None:
    known = setting_names(Settings.model_json_schema()) | {"AUTOPILOT_CONFIG"}
    used = {key for service in services().values() for key in service.get("environment", {})}
    offered = set(re.findall(r"AUTOPILOT_[A-Z_]+", (ROOT / ".env.example").read_text()))

    assert {key for key in used if key.startswith("AUTOPILOT_")} - known == set()
    assert offered - used == set()
    assert "AUTOPILOT_SLACK__BOT_TOKEN" in known


def test_worker_and_gateway_share_cases_and_seal() -> None:
    worker, gateway = services()["worker"], services()["gateway"]

    assert "cases:/var/lib/autopilot" in worker["volumes"]
    assert worker["volumes"] == gateway["volumes"]
    assert worker["environment"]["AUTOPILOT_SEAL_KEY"] == gateway["environment"]["AUTOPILOT_SEAL_KEY"]
    assert worker["environment"]["AUTOPILOT_STORE__PATH"].startswith("/var/lib/autopilot/")


@pytest.mark.parametrize("name", ["worker", "gateway", "register"])
def test_the_product_runs_without_rights(name: str) -> None:
    service = services()[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]


def test_the_image_holds_what_runs_and_nothing_secret() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    copied = {
        word for line in lines if line.startswith("COPY ") and "--from" not in line for word in line.split()[1:-1]
    }
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}

    assert "USER autopilot" in lines
    assert any("--require-hashes" in line and "requirements-runtime.lock" in line for line in lines)
    assert copied == allowed
    assert all((ROOT / path).exists() for path in copied)
    assert {"worker.py", "starter.py", "activities", "autopilot", "cli", "workflows"} <= copied
