"""CodeDeploy: stop a deployment that is under way and go back to the revision before."""

from typing import ClassVar, Literal

from pydantic import Field

from autopilot.clients.aws import marking
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts

GROUP = arn(
    "codedeploy", r"deploymentgroup:(?P<application>[A-Za-z0-9._+=,@-]{1,100})/(?P<group>[A-Za-z0-9._+=,@-]{1,100})"
)
UNDER_WAY = ("Created", "Queued", "InProgress", "Baking", "Ready")
STOPPED = "Stopped"


class Deployment(Arguments):
    """The deployment to stop."""

    deployment_id: str = Field(pattern=r"^d-[A-Z0-9]{1,40}$")


class StopDeployment(AwsTool):
    """Stops a deployment that is under way; CodeDeploy deploys the last good revision again."""

    name: str = "codedeploy.stop_and_roll_back"
    system: str = "codedeploy"
    tier: Literal["A", "B"] = "B"
    risk: Risk = "medium"
    reversible: bool = False
    permissions: tuple[str, ...] = ("codedeploy:GetDeployment", "codedeploy:StopDeployment")
    takes: ClassVar[type[Arguments]] = Deployment
    target = GROUP
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"bad_deploy", "config_change", "crash", "startup", "image", "memory", "slow_query"}
    )

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only for a deployment that is under way, of a service that a suspect points at."""
        number, status = item.settings.get("deployment"), item.settings.get("deployment_status")
        how_well = fit(item, context, self.addresses)
        if not self._fits(item, "codedeploy_group") or status not in UNDER_WAY or not number or how_well < 0.4:
            return ()
        step = self._step(
            item,
            f"Stop deployment {number} of {item.name} and go back",
            {"deployment_id": number},
            {"deployment_id": "deployment"},
        )
        effect = expected(context, f"{item.service} runs the revision before {number}", 600.0)
        why = f"{number} is being deployed to {item.name}"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`aws deploy stop-deployment …`."""
        number = Deployment.model_validate(step.arguments).deployment_id
        return shell(
            "aws", "deploy", "stop-deployment", "--region", self._parts(step)["region"], "--deployment-id", number,
            "--auto-rollback-enabled",
        )  # fmt: skip

    def inspect(self, step: Step) -> TargetState:
        """How far the deployment is; its steps on the way count as the same."""
        parts, number = self._parts(step), Deployment.model_validate(step.arguments).deployment_id
        gone = TargetState(target=step.target, exists=False, observed_at=now())
        try:
            with asking(f"deployment {number}"):
                found = self._aws.codedeploy(parts["region"]).get_deployment(deploymentId=number)["deploymentInfo"]
        except Missing:
            return gone
        if (found.get("applicationName"), found.get("deploymentGroupName")) != (
            parts["application"],
            parts["group"],
        ):
            return gone
        status, rollback = str(found.get("status", "")), found.get("rollbackInfo", {})
        return TargetState(
            target=step.target,
            settings={"deployment": number, "status": "under way" if status in UNDER_WAY else status},
            observed={
                "exact_status": status,
                "goes_back_by": rollback.get("rollbackDeploymentId"),
                "is_a_rollback": bool(rollback.get("rollbackTriggeringDeploymentId")),
            },
            health=status,
            deploying=status in UNDER_WAY,
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - every tool's signature
        """Stopped."""
        return before.model_copy(update={"settings": before.settings | {"status": STOPPED}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether there is still something to stop."""
        if (status := before.settings.get("status")) != "under way":
            return DryRun(feasible=False, reason=f"the deployment has ended ({status})")
        again = ("it is itself a rollback",) if before.observed.get("is_a_rollback") else ()
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"requests of {step.service or self._parts(step)['application']} while it is deployed again",
            cost="none",
            warnings=("cannot be undone: the deployment has to be started again", *again),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Stop it, with the rollback that CodeDeploy makes; one that has ended is left alone."""
        number = Deployment.model_validate(step.arguments).deployment_id
        with marking(key), asking(f"deployment {number}"):
            answer = self._aws.codedeploy(self._parts(step)["region"]).stop_deployment(
                deploymentId=number, autoRollbackEnabled=True
            )
        said = "is being stopped" if answer.get("status") == "Pending" else "is stopped"
        return "done", f"deployment {number} {said}; the last good revision is deployed again"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (StopDeployment(parts.aws),) if parts.aws else ()
