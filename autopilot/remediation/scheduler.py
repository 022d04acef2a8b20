"""EventBridge Scheduler: pause a batch job, or move it to another time. Pointing it elsewhere is in
`scheduler_redirect`.

UpdateSchedule replaces the whole schedule: what is left out falls back to its default. So the whole definition is
read, changed in one place and written back, and the rest of it is part of the state that must not have changed.
"""

import json
import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal

from pydantic import Field

from autopilot.clients.aws import AwsClients, marking
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.ids import digest
from autopilot.incident.plan import DryRun, Risk, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.cloud import AwsTool, arn, asking, changed_lines, now, shell
from autopilot.remediation.evidence import blamed, evidence, expected, fit
from autopilot.remediation.parts import Parts
from autopilot.sources.scheduler import INPUT

SCHEDULE = arn("scheduler", r"schedule/(?P<group>[\w.-]{1,64})/(?P<schedule>[\w.-]{1,64})")
BATCH_CAUSES: frozenset[CauseKind] = frozenset(
    {"batch_job", "cpu", "slow_query", "lock_contention", "connection_pool"}
)
KEPT = (
    "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate", "Description", "KmsKeyArn",
    "Target", "FlexibleTimeWindow", "State", "ActionAfterCompletion",
)  # fmt: skip
"""What UpdateSchedule takes besides the name."""
HALF_A_DAY = 12
_DAILY = re.compile(r"cron\((?P<minute>\d{1,2}) (?P<hour>\d{1,2}) (?P<days>[^()]{1,100})\)")


def definition_of(clients: AwsClients, region: str, group: str, name: str) -> dict[str, Any]:
    """A schedule as UpdateSchedule takes it; a start that has passed is left out: AWS would refuse it."""
    with asking(f"schedule {group}/{name}"):
        answer: Any = clients.scheduler(region).get_schedule(Name=name, GroupName=group)
    found: dict[str, Any] = answer
    passed = "StartDate" if found.get("StartDate") and found["StartDate"] <= now() else ""
    return {field: found[field] for field in KEPT if field != passed and found.get(field) not in (None, "")}


def databases_of(item: InventoryItem, context: Context) -> tuple[tuple[str, str, InventoryItem], ...]:
    """(setting, value, database) for every database of the inventory that the schedule's input names."""
    found: list[tuple[str, str, InventoryItem]] = []
    for name, value in item.settings.items():
        for other in context.inventory if value and name.startswith(INPUT) else ():
            address = str(other.settings.get("endpoint") or "")
            if other.kind == "rds_instance" and value in (other.name, address, address.partition(":")[0]):
                found.append((name, str(value), other))
    return tuple(found)


