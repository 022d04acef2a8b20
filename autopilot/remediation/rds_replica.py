"""RDS: a read replica, so that reading work can leave the database that live traffic writes to.

RDS takes no token; the name of the replica is one: it is made of the incident and the database, so that a second
call finds the replica of the first. A replica counts as ours by its source and its tag, and only then is deleted.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.ids import digest
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import AwsTool, asking, changed_lines, now, shell
from autopilot.remediation.evidence import blamed, evidence, expected, fit
from autopilot.remediation.parts import Parts
from autopilot.remediation.rds import INSTANCE

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef

ENGINES = ("postgres", "mysql", "mariadb")
MARK = ("created-by", "aiops-auto-pilot")
"""The tag of what we created."""
UNUSED = 0.6
"""Share of its fit: a replica helps only once something reads from it."""
LEAVING = ("deleting", "deleted")


class Replica(Arguments):
    """The identifier of the replica."""

    replica: str = Field(pattern=r"^[a-zA-Z](-?[a-zA-Z0-9])*$", max_length=63)


class _ReplicaTool(AwsTool):
    """What creating and deleting share: the source is the target, and the replica is looked up by its name."""

    system: str = "rds"
    takes: ClassVar[type[Arguments]] = Replica
    target = INSTANCE

    def _instance(self, region: str, name: str) -> "DBInstanceTypeDef | None":
        try:
            with asking(f"instance {name}"):
                return self._aws.rds(region).describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        except Missing:
            return None

    def _whose(self, source: str, found: "DBInstanceTypeDef | None") -> str:
        """`absent`, `ours`, or `foreign`; one that is being deleted is absent."""
        if found is None or found.get("DBInstanceStatus") in LEAVING:
            return "absent"
        marked = MARK in [(tag.get("Key"), tag.get("Value")) for tag in found.get("TagList", [])]
        return "ours" if marked and found.get("ReadReplicaSourceDBInstanceIdentifier") == source else "foreign"

    def inspect(self, step: Step) -> TargetState:
        """Whether the replica exists and is ours, and what the source is."""
        parts, wanted = self._parts(step), Replica.model_validate(step.arguments).replica
        source = self._instance(parts["region"], parts["instance"])
        if source is None:
            return TargetState(target=step.target, exists=False, observed_at=now())
        replica = self._instance(parts["region"], wanted)
        status = source.get("DBInstanceStatus", "unknown")
        observed: dict[str, Scalar] = {
            "status": status,
            "engine": source.get("Engine", ""),
            "instance_class": source.get("DBInstanceClass", ""),
            "backup_days": source.get("BackupRetentionPeriod", 0),
            "replica_of": source.get("ReadReplicaSourceDBInstanceIdentifier", ""),
            "multi_az": source.get("MultiAZ", False),
            "replica_status": replica.get("DBInstanceStatus", "") if replica else "",
        }
        return TargetState(
            target=step.target,
            settings={"replica": self._whose(parts["instance"], replica)},
            observed=observed,
            health=status,
            deploying=status != "available",
            observed_at=now(),
        )


class CreateReplica(_ReplicaTool):
    """Creates a read replica of the same class."""

    name: str = "rds.create_replica"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "rds:DescribeDBInstances",
        "rds:CreateDBInstanceReadReplica",
        "rds:AddTagsToResource",
    )
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"batch_job", "cpu", "capacity", "slow_query", "traffic_surge"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """For a database under suspicion that has none, and of which RDS can make one."""
        if not self._fits(item, "rds_instance") or not blamed(item, context, self.addresses):
            return ()
        if _not_possible(item.settings) or item.settings.get("replicas"):
            return ()
        mark = digest(context.dossier.incident_id, item.resource)[:8]
        name = f"{item.name[:45].rstrip('-')}-replica-{mark}"
        step = self._step(
            item,
            f"Create the read replica {name} of {item.name}",
            {"replica": name},
            {"replica": "name; with a mark of the incident"},
        )
        effect = expected(context, f"reading work can leave {item.name}", 1_800.0)
        cited = evidence(item, context, self.addresses)
        how_well = round(fit(item, context, self.addresses) * UNUSED, 3)
        offer = self._offer(
            step, effect, f"{item.name} has no replica that reading work could use", cited, how_well
        )
        return (replace(offer, own={"replica": (name,)}),)

    def command(self, step: Step) -> str:
        """`aws rds create-db-instance-read-replica …`."""
        parts, wanted = self._parts(step), Replica.model_validate(step.arguments).replica
        return shell(
            "aws", "rds", "create-db-instance-read-replica", "--region", parts["region"],
            "--db-instance-identifier", wanted, "--source-db-instance-identifier", parts["instance"],
            "--tags", f"Key={MARK[0]},Value={MARK[1]}",
        )  # fmt: skip

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - its name is in the step
        """The replica is there and ours."""
        return before.model_copy(update={"settings": {"replica": "ours"}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether RDS can make one of this source, and what that costs it."""
        wanted = Replica.model_validate(step.arguments).replica
        if before.settings.get("replica") == "foreign":
            return DryRun(feasible=False, reason=f"{wanted} exists and is not ours")
        if problem := _not_possible(before.observed):
            return DryRun(feasible=False, reason=problem)
        warnings = [
            "nothing reads from it until something is pointed at it",
            "it takes some minutes, or hours if large",
        ]
        if not before.observed.get("multi_az"):
            warnings.append("the source's storage pauses for some seconds while the first snapshot is taken")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"instance {self._parts(step)['instance']} keeps serving",
            cost=f"one more {before.observed.get('instance_class')} with its storage, until it is deleted",
            warnings=tuple(warnings),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Create it under its name; the same name a second time is refused by RDS."""
        parts, wanted = self._parts(step), Replica.model_validate(step.arguments).replica
        with marking(key), asking(f"instance {wanted}"):
            self._aws.rds(parts["region"]).create_db_instance_read_replica(
                DBInstanceIdentifier=wanted,
                SourceDBInstanceIdentifier=parts["instance"],
                Tags=[{"Key": MARK[0], "Value": MARK[1]}],
            )
        return "done", f"read replica {wanted} of {parts['instance']} is being created"

    def undo(self, step: Step, before: TargetState) -> Step | None:  # noqa: ARG002 - it was absent
        """Delete it again."""
        wanted = Replica.model_validate(step.arguments).replica
        back = step.model_copy(update={"tool": DeleteReplica.name, "summary": f"Delete the replica {wanted}"})
        return back.model_copy(update={"command": delete_command(self._parts(step)["region"], wanted)})


class DeleteReplica(_ReplicaTool):
    """Deletes a replica that we created: the undo of its creation, never offered by itself."""

    name: str = "rds.delete_replica"
    risk: Risk = "high"
    reversible: bool = False
    permissions: tuple[str, ...] = ("rds:DescribeDBInstances", "rds:DeleteDBInstance")

    def command(self, step: Step) -> str:
        """`aws rds delete-db-instance …`."""
        return delete_command(self._parts(step)["region"], Replica.model_validate(step.arguments).replica)

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - its name is in the step
        """The replica is gone."""
        return before.model_copy(update={"settings": {"replica": "absent"}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether it is ours to delete."""
        wanted = Replica.model_validate(step.arguments).replica
        if before.settings.get("replica") == "foreign":
            return DryRun(feasible=False, reason=f"{wanted} is not ours")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"whatever reads from {wanted} by now",
            cost="none; it is no longer paid for",
            warnings=("what reads from it fails: point that back first",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Delete it, only if it is ours; a replica has no snapshot of its own to keep."""
        parts, wanted = self._parts(step), Replica.model_validate(step.arguments).replica
        whose = self._whose(parts["instance"], self._instance(parts["region"], wanted))
        if whose == "absent":
            return "already", f"there is no {wanted} any more"
        if whose == "foreign":
            raise Refusal(f"{wanted} is not a replica of {parts['instance']} that we created")
        with marking(key), asking(f"instance {wanted}"):
            self._aws.rds(parts["region"]).delete_db_instance(DBInstanceIdentifier=wanted, SkipFinalSnapshot=True)
        return "done", f"read replica {wanted} is being deleted"


def delete_command(region: str, replica: str) -> str:
    """What a person could type to delete a replica."""
    return shell(
        "aws", "rds", "delete-db-instance", "--region", region, "--db-instance-identifier", replica,
        "--skip-final-snapshot",
    )  # fmt: skip


def _not_possible(source: Mapping[str, Scalar]) -> str:
    """Why RDS cannot make a replica of a source; empty when it can."""
    if source.get("engine") not in ENGINES:
        return f"replicas of {source.get('engine') or 'an unknown engine'} are not made this way"
    if source.get("replica_of"):
        return f"it is a replica of {source.get('replica_of')} itself"
    if not source.get("backup_days"):
        return "automated backups are off: RDS makes no replica without them"
    status = source.get("status")
    return "" if status == "available" else f"the instance is {status}"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (CreateReplica(parts.aws), DeleteReplica(parts.aws)) if parts.aws else ()
