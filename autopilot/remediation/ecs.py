"""ECS services: an earlier task definition, another number of tasks, fresh tasks."""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit, way_back
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import ServiceTypeDef

SERVICE = arn("ecs", r"service/(?P<cluster>[\w-]{1,255})/(?P<service>[\w-]{1,255})")
REVISION = r"^arn:aws[a-z-]*:ecs:[a-z0-9-]+:\d{12}:task-definition/[A-Za-z0-9_-]+:\d{1,9}$"
MOST = 4
"""A step multiplies the number of tasks at most by this."""


class EcsTool(AwsTool):
    """What the ECS tools share: reading the service."""

    system: str = "ecs"
    target = SERVICE

    def _service(self, step: Step) -> "ServiceTypeDef":
        """The service as ECS describes it. Raises Missing."""
        parts = self._parts(step)
        with asking(f"service {parts['service']}"):
            answer = self._aws.ecs(parts["region"]).describe_services(
                cluster=parts["cluster"], services=[parts["service"]]
            )
        found = next((s for s in answer["services"] if s.get("status") == "ACTIVE"), None)
        if found is None:
            raise Missing(f"service {parts['service']} does not run in cluster {parts['cluster']}")
        return found

    def _state(self, step: Step, read: Callable[["ServiceTypeDef"], dict[str, Scalar]]) -> TargetState:
        """The settings that `read` takes out of the service, and whether it is rolling out."""
        try:
            service = self._service(step)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        deployments = service.get("deployments", [])
        rolling = any(d.get("rolloutState") == "IN_PROGRESS" for d in deployments) or len(deployments) > 1
        running, desired = service.get("runningCount", 0), service.get("desiredCount", 0)
        return TargetState(
            target=step.target,
            settings=read(service),
            observed={"running_count": running},
            health=f"{running} of {desired} tasks run",
            deploying=rolling,
            observed_at=now(),
        )

    def _reach(self, step: Step) -> str:
        return f"all requests of {step.service or self._parts(step)['service']}; tasks are replaced gradually"

    def _words(self, step: Step, *more: Scalar) -> str:
        parts = self._parts(step)
        return shell(
            "aws", "ecs", "update-service", "--region", parts["region"], "--cluster", parts["cluster"],
            "--service", parts["service"], *more,
        )  # fmt: skip


class Revision(Arguments):
    """The task definition revision to run."""

    task_definition: str = Field(pattern=REVISION, max_length=400)


class Rollback(EcsTool):
    """Deploys an earlier task definition revision."""

    name: str = "ecs.rollback"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = (
        "ecs:DescribeServices",
        "ecs:DescribeTaskDefinition",
        "ecs:UpdateService",
        "iam:PassRole",
    )
    takes: ClassVar[type[Arguments]] = Revision
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"bad_deploy", "config_change", "crash", "startup", "image", "memory", "slow_query"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """The revision that was healthy last in telemetry; where none is known to be, an earlier one, so marked."""
        way = way_back(item, str(item.settings.get("task_definition") or ""), context)
        if way is None or not self._fits(item, "ecs_service"):
            return ()
        label = way.version.rpartition("/")[2]
        step = self._step(
            item,
            f"Roll {item.name} back to {label}{way.mark}",
            {"task_definition": way.version},
            {"task_definition": way.source},
        )
        effect = expected(context, f"{item.service} behaves as it did with {label}", 300.0)
        how_well = fit(item, context, frozenset({"bad_deploy", "image", "startup"}))
        return (self._back_to(way, step, effect, evidence(item, context, self.addresses, way.vouched), how_well),)

    def command(self, step: Step) -> str:
        """`aws ecs update-service --task-definition …`."""
        return self._words(step, "--task-definition", Revision.model_validate(step.arguments).task_definition)

    def inspect(self, step: Step) -> TargetState:
        """The revision that new tasks run."""
        return self._state(step, lambda service: {"task_definition": service.get("taskDefinition", "")})

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted revision."""
        wanted = Revision.model_validate(step.arguments).task_definition
        return before.model_copy(update={"settings": before.settings | {"task_definition": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the revision is still registered."""
        wanted = Revision.model_validate(step.arguments).task_definition
        client = self._aws.ecs(self._parts(step)["region"])
        with asking(f"task definition {wanted}"):
            found = client.describe_task_definition(taskDefinition=wanted)["taskDefinition"]
        if found.get("status", "ACTIVE") != "ACTIVE":
            return DryRun(feasible=False, reason=f"{wanted} is {found.get('status')}")
        warnings = ("a rollout is under way: it is replaced",) if before.deploying else ()
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=self._reach(step),
            cost="none",
            warnings=warnings,
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Name the revision; ECS deploys only when it differs."""
        parts, wanted = self._parts(step), Revision.model_validate(step.arguments).task_definition
        with marking(key), asking(f"service {parts['service']}"):
            self._aws.ecs(parts["region"]).update_service(
                cluster=parts["cluster"], service=parts["service"], taskDefinition=wanted
            )
        return "done", f"service {parts['service']} deploys {wanted.rpartition('/')[2]}"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The revision it ran."""
        had = before.settings.get("task_definition")
        summary = f"Deploy {str(had).rpartition('/')[2]} again"
        return self._back(step, summary, {"task_definition": had}) if had else None


