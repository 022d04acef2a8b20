"""EC2 Auto Scaling groups: fresh instances, a part at a time. It takes no token: it is sent at most once."""

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.asg import GroupTool
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
from autopilot.remediation.cloud import SentOnce, asking
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_autoscaling.type_defs import InstanceRefreshTypeDef

ENDED = ("Successful", "Failed", "Cancelled", "RollbackFailed", "RollbackSuccessful")
HEALTHY_PERCENT = 90
"""Share of the group that serves at any time while its instances are replaced."""


class Refresh(SentOnce, GroupTool):
    """Replaces all instances of a group by fresh ones, a part at a time."""

    name: str = "asg.refresh"
    risk: Risk = "medium"
    reversible: bool = False
    permissions: tuple[str, ...] = (
        "autoscaling:DescribeAutoScalingGroups",
        "autoscaling:DescribeInstanceRefreshes",
        "autoscaling:StartInstanceRefresh",
    )
    takes: ClassVar[type[Arguments]] = Nothing
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"memory", "connection_pool", "crash", "disk", "network"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only when a suspect that fresh instances would help points at this service."""
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "autoscaling_group") or how_well < 0.3 or not item.settings.get("in_service"):
            return ()
        step = self._step(item, f"Replace all instances of {item.name} by fresh ones", {}, {})
        effect = expected(context, f"fresh instances of {item.service} start clean", 900.0)
        cited = evidence(item, context, self.addresses)
        why = f"{item.service} degrades while it runs"
        return (self._offer(step, effect, why, cited, round(how_well * 0.7, 3)),)

    def command(self, step: Step) -> str:
        """`aws autoscaling start-instance-refresh …`."""
        preferences = f'{{"MinHealthyPercentage":{HEALTHY_PERCENT}}}'
        return self._words(step, "start-instance-refresh", "--preferences", preferences)

    def _newest(self, step: Step) -> "InstanceRefreshTypeDef | None":
        """The refresh that began last."""
        parts = self._parts(step)
        with asking(f"refreshes of group {parts['group']}"):
            found = self._aws.autoscaling(parts["region"]).describe_instance_refreshes(
                AutoScalingGroupName=parts["group"]
            )["InstanceRefreshes"]
        begun = [(refresh["StartTime"], refresh) for refresh in found if "StartTime" in refresh]
        waiting = [refresh for refresh in found if "StartTime" not in refresh]
        return waiting[0] if waiting else max(begun, key=lambda one: one[0])[1] if begun else None

    def inspect(self, step: Step) -> TargetState:
        """The newest refresh, and whether it has ended."""
        try:
            group = self._group(step)
        except Missing:
            return self._gone(step)
        newest = self._newest(step)
        status = newest.get("Status", "") if newest else "none"
        state = self._state(
            step,
            {"refresh": newest.get("InstanceRefreshId", "") if newest else ""},
            {"refresh_status": status},
            group,
        )
        under_way = newest is not None and status not in ENDED
        return state.model_copy(update={"deploying": state.deploying or under_way})

    @override
    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """A refresh whose id is not known before."""
        return before.model_copy(update={"settings": {"refresh": "a new one"}, "deploying": True})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether no other refresh is under way."""
        status = before.observed.get("refresh_status")
        if status not in (*ENDED, "none"):
            return DryRun(feasible=False, reason=f"another refresh is under way ({status})")
        return DryRun(
            feasible=True,
            changes=("every instance is replaced by a fresh one of the same template",),
            reach=f"requests of {step.service or self._parts(step)['group']}; {HEALTHY_PERCENT} % serve meanwhile",
            cost="some instances run twice while they are replaced",
            warnings=("cannot be undone", "what is kept on the instances themselves is lost"),
        )

    def trace(
        self,
        step: Step,  # noqa: ARG002 - every tool's signature
        present: TargetState,
        expected: TargetState | None,
    ) -> str:
        """Another newest refresh than the expected one: what an earlier call leaves."""
        was = (expected or present).settings.get("refresh")
        newest = present.settings.get("refresh")
        return f"instance refresh {newest} has begun since" if newest != was else ""

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask for the refresh, once."""
        parts = self._parts(step)

        def call() -> object:
            return self._once.autoscaling(parts["region"]).start_instance_refresh(
                AutoScalingGroupName=parts["group"], Preferences={"MinHealthyPercentage": HEALTHY_PERCENT}
            )

        effect = self._sent(call, key, f"group {parts['group']}")
        said = "its instances are being replaced" if effect == "done" else "the answer was lost"
        return effect, f"group {parts['group']}: {said}"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (Refresh(parts.aws, parts.once),) if parts.aws and parts.once else ()
