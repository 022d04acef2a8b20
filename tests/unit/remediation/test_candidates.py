"""What tools offer: arguments out of the inventory, reasons out of the findings, nothing without evidence."""

from datetime import timedelta

import pytest

from autopilot.incident.base import Scalar, TimeWindow
from autopilot.incident.finding import VersionHealth
from autopilot.remediation.rds import next_class
from tests.unit.remediation.story import (
    LATENCY,
    WINDOW,
    alias,
    context,
    database,
    measured,
    offered,
    revision,
    served,
    service,
    suspect,
    table,
)

READS = measured(1, "orders", "ConsumedReadCapacityUnits", 24_000.0, TableName="orders")
THROTTLES = measured(2, "orders", "ThrottledRequests", 900.0, TableName="orders", Operation="Query")


def test_an_alias_goes_back_to_the_newest_version_that_served_healthily() -> None:
    seen = context(
        alias(),
        versions=(served("v2.4.1", False, "F3"), served("v2.4.0", True, "F4"), served("v2.3.9", True, "F5")),
        suspects=(suspect("checkout", "bad_deploy"),),
    )
    candidate = offered(seen)["lambda.rollback_alias"]
    assert candidate.step.arguments == {"version": "40"}
    assert "F4" in candidate.step.sources["version"]
    assert candidate.finding_ids[0] == "F4"
    assert "(F4)" in candidate.why
    assert candidate.fit > 0.6
    assert candidate.expected.metric == LATENCY
    assert candidate.step.command.startswith("aws lambda update-alias --region us-east-1 --function-name checkout")


def earlier(hours: float, record: VersionHealth) -> VersionHealth:
    """The same record of some hours before."""
    span = timedelta(hours=hours)
    return record.model_copy(update={"window": TimeWindow(start=WINDOW.start - span, end=WINDOW.end - span)})


@pytest.mark.parametrize(
    ("versions", "found", "proven"),
    [
        ((), "40", False),
        ((served("v2.4.0", False, "F4"),), "39", False),
        ((served("v2.4.0", True, "F4"), served("v2.4.0", False, "F6")), "39", False),
        ((served("v2.4.0", False, "F4"), served("39", True, "F5")), "39", True),
        ((earlier(9, served("v2.4.0", True, "F4")), earlier(2, served("39", True, "F5"))), "39", True),
        ((served("v2.4.1", True, "F4"),), None, True),
        ((served("v2.4.0", False, "F4"), served("v2.3.9", False, "F5")), None, True),
    ],
    ids=[
        "nobody looked",
        "sick",
        "sick once is sick",
        "the one before",
        "healthy last",
        "the active one",
        "all sick",
    ],
)
def test_an_alias_goes_to_the_version_that_was_healthy_last_and_a_guess_is_marked(
    versions: tuple[VersionHealth, ...], found: str | None, proven: bool
) -> None:
    candidate = offered(context(alias(), versions=versions)).get("lambda.rollback_alias")
    assert (candidate.step.arguments["version"] if candidate else None) == found
    if candidate is not None:
        assert candidate.unproven is not proven
        assert ("not known to have been healthy" in candidate.step.summary) is not proven
        assert ("no version is known to have been healthy" in candidate.why) is not proven


def test_concurrency_is_offered_for_concurrency_throttles_only() -> None:
    throttled = measured(7, "checkout", "Throttles", 300.0, FunctionName="checkout")
    assert "lambda.set_concurrency" not in offered(context(alias(reserved_concurrency=20)))
    assert "lambda.set_concurrency" not in offered(context(alias(), findings=(throttled,)))
    candidate = offered(context(alias(reserved_concurrency=20), findings=(throttled,)))["lambda.set_concurrency"]
    assert candidate.step.arguments == {"reserved": 40}


@pytest.mark.parametrize(("consumed_per_minute", "level"), [(18_000.0, 800), (48_000.0, 1_040), (600_000.0, 1_600)])
def test_capacity_doubles_or_follows_the_demand_up_to_four_times(consumed_per_minute: float, level: int) -> None:
    reads = measured(1, "orders", "ConsumedReadCapacityUnits", consumed_per_minute, TableName="orders")
    candidate = offered(context(table(), findings=(reads,)))["dynamodb.set_capacity"]
    assert candidate.step.arguments == {"read_capacity": level}
    assert "read_capacity 400" in candidate.step.sources["read_capacity"]
    assert candidate.finding_ids == ("F1",)


