"""Aurora clusters and RDS proxies on the wire: a failover that is sent once, a pool that grows and shrinks again.

https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_FailoverDBCluster.html and, beside it,
API_DescribeDBClusters.html, API_DescribeEvents.html, API_DescribeDBProxies.html,
API_DescribeDBProxyTargetGroups.html, API_ModifyDBProxyTargetGroup.html. Events:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/USER_Events.Messages.html.
"""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from autopilot.clients.aws import AwsClients
from autopilot.incident.plan import Step
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Aws
from autopilot.sources.aws import Account
from autopilot.sources.base import Budget, Collected
from autopilot.sources.rds_clusters import RdsClusters
from tests.integration.aws_sources.conftest import scope_now
from tests.integration.remediation.conftest import ACCOUNT, KEY, REGION, do, plan, step_of
from tests.integration.remediation.fault_proxy import FaultProxy
from tests.integration.remediation.laws import Case, ReversibleLaws, SentOnceLaws
from tests.integration.remediation.wire_format.aws_wire import AwsWire, Element, Refused

CLUSTER = f"arn:aws:rds:{REGION}:{ACCOUNT}:cluster:catalog"
PROXY = f"arn:aws:rds:{REGION}:{ACCOUNT}:db-proxy:prx-0123456789abcdef0"
COMPLETED = "Completed failover to DB instance: catalog-2"


