"""When a batch job is paused, moved or pointed at a replica: where it works on what is under suspicion."""

import pytest

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.base import Candidate, InventoryItem
from autopilot.remediation.scheduler import half_a_day_later
from tests.unit.remediation.story import ARN, context, database, offered, suspect

ADDRESS = "{}.c1.us-east-1.rds.amazonaws.com:5432"
TOOLS = {"scheduler.pause", "scheduler.move", "scheduler.redirect"}


def schedule(**settings: Scalar) -> InventoryItem:
    """A nightly report that reads the catalogue's database."""
    return InventoryItem(
        resource=ARN.format("scheduler", "schedule/reports/nightly"), kind="schedule", name="nightly",
        service="reports", region="us-east-1", versions=(), health="ENABLED",
        settings={"state": "ENABLED", "expression": "cron(30 14 * * ? *)", "input.database.host": "catalog-db"}
        | settings,
    )  # fmt: skip


def instance(name: str, replica_of: str = "", status: str = "available") -> InventoryItem:
    """A database with its address."""
    return InventoryItem(
        resource=ARN.format("rds", f"db:{name}"), kind="rds_instance", name=name, service="catalog",
        region="us-east-1", versions=(), health=status,
        settings={"status": status, "replica_of": replica_of, "endpoint": ADDRESS.format(name)},
    )  # fmt: skip


MAIN, REPLICA = instance("catalog-db"), instance("catalog-replica", "catalog-db")
BLAMED = (suspect("catalog", "batch_job"),)


def candidates(
    *items: InventoryItem, kind: CauseKind = "batch_job", service: str = "catalog"
) -> dict[str, Candidate]:
    """What is offered for schedules when a service is suspected."""
    found = offered(context(*items, suspects=(suspect(service, kind),)))
    return {name: one for name, one in found.items() if name in TOOLS}


def test_a_job_on_a_suspected_database_is_paused_moved_or_redirected() -> None:
    found = candidates(schedule(), MAIN, REPLICA)
    assert set(found) == TOOLS
    assert found["scheduler.pause"].step.arguments == {"state": "DISABLED"}
    assert found["scheduler.move"].step.arguments == {"expression": "cron(30 2 * * ? *)"}
    assert found["scheduler.redirect"].step.arguments == {
        "field": "database.host", "value": "catalog-replica", "replica": "catalog-replica",
    }  # fmt: skip
    assert found["scheduler.pause"].fit > found["scheduler.redirect"].fit > found["scheduler.move"].fit


@pytest.mark.parametrize(
    ("named", "value"),
    [
        ("catalog-db", "catalog-replica"),
        (ADDRESS.format("catalog-db"), ADDRESS.format("catalog-replica")),
        (
            ADDRESS.format("catalog-db").removesuffix(":5432"),
            ADDRESS.format("catalog-replica").removesuffix(":5432"),
        ),
    ],
    ids=["name", "address and port", "address"],
)
def test_the_replica_is_named_as_the_database_was(named: str, value: str) -> None:
    found = candidates(schedule(**{"input.database.host": named}), MAIN, REPLICA)
    assert found["scheduler.redirect"].step.arguments["value"] == value


@pytest.mark.parametrize(
    "items",
    [
        (schedule(), MAIN),
        (schedule(), MAIN, instance("catalog-replica", "catalog-db", "creating")),
        (schedule(), MAIN, instance("other-replica", "other-db")),
        (schedule(**{"input.database.host": "elsewhere"}), MAIN, REPLICA),
    ],
    ids=["no replica", "not ready", "of another", "another database"],
)
def test_nothing_is_pointed_at_what_the_inventory_does_not_have(items: tuple[InventoryItem, ...]) -> None:
    assert "scheduler.redirect" not in candidates(*items)


def test_jobs_that_have_nothing_to_do_with_it_are_left_alone() -> None:
    assert candidates(schedule(), MAIN, REPLICA, service="checkout") == {}
    assert candidates(schedule(), MAIN, REPLICA, kind="bad_deploy") == {}
    assert candidates(schedule(**{"input.database.host": "elsewhere"}), MAIN) == {}
    assert set(candidates(schedule(), service="reports")) == {"scheduler.pause", "scheduler.move"}


def test_a_paused_job_is_neither_paused_nor_moved() -> None:
    assert set(candidates(schedule(state="DISABLED"), MAIN, REPLICA)) == {"scheduler.redirect"}


@pytest.mark.parametrize(
    ("expression", "later"),
    [
        ("cron(0 3 * * ? *)", "cron(0 15 * * ? *)"),
        ("cron(15 20 ? * MON-FRI *)", "cron(15 8 ? * MON-FRI *)"),
        ("cron(0 */2 * * ? *)", None),
        ("cron(0 99 * * ? *)", None),
        ("rate(5 minutes)", None),
        ("at(2026-11-22T03:00:00)", None),
        ("", None),
    ],
)
def test_only_one_fixed_time_of_day_is_moved(expression: str, later: str | None) -> None:
    assert half_a_day_later(expression) == later


@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_every_argument_has_its_origin(tool: str) -> None:
    seen = context(schedule(), MAIN, REPLICA, suspects=BLAMED)
    assert provenance_problem(offered(seen)[tool], seen.inventory, seen.dossier) == ""


def test_a_database_without_an_address_names_nothing() -> None:
    assert candidates(schedule(**{"input.database.host": ""}), database()) == {}