class Count(Arguments):
    """How many tasks should run."""

    desired_count: int = Field(ge=0, le=5_000)


class Scale(EcsTool):
    """Sets the number of tasks of a service that nothing scales by itself."""

    name: str = "ecs.scale"
    risk: Risk = "low"
    permissions: tuple[str, ...] = (
        "ecs:DescribeServices",
        "application-autoscaling:DescribeScalableTargets",
        "ecs:UpdateService",
    )
    takes: ClassVar[type[Arguments]] = Count
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"capacity", "traffic_surge", "cpu", "memory"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Half as many again, at least one more; only when a suspect points at this service."""
        desired = item.settings.get("desired_count")
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "ecs_service") or not isinstance(desired, int) or desired < 1 or how_well < 0.3:
            return ()
        wanted = min(max(desired + 1, math.ceil(desired * 1.5)), desired * MOST)
        step = self._step(
            item,
            f"Scale {item.name} from {desired} to {wanted} tasks",
            {"desired_count": wanted},
            {"desired_count": f"desired_count {desired}; half as many again"},
        )
        effect = expected(context, f"each task of {item.service} gets less load", 180.0)
        why = f"{item.service} is short of room with {desired} tasks"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`aws ecs update-service --desired-count …`."""
        return self._words(step, "--desired-count", Count.model_validate(step.arguments).desired_count)

    def inspect(self, step: Step) -> TargetState:
        """The desired number of tasks, unless a scaler owns it."""
        scaled = self._scaled(step)

        def read(service: "ServiceTypeDef") -> dict[str, Scalar]:
            owned: dict[str, Scalar] = {} if scaled else {"desired_count": service.get("desiredCount", 0)}
            return owned | {"autoscaling": scaled}

        return self._state(step, read)

    def _scaled(self, step: Step) -> bool:
        parts = self._parts(step)
        with asking(f"auto scaling of service {parts['service']}"):
            answer = self._aws.application_autoscaling(parts["region"]).describe_scalable_targets(
                ServiceNamespace="ecs", ResourceIds=[f"service/{parts['cluster']}/{parts['service']}"]
            )
        return bool(answer["ScalableTargets"])

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted number."""
        wanted = Count.model_validate(step.arguments).desired_count
        return before.model_copy(update={"settings": before.settings | {"desired_count": wanted}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the number is ours to set."""
        if before.settings.get("autoscaling"):
            return DryRun(feasible=False, reason="auto scaling owns the number of tasks; raise its maximum instead")
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"all requests of {step.service or self._parts(step)['service']}; running tasks stay",
            cost="the price of the added tasks",
            warnings=("what the service calls gets more connections",),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Set the number; the same number twice is the same."""
        parts, wanted = self._parts(step), Count.model_validate(step.arguments).desired_count
        with marking(key), asking(f"service {parts['service']}"):
            self._aws.ecs(parts["region"]).update_service(
                cluster=parts["cluster"], service=parts["service"], desiredCount=wanted
            )
        return "done", f"service {parts['service']} wants {wanted} tasks"

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The number it had."""
        had = before.settings.get("desired_count")
        return self._back(step, f"Scale back to {had} tasks", {"desired_count": had}) if had is not None else None


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (Rollback(parts.aws), Scale(parts.aws)) if parts.aws else ()