def test_refused_requests_count_as_demand() -> None:
    reads = measured(1, "orders", "ConsumedReadCapacityUnits", 24_000.0, TableName="orders")
    refused = measured(2, "orders", "ReadThrottleEvents", 30_000.0, TableName="orders")
    candidate = offered(context(table(), findings=(reads, refused)))["dynamodb.set_capacity"]
    assert candidate.step.arguments == {"read_capacity": 1_170}


def test_writes_under_pressure_raise_writes() -> None:
    writes = measured(1, "orders", "ThrottledRequests", 60.0, TableName="orders", Operation="PutItem")
    candidates = offered(context(table(), findings=(writes,)))
    assert candidates["dynamodb.set_capacity"].step.arguments == {"write_capacity": 120}
    assert candidates["dynamodb.enable_autoscaling"].step.arguments["dimension"] == "write"


@pytest.mark.parametrize("settings", [{"billing_mode": "PAY_PER_REQUEST"}, {"read_autoscaling": True}])
def test_capacity_that_is_not_ours_to_set_is_not_offered(settings: dict[str, Scalar]) -> None:
    assert "dynamodb.set_capacity" not in offered(context(table(**settings), findings=(READS,)))


def test_a_table_nobody_complains_about_gets_nothing() -> None:
    assert offered(context(table(), suspects=(suspect("checkout", "bad_deploy"),))) == {}


def test_auto_scaling_goes_from_the_present_to_four_times_or_doubles_its_maximum() -> None:
    fresh = offered(context(table(), findings=(READS, THROTTLES)))["dynamodb.enable_autoscaling"]
    assert fresh.step.arguments == {
        "dimension": "read", "min_capacity": 400, "max_capacity": 1_600, "target_percent": 70,
    }  # fmt: skip
    scaled = table(read_autoscaling=True, read_min=100, read_max=500)
    more = offered(context(scaled, findings=(READS,)))["dynamodb.enable_autoscaling"]
    assert (more.step.arguments["min_capacity"], more.step.arguments["max_capacity"]) == (100, 1_000)
    assert "put-scaling-policy" in fresh.step.command


def test_a_service_goes_back_one_revision_unless_that_was_sick() -> None:
    blamed = (suspect("inventory", "bad_deploy"),)
    candidate = offered(context(service(), suspects=blamed))["ecs.rollback"]
    assert candidate.step.arguments == {"task_definition": revision(2)}
    sick = served(revision(2), False, "F8").model_copy(update={"service": "inventory"})
    candidate = offered(context(service(), suspects=blamed, versions=(sick,)))["ecs.rollback"]
    assert candidate.step.arguments == {"task_definition": revision(1)}
    assert candidate.unproven
    well = served(revision(1), True, "F9").model_copy(update={"service": "inventory"})
    proven = offered(context(service(), suspects=blamed, versions=(sick, well)))["ecs.rollback"]
    assert (proven.step.arguments, proven.unproven) == (candidate.step.arguments, False)
    assert proven.fit > 2 * candidate.fit


def test_scaling_and_fresh_tasks_are_offered_where_a_suspect_points() -> None:
    quiet = offered(context(service(), database(), suspects=(suspect("checkout", "capacity"),)))
    assert not {"ecs.scale", "ecs.force_deployment", "rds.scale_instance", "rds.reboot"} & set(quiet)
    seen = offered(context(service(), database(), suspects=(suspect("inventory", "memory"),)))
    assert seen["ecs.scale"].step.arguments == {"desired_count": 6}
    assert seen["ecs.force_deployment"].reversibility == "irreversible"
    locked = offered(context(database(), suspects=(suspect("catalog", "connection_pool", "catalog-db"),)))
    assert locked["rds.scale_instance"].step.arguments == {"instance_class": "db.r6g.xlarge"}
    assert (locked["rds.reboot"].risk, locked["rds.reboot"].reversibility) == ("high", "irreversible")


@pytest.mark.parametrize(
    ("present", "bigger"),
    [("db.t3.micro", "db.t3.small"), ("db.r6g.16xlarge", "db.r6g.24xlarge"), ("db.r6g.32xlarge", None),
     ("db.serverless", None), ("", None)],
)  # fmt: skip
def test_the_next_class_is_the_next_size_of_the_family(present: str, bigger: str | None) -> None:
    assert next_class(present) == bigger


def test_a_side_that_is_neither_refused_nor_near_its_limit_is_left_alone() -> None:
    writes = measured(1, "orders", "ConsumedWriteCapacityUnits", 600.0, TableName="orders")
    reads = measured(2, "orders", "ConsumedReadCapacityUnits", 23_000.0, TableName="orders")
    candidate = offered(context(table(), findings=(writes, reads)))["dynamodb.set_capacity"]
    assert set(candidate.step.arguments) == {"read_capacity"}
