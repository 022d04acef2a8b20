"""RDS beyond single instances: Aurora clusters with their writer and readers, and proxies with their pools."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, SERVICE_TAG, AwsSource, Resources, asking, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import item, nearest, observed

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import (
        ConnectionPoolConfigurationInfoTypeDef,
        DBClusterTypeDef,
        DBProxyTargetGroupTypeDef,
        DBProxyTypeDef,
    )


class RdsClusters(AwsSource):
    """Clusters and proxies."""

    name = "rds_clusters"
    reads = ("rds:DescribeDBClusters", "rds:DescribeDBProxies", "rds:DescribeDBProxyTargetGroups")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every cluster and every proxy near the scope."""
        resources = self.account.resources(region, budget)
        with asking(into, f"RDS clusters in {region}"):
            self._clusters(scope, region, budget, into)
        with asking(into, f"RDS proxies in {region}"):
            self._proxies(scope, region, resources, budget, into)

    def _clusters(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        listing = self.clients.rds(region).get_paginator("describe_db_clusters").paginate()
        found = [cluster for page in pages(budget, listing, "Marker", MAX_PAGES) for cluster in page["DBClusters"]]
        into.asked("rds DescribeDBClusters", None, len(found), link=console(region, "rds/home#databases:"))
        for service, cluster in nearest(scope, [(_owner(c), c) for c in found], f"clusters in {region}", into):
            name, settings = cluster.get("DBClusterIdentifier", ""), _cluster_settings(cluster)
            row = item(
                "rds_cluster", cluster.get("DBClusterArn", ""), name=name, service=service, region=region,
                settings=settings, health=str(settings["status"]), source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            state = observed(
                datetime.now(UTC), "rds_cluster", name=name, service=service, region=region, body=settings
            )
            into.add("state", frame("state", [state]))

    def _proxies(self, scope: Scope, region: str, resources: Resources, budget: Budget, into: Collected) -> None:
        client = self.clients.rds(region)
        listing = client.get_paginator("describe_db_proxies").paginate()
        found = [proxy for page in pages(budget, listing, "Marker", MAX_PAGES) for proxy in page["DBProxies"]]
        into.asked("rds DescribeDBProxies", None, len(found), link=console(region, "rds/home#proxies:"))
        owned = [(_proxy_owner(proxy, resources), proxy) for proxy in found]
        near = nearest(scope, owned, f"RDS proxies in {region}", into)

        def pool(pair: "tuple[str, DBProxyTypeDef]") -> "list[DBProxyTargetGroupTypeDef]":
            budget.spend()
            return client.describe_db_proxy_target_groups(DBProxyName=pair[1].get("DBProxyName", ""))[
                "TargetGroups"
            ]

        for (service, proxy), groups in each(pool, near):
            name = proxy.get("DBProxyName", "")
            into.asked(f"rds DescribeDBProxyTargetGroups {name}", None, len(groups))
            settings = _pool_settings(proxy, groups)
            row = item(
                "rds_proxy", proxy.get("DBProxyArn", ""), name=name, service=service, region=region,
                settings=settings, health=str(settings["status"]), source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))


def _owner(cluster: "DBClusterTypeDef") -> str:
    tags = {tag.get("Key", ""): tag.get("Value", "") for tag in cluster.get("TagList", [])}
    return tags.get(SERVICE_TAG) or cluster.get("DBClusterIdentifier", "")


def _proxy_owner(proxy: "DBProxyTypeDef", resources: Resources) -> str:
    number = proxy.get("DBProxyArn", "").rpartition(":")[2]
    return resources.services.get(("proxy", number)) or proxy.get("DBProxyName", "")


def _cluster_settings(cluster: "DBClusterTypeDef") -> dict[str, Scalar]:
    """The cluster with its writer and the reader that is promoted first."""
    members = cluster.get("DBClusterMembers", [])
    readers = sorted(
        (member.get("PromotionTier", 15), member.get("DBInstanceIdentifier", ""))
        for member in members
        if not member.get("IsClusterWriter")
    )
    writer = next((m.get("DBInstanceIdentifier", "") for m in members if m.get("IsClusterWriter")), None)
    return {
        "engine": cluster.get("Engine", ""),
        "status": cluster.get("Status", ""),
        "writer": writer,
        "reader": readers[0][1] if readers else None,
        "readers": len(readers),
    }


def _pool_settings(proxy: "DBProxyTypeDef", groups: "list[DBProxyTargetGroupTypeDef]") -> dict[str, Scalar]:
    """The proxy with the pool of its default target group."""
    pools = [
        group.get("ConnectionPoolConfig", {}) for group in groups if group.get("IsDefault") or len(groups) == 1
    ]
    pool: ConnectionPoolConfigurationInfoTypeDef = pools[0] if pools else {}
    return {
        "proxy": proxy.get("DBProxyName", ""),
        "engine": proxy.get("EngineFamily", ""),
        "status": str(proxy.get("Status", "")),
        "max_connections_percent": pool.get("MaxConnectionsPercent"),
        "max_idle_percent": pool.get("MaxIdleConnectionsPercent"),
        "borrow_seconds": pool.get("ConnectionBorrowTimeout"),
    }
