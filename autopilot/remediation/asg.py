"""EC2 Auto Scaling groups: how many instances run. More is in `asg_policy` and `asg_refresh`."""

import math
from typing import TYPE_CHECKING, ClassVar, cast

from pydantic import Field, model_validator

from autopilot.clients.aws import AwsClients, marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import AutoScalingGroupTypeDef, ScalingPolicyTypeDef

GROUP = arn("autoscaling", r"autoScalingGroup:[0-9a-f-]{36}:autoScalingGroupName/(?P<group>[^\s:]{1,255})")
DEMAND: frozenset[CauseKind] = frozenset({"capacity", "traffic_surge", "cpu", "memory"})


def policies_of(clients: AwsClients, region: str, group: str) -> "list[ScalingPolicyTypeDef]":
    """The scaling policies of a group that are switched on."""
    with asking(f"scaling policies of {group}"):
        pages = clients.autoscaling(region).get_paginator("describe_policies").paginate(AutoScalingGroupName=group)
        return [policy for page in pages for policy in page["ScalingPolicies"] if policy.get("Enabled", True)]


class GroupTool(AwsTool):
    """What the tools of a group share: reading it."""

    system: str = "asg"
    target = GROUP

    def _group(self, step: Step) -> "AutoScalingGroupTypeDef":
        """The group with this ARN: a namesake made later is another one. Raises Missing."""
        parts = self._parts(step)
        with asking(f"group {parts['group']}"):
            found = self._aws.autoscaling(parts["region"]).describe_auto_scaling_groups(
                AutoScalingGroupNames=[parts["group"]]
            )["AutoScalingGroups"]
        own = next((group for group in found if group.get("AutoScalingGroupARN") == step.target), None)
        if own is None:
            raise Missing(f"group {parts['group']} does not exist")
        return own

    def _state(
        self, step: Step, settings: dict[str, Scalar], observed: dict[str, Scalar], group: "AutoScalingGroupTypeDef"
    ) -> TargetState:
        """The settings with how many instances serve; a group that is not at its size is being changed."""
        instances = group.get("Instances", [])
        serving = sum(instance["LifecycleState"] == "InService" for instance in instances)
        return TargetState(
            target=step.target,
            settings=settings,
            observed=observed | {"in_service": serving},
            health=f"{serving} of {group['DesiredCapacity']} instances are in service",
            deploying=len(instances) != group["DesiredCapacity"] or serving != len(instances),
            observed_at=now(),
        )

    def _gone(self, step: Step) -> TargetState:
        return TargetState(target=step.target, exists=False, observed_at=now())

    def _words(self, step: Step, verb: str, *more: Scalar) -> str:
        parts = self._parts(step)
        return shell(
            "aws", "autoscaling", verb, "--region", parts["region"], "--auto-scaling-group-name", parts["group"],
            *more,
        )  # fmt: skip


class Size(Arguments):
    """The number of instances that should run, or the least number a scaling policy may go down to."""

    desired_capacity: int | None = Field(default=None, ge=0, le=10_000)
    min_size: int | None = Field(default=None, ge=0, le=10_000)

    @model_validator(mode="after")
    def _one(self) -> "Size":
        if (self.desired_capacity is None) == (self.min_size is None):
            raise ValueError("name either desired_capacity or min_size")
        return self

    @property
    def wanted(self) -> tuple[str, int]:
        """Which of both, and how many."""
        if self.min_size is not None:
            return "min_size", self.min_size
        return "desired_capacity", cast(int, self.desired_capacity)  # the validator leaves no other case


