"""The settings probe tells what is in force and how much room is left."""

import json

from tests.unit.analysis.probes.ask import ask, nothing
from tests.unit.analysis.story import TABLE_ARN, Story, healthy, throttled_checkout


def test_limit_that_is_reached_leads() -> None:
    answer = ask(throttled_checkout(1), "settings", service="orders", setting="")
    limit, settings = answer.findings
    assert answer.outcome == "present"
    assert (limit.cause_kind, limit.observed) == ("capacity", 6_000)
    assert "up to 100% of" in limit.summary
    assert "read_capacity=100" in settings.summary
    assert settings.resource == TABLE_ARN


def test_room_that_is_left_accuses_nobody() -> None:
    answer = ask(healthy(1), "settings", service=TABLE_ARN, setting="capacity")
    assert answer.findings[0].cause_kind is None
    assert "up to 4" in answer.findings[0].summary


def test_setting_that_a_resource_does_not_have_is_absent() -> None:
    answer = ask(healthy(1), "settings", service="checkout", setting="max_connections")
    assert answer.outcome == "absent"
    assert "memory_mb" in answer.summary
    assert ask(healthy(1), "settings", service="checkout", setting="(?!").outcome == "absent"


def test_observed_objects_stand_in_for_an_inventory() -> None:
    story = Story(1)
    story.add(
        "state",
        {
            "kind": "rds_instance",
            "name": "ledger",
            "service": "ledger-db",
            "body": json.dumps({"max_connections": 90}),
        },
        {"kind": "event", "name": "ledger", "service": "ledger-db", "body": json.dumps({"message": "x"})},
        {"kind": "rds_instance", "name": "broken", "service": "ledger-db", "body": "{"},
    )
    answer = ask(story.case(), "settings", service="ledger-db", setting="connections")
    assert answer.outcome == "present"
    assert "max_connections=90" in answer.summary
    assert len(answer.findings) == 1


def test_unknown_resource_is_answered_with_what_exists() -> None:
    answer = ask(healthy(1), "settings", service="order", setting="")
    assert answer.outcome == "unknown"
    assert "orders" in answer.summary
    assert answer.missing == ("inventory",)
    assert ask(nothing(), "settings", service="orders", setting="").outcome == "unknown"


def test_settings_within_observed_objects_are_told_by_their_paths() -> None:
    body = {
        "metadata": {"name": "cart", "uid": "1"},
        "spec": {"replicas": 2, "containers": [{"image": "cart:7", "resources": {"limits": {"memory": "64Mi"}}}]},
        "status": {"phase": "Running"},
    }
    story = Story(1)
    story.add("state", {"kind": "k8s_deployment", "name": "cart", "service": "cart", "body": json.dumps(body)})
    whole = ask(story.case(), "settings", service="cart", setting="")
    assert "spec.replicas=2" in whole.summary
    assert "uid" not in whole.summary
    memory = ask(story.case(), "settings", service="cart", setting="memory")
    assert memory.summary.endswith("has spec.containers[0].resources.limits.memory=64Mi")


def test_room_of_a_percentage_is_told_once_by_its_highest_moment() -> None:
    story = Story(1)
    memory = story.steps(48, (3, 97), noise=0.01)
    story.metric("cart", "AWS/ECS", "MemoryUtilization", "Average", "Percent", memory, ServiceName="cart")
    story.add("inventory", {"resource": "cart", "kind": "ecs_service", "name": "cart", "service": "cart"})
    room = ask(story.case(), "settings", service="cart", setting="").findings[0]
    assert room.cause_kind == "capacity"
    assert room.summary.startswith("MemoryUtilization of cart goes up to 9")
    assert "% of its maximum during the incident, usually 4" in room.summary


def test_variables_of_programs_are_told_by_name_and_by_value_only_where_it_gives_nothing_away() -> None:
    variables = {
        "DB_URL": "postgres://cart:hunter2@db/cart", "POOL_SIZE": "20", "TIMEOUT": "1500ms", "CACHE": "true",
        "API_KEY": "4711", "USER_PIN": 1234, "HEAP": "512Mi", "GREETING": "good morning",
    }  # fmt: skip
    listed = [{"name": name, "value": value} for name, value in variables.items()]
    container = {
        "image": "cart:7",
        "env": [*listed, {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"key": "k"}}}],
    }
    story = Story(1)
    story.add(
        "state",
        {"kind": "k8s_pod", "name": "cart", "service": "cart", "body": json.dumps({"spec": {"c": [container]}})},
        {
            "kind": "function", "name": "bill", "service": "bill",
            "body": json.dumps({"Environment": {"Variables": variables}, "runtime": "python3.11"}),
        },
    )  # fmt: skip
    for service in ("cart", "bill"):
        told = " ".join(
            ask(story.case(), "settings", service=service, setting=name).summary for name in ("", *variables)
        )
        assert all(name in told for name in variables)
        assert all(f"{name}={variables[name]}" in told for name in ("POOL_SIZE", "TIMEOUT", "CACHE", "HEAP"))
        assert not any(secret in told for secret in ("hunter2", "4711", "1234", "good morning"))
    assert "image=cart:7" in ask(story.case(), "settings", service="cart", setting="image").summary
    assert "runtime=python3.11" in ask(story.case(), "settings", service="bill", setting="runtime").summary
