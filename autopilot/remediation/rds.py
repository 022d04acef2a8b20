"""RDS instances: the next size of their class; a reboot."""

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import (
    Arguments,
    Candidate,
    Context,
    Effect,
    InventoryItem,
    Missing,
    Nothing,
    Tool,
)
from autopilot.remediation.cloud import AwsTool, SentOnce, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef

INSTANCE = arn("rds", r"db:(?P<instance>[a-zA-Z][a-zA-Z0-9-]{0,62})")
SIZES = (
    "micro", "small", "medium", "large", "xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge",
    "24xlarge", "32xlarge",
)  # fmt: skip
RESTARTED = ("restarted", "reboot")
"""Words of the events that RDS writes about a reboot."""


def next_class(present: str) -> str | None:
    """The next size in the same family; None for the largest and for families that are not known."""
    family, _, size = present.rpartition(".")
    if not family.startswith("db.") or size not in SIZES[:-1]:
        return None
    return f"{family}.{SIZES[SIZES.index(size) + 1]}"


class _RdsTool(AwsTool):
    """What the RDS tools share: reading the instance."""

    system: str = "rds"
    risk: Risk = "high"
    target = INSTANCE

    def _state(self, step: Step) -> TargetState:
        """The class, counting a change that is under way as made, and whether one is."""
        parts = self._parts(step)
        try:
            with asking(f"instance {parts['instance']}"):
                found: DBInstanceTypeDef = self._aws.rds(parts["region"]).describe_db_instances(
                    DBInstanceIdentifier=parts["instance"]
                )["DBInstances"][0]
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        status, pending = found.get("DBInstanceStatus", "unknown"), found.get("PendingModifiedValues", {})
        return TargetState(
            target=step.target,
            settings={"instance_class": pending.get("DBInstanceClass") or found.get("DBInstanceClass", "")},
            observed={
                "status": status,
                "multi_az": found.get("MultiAZ", False),
                "engine": found.get("Engine", ""),
                "engine_version": found.get("EngineVersion", ""),
            },
            health=status,
            deploying=status != "available" or bool(pending),
            observed_at=now(),
        )

    def _not_now(self, before: TargetState) -> DryRun | None:
        """RDS changes only instances that are available."""
        status = before.observed.get("status")
        return None if status == "available" else DryRun(feasible=False, reason=f"the instance is {status}")

    def _downtime(self, before: TargetState, single: str) -> str:
        return "a failover of about a minute (multi-AZ)" if before.observed.get("multi_az") else single


class InstanceClass(Arguments):
    """The instance class to run on."""

    instance_class: str = Field(pattern=r"^db\.[a-z0-9-]{1,20}\.[a-z0-9-]{1,20}$")


