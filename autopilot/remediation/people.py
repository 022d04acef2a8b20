"""What tools that ask people share: one offer per service, nothing to compare, the receiver knows the key."""

from typing import ClassVar

from autopilot.incident.cause import CauseKind
from autopilot.incident.plan import DryRun, ExpectedEffect, Risk, Step, TargetState
from autopilot.remediation.base import Candidate, Context, InventoryItem, RepeatGuard
from autopilot.remediation.cloud import now
from autopilot.remediation.evidence import evidence
from autopilot.remediation.tool import BaseTool


def incident_of(key: str) -> str:
    """The incident id that an idempotency key begins with."""
    return key.partition("/")[0]


class PeopleTool(BaseTool):
    """Asks people; no watched system is changed."""

    risk: Risk = "low"
    repeat_guard: RepeatGuard = "token"
    exclusive: bool = False
    addresses: ClassVar[frozenset[CauseKind]] = frozenset({"unknown", "data", "certificate", "permission", "quota"})
    """Causes that no other tool helps against: somebody who owns the service has to act."""

    def inspect(self, step: Step) -> TargetState:
        """Nothing a step depends on: the receiver compares the key."""
        return TargetState(target=step.target, observed_at=now())

    def _ask(
        self, item: InventoryItem, context: Context, step: Step, effect: ExpectedEffect, who: str
    ) -> tuple[Candidate, ...]:
        """The one offer for a service."""
        why = f"no tool changes what {item.service} suffers from; {who} can"
        return (self._offer(step, effect, why, evidence(item, context, self.addresses), 0.1),)

    def _dry(self, change: str, cost: str = "none", *warnings: str) -> DryRun:
        return DryRun(
            feasible=True,
            changes=(change,),
            reach="people only; no system is changed",
            cost=cost,
            warnings=warnings,
        )


def speaks_for_service(item: InventoryItem, context: Context) -> bool:
    """Whether this is the item that speaks for its service: people are asked once, not per resource."""
    first = next((i for i in context.inventory if i.service == item.service), None)
    return bool(item.service) and first is not None and first.resource == item.resource