class SetCapacity(GroupTool):
    """Sets the number of instances of a group; where a policy owns the number, the least it may go down to."""

    name: str = "asg.set_capacity"
    risk: Risk = "low"
    permissions: tuple[str, ...] = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribePolicies",
        "autoscaling:SetDesiredCapacity",
        "autoscaling:UpdateAutoScalingGroup",
    )
    takes: ClassVar[type[Arguments]] = Size
    addresses: ClassVar[frozenset[CauseKind]] = DEMAND

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Half as many again within the maximum; only when a suspect points at this service."""
        desired, most = item.settings.get("desired_capacity"), item.settings.get("max_size")
        policies, how_well = item.settings.get("policies"), fit(item, context, self.addresses)
        if not self._fits(item, "autoscaling_group") or how_well < 0.3 or not isinstance(policies, int):
            return ()
        if not isinstance(desired, int) or not isinstance(most, int) or not 1 <= desired < most:
            return ()
        wanted = min(max(desired + 1, math.ceil(desired * 1.5)), most)
        field = "min_size" if policies else "desired_capacity"
        least = "at least " if policies else ""
        step = self._step(
            item,
            f"Run {least}{wanted} instances in {item.name} instead of {desired}",
            {field: wanted},
            {field: f"desired_capacity {desired}; half as many again"},
        )
        effect = expected(context, f"each instance of {item.service} gets less load", 300.0)
        why = f"{item.service} is short of room with {desired} instances"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`aws autoscaling set-desired-capacity` or `update-auto-scaling-group`."""
        field, wanted = Size.model_validate(step.arguments).wanted
        if field == "min_size":
            return self._words(step, "update-auto-scaling-group", "--min-size", wanted)
        return self._words(step, "set-desired-capacity", "--desired-capacity", wanted)

    def inspect(self, step: Step) -> TargetState:
        """The size that the step sets and its bounds; the desired number is a policy's where there is one."""
        try:
            group = self._group(step)
        except Missing:
            return self._gone(step)
        scaled = bool(policies_of(self._aws, self._parts(step)["region"], self._parts(step)["group"]))
        field, _ = Size.model_validate(step.arguments).wanted
        desired: dict[str, Scalar] = {"desired_capacity": group["DesiredCapacity"]}
        settings: dict[str, Scalar] = {"max_size": group["MaxSize"], "min_size": group["MinSize"], "scaled": scaled}
        owned = scaled or field == "min_size"
        return self._state(step, settings | ({} if owned else desired), desired if owned else {}, group)

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted size."""
        field, wanted = Size.model_validate(step.arguments).wanted
        return before.model_copy(update={"settings": before.settings | {field: wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the number is ours to set and within the bounds."""
        field, wanted = Size.model_validate(step.arguments).wanted
        least, most = before.settings.get("min_size"), before.settings.get("max_size")
        if before.settings.get("scaled") and field == "desired_capacity":
            return DryRun(feasible=False, reason="a scaling policy owns the number; raise the minimum instead")
        if isinstance(most, int) and wanted > most:
            return DryRun(feasible=False, reason=f"the group may have at most {most} instances")
        if field == "desired_capacity" and isinstance(least, int) and wanted < least:
            return DryRun(feasible=False, reason=f"the group must have at least {least} instances")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or self._parts(step)['group']}; running instances stay",
            cost="the price of the added instances",
            warnings=("new instances take minutes to serve", "what the service calls gets more connections"),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the size; the same size twice is the same."""
        parts, (field, wanted) = self._parts(step), Size.model_validate(step.arguments).wanted
        client = self._aws.autoscaling(parts["region"])
        with marking(key), asking(f"group {parts['group']}"):
            if field == "min_size":
                client.update_auto_scaling_group(AutoScalingGroupName=parts["group"], MinSize=wanted)
            else:
                client.set_desired_capacity(
                    AutoScalingGroupName=parts["group"], DesiredCapacity=wanted, HonorCooldown=False
                )
        return "done", f"group {parts['group']}: {field} is {wanted}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The size it had; after a minimum was lowered the policy takes away what is not needed."""
        field, _ = Size.model_validate(step.arguments).wanted
        had = before.settings.get(field)
        return self._back(step, f"Set {field} back to {had}", {field: had}) if had is not None else None


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (SetCapacity(parts.aws),) if parts.aws else ()
