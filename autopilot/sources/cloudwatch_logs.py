"""CloudWatch Logs: the lines of the scope's services, the whole time range covered fairly."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from autopilot.case.schema import frame
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import AwsSource, Resources, asking, console, pages
from autopilot.sources.base import Budget, Collected
from autopilot.sources.deadline import each
from autopilot.sources.log_lines import parsed

if TYPE_CHECKING:
    from mypy_boto3_logs.type_defs import FilteredLogEventTypeDef

MAX_GROUPS = 12
MAX_LIST_PAGES = 5
PAGE = 10_000
"""Events per FilterLogEvents call, AWS's limit; a page also ends at 1 MB."""
SLICES = 10
"""Parts of a window that is too large to read whole; each gets the same share."""
SLICE_EVENTS = 1_000
WINDOW_EVENTS = 10_000
SEARCH_PAGES = 8
"""FilterLogEvents may answer with empty pages while it searches."""


@dataclass(frozen=True)
class _Answer:
    events: "list[FilteredLogEventTypeDef]"
    complete: bool


class CloudWatchLogs(AwsSource):
    """Application and access logs."""

    name = "cloudwatch_logs"
    reads = ("logs:DescribeLogGroups", "logs:FilterLogEvents")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Choose the groups, then read baseline and incident of each."""
        resources = self.account.resources(region, budget)
        groups = self._groups(scope, region, resources, budget, into)
        if not groups:
            into.miss(
                "no_data",
                f"no log group in {region} belongs to {', '.join(scope.services)}",
                "Name the log groups under `aws.log_groups` in the settings.",
            )
        for group in groups:
            with asking(into, f"log group {group!r}"):
                for name, window in (("incident", scope.incident), ("baseline", scope.baseline)):
                    self._read(group, name, window, region, resources, budget, into)

    def _groups(
        self, scope: Scope, region: str, resources: Resources, budget: Budget, into: Collected
    ) -> list[str]:
        """The configured groups, else those whose function or name says that they are the scope's services'."""
        if self.account.settings.log_groups:
            return list(self.account.settings.log_groups)
        client = self.clients.logs(region)
        found: dict[str, None] = {}
        functions = [
            name for name in resources.names("function") if resources.service("function", name) in scope.services
        ]
        for word in dict.fromkeys([*scope.services, *functions]):
            listing = client.get_paginator("describe_log_groups").paginate(logGroupNamePattern=word)
            for page in pages(budget, listing, "nextToken", MAX_LIST_PAGES):
                for group in page.get("logGroups", []):
                    name = group.get("logGroupName", "")
                    if word in name:
                        found[name] = None
        ranked = sorted(found, key=lambda name: resources.of_log_group(name) not in scope.services)
        if len(ranked) > MAX_GROUPS:
            into.miss(
                "truncated",
                f"{len(ranked)} log groups in {region} match, {MAX_GROUPS} were read",
                "Name the ones that matter under `aws.log_groups` in the settings.",
            )
        return ranked[:MAX_GROUPS]

    def _read(
        self,
        group: str,
        name: str,
        window: TimeWindow,
        region: str,
        resources: Resources,
        budget: Budget,
        into: Collected,
    ) -> None:
        """One window of one group: whole if it fits one page's worth, else the beginning of equal slices."""
        first = self._events(group, window, region, WINDOW_EVENTS, budget)
        events = [*first.events]
        query = f"logs FilterLogEvents {group}"
        if not first.complete:
            events.clear()
            for _, answer in each(
                lambda part: self._events(group, part, region, SLICE_EVENTS, budget), _slices(window)
            ):
                events += answer.events
            query += f", first {SLICE_EVENTS} events in each of {SLICES} equal slices"
            into.miss(
                "truncated",
                f"log group {group!r} is a sample in the {name} window: the first {SLICE_EVENTS} events "
                f"in each of {SLICES} slices",
                "Counts of lines are lower bounds.",
            )
        link = _link(region, group, window)
        into.asked(query, window, len(events), link=link)
        if not events:
            into.miss("no_data", f"log group {group!r} has no events in the {name} window")
        access = "access" in group.rsplit("/", 1)[-1]
        service = resources.of_log_group(group)
        rows = [
            {
                "time": datetime.fromtimestamp(event.get("timestamp", 0) / 1000, UTC),
                "service": service,
                "resource": group,
                "region": region,
                **parsed(event.get("message", ""), access=access),
            }
            for event in events
        ]
        into.add("logs", frame("logs", rows))

    def _events(self, group: str, window: TimeWindow, region: str, most: int, budget: Budget) -> _Answer:
        """At most `most` events, oldest first, and whether these are all of the window."""
        listing = (
            self.clients.logs(region)
            .get_paginator("filter_log_events")
            .paginate(
                logGroupName=group,
                startTime=_milliseconds(window.start),
                endTime=_milliseconds(window.end) - 1,  # AWS includes the end
                PaginationConfig={"PageSize": min(most, PAGE)},
            )
        )
        events: list[FilteredLogEventTypeDef] = []
        more = False
        for page in pages(budget, listing, "nextToken", SEARCH_PAGES):
            events += page.get("events", [])
            more = bool(page.get("nextToken"))
            if len(events) >= most:
                break
        # A full last page without a token is what some endpoints answer when they cut.
        return _Answer(events[:most], complete=not more and len(events) < most)


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def _slices(window: TimeWindow) -> list[TimeWindow]:
    step = (window.end - window.start) / SLICES
    return [TimeWindow(start=window.start + step * n, end=window.start + step * (n + 1)) for n in range(SLICES)]


def _link(region: str, group: str, window: TimeWindow) -> str:
    """The group's events in the console; its own escaping writes % as $25."""
    name = quote(quote(group, safe=""), safe="").replace("%", "$")
    start, end = _milliseconds(window.start), _milliseconds(window.end)
    query = quote(f"?start={start}&end={end}", safe="").replace("%", "$")
    return console(region, f"cloudwatch/home#logsV2:log-groups/log-group/{name}/log-events{query}")
