"""The input of a schedule: machines are found where fields are called so, and replaced there alone."""

import json

from autopilot.sources.schedule_input import at, parsed, places, replaced

INPUT = {
    "database": {"host": "catalog-db.c1.us-east-1.rds.amazonaws.com:5432", "password": "hunter2"},
    "containerOverrides": [
        {"environment": [{"name": "DB_HOST", "value": "catalog-db"}, {"name": "LEVEL", "value": "catalog-db"}]}
    ],
    "source_url": "postgres://shop:hunter2@catalog-db/shop",
    "token_endpoint": "abcdef",
    "label": "catalog-db",
}


def test_machines_are_found_by_what_their_field_is_called_and_secrets_are_not() -> None:
    assert places(json.dumps(INPUT)) == {
        "database.host": "catalog-db.c1.us-east-1.rds.amazonaws.com:5432",
        "containerOverrides.0.environment.0.value": "catalog-db",
    }


def test_an_input_that_is_no_json_has_no_places() -> None:
    for text in ("", "catalog-db", "{", "[" * 100_000, "7"):
        assert places(text) == {}


def test_a_place_is_replaced_and_all_else_stays() -> None:
    path = "containerOverrides.0.environment.0.value"
    changed = replaced(parsed(json.dumps(INPUT)), path, "catalog-replica")
    assert at(changed, path) == "catalog-replica"
    assert replaced(changed, path, "catalog-db") == INPUT
    assert at(INPUT, "containerOverrides.7.environment.0.value") is None
    assert at(INPUT, "database") is None
    assert replaced(INPUT, "nowhere.at.all", "x") == INPUT
