"""DynamoDB: what the auto scaling tools share, and the way back to how scaling was before."""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Effect, Missing, Tool
from autopilot.remediation.cloud import AwsTool, asking, changed_lines, now, shell
from autopilot.remediation.dynamodb import (
    TABLE,
    Dimension,
    SetCapacity,
    billing,
    capacity_of,
    scalable_target,
    set_units,
    table_of,
)
from autopilot.remediation.parts import Parts

ScalableDimension = Literal["dynamodb:table:ReadCapacityUnits", "dynamodb:table:WriteCapacityUnits"]
SCALABLE: dict[Dimension, ScalableDimension] = {
    "read": "dynamodb:table:ReadCapacityUnits",
    "write": "dynamodb:table:WriteCapacityUnits",
}


class ScalesTable(AwsTool):
    """What switching auto scaling on and putting it back have in common: where it looks."""

    system: str = "dynamodb"
    risk: Risk = "low"
    target = TABLE

    def _registration(self, step: Step, side: Dimension) -> TargetState:
        """Limits of the scaler; the capacity itself is the scaler's, so it is only observed."""
        parts = self._parts(step)
        try:
            table = table_of(self._aws, parts["region"], parts["table"])
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        registered = scalable_target(self._aws, parts["region"], parts["table"], side)
        # A registration without a policy scales nothing: it is what a half-finished earlier call leaves behind.
        if registered is not None and not self._policies(step, side):
            registered = None
        return TargetState(
            target=step.target,
            settings={
                "billing_mode": billing(table),
                f"{side}_autoscaling": registered is not None,
                f"{side}_min": registered["MinCapacity"] if registered else None,
                f"{side}_max": registered["MaxCapacity"] if registered else None,
            },
            observed={f"{side}_capacity": capacity_of(table, side)},
            deploying=table.get("TableStatus") != "ACTIVE",
            observed_at=now(),
        )

    def _policies(self, step: Step, side: Dimension) -> int:
        """How many scaling policies the registration has."""
        parts = self._parts(step)
        with asking(f"scaling policies of table {parts['table']}"):
            answer = self._aws.application_autoscaling(parts["region"]).describe_scaling_policies(
                ServiceNamespace="dynamodb",
                ResourceId=f"table/{parts['table']}",
                ScalableDimension=SCALABLE[side],
            )
        return len(answer["ScalingPolicies"])

    def _register(self, step: Step, side: Dimension, least: int, most: int) -> None:
        """Set the scaler's limits; the same limits twice are the same."""
        parts = self._parts(step)
        with asking(f"auto scaling of table {parts['table']}"):
            self._aws.application_autoscaling(parts["region"]).register_scalable_target(
                ServiceNamespace="dynamodb",
                ResourceId=f"table/{parts['table']}",
                ScalableDimension=SCALABLE[side],
                MinCapacity=least,
                MaxCapacity=most,
            )

    def _words(self, step: Step, verb: str, side: Dimension) -> tuple[str, ...]:
        parts = self._parts(step)
        return (
            "aws", "application-autoscaling", verb, "--region", parts["region"], "--service-namespace", "dynamodb",
            "--resource-id", f"table/{parts['table']}", "--scalable-dimension", SCALABLE[side],
        )  # fmt: skip


class Scaled(Arguments):
    """What auto scaling was before: its limits, or none and a fixed capacity."""

    dimension: Dimension
    min_capacity: int | None = Field(default=None, ge=1, le=1_000_000)
    max_capacity: int | None = Field(default=None, ge=1, le=1_000_000)
    capacity: int | None = Field(default=None, ge=1, le=1_000_000)

    @model_validator(mode="after")
    def _one_way(self) -> "Scaled":
        if (self.min_capacity is None) != (self.max_capacity is None):
            raise ValueError("min_capacity and max_capacity go together")
        if (self.min_capacity is None) == (self.capacity is None):
            raise ValueError("name either the limits to restore or the fixed capacity")
        return self


class RestoreAutoscaling(ScalesTable):
    """The way back from `dynamodb.enable_autoscaling`; never offered on its own."""

    name: str = "dynamodb.restore_autoscaling"
    reversible: bool = False
    permissions: tuple[str, ...] = (
        "dynamodb:DescribeTable",
        "dynamodb:UpdateTable",
        "application-autoscaling:DescribeScalableTargets",
        "application-autoscaling:DescribeScalingPolicies",
        "application-autoscaling:RegisterScalableTarget",
        "application-autoscaling:DeregisterScalableTarget",
    )
    takes: ClassVar[type[Arguments]] = Scaled

    def command(self, step: Step) -> str:
        """One or two `aws` calls."""
        wanted = Scaled.model_validate(step.arguments)
        side = wanted.dimension
        if wanted.min_capacity is not None and wanted.max_capacity is not None:
            return shell(
                *self._words(step, "register-scalable-target", side),
                "--min-capacity", wanted.min_capacity, "--max-capacity", wanted.max_capacity,
            )  # fmt: skip
        update = SetCapacity(self._aws).command(
            step.model_copy(update={"arguments": {f"{side}_capacity": wanted.capacity}})
        )
        return f"{update} && {shell(*self._words(step, 'deregister-scalable-target', side))}"

    def inspect(self, step: Step) -> TargetState:
        """The registration of the side the step is about."""
        return self._registration(step, Scaled.model_validate(step.arguments).dimension)

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """Registered with the old limits, or not at all."""
        wanted = Scaled.model_validate(step.arguments)
        side = wanted.dimension
        settings: dict[str, Scalar] = {
            f"{side}_autoscaling": wanted.min_capacity is not None,
            f"{side}_min": wanted.min_capacity,
            f"{side}_max": wanted.max_capacity,
        }
        return before.model_copy(update={"settings": before.settings | settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """It can always be put back."""
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all callers of table {self._parts(step)['table']}; it stays available",
            warnings=("lowering the capacity counts against AWS's daily limit of decreases",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Put limits or capacity back."""
        wanted, parts = Scaled.model_validate(step.arguments), self._parts(step)
        name, side = parts["table"], wanted.dimension
        with marking(key):
            if wanted.min_capacity is not None and wanted.max_capacity is not None:
                self._register(step, side, wanted.min_capacity, wanted.max_capacity)
                return (
                    "done",
                    f"auto scaling of table {name} is limited to {wanted.max_capacity} {side} units again",
                )
            if wanted.capacity is not None:
                # Capacity first: a crash in between leaves the registration, by which a repeat sees work to do.
                set_units(self._aws, parts["region"], name, {side: wanted.capacity})
            with asking(f"auto scaling of table {name}"):
                self._aws.application_autoscaling(parts["region"]).deregister_scalable_target(
                    ServiceNamespace="dynamodb", ResourceId=f"table/{name}", ScalableDimension=SCALABLE[side]
                )
        return "done", f"table {name} no longer scales its {side} capacity; it is {wanted.capacity} again"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (RestoreAutoscaling(parts.aws),) if parts.aws else ()
