"""EC2 instances: a reboot. EC2 takes no token for it: it is sent at most once."""

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

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
from autopilot.remediation.cloud import SentOnce, arn, asking, now, shell
from autopilot.remediation.evidence import evidence, expected, findings_on, fit
from autopilot.remediation.parts import Parts
from autopilot.sources.json_shape import document

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

INSTANCE = arn("ec2", r"instance/(?P<instance>i-[0-9a-f]{8,17})")
SICK = "impaired"
"""What a status check says of an instance that does not answer."""


class Reboot(SentOnce):
    """Restarts an instance; it keeps its disks and addresses."""

    name: str = "ec2.reboot"
    system: str = "ec2"
    risk: Risk = "medium"
    reversible: bool = False
    permissions: tuple[str, ...] = (
        "ec2:DescribeInstances",
        "ec2:DescribeInstanceStatus",
        "cloudtrail:LookupEvents",
        "ec2:RebootInstances",
    )
    takes: ClassVar[type[Arguments]] = Nothing
    target = INSTANCE
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"memory", "cpu", "crash", "connection_pool", "disk"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only for the very instance that fails its checks or that findings are about, not for all of a service."""
        how_well = fit(item, context, self.addresses)
        sick, found = item.settings.get("checks") == SICK, findings_on(item, context)
        if not self._fits(item, "ec2_instance") or how_well < 0.3 or not (sick or found):
            return ()
        step = self._step(item, f"Reboot {item.name}", {}, {})
        effect = expected(context, f"{item.name} starts clean and answers again", 600.0)
        why = f"{item.name} fails its status checks" if sick else f"{item.name} stands out ({found[0].id})"
        cited = evidence(item, context, self.addresses, (f.id for f in found))
        return (self._offer(step, effect, why, cited, round(how_well * 0.8, 3)),)

    def command(self, step: Step) -> str:
        """`aws ec2 reboot-instances …`."""
        parts = self._parts(step)
        return shell(
            "aws", "ec2", "reboot-instances", "--region", parts["region"], "--instance-ids", parts["instance"]
        )

    def inspect(self, step: Step) -> TargetState:
        """When the instance was launched, its state, and its status checks besides."""
        parts = self._parts(step)
        client = self._aws.ec2(parts["region"])
        found: InstanceTypeDef | None = None
        try:
            with asking(f"instance {parts['instance']}"):
                answer = client.describe_instances(InstanceIds=[parts["instance"]])["Reservations"]
                found = next((i for r in answer for i in r.get("Instances", [])), None)
                checks = client.describe_instance_status(InstanceIds=[parts["instance"]])["InstanceStatuses"]
        except Missing:
            checks = []
        state = str(found.get("State", {}).get("Name", "")) if found is not None else "terminated"
        if found is None or state == "terminated":
            return TargetState(target=step.target, exists=False, observed_at=now())
        health = next((str(c.get("InstanceStatus", {}).get("Status", "")) for c in checks), "not checked")
        launched = found.get("LaunchTime")
        return TargetState(
            target=step.target,
            settings={"state": state, "launched_at": launched.isoformat() if launched else ""},
            observed={"checks": health, "root_device": str(found.get("RootDeviceType", ""))},
            health=f"{state}, checks {health}",
            deploying=state != "running" or health == "initializing",
            observed_at=now(),
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether it runs, and what is lost."""
        state = before.settings.get("state")
        if state != "running":
            return DryRun(feasible=False, reason=f"the instance is {state}")
        return DryRun(
            feasible=True,
            changes=("every process of the instance is ended and started again",),
            reach=f"everything that runs on {self._parts(step)['instance']}: away for a minute or more",
            cost="none",
            warnings=("cannot be undone", "what is only in memory is lost"),
        )

    def trace(self, step: Step, present: TargetState, expected: TargetState | None) -> str:  # noqa: ARG002 - every tool's
        """A reboot of the instance in the audit trail since the plan was made; the trail is minutes behind."""
        if expected is None:
            return ""
        parts = self._parts(step)
        since = expected.observed_at - timedelta(seconds=1)  # the trail tells whole seconds
        with asking("the audit trail"):
            events = self._aws.cloudtrail(parts["region"]).lookup_events(
                LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "RebootInstances"}],
                StartTime=since,
                EndTime=now() + timedelta(minutes=1),
            )["Events"]
        for event in events:
            at, told = event.get("EventTime"), event.get("CloudTrailEvent", "")
            if at is None or at < since or document(told).get("errorCode"):
                continue
            if f'"{parts["instance"]}"' in told:
                return f"{event.get('Username', 'somebody')} rebooted it at {at:%H:%M:%S} UTC"
        return ""

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask for the reboot, once."""
        parts = self._parts(step)

        def call() -> object:
            return self._once.ec2(parts["region"]).reboot_instances(InstanceIds=[parts["instance"]])

        effect = self._sent(call, key, f"instance {parts['instance']}")
        said = "reboots" if effect == "done" else "may be rebooting: the answer was lost"
        return effect, f"instance {parts['instance']} {said}"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (Reboot(parts.aws, parts.once),) if parts.aws and parts.once else ()
