"""When connections are raised, idle transactions ended, and a replica made."""

import pytest

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.base import Candidate, InventoryItem
from tests.unit.remediation.story import ARN, catalogue, context, measured, suspect

OPEN = measured(7, "catalog-db", "DatabaseConnections", 410.0, "Maximum", DBInstanceIdentifier="catalog-db")
FORMULA = "LEAST({DBInstanceClassMemory/9531392},5000)"


def group(**settings: Scalar) -> InventoryItem:
    """The parameter group of the catalogue's database."""
    return InventoryItem(
        resource=ARN.format("rds", "pg:catalog-pg"), kind="rds_parameter_group", name="catalog-pg",
        service="catalog", region="us-east-1", versions=(), health="",
        settings={"instances": "catalog-db", "max_connections": "200", "max_connections_apply": "dynamic"}
        | settings,
    )  # fmt: skip


def instance(**settings: Scalar) -> InventoryItem:
    """The catalogue's database."""
    return InventoryItem(
        resource=ARN.format("rds", "db:catalog-db"), kind="rds_instance", name="catalog-db", service="catalog",
        region="us-east-1", versions=(), health="available",
        settings={
            "engine": "postgres", "status": "available", "replica_of": "", "replicas": "", "backup_days": 7,
        } | settings,
    )  # fmt: skip


def offers(tool: str, item: InventoryItem, kind: CauseKind, *findings: Finding) -> list[Candidate]:
    """What a tool offers for an item when its service is suspected."""
    seen = context(item, suspects=(suspect("catalog", kind),), findings=findings)
    found = [c for c in catalogue().candidates(seen) if c.step.tool == tool]
    assert [provenance_problem(c, seen.inventory, seen.dossier) for c in found] == [""] * len(found)
    return found


@pytest.mark.parametrize(
    ("settings", "findings", "value"),
    [({}, (), "300"), ({}, (OPEN,), "300"), ({"max_connections": FORMULA}, (OPEN,), "615")],
    ids=["a number", "a number outweighs", "a formula"],
)
def test_half_as_many_connections_again(
    settings: dict[str, Scalar], findings: tuple[Finding, ...], value: str
) -> None:
    (candidate,) = offers("rds.set_parameter", group(**settings), "connection_pool", *findings)
    assert candidate.step.arguments == {"parameter": "max_connections", "value": value}
    assert candidate.addresses == {"connection_pool"}
    assert "ParameterName=max_connections,ParameterValue=" in candidate.step.command


def test_what_waits_for_a_reboot_fits_less_and_says_so() -> None:
    (now,) = offers("rds.set_parameter", group(), "connection_pool")
    (later,) = offers("rds.set_parameter", group(max_connections_apply="static"), "connection_pool")
    assert "next reboot" in later.step.summary
    assert later.fit < now.fit


@pytest.mark.parametrize(("present", "offered"), [("86400000", True), ("0", True), ("60000", False), (None, False)])
def test_idle_transactions_are_ended_where_they_may_stay(present: Scalar, offered: bool) -> None:
    idle = group(idle_in_transaction_session_timeout=present, idle_in_transaction_session_timeout_apply="dynamic")
    found = offers("rds.set_parameter", idle, "lock_contention")
    assert [c.step.arguments["value"] for c in found] == (["60000"] if offered else [])


@pytest.mark.parametrize("kind", ["cpu", "bad_deploy"])
def test_connections_do_not_help_against_everything(kind: CauseKind) -> None:
    assert offers("rds.set_parameter", group(), kind) == []


def test_a_formula_without_a_measurement_is_left_alone() -> None:
    assert offers("rds.set_parameter", group(max_connections=FORMULA), "connection_pool") == []


def test_a_replica_has_a_name_of_this_incident_and_this_database() -> None:
    (candidate,) = offers("rds.create_replica", instance(), "batch_job")
    (again,) = offers("rds.create_replica", instance(), "batch_job")
    assert str(candidate.step.arguments["replica"]).startswith("catalog-db-replica-")
    assert candidate.step.arguments == again.step.arguments
    assert len(str(candidate.step.arguments["replica"])) == len("catalog-db-replica-") + 8


@pytest.mark.parametrize(
    "settings",
    [
        {"replicas": "catalog-db-replica-1"},
        {"replica_of": "other-db"},
        {"engine": "aurora-mysql"},
        {"backup_days": 0},
        {"status": "modifying"},
    ],
    ids=["has one", "is one", "cluster", "no backups", "busy"],
)
def test_no_replica_is_offered_where_none_can_be_or_one_is(settings: dict[str, Scalar]) -> None:
    assert offers("rds.create_replica", instance(**settings), "cpu") == []


def test_a_replica_does_not_help_against_everything() -> None:
    assert offers("rds.create_replica", instance(), "certificate") == []


def test_deleting_is_never_offered() -> None:
    kinds: tuple[CauseKind, ...] = ("cpu", "batch_job", "connection_pool", "capacity")
    assert all(
        offers("rds.delete_replica", instance(replicas="catalog-db-replica-1"), kind) == [] for kind in kinds
    )
