"""What is offered about stacks, deployments, clusters and pools."""

import pytest

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.remediation.base import InventoryItem
from tests.unit.remediation.aws_story import cluster, deployed, grounded, proxy, stack
from tests.unit.remediation.story import context, suspect

RELEASE = (suspect("checkout", "bad_deploy"),)


@pytest.mark.parametrize(
    ("status", "way", "verb"),
    [
        ("UPDATE_IN_PROGRESS", "cancel", "cancel-update-stack"),
        ("UPDATE_FAILED", "rollback", "rollback-stack"),
        ("UPDATE_ROLLBACK_FAILED", "continue", "continue-update-rollback"),
    ],
)
def test_a_stack_goes_back_in_the_way_that_its_state_allows(status: str, way: str, verb: str) -> None:
    candidate = grounded(context(stack(status), suspects=RELEASE))["cloudformation.roll_back"]
    assert candidate.step.arguments == {"way": way}
    assert verb in candidate.step.command
    assert (candidate.risk, candidate.reversibility) == ("high", "irreversible")


def test_a_deployment_under_way_is_stopped_where_a_release_is_suspected() -> None:
    candidate = grounded(context(deployed("InProgress"), suspects=RELEASE))["codedeploy.stop_and_roll_back"]
    assert candidate.step.arguments == {"deployment_id": "d-ABC123"}
    assert "--auto-rollback-enabled" in candidate.step.command


def test_a_reader_becomes_the_writer_where_the_machine_is_the_trouble() -> None:
    candidate = grounded(context(cluster(), suspects=(suspect("checkout", "crash"),)))["rds.failover"]
    assert candidate.step.arguments == {"reader": "catalog-2"}
    assert candidate.reversibility == "irreversible"


@pytest.mark.parametrize(("present", "wanted"), [(50, 75), (80, 90), (1, 2)])
def test_a_pool_grows_by_half_up_to_a_limit(present: int, wanted: int) -> None:
    short = (suspect("checkout", "connection_pool"),)
    candidate = grounded(context(proxy(present), suspects=short))["rds_proxy.set_pool"]
    assert candidate.step.arguments == {"proxy": "front", "max_connections_percent": wanted}


QUIET: list[tuple[InventoryItem, CauseKind]] = [
    (stack("UPDATE_COMPLETE"), "bad_deploy"),
    (stack("CREATE_FAILED"), "bad_deploy"),
    (stack("UPDATE_FAILED"), "traffic_surge"),
    (deployed("Succeeded"), "bad_deploy"),
    (deployed("InProgress", None), "bad_deploy"),
    (deployed("InProgress"), "traffic_surge"),
    (proxy(90), "connection_pool"),
    (proxy(None), "connection_pool"),
    (proxy(50), "bad_deploy"),
]


@pytest.mark.parametrize(("item", "kind"), QUIET)
def test_without_need_nothing_is_offered(item: InventoryItem, kind: CauseKind) -> None:
    assert grounded(context(item, suspects=(suspect("checkout", kind),))) == {}


@pytest.mark.parametrize("settings", [{"reader": None}, {"status": "failing-over"}, {"engine": "postgres"}])
def test_a_cluster_that_cannot_fail_over_is_left_alone(settings: dict[str, Scalar]) -> None:
    seen = context(cluster(**settings), suspects=(suspect("checkout", "crash"),))
    assert "rds.failover" not in grounded(seen)
    assert "rds.failover" not in grounded(context(cluster(), suspects=RELEASE))
