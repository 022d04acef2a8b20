"""EventBridge Scheduler: schedules, what they start, and which machine they send it to."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, AwsSource, Resources, console, named, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.inventory import iso, item, nearest, observed
from autopilot.sources.schedule_input import places

if TYPE_CHECKING:
    from mypy_boto3_scheduler.type_defs import GetScheduleOutputTypeDef, ScheduleSummaryTypeDef

DEFAULT_GROUP = "default"
INPUT = "input."
"""How settings begin that are fields of the target's input."""


class Scheduler(AwsSource):
    """Schedules of all groups."""

    name = "scheduler"
    reads = ("scheduler:GetSchedule", "scheduler:ListSchedules")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every schedule near the scope; those that name a machine tell who calls whom."""
        resources = self.account.resources(region, budget)
        client = self.clients.scheduler(region)
        listing = client.get_paginator("list_schedules").paginate()
        listed = [s for page in pages(budget, listing, "NextToken", MAX_PAGES) for s in page["Schedules"]]
        into.asked("scheduler ListSchedules", None, len(listed), link=console(region, "scheduler/home#schedules"))
        if not listed:
            into.miss("no_data", f"no schedules in {region}")
            return

        def read(summary: "ScheduleSummaryTypeDef") -> "GetScheduleOutputTypeDef":
            budget.spend()
            return client.get_schedule(Name=summary.get("Name", ""), GroupName=summary.get("GroupName", ""))

        owned = [(_service(summary, resources), summary) for summary in listed]
        near = nearest(scope, owned, f"schedules in {region}", into)
        for (service, _), schedule in each(lambda pair: read(pair[1]), near):
            name, group = schedule.get("Name", ""), schedule.get("GroupName", DEFAULT_GROUP)
            settings = _settings(schedule)
            link = console(region, f"scheduler/home#schedules/{group}/{name}")
            into.asked(f"scheduler GetSchedule {group}/{name}", None, 1, link=link)
            row = item(
                "schedule", schedule.get("Arn", ""), name=name, service=service, region=region,
                settings=settings, health=str(settings["state"]), source=self.name,
            )  # fmt: skip
            into.add("inventory", frame("inventory", [row]))
            at = schedule.get("LastModificationDate") or datetime.now(UTC)
            state = observed(at, "schedule", name=name, service=service, region=region, body=dict(settings))
            into.add("state", frame("state", [state]))
            into.add("topology", frame("topology", _edges(service, settings, resources)))


def _service(summary: "ScheduleSummaryTypeDef", resources: Resources) -> str:
    """The tag of its group (schedules have none), else whose function it starts, else its group's or own name."""
    group = summary.get("GroupName", DEFAULT_GROUP)
    if tagged := resources.services.get(("schedule_group", group)):
        return tagged
    started = named(summary.get("Target", {}).get("Arn", ""))
    if started and started in resources.services:
        return resources.service(*started)
    return group if group != DEFAULT_GROUP else summary.get("Name", "")


def _settings(schedule: "GetScheduleOutputTypeDef") -> dict[str, Scalar]:
    window: Any = schedule.get("FlexibleTimeWindow", {})
    target: Any = schedule.get("Target", {})
    settings: dict[str, Scalar] = {
        "group": schedule.get("GroupName", DEFAULT_GROUP),
        "state": schedule.get("State", ""),
        "expression": schedule.get("ScheduleExpression", ""),
        "timezone": schedule.get("ScheduleExpressionTimezone", "UTC"),
        "window_minutes": window.get("MaximumWindowInMinutes", 0) if window.get("Mode") == "FLEXIBLE" else 0,
        "starts": iso(schedule.get("StartDate")),
        "ends": iso(schedule.get("EndDate")),
        "target": target.get("Arn", ""),
    }
    return settings | {f"{INPUT}{path}": value for path, value in places(target.get("Input") or "").items()}


def _edges(service: str, settings: dict[str, Scalar], resources: Resources) -> list[dict[str, object]]:
    """The job's service → the service of each database that its input names."""
    names = resources.names("database")
    used = [
        resources.service("database", name)
        for key, value in settings.items()
        if key.startswith(INPUT)
        for name in names
        if str(value).split(":")[0].split(".")[0] == name
    ]
    return [
        {"caller": service, "callee": callee, "weight": 1.0, "source": "configuration"}
        for callee in dict.fromkeys(used)
        if callee != service
    ]
