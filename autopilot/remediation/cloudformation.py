"""CloudFormation: take a stack back to the state before its last update, in the way that its state allows."""

from typing import TYPE_CHECKING, ClassVar, Literal

from autopilot.clients.aws import marking
from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Refusal, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, request_token, shell
from autopilot.remediation.evidence import evidence, expected, fit
from autopilot.remediation.parts import Parts
from autopilot.sources.inventory import iso

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

STACK = arn("cloudformation", r"stack/(?P<stack>[A-Za-z][A-Za-z0-9-]{0,127})/[0-9a-f-]{36}")
Way = Literal["cancel", "rollback", "continue"]
WAYS: dict[str, Way] = {
    "UPDATE_IN_PROGRESS": "cancel",
    "UPDATE_FAILED": "rollback",
    "UPDATE_ROLLBACK_FAILED": "continue",
}
"""State of a stack → what takes it back from there."""
VERBS: dict[Way, str] = {
    "cancel": "cancel-update-stack",
    "rollback": "rollback-stack",
    "continue": "continue-update-rollback",
}
BACK = "rolled back"
ON_ITS_WAY = (
    "UPDATE_ROLLBACK_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
    "UPDATE_ROLLBACK_COMPLETE",
)
"""States of a stack that goes or went back: all are what the step wants."""


class Going(Arguments):
    """In which of CloudFormation's ways the stack goes back."""

    way: Way


class RollBack(AwsTool):
    """Takes a stack back to the state before the update that is under way, failed, or failed to be undone."""

    name: str = "cloudformation.roll_back"
    system: str = "cloudformation"
    tier: Literal["A", "B"] = "B"
    risk: Risk = "high"
    reversible: bool = False
    permissions: tuple[str, ...] = (
        "cloudformation:DescribeStacks",
        "cloudformation:CancelUpdateStack",
        "cloudformation:RollbackStack",
        "cloudformation:ContinueUpdateRollback",
    )
    takes: ClassVar[type[Arguments]] = Going
    target = STACK
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"bad_deploy", "config_change"})

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Only for a stack in one of the three states, of a service that a suspect points at."""
        status, how_well = str(item.settings.get("status") or ""), fit(item, context, self.addresses)
        way = WAYS.get(status)
        if not self._fits(item, "cloudformation_stack") or way is None or how_well < 0.4:
            return ()
        step = self._step(
            item,
            f"Take stack {item.name} back to the state before its last update",
            {"way": way},
            {"way": f"status {status}; the way back from there"},
        )
        effect = expected(context, f"{item.service} runs with what stack {item.name} had before", 900.0)
        why = f"stack {item.name} is {status.lower().replace('_', ' ')}"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), how_well),)

    def command(self, step: Step) -> str:
        """`aws cloudformation …` in the way of the step."""
        way = Going.model_validate(step.arguments).way
        return shell(
            "aws",
            "cloudformation",
            VERBS[way],
            "--region",
            self._parts(step)["region"],
            "--stack-name",
            step.target,
        )

    def _stack(self, step: Step) -> "StackTypeDef":
        """The stack as CloudFormation describes it. Raises Missing."""
        parts = self._parts(step)
        try:
            with asking(f"stack {parts['stack']}"):
                found = self._aws.cloudformation(parts["region"]).describe_stacks(StackName=step.target)["Stacks"]
        except Refusal as refusal:
            # CloudFormation calls an unknown stack a ValidationError.
            if "does not exist" in str(refusal):
                raise Missing(str(refusal)) from refusal
            raise
        if not found or found[0]["StackStatus"] == "DELETE_COMPLETE":
            raise Missing(f"stack {parts['stack']} does not exist")
        return found[0]

    def inspect(self, step: Step) -> TargetState:
        """Where the stack is with which update; going back and gone back count as the same."""
        try:
            stack = self._stack(step)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        status = stack["StackStatus"]
        return TargetState(
            target=step.target,
            settings={
                "state": BACK if status in ON_ITS_WAY else status,
                "updated_at": iso(stack.get("LastUpdatedTime")),
            },
            observed={"status": status, "reason": stack.get("StackStatusReason", "")[:300]},
            health=status.lower().replace("_", " "),
            deploying=status.endswith("IN_PROGRESS"),
            observed_at=now(),
        )

    def leaves(self, step: Step, before: TargetState) -> TargetState:  # noqa: ARG002 - every tool's signature
        """Rolled back."""
        return before.model_copy(update={"settings": before.settings | {"state": BACK}})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the way is the one that the state allows."""
        way, state = Going.model_validate(step.arguments).way, str(before.settings.get("state"))
        if WAYS.get(state) != way:
            return DryRun(feasible=False, reason=f"a stack in state {state} cannot be taken back by {VERBS[way]}")
        stuck = ("what kept it from going back before has to be mended first",) if way == "continue" else ()
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"every resource of stack {self._parts(step)['stack']} that its last update touched",
            cost="none",
            warnings=(
                "cannot be undone: the update has to be made again",
                "data that a resource wrote meanwhile is not taken back",
                *stuck,
            ),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Ask for it, under the step's token."""
        way, parts = Going.model_validate(step.arguments).way, self._parts(step)
        client, token = self._aws.cloudformation(parts["region"]), request_token(key)
        with marking(key), asking(f"stack {parts['stack']}"):
            if way == "cancel":
                client.cancel_update_stack(StackName=step.target, ClientRequestToken=token)
            elif way == "rollback":
                client.rollback_stack(StackName=step.target, ClientRequestToken=token)
            else:
                client.continue_update_rollback(StackName=step.target, ClientRequestToken=token)
        return "done", f"stack {parts['stack']} goes back to the state before its last update"


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (RollBack(parts.aws),) if parts.aws else ()