class ScheduleTool(AwsTool):
    """What the tools on schedules share: read all, change one thing, write all."""

    system: str = "scheduler"
    risk: Risk = "medium"
    permissions: tuple[str, ...] = ("scheduler:GetSchedule", "scheduler:UpdateSchedule", "iam:PassRole")
    target = SCHEDULE
    addresses: ClassVar[frozenset[CauseKind]] = BATCH_CAUSES
    writes: ClassVar[tuple[str, ...]]
    """Fields of the definition that the tool sets."""

    @abstractmethod
    def _mine(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Scalar]:
        """The settings that the step writes, as they are."""

    @abstractmethod
    def _changed(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Any]:
        """The definition as the step wants it."""

    def _others(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ARG002 - for who needs it
        """The definition without what the step writes."""
        return {name: value for name, value in definition.items() if name not in self.writes}

    @abstractmethod
    def _edit(self, step: Step) -> str:
        """The change as a jq expression on the definition."""

    def inspect(self, step: Step) -> TargetState:
        """What the step writes, and a hash of all the rest: the target's input may hold secrets."""
        parts = self._parts(step)
        try:
            definition = definition_of(self._aws, parts["region"], parts["group"], parts["schedule"])
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        return TargetState(
            target=step.target,
            settings=self._mine(step, definition) | {"rest": digest(self._others(step, definition))},
            observed={
                "starts": str(definition.get("Target", {}).get("Arn", "")),
                "runs": str(definition.get("ScheduleExpression", "")),
            },
            health=str(definition.get("State", "")),
            observed_at=now(),
        )

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Write the whole definition with the change; the key keeps a repeated request from acting again."""
        parts = self._parts(step)
        named = f"{parts['group']}/{parts['schedule']}"
        definition = definition_of(self._aws, parts["region"], parts["group"], parts["schedule"])
        wanted = self._changed(step, definition)
        if wanted == definition:
            return "already", f"schedule {named} is so already"
        with marking(key), asking(f"schedule {named}"):
            self._aws.scheduler(parts["region"]).update_schedule(
                Name=parts["schedule"], GroupName=parts["group"], ClientToken=digest(key), **wanted
            )
        return "done", f"schedule {named}: {step.summary}"

    def command(self, step: Step) -> str:
        """Read the schedule, change it with jq, write it back: the CLI, too, replaces all of it."""
        parts = self._parts(step)
        where = ("--region", parts["region"], "--group-name", parts["group"], "--name", parts["schedule"])
        passed = "if .StartDate and .StartDate < (now | todate) then del(.StartDate) else . end"
        edit = f"del(.Arn, .CreationDate, .LastModificationDate) | {passed} | {self._edit(step)}"
        update = shell("aws", "scheduler", "update-schedule", "--region", parts["region"], "--cli-input-json")
        read = f"{shell('aws', 'scheduler', 'get-schedule', *where)} | {shell('jq', edit)} > schedule.json"
        return f"{read} && {update} file://schedule.json"

    def _dry_run(self, step: Step, before: TargetState, reach: str, warnings: tuple[str, ...]) -> DryRun:
        parts = self._parts(step)
        return DryRun(
            feasible=True,
            changes=changed_lines(before.settings, self.leaves(step, before).settings),
            reach=f"{reach} of schedule {parts['group']}/{parts['schedule']} ({before.observed.get('runs')}), "
            f"which starts {before.observed.get('starts')}",
            cost="none",
            warnings=("a run that is under way is not stopped", *warnings),
        )

    def _why(self, item: InventoryItem, context: Context) -> InventoryItem | None:
        """The item that a suspect blames: the job itself, or a database it works on."""
        asked = (item, *(database for _, _, database in databases_of(item, context)))
        return next((one for one in asked if blamed(one, context, self.addresses)), None)

    def _propose(
        self, step: Step, hit: InventoryItem, context: Context, share: float, own: dict[str, tuple[Scalar, ...]]
    ) -> Candidate:
        effect = expected(context, f"{hit.name} no longer shares its time with the job", 600.0)
        cited = evidence(hit, context, self.addresses)
        why = f"the scheduled job competes with live traffic on {hit.name}"
        how_well = round(fit(hit, context, self.addresses) * share, 3)
        offer = self._offer(step, effect, why, cited, how_well)
        return replace(offer, own={**offer.own, **own})


class Paused(Arguments):
    """Whether the schedule starts anything."""

    state: Literal["DISABLED", "ENABLED"] = "DISABLED"


class Pause(ScheduleTool):
    """Stops a schedule from starting runs; the undo lets it start them again."""

    name: str = "scheduler.pause"
    takes: ClassVar[type[Arguments]] = Paused
    writes = ("State",)

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """An enabled schedule whose job, or the database it works on, is under suspicion."""
        hit = self._why(item, context) if self._fits(item, "schedule") else None
        if hit is None or item.settings.get("state") != "ENABLED":
            return ()
        step = self._step(
            item, f"Pause the schedule {item.name}", {"state": "DISABLED"}, {"state": self._own("paused")}
        )
        return (self._propose(step, hit, context, 1.0, {}),)

    def _mine(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Scalar]:  # noqa: ARG002 - see the base
        return {"state": str(definition.get("State", "ENABLED"))}

    def _changed(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Any]:
        return {**definition, "State": Paused.model_validate(step.arguments).state}

    def _edit(self, step: Step) -> str:
        return f".State = {json.dumps(Paused.model_validate(step.arguments).state)}"

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted state, all else as it was."""
        wanted = Paused.model_validate(step.arguments).state
        return before.model_copy(update={"settings": before.settings | {"state": wanted}, "health": wanted})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """What no longer starts."""
        missed = "runs that are due meanwhile are not caught up later"
        return self._dry_run(step, before, "all coming runs", (missed,))

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The state it had."""
        had = before.settings.get("state")
        return self._back(step, f"Set {self._parts(step)['schedule']} back to {had}", {"state": had})


class When(Arguments):
    """When the schedule runs, in its own time zone."""

    expression: str = Field(pattern=r"^(cron|rate|at)\([\w ,*?/#:+-]{1,200}\)$")
    window_minutes: int | None = Field(default=None, ge=0, le=1_440)
    """Runs start somewhere within this time; 0: at once; None: as it is."""


def half_a_day_later(expression: str) -> str | None:
    """The same days, twelve hours away; None for schedules without one fixed time of day."""
    daily = _DAILY.fullmatch(expression)
    if daily is None or int(daily["hour"]) > 23:
        return None
    return f"cron({daily['minute']} {(int(daily['hour']) + HALF_A_DAY) % 24} {daily['days']})"


class Move(ScheduleTool):
    """Runs a job at another time."""

    name: str = "scheduler.move"
    takes: ClassVar[type[Arguments]] = When
    writes = ("ScheduleExpression", "FlexibleTimeWindow")

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """A job with one fixed time of day: twelve hours away from when it collides."""
        present = str(item.settings.get("expression") or "")
        later = half_a_day_later(present)
        hit = self._why(item, context) if self._fits(item, "schedule") else None
        if hit is None or later is None or item.settings.get("state") != "ENABLED":
            return ()
        step = self._step(
            item,
            f"Move {item.name} by twelve hours, from {present} to {later}",
            {"expression": later},
            {"expression": f"expression {present}; twelve hours away"},
        )
        return (self._propose(step, hit, context, 0.9, {"expression": (later,)}),)

    def _mine(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Scalar]:  # noqa: ARG002 - see the base
        window = definition.get("FlexibleTimeWindow", {})
        minutes = window.get("MaximumWindowInMinutes", 0) if window.get("Mode") == "FLEXIBLE" else 0
        return {"expression": str(definition.get("ScheduleExpression", "")), "window_minutes": minutes}

    def _changed(self, step: Step, definition: Mapping[str, Any]) -> dict[str, Any]:
        wanted = When.model_validate(step.arguments)
        changed = {**definition, "ScheduleExpression": wanted.expression}
        if wanted.window_minutes is not None:
            flexible = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": wanted.window_minutes}
            changed["FlexibleTimeWindow"] = flexible if wanted.window_minutes else {"Mode": "OFF"}
        return changed

    def _edit(self, step: Step) -> str:
        wanted = self._changed(step, {})
        return " | ".join(f".{field} = {json.dumps(value)}" for field, value in wanted.items())

    def leaves(self, step: Step, before: TargetState) -> TargetState:
        """The wanted time, all else as it was."""
        wanted = When.model_validate(step.arguments).model_dump(exclude_none=True)
        return before.model_copy(update={"settings": before.settings | wanted})

    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """Whether it runs at all, and when it will."""
        if before.health == "DISABLED":
            return DryRun(feasible=False, reason="the schedule is paused: it runs at no time")
        late = "who needs its result in the morning may get it later"
        return self._dry_run(step, before, "all coming runs", (late,))

    def undo(self, step: Step, before: TargetState) -> Step | None:
        """The time it had."""
        had = {name: before.settings.get(name) for name in ("expression", "window_minutes")}
        return self._back(step, f"Run {self._parts(step)['schedule']} at {had['expression']} again", had)


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows."""
    return (Pause(parts.aws), Move(parts.aws)) if parts.aws else ()