class Database:
    """A cluster of two with a proxy before it."""

    def __init__(self) -> None:
        self.writer, self.engine, self.status, self.quick = "catalog-1", "aurora-mysql", "available", True
        self.events: list[tuple[datetime, str]] = []
        self.percent, self.idle, self.proxy_status = 50, 20, "available"

    def clusters(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("DBClusterIdentifier") not in (None, "catalog"):
            raise Refused("DBClusterNotFoundFault", "no such cluster")
        members = [
            Element(
                "DBClusterMember",
                {"DBInstanceIdentifier": name, "IsClusterWriter": name == self.writer, "PromotionTier": 1},
            )
            for name in ("catalog-1", "catalog-2")
        ]
        tags = [Element("Tag", {"Key": "service", "Value": "checkout"})]
        cluster = {
            "DBClusterIdentifier": "catalog", "DBClusterArn": CLUSTER, "Engine": self.engine, "Status": self.status,
            "DBClusterMembers": members, "TagList": tags,
        }  # fmt: skip
        return {"DBClusters": [Element("DBCluster", cluster)]}

    def failover(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["DBClusterIdentifier"] == "catalog"
        if self.quick:
            self.writer = asked["TargetDBInstanceIdentifier"]
        self.events.append((datetime.now(UTC), COMPLETED))
        return {"DBCluster": {"DBClusterIdentifier": "catalog"}}

    def told(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert (asked["SourceType"], asked["SourceIdentifier"]) == ("db-cluster", "catalog")
        return {
            "Events": [
                Element("Event", {"SourceIdentifier": "catalog", "Date": at.isoformat(), "Message": message})
                for at, message in self.events
            ]
        }

    def proxies(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked.get("DBProxyName") not in (None, "front"):
            raise Refused("DBProxyNotFoundFault", "no such proxy")
        proxy = {
            "DBProxyName": "front", "DBProxyArn": PROXY, "Status": self.proxy_status, "EngineFamily": "MYSQL",
        }  # fmt: skip
        return {"DBProxies": [Element("member", proxy)]}

    def pools(self, asked: dict[str, Any]) -> dict[str, Any]:
        pool = {"MaxConnectionsPercent": self.percent, "MaxIdleConnectionsPercent": self.idle}
        group = {
            "DBProxyName": "front",
            "TargetGroupName": "default",
            "IsDefault": True,
            "ConnectionPoolConfig": pool,
        }
        return {"TargetGroups": [Element("member", group)]}

    def resize(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert "ConnectionPoolConfig.MaxIdleConnectionsPercent" not in asked, "what else the pool has stays"
        self.percent = int(asked["ConnectionPoolConfig.MaxConnectionsPercent"])
        return {"DBProxyTargetGroup": {"DBProxyName": "front"}}


@pytest.fixture(autouse=True)
def database(proxy: FaultProxy, wire: AwsWire) -> Database:
    """The first instance writes."""
    made = Database()
    wire.operations |= {
        "DescribeDBClusters": made.clusters, "FailoverDBCluster": made.failover, "DescribeEvents": made.told,
        "DescribeDBProxies": made.proxies, "DescribeDBProxyTargetGroups": made.pools,
        "ModifyDBProxyTargetGroup": made.resize,
    }  # fmt: skip
    return made


FAILOVER = step_of("rds.failover", CLUSTER, reader="catalog-2")
RAISE = step_of("rds_proxy.set_pool", PROXY, proxy="front", max_connections_percent=75)


class TestFailover(SentOnceLaws):
    """What takes no token."""

    @pytest.fixture
    def case(self) -> Case[None]:
        gone = CLUSTER.replace("catalog", "gone")
        return Case("rds.failover", lambda _: FAILOVER, ("FailoverDBCluster",), "rds:FailoverDBCluster", gone=gone)

    @pytest.fixture
    def step(self, case: Case[None]) -> Step:
        return case.step(None)


class TestPool(ReversibleLaws):
    """What is compared and can be taken back."""

    @pytest.fixture
    def case(self) -> Case[None]:
        return Case(
            "rds_proxy.set_pool", lambda _: RAISE, ("ModifyDBProxyTargetGroup",), "rds:ModifyDBProxyTargetGroup",
            {"max_connections_percent": 75}, PROXY.replace("prx-0", "prx-1"),
        )  # fmt: skip

    @pytest.fixture
    def step(self, case: Case[None]) -> Step:
        return case.step(None)


@pytest.mark.parametrize(
    ("event", "status"),
    [(COMPLETED, "already"), ("Cluster failover failed, check the health of your cluster instances", "unknown"),
     ("DB cluster created", "unknown")],
)  # fmt: skip
def test_a_failover_under_way_is_found_in_the_events(
    event: str, status: str, database: Database, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    database.quick = False
    prepared = plan(toolbox, FAILOVER).steps[0]
    proxy.lose("FailoverDBCluster", "lose_request")
    assert toolbox.execute(do(prepared), 1).status == "unknown"
    database.events = [(datetime.now(UTC), event)]
    assert toolbox.execute(do(prepared), 2).status == status
    database.status = "failing-over"
    assert toolbox.execute(do(prepared), 3).status == "already"
    assert proxy.writes(KEY) == []


def test_a_failover_from_before_the_plan_is_no_trace(
    database: Database, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    database.events = [(datetime(2026, 1, 1, tzinfo=UTC), COMPLETED)]
    assert toolbox.execute(do(plan(toolbox, FAILOVER).steps[0]), 1).status == "done"
    assert proxy.writes(KEY) == ["FailoverDBCluster"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"engine": "postgres"}, "no Aurora cluster"),
        ({"status": "modifying"}, "the cluster is modifying"),
        ({"writer": "catalog-2"}, "is the writer already"),
    ],
)
def test_a_cluster_that_cannot_fail_over_now_makes_it_infeasible(
    change: dict[str, str], reason: str, database: Database, toolbox: CatalogueToolbox
) -> None:
    vars(database).update(change)
    assert reason in plan(toolbox, FAILOVER).infeasible_reason


def test_only_a_member_of_the_cluster_can_write(toolbox: CatalogueToolbox) -> None:
    option = plan(toolbox, step_of("rds.failover", CLUSTER, reader="stranger"))
    assert "no member of the cluster" in option.infeasible_reason


def test_a_pool_is_not_set_below_what_it_keeps_idle_nor_while_its_proxy_changes(
    database: Database, toolbox: CatalogueToolbox
) -> None:
    low = step_of("rds_proxy.set_pool", PROXY, proxy="front", max_connections_percent=10)
    assert "keeps up to 20 % idle" in plan(toolbox, low).infeasible_reason
    database.proxy_status = "modifying"
    assert "the proxy is modifying" in plan(toolbox, RAISE).infeasible_reason


def test_a_pool_that_somebody_changed_is_left_alone(
    database: Database, toolbox: CatalogueToolbox, proxy: FaultProxy
) -> None:
    prepared = plan(toolbox, RAISE).steps[0]
    database.percent = 60
    assert toolbox.execute(do(prepared), 1).status == "changed_world"
    assert database.percent == 60


def test_the_inventory_tells_writer_reader_and_pool(
    database: Database, clients: AwsClients, proxy: FaultProxy
) -> None:
    def gathered() -> Collected:
        into = Collected("rds_clusters")
        source = RdsClusters(Account(Aws(), clients))
        source.collect_region(scope_now("checkout"), REGION, Budget(50, 30), into)
        return into

    rows = [data.row(0, named=True) for table, data in gathered().frames if table == "inventory"]
    assert [(row["kind"], row["resource"], row["service"]) for row in rows] == [
        ("rds_cluster", CLUSTER, "checkout"), ("rds_proxy", PROXY, "front"),
    ]  # fmt: skip
    cluster, pool = (json.loads(row["settings"]) for row in rows)
    assert (cluster["writer"], cluster["reader"], cluster["readers"]) == ("catalog-1", "catalog-2", 1)
    assert (pool["proxy"], pool["max_connections_percent"], pool["max_idle_percent"]) == ("front", 50, 20)
    proxy.fail("DescribeDBClusters", "AccessDenied", status=403)
    into = gathered()
    assert "rds:DescribeDBClusters" in into.gaps[0].remedy
    assert [data["kind"][0] for table, data in into.frames if table == "inventory"] == ["rds_proxy"]
