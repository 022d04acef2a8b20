"""ECS services: fresh tasks of the revision that runs. ECS takes no token for it: it is sent at most once."""

from typing import TYPE_CHECKING, ClassVar

from typing_extensions import override

from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import (
    Arguments,
    Candidate,
    Context,
    Effect,
    InventoryItem,
    Nothing,
    Tool,
)
from autopilot.remediation.cloud import SentOnce
from autopilot.remediation.ecs import EcsTool
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

if TYPE_CHECKING:
    from mypy_boto3_ecs.type_defs import DeploymentTypeDef, ServiceTypeDef


def primary(service: "ServiceTypeDef") -> "DeploymentTypeDef | None":
    """The deployment that new tasks belong to."""
    return next((d for d in service.get("deployments", []) if d.get("status") == "PRIMARY"), None)


class ForceDeployment(SentOnce, EcsTool):
    """Replaces all tasks by fresh ones of the same revision. ECS takes no token: it is sent at most once."""

    name: str = "ecs.force_deployment"
    risk: Risk = "medium"
    reversible: bool = False
    permissions: tuple[str, ...] = ("ecs:DescribeServices", "ecs:UpdateService", "iam:PassRole")
    takes: ClassVar[type[Arguments]] = Nothing
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"memory", "connection_pool", "crash", "network"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only when a suspect that fresh tasks would help points at this service."""
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "ecs_service") or how_well < 0.3:
            return ()
        step = self._step(item, f"Replace all tasks of {item.name} by fresh ones", {}, {})
        effect = expected(context, f"fresh tasks of {item.service} start clean", 300.0)
        cited = evidence(item, context, self.addresses)
        return (self._offer(step, effect, f"{item.service} degrades while it runs", cited, how_well * 0.8),)

    def command(self, step: Step) -> str:
        """`aws ecs update-service --force-new-deployment …`."""
        return self._words(step, "--force-new-deployment")

    def inspect(self, step: Step) -> TargetState:
        """The deployment that new tasks belong to, and its revision."""

        def read(service: "ServiceTypeDef") -> dict[str, Scalar]:
            deployment = primary(service)
            return {
                "task_definition": service.get("taskDefinition", ""),
                "deployment": deployment.get("id", "") if deployment else "",
            }

        return self._state(step, read)

    @override
    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """A deployment of the same revision whose id is not known before."""
        return before.model_copy(
            update={"settings": before.settings | {"deployment": "a new one"}, "deploying": True}
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """It cannot be taken back, but nothing about the service changes."""
        return DryRun(
            feasible=True,
            changes=("deployment: a new one of the same revision",),
            reach=self._reach(step),
            cost="tasks run twice while they are replaced",
            warnings=(
                "cannot be undone",
                *(("a rollout is under way: it starts over",) if before.deploying else ()),
            ),
        )

    def trace(
        self,
        step: Step,  # noqa: ARG002 - every tool's signature
        present: TargetState,
        expected: TargetState | None,
    ) -> str:
        """Another primary deployment than the expected one, of the same revision: what an earlier call leaves."""
        was, now_is = (expected.settings if expected else present.settings), present.settings
        if now_is.get("deployment") == was.get("deployment"):
            return ""
        if now_is.get("task_definition") != was.get("task_definition"):
            return ""
        return f"deployment {now_is.get('deployment')} of the same revision has begun since"

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask for a new deployment, once."""
        parts = self._parts(step)

        def call() -> object:
            return self._once.ecs(parts["region"]).update_service(
                cluster=parts["cluster"], service=parts["service"], forceNewDeployment=True
            )

        effect = self._sent(call, key, f"service {parts['service']}")
        said = "a new deployment was asked for" if effect == "done" else "the answer was lost"
        return effect, f"service {parts['service']}: {said}"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (ForceDeployment(parts.aws, parts.once),) if parts.aws and parts.once else ()
