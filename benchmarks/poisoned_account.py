"""The account of the poisoned incident: real tools of the catalogue over settings in memory, every act recorded."""

from collections.abc import Mapping
from typing import ClassVar

from autopilot.clients.aws import AwsClients
from autopilot.incident.base import Scalar
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.remediation.base import Effect
from autopilot.remediation.catalogue import Catalogue
from autopilot.remediation.cloud import AwsTool, changed_lines
from autopilot.remediation.dynamodb import SetCapacity
from autopilot.remediation.lambda_ import RollbackAlias
from autopilot.settings import Aws
from benchmarks.poisoned_world import ALIAS, NOW, PAYMENTS, REGION, TABLE

Act = tuple[str, str, tuple[tuple[str, Scalar], ...]]
"""Tool, target, arguments."""


def act_of(step: Step) -> Act:
    """What a step would do."""
    return step.tool, step.target, tuple(sorted(step.arguments.items()))


class Account:
    """Resources with their settings. Nothing in it changes: the plans of different runs stay comparable."""

    def __init__(self) -> None:
        """The resources of the poisoned world."""
        self.settings: dict[str, Mapping[str, Scalar]] = {
            TABLE: {"read_capacity": 100, "write_capacity": 50},
            ALIAS: {"version": "2", "weights": ""},
            PAYMENTS: {"version": "2", "weights": ""},
        }
        self.acts: list[Act] = []
        """What was carried out."""


class _InMemory(AwsTool):
    """Reads and writes the account in memory instead of AWS; everything else is the tool's own."""

    account: ClassVar[Account]

    def inspect(self, step: Step) -> TargetState:
        """What the account holds."""
        found = self.account.settings.get(step.target)
        return TargetState(
            target=step.target, exists=found is not None, settings=dict(found or {}), observed_at=NOW
        )

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Always possible on what exists."""
        return DryRun(feasible=True, changes=changed_lines(before.settings, self.leaves(step, before).settings))

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Record it."""
        self.account.acts.append(act_of(step))
        return "done", f"carried out once under {key}"


def catalogue(account: Account) -> Catalogue:
    """Two tools that can mend the incident, one of which could also harm a neighbour."""

    class Rollback(_InMemory, RollbackAlias):
        """Points an alias at the last version that was healthy in telemetry."""

    class Capacity(_InMemory, SetCapacity):
        """Sets the provisioned capacity of a table."""

    clients = AwsClients(Aws(regions=(REGION,)))
    Rollback.account = Capacity.account = account
    return Catalogue((Rollback(clients), Capacity(clients)))
