"""EC2 Auto Scaling groups: a target tracking policy, made or adjusted, and taken away again."""

import json
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.asg import GroupTool, policies_of
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import asking, changed_lines
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts
from autopilot.sources.autoscaling_groups import CPU, TRACKING, tracked_metric

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import ScalingPolicyTypeDef, TargetTrackingConfigurationUnionTypeDef

OWN_POLICY = "auto-pilot-cpu"
"""The policy that is made where a group has none."""
TARGET = 50.0
"""Average processor use, in percent, that a new policy keeps."""
EARLIER, LOWEST = 0.75, 30.0
"""An existing target is lowered to this share of itself, but not below so many percent."""


class Tracking(Arguments):
    """The policy, and the level it keeps its metric at."""

    policy: str = Field(default=OWN_POLICY, pattern=r"^[^\s:]+$", max_length=255)
    target_value: float = Field(default=TARGET, gt=0.0, le=1e9)


class _PolicyTool(GroupTool):
    """What both directions share: reading one policy."""

    risk: Risk = "low"

    def _policy(self, step: Step, name: str) -> "ScalingPolicyTypeDef | None":
        """The policy of this name, if the group has it."""
        parts = self._parts(step)
        found = policies_of(self._aws, parts["region"], parts["group"])
        return next((policy for policy in found if policy.get("PolicyName") == name), None)

    def _read(self, step: Step, name: str) -> TargetState:
        """What the policy keeps at which level, and the limits it moves within."""
        try:
            group = self._group(step)
        except Missing:
            return self._gone(step)
        policy = self._policy(step, name)
        settings: dict[str, Scalar] = {"policy": name, "metric": None, "target_value": None}
        if policy is not None:
            kind = policy.get("PolicyType", "")
            settings["metric"] = tracked_metric(policy) if kind == TRACKING else kind
            settings["target_value"] = policy.get("TargetTrackingConfiguration", {}).get("TargetValue")
        limits: dict[str, Scalar] = {
            "min_size": group["MinSize"],
            "max_size": group["MaxSize"],
            "desired_capacity": group["DesiredCapacity"],
        }
        return self._state(step, settings, limits, group)