class ScaleInstance(_RdsTool):
    """Moves an instance to the next size of its family, at once."""

    name: str = "rds.scale_instance"
    permissions: tuple[str, ...] = (
        "rds:DescribeDBInstances",
        "rds:DescribeOrderableDBInstanceOptions",
        "rds:ModifyDBInstance",
    )
    takes: ClassVar[type[Arguments]] = InstanceClass
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"capacity", "cpu", "memory", "connection_pool", "traffic_surge", "slow_query"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The next class up; only when a suspect points at this instance or its service."""
        present = str(item.settings.get("instance_class") or "")
        bigger, how_well = next_class(present), fit(item, context, self.addresses)
        if not self._fits(item, "rds_instance") or bigger is None or how_well < 0.3:
            return ()
        step = self._step(
            item,
            f"Move {item.name} from {present} to {bigger}",
            {"instance_class": bigger},
            {"instance_class": f"instance_class {present}; next size"},
        )
        effect = expected(context, f"{item.name} has room for its load", 900.0)
        cited = evidence(item, context, self.addresses)
        offer = self._offer(step, effect, f"{item.name} is short of room on {present}", cited, how_well)
        return (replace(offer, own={"instance_class": (bigger,)}),)

    def command(self, step: Step) -> str:
        """`aws rds modify-db-instance …`."""
        parts, wanted = self._parts(step), InstanceClass.model_validate(step.arguments).instance_class
        return shell(
            "aws", "rds", "modify-db-instance", "--region", parts["region"],
            "--db-instance-identifier", parts["instance"], "--db-instance-class", wanted, "--apply-immediately",
        )  # fmt: skip

    def inspect(self, step: Step) -> TargetState:
        """The class and whether the instance can be changed."""
        return self._state(step)

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted class."""
        wanted = InstanceClass.model_validate(step.arguments).instance_class
        return before.model_copy(update={"settings": {"instance_class": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the class can be had for this engine, and how long the instance is away."""
        if (not_now := self._not_now(before)) is not None:
            return not_now
        wanted = InstanceClass.model_validate(step.arguments).instance_class
        offered = self._offered(step, before, wanted)
        if offered is False:
            return DryRun(feasible=False, reason=f"{wanted} is not offered for {before.observed.get('engine')}")
        away = self._downtime(before, "the instance is away for some minutes (single-AZ)")
        unknown = () if offered else (f"whether {wanted} can be ordered here is not known",)
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"every client of {self._parts(step)['instance']}: {away}",
            cost="about the price difference of the two classes, usually double",
            warnings=(away, *unknown),
        )

    def _offered(self, step: Step, before: TargetState, wanted: str) -> bool | None:
        """Whether RDS sells the class for the engine here; None when it does not even list the present one."""
        client = self._aws.rds(self._parts(step)["region"])
        engine, version = str(before.observed.get("engine")), str(before.observed.get("engine_version"))

        def listed(name: str) -> bool:
            with asking(f"orderable {name}"):
                answer = client.describe_orderable_db_instance_options(
                    Engine=engine, EngineVersion=version, DBInstanceClass=name, MaxRecords=20
                )
            return bool(answer["OrderableDBInstanceOptions"])

        if listed(wanted):
            return True
        return False if listed(str(before.settings.get("instance_class"))) else None

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask for the class at once; asking for the class it has changes nothing."""
        parts, wanted = self._parts(step), InstanceClass.model_validate(step.arguments).instance_class
        with marking(key), asking(f"instance {parts['instance']}"):
            self._aws.rds(parts["region"]).modify_db_instance(
                DBInstanceIdentifier=parts["instance"], DBInstanceClass=wanted, ApplyImmediately=True
            )
        return "done", f"instance {parts['instance']} moves to {wanted}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The class it had; that costs another interruption."""
        had: Scalar = before.settings.get("instance_class")
        return (
            self._back(step, f"Move back to {had} (another interruption)", {"instance_class": had}) if had else None
        )


class Reboot(SentOnce, _RdsTool):
    """Restarts an instance. RDS takes no token: it is sent at most once."""

    name: str = "rds.reboot"
    reversible: bool = False
    permissions: tuple[str, ...] = (
        "rds:DescribeDBInstances",
        "rds:DescribeEvents",
        "rds:RebootDBInstance",
    )
    takes: ClassVar[type[Arguments]] = Nothing
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"connection_pool", "lock_contention", "memory"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only when a suspect that a restart would help points at this instance or its service."""
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "rds_instance") or how_well < 0.3:
            return ()
        step = self._step(item, f"Reboot {item.name}", {}, {})
        effect = expected(context, f"{item.name} starts without held locks and connections", 600.0)
        cited = evidence(item, context, self.addresses)
        why = f"{item.name} holds locks or connections that a restart frees"
        return (self._offer(step, effect, why, cited, round(how_well * 0.6, 3)),)

    def command(self, step: Step) -> str:
        """`aws rds reboot-db-instance …`."""
        parts = self._parts(step)
        return shell(
            "aws", "rds", "reboot-db-instance", "--region", parts["region"],
            "--db-instance-identifier", parts["instance"],
        )  # fmt: skip

    def inspect(self, step: Step) -> TargetState:
        """What runs, and whether it can be restarted."""
        return self._state(step)

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether it can be restarted now, and how long it is away."""
        if (not_now := self._not_now(before)) is not None:
            return not_now
        away = self._downtime(before, "the instance is away for a minute or more (single-AZ)")
        return DryRun(
            feasible=True,
            changes=("every connection is dropped and its transaction rolled back",),
            reach=f"every client of {self._parts(step)['instance']}: {away}",
            cost="none",
            warnings=("cannot be undone", away),
        )

    def trace(self, step: Step, present: TargetState, expected: TargetState | None) -> str:
        """An instance that is rebooting, or an event of a restart since the plan was made."""
        parts = self._parts(step)
        if present.observed.get("status") == "rebooting":
            return f"instance {parts['instance']} is rebooting"
        if expected is None:
            return ""
        with asking(f"events of {parts['instance']}"):
            events = self._aws.rds(parts["region"]).describe_events(
                SourceIdentifier=parts["instance"],
                SourceType="db-instance",
                StartTime=expected.observed_at,
                EndTime=now() + timedelta(minutes=1),
            )["Events"]
        for event in events:
            at, message = event.get("Date"), event.get("Message", "")
            if at is not None and at >= expected.observed_at and any(w in message.lower() for w in RESTARTED):
                return f"{message.rstrip('.')} at {at:%H:%M:%S} UTC"
        return ""

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask for the restart, once."""
        parts = self._parts(step)

        def call() -> object:
            return self._once.rds(parts["region"]).reboot_db_instance(DBInstanceIdentifier=parts["instance"])

        effect = self._sent(call, key, f"instance {parts['instance']}")
        said = "is rebooting" if effect == "done" else "may be rebooting: the answer was lost"
        return effect, f"instance {parts['instance']} {said}"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (ScaleInstance(parts.aws), Reboot(parts.aws, parts.once)) if parts.aws and parts.once else ()
