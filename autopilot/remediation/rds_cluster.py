"""Aurora clusters: a failover to a reader. RDS takes no token for it: it is sent at most once."""

from datetime import timedelta
from typing import ClassVar, Literal

from pydantic import Field
from typing_extensions import override

from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import (
    Arguments,
    Candidate,
    Context,
    Effect,
    InventoryItem,
    Missing,
    Tool,
)
from autopilot.remediation.cloud import SentOnce, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

CLUSTER = arn("rds", r"cluster:(?P<cluster>[a-zA-Z][a-zA-Z0-9-]{0,62})")
AURORA = ("aurora", "aurora-mysql", "aurora-postgresql")


class Reader(Arguments):
    """The reader that becomes the writer."""

    reader: str = Field(pattern=r"^[a-zA-Z][a-zA-Z0-9-]{0,62}$")


class Failover(SentOnce):
    """Makes a reader of an Aurora cluster its writer."""

    name: str = "rds.failover"
    system: str = "rds"
    tier: Literal["A", "B"] = "B"
    risk: Risk = "high"
    reversible: bool = False
    permissions: tuple[str, ...] = ("rds:DescribeDBClusters", "rds:DescribeEvents", "rds:FailoverDBCluster")
    takes: ClassVar[type[Arguments]] = Reader
    target = CLUSTER
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"crash", "network", "disk", "memory", "lock_contention"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """To the reader that is promoted first; only where a suspect that another writer would help points here."""
        reader, how_well = item.settings.get("reader"), fit(item, context, self.addresses)
        if not self._fits(item, "rds_cluster") or not reader or how_well < 0.3:
            return ()
        if item.settings.get("engine") not in AURORA or item.settings.get("status") != "available":
            return ()
        step = self._step(
            item, f"Make {reader} the writer of {item.name}", {"reader": reader}, {"reader": "reader"}
        )
        effect = expected(context, f"{item.name} writes on another machine", 180.0)
        why = f"the writer of {item.name} is in trouble and {reader} stands by"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), round(how_well * 0.7, 3)),)

    def command(self, step: Step) -> str:
        """`aws rds failover-db-cluster …`."""
        parts, reader = self._parts(step), Reader.model_validate(step.arguments).reader
        return shell(
            "aws", "rds", "failover-db-cluster", "--region", parts["region"], "--db-cluster-identifier",
            parts["cluster"], "--target-db-instance-identifier", reader,
        )  # fmt: skip

    def inspect(self, step: Step) -> TargetState:
        """Who writes, and whether the wanted reader is one of the cluster."""
        parts, reader = self._parts(step), Reader.model_validate(step.arguments).reader
        try:
            with asking(f"cluster {parts['cluster']}"):
                found = self._aws.rds(parts["region"]).describe_db_clusters(DBClusterIdentifier=parts["cluster"])
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        cluster = found["DBClusters"][0]
        members = cluster.get("DBClusterMembers", [])
        writer = next((m.get("DBInstanceIdentifier", "") for m in members if m.get("IsClusterWriter")), "")
        status = cluster.get("Status", "unknown")
        return TargetState(
            target=step.target,
            settings={
                "writer": writer,
                "has_reader": any(m.get("DBInstanceIdentifier") == reader for m in members),
            },
            observed={"status": status, "engine": cluster.get("Engine", ""), "members": len(members)},
            health=status,
            deploying=status != "available",
            observed_at=now(),
        )

    @override
    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The reader writes."""
        reader = Reader.model_validate(step.arguments).reader
        return before.model_copy(update={"settings": before.settings | {"writer": reader}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the cluster is one that can fail over now, to this reader."""
        reader, status = Reader.model_validate(step.arguments).reader, before.observed.get("status")
        problem = ""
        if before.observed.get("engine") not in AURORA:
            problem = f"{before.observed.get('engine')} is no Aurora cluster"
        elif status != "available":
            problem = f"the cluster is {status}"
        elif before.settings.get("writer") == reader:
            problem = f"{reader} is the writer already"
        elif not before.settings.get("has_reader"):
            problem = f"{reader} is no member of the cluster"
        if problem:
            return DryRun(feasible=False, reason=problem)
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"every client of {self._parts(step)['cluster']}: writes fail for up to a minute",
            cost="none",
            warnings=(
                "cannot be undone: going back is another failover",
                "connections are dropped; clients that keep the old address write in vain",
            ),
        )

    def trace(self, step: Step, present: TargetState, expected: TargetState | None) -> str:
        """The reader writes, the cluster fails over, or an event of a failover since the plan was made."""
        parts, reader = self._parts(step), Reader.model_validate(step.arguments).reader
        if present.settings.get("writer") == reader:
            return f"{reader} is the writer"
        if present.observed.get("status") == "failing-over":
            return f"cluster {parts['cluster']} is failing over"
        if expected is None:
            return ""
        with asking(f"events of {parts['cluster']}"):
            events = self._aws.rds(parts["region"]).describe_events(
                SourceIdentifier=parts["cluster"],
                SourceType="db-cluster",
                StartTime=expected.observed_at,
                EndTime=now() + timedelta(minutes=1),
            )["Events"]
        for event in events:
            at, message = event.get("Date"), event.get("Message", "")
            told = message.lower()
            if at is not None and at >= expected.observed_at and "failover" in told and "failed" not in told:
                return f"{message.rstrip('.')} at {at:%H:%M:%S} UTC"
        return ""

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask for the failover, once."""
        parts, reader = self._parts(step), Reader.model_validate(step.arguments).reader

        def call() -> object:
            return self._once.rds(parts["region"]).failover_db_cluster(
                DBClusterIdentifier=parts["cluster"], TargetDBInstanceIdentifier=reader
            )

        effect = self._sent(call, key, f"cluster {parts['cluster']}")
        said = f"fails over to {reader}" if effect == "done" else "may be failing over: the answer was lost"
        return effect, f"cluster {parts['cluster']} {said}"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (Failover(parts.aws, parts.once),) if parts.aws and parts.once else ()
