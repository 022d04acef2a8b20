"""DynamoDB: let Application Auto Scaling own a table's capacity."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Tool
from autopilot.remediation.cloud import asking, changed_lines, shell
from autopilot.remediation.dynamodb import DEMAND_CAUSES, MOST, UNIT_USD_PER_HOUR, Dimension, pressed
from autopilot.remediation.dynamodb_scaler import SCALABLE, RestoreAutoscaling, ScalesTable
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

TARGET_PERCENT = 70
"""Share of the capacity that the scaler keeps in use."""


class Scaling(Arguments):
    """Between what limits the scaler may move, and at what share of use."""

    dimension: Dimension
    min_capacity: int = Field(ge=1, le=1_000_000)
    max_capacity: int = Field(ge=1, le=1_000_000)
    target_percent: int = Field(default=TARGET_PERCENT, ge=20, le=90)

    @model_validator(mode="after")
    def _ordered(self) -> "Scaling":
        if self.min_capacity > self.max_capacity:
            raise ValueError("min_capacity must not exceed max_capacity")
        return self


class EnableAutoscaling(ScalesTable):
    """Registers a table's capacity for target tracking, or raises the maximum of one that is registered."""

    name: str = "dynamodb.enable_autoscaling"
    permissions: tuple[str, ...] = (
        "dynamodb:DescribeTable",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:PutScalingPolicy",
        "iam:CreateServiceLinkedRole",
    )
    takes: ClassVar[type[Arguments]] = Scaling
    addresses: ClassVar[frozenset[CauseKind]] = DEMAND_CAUSES

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """One per side under pressure: from the present up to four times; for a scaled one twice its maximum."""
        if not self._fits(item, "dynamodb_table") or item.settings.get("billing_mode") == "PAY_PER_REQUEST":
            return ()
        found: list[Candidate] = []
        for side, findings in pressed(item, context).items():
            present, most = item.settings.get(f"{side}_capacity"), item.settings.get(f"{side}_max")
            least = item.settings.get(f"{side}_min")
            if not findings or not isinstance(present, int) or present < 1:
                continue
            scaled = item.settings.get(f"{side}_autoscaling") and isinstance(most, int) and isinstance(least, int)
            low, high = (least, 2 * int(most or 0)) if scaled else (present, MOST * present)
            least_by = f"{side}_min {least}" if scaled else f"{side}_capacity {present}"
            most_by = f"{side}_max {most}; doubled" if scaled else f"{side}_capacity {present}; {MOST} times"
            did = f"up to {high}" if scaled else f"{low} to {high} at {TARGET_PERCENT} % use"
            step = self._step(
                item,
                f"{'Raise' if scaled else 'Enable'} {side} auto scaling of {item.name}: {did}",
                {"dimension": side, "min_capacity": low, "max_capacity": high, "target_percent": TARGET_PERCENT},
                {
                    "dimension": self._own(f"pressure by {findings[0].id}"),
                    "min_capacity": least_by,
                    "max_capacity": most_by,
                    "target_percent": self._own("its default"),
                },
            )
            ids = [f.id for f in findings]
            effect = expected(context, f"{item.name} follows its demand by itself", 300.0)
            cited = evidence(item, context, frozenset({"capacity", "throttled", "traffic_surge"}), ids)
            why = f"{side} demand on {item.name} outgrew its fixed capacity ({', '.join(ids[:3])})"
            found.append(self._offer(step, effect, why, cited, round(fit(item, context, self.addresses) * 0.95, 3)))
        return tuple(found)

    def command(self, step: Step) -> str:
        """Two `aws application-autoscaling` calls."""
        wanted = Scaling.model_validate(step.arguments)
        register = shell(
            *self._words(step, "register-scalable-target", wanted.dimension),
            "--min-capacity", wanted.min_capacity, "--max-capacity", wanted.max_capacity,
        )  # fmt: skip
        metric = f"DynamoDB{wanted.dimension.capitalize()}CapacityUtilization"
        policy = (
            f'{{"TargetValue":{wanted.target_percent},'
            f'"PredefinedMetricSpecification":{{"PredefinedMetricType":"{metric}"}}}}'
        )
        put = shell(
            *self._words(step, "put-scaling-policy", wanted.dimension), "--policy-name", self._policy(step),
            "--policy-type", "TargetTrackingScaling", "--target-tracking-scaling-policy-configuration", policy,
        )  # fmt: skip
        return f"{register} && {put}"

    def _policy(self, step: Step) -> str:
        side = Scaling.model_validate(step.arguments).dimension
        return f"{self._parts(step)['table']}-{side}-target-tracking"

    def inspect(self, step: Step) -> TargetState:
        """The registration of the side the step is about."""
        return self._registration(step, Scaling.model_validate(step.arguments).dimension)

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """Registered, with the wanted limits."""
        wanted = Scaling.model_validate(step.arguments)
        side = wanted.dimension
        settings: dict[str, Scalar] = {
            f"{side}_autoscaling": True,
            f"{side}_min": wanted.min_capacity,
            f"{side}_max": wanted.max_capacity,
        }
        return before.model_copy(update={"settings": before.settings | settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the table is provisioned and does not already scale that far."""
        wanted = Scaling.model_validate(step.arguments)
        most, present = (
            before.settings.get(f"{wanted.dimension}_max"),
            before.observed.get(f"{wanted.dimension}_capacity"),
        )
        if before.settings.get("billing_mode") != "PROVISIONED":
            return DryRun(feasible=False, reason="the table is billed on demand: it scales by itself")
        if isinstance(most, int) and most >= wanted.max_capacity:
            return DryRun(feasible=False, reason=f"auto scaling already reaches {most}")
        more = UNIT_USD_PER_HOUR[wanted.dimension] * (
            wanted.max_capacity - (present if isinstance(present, int) else 0)
        )
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all callers of table {self._parts(step)['table']}; it stays available",
            cost=f"up to {more:+.2f} USD per hour at the list price of us-east-1",
            warnings=(
                "auto scaling follows demand by minutes: raise the capacity as well where it must help at once",
            ),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Register the limits, then the policy unless there is one already."""
        wanted, parts = Scaling.model_validate(step.arguments), self._parts(step)
        with marking(key):
            self._register(step, wanted.dimension, wanted.min_capacity, wanted.max_capacity)
            if not self._policies(step, wanted.dimension):
                self._put_policy(step, wanted)
        limits = f"{wanted.min_capacity} to {wanted.max_capacity}"
        return "done", f"{wanted.dimension} capacity of table {parts['table']} scales from {limits}"

    def _put_policy(self, step: Step, wanted: Scaling) -> None:
        parts, reads = self._parts(step), wanted.dimension == "read"
        metric: Literal["DynamoDBReadCapacityUtilization", "DynamoDBWriteCapacityUtilization"] = (
            "DynamoDBReadCapacityUtilization" if reads else "DynamoDBWriteCapacityUtilization"
        )
        with asking(f"scaling policy of table {parts['table']}"):
            self._aws.application_autoscaling(parts["region"]).put_scaling_policy(
                PolicyName=self._policy(step),
                ServiceNamespace="dynamodb",
                ResourceId=f"table/{parts['table']}",
                ScalableDimension=SCALABLE[wanted.dimension],
                PolicyType="TargetTrackingScaling",
                TargetTrackingScalingPolicyConfiguration={
                    "TargetValue": float(wanted.target_percent),
                    "PredefinedMetricSpecification": {"PredefinedMetricType": metric},
                },
            )

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The registration as it was, and without one the capacity as it was."""
        side = Scaling.model_validate(step.arguments).dimension
        arguments: dict[str, Scalar] = {"dimension": side}
        if before.settings.get(f"{side}_autoscaling"):
            limits = {name: before.settings.get(f"{side}_{name}") for name in ("min", "max")}
            arguments |= {f"{name}_capacity": value for name, value in limits.items()}
        else:
            arguments["capacity"] = before.observed.get(f"{side}_capacity")
        summary = f"Put {side} auto scaling of {self._parts(step)['table']} back as it was"
        return self._back(step, summary, arguments, RestoreAutoscaling(self._aws))


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (EnableAutoscaling(parts.aws),) if parts.aws else ()
