"""CloudWatch alarms: what is firing, and what changed state in the time range."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from autopilot.case.schema import frame
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import AwsSource, Resources, asking, console, pages, whole
from autopilot.sources.base import Budget, Collected
from autopilot.sources.cloudwatch_series import described
from autopilot.sources.json_shape import document, mapping

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch.type_defs import CompositeAlarmTypeDef, MetricAlarmTypeDef

MAX_PAGES = 10
_STATES = {"ALARM": "firing", "OK": "resolved"}
"""INSUFFICIENT_DATA is neither: silence resolves nothing."""


class CloudWatchAlarms(AwsSource):
    """Alarms of the region, whoever owns them: a neighbour's alarm is evidence too."""

    name = "cloudwatch_alarms"
    reads = ("cloudwatch:DescribeAlarmHistory", "cloudwatch:DescribeAlarms")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Present alarms, then the state changes of the time range."""
        resources = self.account.resources(region, budget)
        alarms: dict[str, dict[str, object]] = {}
        firing: list[dict[str, object]] = []
        window = whole(scope)
        paginator = self.clients.cloudwatch(region).get_paginator("describe_alarms")
        listing = paginator.paginate(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        for page in pages(budget, listing, "NextToken", MAX_PAGES):
            for alarm in [*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])]:
                row = _row(alarm, region, resources)
                alarms[str(row["name"])] = row
                since = alarm.get("StateUpdatedTimestamp")
                if alarm.get("StateValue") == "ALARM" and since and since < window.end:
                    firing.append({**row, "time": since, "state": "firing", "reason": alarm.get("StateReason", "")})
        into.asked("cloudwatch DescribeAlarms MetricAlarm,CompositeAlarm", None, len(alarms))
        changed: list[dict[str, object]] = []
        with asking(into, f"alarm history in {region}"):
            changed = self._history(scope, region, alarms, budget, into)
        told = {(row["name"], str(row["state"])) for row in changed}
        into.add("alarms", frame("alarms", changed + [r for r in firing if (r["name"], "firing") not in told]))

    def _history(
        self,
        scope: Scope,
        region: str,
        alarms: Mapping[str, dict[str, object]],
        budget: Budget,
        into: Collected,
    ) -> list[dict[str, object]]:
        window = whole(scope)
        listing = (
            self.clients.cloudwatch(region)
            .get_paginator("describe_alarm_history")
            .paginate(
                AlarmTypes=["MetricAlarm", "CompositeAlarm"],
                HistoryItemType="StateUpdate",
                StartDate=window.start,
                EndDate=window.end,
            )
        )
        rows: list[dict[str, object]] = []
        count = 0
        for page in pages(budget, listing, "NextToken", MAX_PAGES):
            count += 1
            for item in page.get("AlarmHistoryItems", []):
                name, at = item.get("AlarmName", ""), item.get("Timestamp")
                state, reason = _transition(item.get("HistoryData", ""))
                # Some endpoints ignore the dates or the item type: both are checked here again.
                if at is not None and state and _inside(at, window.start, window.end):
                    known = alarms.get(name, {"name": name, "region": region, "link": _link(region, name)})
                    rows.append({**known, "time": at, "state": state, "reason": reason})
        if count == MAX_PAGES:
            into.miss("truncated", f"only the newest {MAX_PAGES} pages of alarm history in {region} were read")
        into.asked("cloudwatch DescribeAlarmHistory StateUpdate", window, len(rows))
        return rows


def _inside(at: datetime, start: datetime, end: datetime) -> bool:
    return start <= at < end


def _transition(history: str) -> tuple[str, str]:
    """(state, reason) that a history item led to; empty when it is not a change we tell."""
    state = mapping(document(history).get("newState"))
    return _STATES.get(str(state.get("stateValue")), ""), str(state.get("stateReason", ""))[:1_000]


def _row(
    alarm: "MetricAlarmTypeDef | CompositeAlarmTypeDef", region: str, resources: Resources
) -> dict[str, object]:
    """What does not change about an alarm: its name, and whose it is by tag or by its metric."""
    name = alarm.get("AlarmName", "")
    queries: Any = alarm.get("Metrics")
    metric: Any = alarm if not queries else queries[0].get("MetricStat", {}).get("Metric", {})
    namespace, metric_name = str(metric.get("Namespace", "")), str(metric.get("MetricName", ""))
    dimensions = {str(d["Name"]): str(d["Value"]) for d in metric.get("Dimensions", [])}
    series = described(namespace, metric_name, dimensions, resources)
    return {
        "name": name,
        "service": resources.services.get(("alarm", name), "") or (series.service if dimensions else ""),
        "resource": series.resource if dimensions else "",
        "region": region,
        "metric": f"{namespace} {metric_name}".strip(),
        "link": _link(region, name),
    }


def _link(region: str, name: str) -> str:
    return console(region, f"cloudwatch/home#alarmsV2:alarm/{quote(name, safe='')}")
