"""What the source lists about load balancers, and that the tools understand it."""

import json
from collections.abc import Iterator

import polars as pl
import pytest
from botocore.exceptions import ClientError

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.remediation.base import InventoryItem
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, BudgetExceeded, Collected
from autopilot.sources.elb import Elb
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import plan
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.moto_cloud.balanced import Balanced
from tests.unit.remediation.story import context, measured, offered, suspect


def gathered(clients: AwsClients, calls: int = 100) -> Collected:
    """Everything the source has to say."""
    into = Collected("elb")
    Elb(Account(Aws(), clients)).collect_region(scope_now("checkout"), "us-east-1", Budget(calls, 30), into)
    return into


def items(into: Collected) -> Iterator[InventoryItem]:
    """The inventory as tools see it."""
    for table, data in into.frames:
        for row in data.iter_rows(named=True) if table == "inventory" else ():
            versions: list[dict[str, Scalar]] = json.loads(row["versions"])
            yield InventoryItem(
                resource=row["resource"], kind=row["kind"], name=row["name"], service=row["service"],
                region=row["region"], settings=json.loads(row["settings"]), versions=tuple(versions),
                health=row["health"],
            )  # fmt: skip


def test_forwards_and_groups_are_listed_with_their_weights_and_health(made: Balanced, clients: AwsClients) -> None:
    into = gathered(clients)
    found = {item.resource: item for item in items(into)}
    assert set(found) == {made.listener, made.rule, made.blue, made.green}
    assert {item.service for item in found.values()} == {"checkout"}
    listener = found[made.listener]
    assert (listener.name, listener.kind) == ("shop:80", "elb_forward")
    assert listener.settings == {
        "balancer": "shop", "groups": 2,
        "group_1": made.blue, "weight_1": 90, "group_2": made.green, "weight_2": 10,
    }  # fmt: skip
    assert found[made.rule].name == "shop:80/5"
    assert found[made.blue].settings["healthy"] == 2
    assert found[made.blue].health == "2 of 2 targets are healthy"
    states = [data for table, data in into.frames if table == "state"]
    assert sorted(pl.concat(states)["name"]) == ["blue", "green"]
    assert into.gaps == []


def test_what_is_listed_becomes_a_step_that_works(
    made: Balanced, clients: AwsClients, toolbox: CatalogueToolbox
) -> None:
    forward = next(item for item in items(gathered(clients)) if item.resource == made.rule)
    path = "targetgroup/" + made.green.partition(":targetgroup/")[2]
    errors = measured(3, "shop", "HTTPCode_Target_5XX_Count", 90.0, TargetGroup=path)
    candidate = offered(context(forward, findings=(errors,), suspects=(suspect("checkout", "bad_deploy"),)))[
        "elb.shift_traffic"
    ]
    option = plan(toolbox, candidate.step)
    assert option.feasible, option.infeasible_reason
    assert set(option.steps[0].dry_run.changes) == {"weight of green: 10 → 0", "weight of blue: 90 → 100"}


def test_targets_that_may_not_be_read_are_a_gap_and_the_weights_are_still_listed(
    made: Balanced, clients: AwsClients, proxy: FaultProxy
) -> None:
    proxy.fail("DescribeTargetGroups", "AccessDenied", status=403)
    into = gathered(clients)
    assert [gap.kind for gap in into.gaps] == ["denied"]
    assert "elasticloadbalancing:DescribeTargetGroups" in into.gaps[0].remedy
    assert {item.kind for item in items(into)} == {"elb_forward"}


def test_a_refused_listing_reaches_the_collector(made: Balanced, clients: AwsClients, proxy: FaultProxy) -> None:
    proxy.fail("DescribeLoadBalancers", "AccessDenied", status=403)
    with pytest.raises(ClientError):
        gathered(clients)


def test_a_spent_budget_ends_the_reading(made: Balanced, clients: AwsClients) -> None:
    with pytest.raises(BudgetExceeded):
        gathered(clients, calls=8)
