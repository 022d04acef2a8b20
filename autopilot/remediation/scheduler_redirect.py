"""EventBridge Scheduler: let a batch job read from a replica instead of the database that live traffic uses."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from autopilot.incident.base import Scalar
from autopilot.incident.plan import DryRun, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import asking
from autopilot.remediation.parts import Parts
from autopilot.remediation.scheduler import ScheduleTool, databases_of
from autopilot.sources.schedule_input import at, parsed, replaced
from autopilot.sources.scheduler import INPUT


class Redirection(Arguments):
    """Which field of the target's input names another machine, and the read replica that it leads to."""

    field: str = Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$", max_length=300)
    """Its path, such as `database.host` or `environment.0.value`."""
    value: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?$", max_length=259)
    replica: str = Field(default="", pattern=r"^([a-zA-Z][a-zA-Z0-9-]{0,62})?$")
    """The RDS instance whose name or address the value is; empty for the way back."""


class Redirect(ScheduleTool):
    """Puts the address of a read replica where the target's input names the database."""

    name: str = "scheduler.redirect"
    permissions: tuple[str, ...] = (*ScheduleTool.permissions, "rds:DescribeDBInstances")
    takes: ClassVar[type[Arguments]] = Redirection
    writes = ("Target",)

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """A replica of the very database that the input names, named in the same form."""
        hit = self._why(item, context) if self._fits(item, "schedule") else None
        found: list[Candidate] = []
        for setting, present, database in databases_of(item, context) if hit else ():
            replica = _replica_of(database, context)
            if replica is None or hit is None:
                continue
            value = _same_form(present, database, replica)
            step = self._step(
                item,
                f"Let {item.name} read from {replica.name} instead of {database.name}",
                {"field": setting.removeprefix(INPUT), "value": value, "replica": replica.name},
                {
                    "field": f"{setting} {present}",
                    "value": self._own(f"the address of {replica.name} in the inventory"),
                    "replica": self._own(f"the replica of {database.name} in the inventory"),
                },
            )
            own: dict[str, tuple[Scalar, ...]] = {
                "field": (setting.removeprefix(INPUT),), "value": (value,), "replica": (replica.name,)
            }  # fmt: skip
            found.append(self._propose(step, hit, context, 0.95, own))
        return tuple(found)

    def _mine(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Scalar]:
        path = Redirection.model_validate(step.arguments).field
        return {f"{INPUT}{path}": at(_input(definition), path)}

    def _changed(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Any]:
        wanted = Redirection.model_validate(step.arguments)
        document = _input(definition)
        if at(document, wanted.field) in (None, wanted.value):
            return dict(definition)
        text = json.dumps(replaced(document, wanted.field, wanted.value), ensure_ascii=False)
        return {**definition, "Target": {**definition.get("Target", {}), "Input": text}}

    def _others(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Any]:
        path = Redirection.model_validate(step.arguments).field
        target: dict[str, Any] = {**definition.get("Target", {}), "Input": replaced(_input(definition), path, "")}
        return {**definition, "Target": target}

    def _edit(self, step: Step) -> str:
        wanted = Redirection.model_validate(step.arguments)
        path = [int(part) if part.isdigit() else part for part in wanted.field.split(".")]
        return f".Target.Input |= (fromjson | setpath({json.dumps(path)}; {json.dumps(wanted.value)}) | tojson)"

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted address, all else as it was."""
        wanted = Redirection.model_validate(step.arguments)
        settings = before.settings | {f"{INPUT}{wanted.field}": wanted.value}
        return before.model_copy(update={"settings": settings})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether the field exists, and the replica does, serves, and is where the value leads."""
        wanted = Redirection.model_validate(step.arguments)
        if before.settings.get(f"{INPUT}{wanted.field}") is None:
            return DryRun(feasible=False, reason=f"the target's input has no text at {wanted.field}")
        if problem := self._replica_problem(step, wanted):
            return DryRun(feasible=False, reason=problem)
        warnings = ("a replica is read-only and lags behind: a job that writes fails there",)
        return self._dry_run(step, before, "all coming runs", warnings)

    def _replica_problem(self, step: Step, wanted: Redirection) -> str:
        if not wanted.replica:
            return f"no read replica is named that {wanted.value} leads to"
        try:
            with asking(f"instance {wanted.replica}"):
                found = self._aws.rds(self._parts(step)["region"]).describe_db_instances(
                    DBInstanceIdentifier=wanted.replica
                )["DBInstances"][0]
        except Missing as missing:
            return str(missing)
        endpoint = found.get("Endpoint", {})
        address = endpoint.get("Address", "")
        if not found.get("ReadReplicaSourceDBInstanceIdentifier"):
            return f"{wanted.replica} is no read replica"
        if found.get("DBInstanceStatus") != "available":
            return f"{wanted.replica} is {found.get('DBInstanceStatus', 'unknown')}"
        if wanted.value not in (wanted.replica, address, f"{address}:{endpoint.get('Port', 0)}"):
            return f"{wanted.value} does not lead to {wanted.replica}"
        return ""

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The address it had."""
        path = Redirection.model_validate(step.arguments).field
        had = before.settings.get(f"{INPUT}{path}")
        back: dict[str, Scalar] = {"field": path, "value": had}
        return self._back(step, f"Let {self._parts(step)['schedule']} use {had} again", back) if had else None


def _input(definition: Mapping[str, Any]) -> Any:
    return parsed(str(definition.get("Target", {}).get("Input") or ""))


def _replica_of(database: InventoryItem, context: Context) -> InventoryItem | None:
    """A read replica that serves, in the region of the database."""
    return next(
        (
            item
            for item in context.inventory
            if item.kind == "rds_instance"
            and item.settings.get("replica_of") == database.name
            and item.settings.get("status") == "available"
            and item.settings.get("endpoint")
            and item.region == database.region
        ),
        None,
    )


def _same_form(present: str, database: InventoryItem, replica: InventoryItem) -> str:
    """The replica as the database is named: by name, by address, or by address and port."""
    address = str(replica.settings.get("endpoint"))
    if present == database.name:
        return replica.name
    return address if ":" in present else address.partition(":")[0]


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (Redirect(parts.aws),) if parts.aws else ()
