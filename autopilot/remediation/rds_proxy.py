"""RDS Proxy: what share of the database's connections its pool may take."""

import math
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBProxyTargetGroupTypeDef, DBProxyTypeDef

PROXY = arn("rds", r"db-proxy:(?P<number>prx-[0-9a-z]{1,40})")
HIGHEST = 90
"""Percent that a pool is raised to at most: the rest is for people and batch jobs that come by other ways."""


class Pool(Arguments):
    """The share of the database's connections that the pool of a proxy may take."""

    proxy: str = Field(pattern=r"^[a-zA-Z][a-zA-Z0-9-]{0,62}$")
    """Its name: RDS asks for it, and the ARN does not tell it."""
    max_connections_percent: int = Field(ge=1, le=100)


class SetPool(AwsTool):
    """Sets what share of the database's connections a proxy may take."""

    name: str = "rds_proxy.set_pool"
    system: str = "rds_proxy"
    tier: Literal["A", "B"] = "B"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "rds:DescribeDBProxies",
        "rds:DescribeDBProxyTargetGroups",
        "rds:ModifyDBProxyTargetGroup",
    )
    takes: ClassVar[type[Arguments]] = Pool
    target = PROXY
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"connection_pool", "capacity", "traffic_surge"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Half as much again, up to a limit; only when a suspect points at the proxy or its service."""
        present, proxy = item.settings.get("max_connections_percent"), item.settings.get("proxy")
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "rds_proxy") or not isinstance(present, int) or not proxy or how_well < 0.4:
            return ()
        wanted = min(math.ceil(present * 1.5), HIGHEST)
        if wanted <= present:
            return ()
        step = self._step(
            item,
            f"Let {item.name} take {wanted} % of the database's connections instead of {present} %",
            {"proxy": proxy, "max_connections_percent": wanted},
            {"proxy": "proxy", "max_connections_percent": f"max_connections_percent {present}; half as much again"},
        )
        effect = expected(context, f"clients of {item.name} no longer wait for connections", 180.0)
        why = f"{item.name} may take only {present} % of the connections"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`aws rds modify-db-proxy-target-group …`."""
        wanted = Pool.model_validate(step.arguments)
        return shell(
            "aws", "rds", "modify-db-proxy-target-group", "--region", self._parts(step)["region"],
            "--db-proxy-name", wanted.proxy, "--target-group-name", "default",
            "--connection-pool-config", f"MaxConnectionsPercent={wanted.max_connections_percent}",
        )  # fmt: skip

    def _read(self, step: Step) -> "tuple[DBProxyTypeDef, DBProxyTargetGroupTypeDef]":
        """The proxy with this ARN and its target group; a namesake is another one. Raises Missing."""
        name, client = Pool.model_validate(step.arguments).proxy, self._aws.rds(self._parts(step)["region"])
        with asking(f"proxy {name}"):
            proxies = client.describe_db_proxies(DBProxyName=name)["DBProxies"]
            groups = client.describe_db_proxy_target_groups(DBProxyName=name, TargetGroupName="default")[
                "TargetGroups"
            ]
        if not proxies or proxies[0].get("DBProxyArn") != step.target or not groups:
            raise Missing(f"proxy {name} does not exist")
        return proxies[0], groups[0]

    def inspect(self, step: Step) -> TargetState:
        """The share, and whether the proxy can be changed."""
        try:
            proxy, group = self._read(step)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        pool, status = group.get("ConnectionPoolConfig", {}), str(proxy.get("Status", ""))
        return TargetState(
            target=step.target,
            settings={"max_connections_percent": pool.get("MaxConnectionsPercent")},
            observed={"max_idle_percent": pool.get("MaxIdleConnectionsPercent"), "status": status},
            health=status,
            deploying=status != "available",
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted share."""
        wanted = Pool.model_validate(step.arguments).max_connections_percent
        return before.model_copy(update={"settings": {"max_connections_percent": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the proxy can be changed, and the share is not below what it keeps idle."""
        wanted, idle = (
            Pool.model_validate(step.arguments).max_connections_percent,
            before.observed.get("max_idle_percent"),
        )
        if (status := before.observed.get("status")) != "available":
            return DryRun(feasible=False, reason=f"the proxy is {status}")
        if isinstance(idle, int) and wanted < idle:
            return DryRun(feasible=False, reason=f"the pool keeps up to {idle} % idle, more than that")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"every client of {step.service or 'the proxy'}; open connections stay",
            cost="none",
            warnings=("the database serves more connections at once: its memory must allow them",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the share; the same share twice is the same, what else the pool has stays."""
        wanted = Pool.model_validate(step.arguments)
        with marking(key), asking(f"proxy {wanted.proxy}"):
            self._aws.rds(self._parts(step)["region"]).modify_db_proxy_target_group(
                DBProxyName=wanted.proxy,
                TargetGroupName="default",
                ConnectionPoolConfig={"MaxConnectionsPercent": wanted.max_connections_percent},
            )
        return "done", f"proxy {wanted.proxy} may take {wanted.max_connections_percent} % of the connections"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The share it had."""
        had, proxy = before.settings.get("max_connections_percent"), step.arguments.get("proxy")
        if had is None:
            return None
        return self._back(step, f"Let {proxy} take {had} % again", {"proxy": proxy, "max_connections_percent": had})


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (SetPool(parts.aws),) if parts.aws else ()
