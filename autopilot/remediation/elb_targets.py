"""Load balancers: take one target out of its group, and put it back."""

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_elbv2.type_defs import TargetDescriptionTypeDef, TargetHealthDescriptionTypeDef

TARGET_GROUP = arn("elasticloadbalancing", r"targetgroup/(?P<group>[A-Za-z0-9-]{1,32})/[0-9a-f]{1,40}")
GONE = ("draining", "unused")
"""States of targets that get no new requests because somebody took them out."""


class Member(Arguments):
    """One target of a group."""

    target_id: str = Field(pattern=r"^[A-Za-z0-9_.:/-]+$", max_length=300)
    """An instance id, an IP address or an ARN."""
    port: int | None = Field(default=None, ge=1, le=65_535)
    zone: str | None = Field(default=None, pattern=r"^[a-z0-9-]{1,30}$")

    @property
    def described(self) -> "TargetDescriptionTypeDef":
        """The target as ELB names it."""
        described: TargetDescriptionTypeDef = {"Id": self.target_id}
        if self.port is not None:
            described["Port"] = self.port
        if self.zone is not None:
            described["AvailabilityZone"] = self.zone
        return described


class _TargetTool(AwsTool):
    """What both directions share: whether the target is in the group."""

    system: str = "elb"
    target = TARGET_GROUP
    takes: ClassVar[type[Arguments]] = Member

    def inspect(self, step: Step) -> TargetState:
        """Whether the target is registered; its health and that of the others besides."""
        parts, wanted = self._parts(step), Member.model_validate(step.arguments)
        try:
            with asking(f"target group {parts['group']}"):
                targets = self._aws.elbv2(parts["region"]).describe_target_health(TargetGroupArn=step.target)[
                    "TargetHealthDescriptions"
                ]
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        own = next((t for t in targets if _is(t, wanted)), None)
        state = _state(own) if own is not None else "not registered"
        healthy = sum(_state(t) == "healthy" for t in targets if t is not own)
        registered = own is not None and state not in GONE
        return TargetState(
            target=step.target,
            settings={f"{wanted.target_id} registered": registered},
            observed={"state": state, "others_healthy": healthy, "others": len(targets) - (own is not None)},
            health=f"{wanted.target_id} is {state}",
            deploying=state == "initial",
            observed_at=now(),
        )

    def _leaves(self, step: Step, before: TargetState, registered: bool) -> TargetState:
        name = f"{Member.model_validate(step.arguments).target_id} registered"
        return before.model_copy(update={"settings": before.settings | {name: registered}})

    def _words(self, step: Step, verb: str) -> str:
        parts, wanted = self._parts(step), Member.model_validate(step.arguments)
        target = ",".join(f"{name}={value}" for name, value in wanted.described.items())
        return shell(
            "aws", "elbv2", verb, "--region", parts["region"], "--target-group-arn", step.target,
            "--targets", target,
        )  # fmt: skip


def _state(target: "TargetHealthDescriptionTypeDef") -> str:
    return target.get("TargetHealth", {}).get("State", "")


def _is(target: "TargetHealthDescriptionTypeDef", wanted: Member) -> bool:
    described = target.get("Target", {})
    return described.get("Id") == wanted.target_id and wanted.port in (None, described.get("Port"))


class DrainTarget(_TargetTool):
    """Takes one unhealthy target out of its group; open connections may end by themselves."""

    name: str = "elb.drain_target"
    risk: Risk = "low"
    permissions: tuple[str, ...] = (
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:DeregisterTargets",
    )
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"crash", "memory", "cpu", "disk", "network", "startup", "dependency"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The first unhealthy target of a group that has healthy ones, where something points at the service."""
        target, healthy = item.settings.get("unhealthy_target"), item.settings.get("healthy")
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "elb_target_group") or not target or not healthy or how_well < 0.3:
            return ()
        arguments: dict[str, Scalar] = {"target_id": target}
        sources = {"target_id": "unhealthy_target"}
        for name in ("port", "zone"):
            if (value := item.settings.get(f"unhealthy_{name}")) is not None:
                arguments[name], sources[name] = value, f"unhealthy_{name}"
        step = self._step(item, f"Take {target} out of {item.name}", arguments, sources)
        effect = expected(context, f"{item.service} sends nothing to {target} any more", 120.0)
        why = f"{target} fails its health checks while {healthy} others pass them"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`aws elbv2 deregister-targets …`."""
        return self._words(step, "deregister-targets")

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """Not registered."""
        return self._leaves(step, before, registered=False)

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether a healthy target remains to take the load."""
        healthy, others = before.observed.get("others_healthy"), before.observed.get("others")
        whose = step.service or self._parts(step)["group"]
        if not healthy:
            return DryRun(feasible=False, reason="no other target of the group is healthy")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"requests of {whose}; {healthy} of {others} other targets are healthy",
            cost="none",
            warnings=(
                "open connections are cut when the group's deregistration delay ends",
                "an Auto Scaling group does not put it back by itself",
            ),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Deregister it; one that is out already stays out."""
        parts, wanted = self._parts(step), Member.model_validate(step.arguments)
        with marking(key), asking(f"target group {parts['group']}"):
            self._aws.elbv2(parts["region"]).deregister_targets(
                TargetGroupArn=step.target, Targets=[wanted.described]
            )
        return "done", f"{wanted.target_id} leaves target group {parts['group']}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """Register it again."""
        name = Member.model_validate(step.arguments).target_id
        if not before.settings.get(f"{name} registered"):
            return None
        back = RegisterTarget(self._aws)
        return self._back(step, f"Put {name} back into its target group", step.arguments, back)


class RegisterTarget(_TargetTool):
    """The way back from `elb.drain_target`; never offered on its own."""

    name: str = "elb.register_target"
    risk: Risk = "low"
    reversible: bool = False
    permissions: tuple[str, ...] = (
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:RegisterTargets",
    )

    def command(self, step: Step) -> str:
        """`aws elbv2 register-targets …`."""
        return self._words(step, "register-targets")

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """Registered."""
        return self._leaves(step, before, registered=True)

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """It can always be put back."""
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"requests of {step.service or self._parts(step)['group']}",
            cost="none",
            warnings=("it gets requests once its health checks pass",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Register it; one that is in already stays in."""
        parts, wanted = self._parts(step), Member.model_validate(step.arguments)
        with marking(key), asking(f"target group {parts['group']}"):
            self._aws.elbv2(parts["region"]).register_targets(
                TargetGroupArn=step.target, Targets=[wanted.described]
            )
        return "done", f"{wanted.target_id} is in target group {parts['group']} again"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (DrainTarget(parts.aws), RegisterTarget(parts.aws)) if parts.aws else ()