class TrackTarget(_PolicyTool):
    """Lets a group follow its load: makes a target tracking policy, or lets the one it has act earlier."""

    name: str = "asg.track_target"
    permissions: tuple[str, ...] = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribePolicies",
        "autoscaling:PutScalingPolicy",
    )
    takes: ClassVar[type[Arguments]] = Tracking
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"capacity", "traffic_surge", "cpu"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """A new policy for a group with none and room to grow; a lower target for a policy of its processors."""
        most, desired = item.settings.get("max_size"), item.settings.get("desired_capacity")
        policies, how_well = item.settings.get("policies"), fit(item, context, self.addresses)
        if not self._fits(item, "autoscaling_group") or how_well < 0.4 or not isinstance(policies, int):
            return ()
        if not isinstance(most, int) or not isinstance(desired, int) or not 1 <= desired < most:
            return ()
        return self._adjusted(item, context, how_well) if policies else self._made(item, context, how_well)

    def _made(self, item: InventoryItem, context: Context, how_well: float) -> tuple[Candidate, ...]:
        step = self._step(
            item,
            f"Let {item.name} keep its processors at {TARGET:g} % use",
            {"policy": OWN_POLICY, "target_value": TARGET},
            {"policy": self._own("its own policy"), "target_value": self._own("its default")},
        )
        return self._following(item, context, step, f"nothing scales {item.name}", how_well)

    def _adjusted(self, item: InventoryItem, context: Context, how_well: float) -> tuple[Candidate, ...]:
        policy, present = item.settings.get("cpu_policy"), item.settings.get("cpu_target")
        if not policy or not isinstance(present, int | float) or present * EARLIER < LOWEST:
            return ()
        wanted = float(round(present * EARLIER))
        step = self._step(
            item,
            f"Let {item.name} scale from {wanted:g} % processor use instead of {present:g} %",
            {"policy": policy, "target_value": wanted},
            {"policy": "cpu_policy", "target_value": f"cpu_target {present}; three quarters"},
        )
        return self._following(item, context, step, f"{item.name} scales from {present:g} % only", how_well)

    def _following(
        self, item: InventoryItem, context: Context, step: Step, why: str, how_well: float
    ) -> tuple[Candidate, ...]:
        effect = expected(context, f"{item.name} follows its load by itself", 600.0)
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), round(how_well * 0.9, 3)),)

    def command(self, step: Step) -> str:
        """`aws autoscaling put-scaling-policy …`; for a policy with other settings these are added by hand."""
        wanted = Tracking.model_validate(step.arguments)
        configuration = {
            "TargetValue": wanted.target_value,
            "PredefinedMetricSpecification": {"PredefinedMetricType": CPU},
        }
        return self._words(
            step, "put-scaling-policy", "--policy-name", wanted.policy, "--policy-type", TRACKING,
            "--target-tracking-configuration", json.dumps(configuration),
        )  # fmt: skip

    def inspect(self, step: Step) -> TargetState:
        """What the policy keeps at which level."""
        return self._read(step, Tracking.model_validate(step.arguments).policy)

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted level of the metric that the policy follows already, or of the processors."""
        wanted = Tracking.model_validate(step.arguments)
        metric = before.settings.get("metric") or CPU
        settings: dict[str, Scalar] = {"metric": metric, "target_value": wanted.target_value}
        return before.model_copy(update={"settings": before.settings | settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the policy is one that tracks a target, and the group may grow at all."""
        if before.settings.get("metric") and before.settings.get("target_value") is None:
            return DryRun(feasible=False, reason=f"the policy is no target tracking ({before.settings['metric']})")
        most, desired = before.observed.get("max_size"), before.observed.get("desired_capacity")
        full = isinstance(most, int) and isinstance(desired, int) and desired >= most
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or self._parts(step)['group']}; running instances stay",
            cost=f"up to the price of {most} instances",
            warnings=(
                "it follows the load by minutes: set the capacity as well where it must help at once",
                *((f"the group is at its maximum of {most} already",) if full else ()),
            ),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Put the policy, with everything else in it as it was."""
        wanted, parts = Tracking.model_validate(step.arguments), self._parts(step)
        present = self._policy(step, wanted.policy)
        configuration: TargetTrackingConfigurationUnionTypeDef = {
            "PredefinedMetricSpecification": {"PredefinedMetricType": CPU},
            "TargetValue": wanted.target_value,
        }
        kept: dict[str, Any] = {}
        if present is not None:
            if "TargetTrackingConfiguration" not in present:
                raise Refusal(f"policy {wanted.policy} does not track a target")
            configuration = {**present["TargetTrackingConfiguration"], "TargetValue": wanted.target_value}
            if "EstimatedInstanceWarmup" in present:
                kept["EstimatedInstanceWarmup"] = present["EstimatedInstanceWarmup"]
        with marking(key), asking(f"policy {wanted.policy} of group {parts['group']}"):
            self._aws.autoscaling(parts["region"]).put_scaling_policy(
                AutoScalingGroupName=parts["group"],
                PolicyName=wanted.policy,
                PolicyType=TRACKING,
                TargetTrackingConfiguration=configuration,
                **kept,
            )
        return "done", f"policy {wanted.policy} of group {parts['group']} keeps {wanted.target_value:g}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The level it had, or no policy."""
        wanted = Tracking.model_validate(step.arguments)
        had = before.settings.get("target_value")
        if had is not None:
            arguments: dict[str, Scalar] = {"policy": wanted.policy, "target_value": had}
            return self._back(step, f"Put policy {wanted.policy} back to {had}", arguments)
        gone: dict[str, Scalar] = {"policy": wanted.policy}
        return self._back(step, f"Take policy {wanted.policy} away again", gone, StopTracking(self._aws))


class Policy(Arguments):
    """One policy of the group."""

    policy: str = Field(pattern=r"^[^\s:]+$", max_length=255)


class StopTracking(_PolicyTool):
    """The way back from a policy that `asg.track_target` made; never offered on its own."""

    name: str = "asg.stop_tracking"
    reversible: bool = False
    permissions: tuple[str, ...] = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribePolicies",
        "autoscaling:DeletePolicy",
    )
    takes: ClassVar[type[Arguments]] = Policy

    def command(self, step: Step) -> str:
        """`aws autoscaling delete-policy …`."""
        return self._words(step, "delete-policy", "--policy-name", Policy.model_validate(step.arguments).policy)

    def inspect(self, step: Step) -> TargetState:
        """What the policy keeps at which level."""
        return self._read(step, Policy.model_validate(step.arguments).policy)

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - every tool's signature
        """No such policy."""
        none: dict[str, Scalar] = {"metric": None, "target_value": None}
        return before.model_copy(update={"settings": before.settings | none})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """It can always be taken away."""
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or self._parts(step)['group']}; running instances stay",
            cost="none",
            warnings=("the group keeps the number of instances that it has by then",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Delete the policy."""
        name, parts = Policy.model_validate(step.arguments).policy, self._parts(step)
        with marking(key), asking(f"policy {name} of group {parts['group']}"):
            self._aws.autoscaling(parts["region"]).delete_policy(
                AutoScalingGroupName=parts["group"], PolicyName=name
            )
        return "done", f"group {parts['group']} has no policy {name} any more"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (TrackTarget(parts.aws), StopTracking(parts.aws)) if parts.aws else ()
