"""CloudTrail: who changed what. Read-only events are left out, our own steps are recognised by their mark."""

import re
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from autopilot.case.schema import frame
from autopilot.clients.aws_errors import AWS_ERRORS, to_failure
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.sources.aws import QUICK_SECONDS, AwsSource, Resources, console, named, pages, whole
from autopilot.sources.base import Budget, Collected
from autopilot.sources.cloudtrail_events import change_kind, target, told
from autopilot.sources.inventory import entries
from autopilot.sources.json_shape import document, mapping

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail.type_defs import EventTypeDef

MAX_PAGES = 30
"""LookupEvents gives 50 events per call and two calls per second."""
QUICK_PAGES = 2
ONE_DEPLOYMENT = timedelta(seconds=60)
_OWN = re.compile(r" step/(\S+)$")


class CloudTrail(AwsSource):
    """Management events that changed something."""

    name = "cloudtrail"
    reads = ("cloudtrail:LookupEvents",)

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """All write events of the time range, newest first."""
        window = whole(scope)
        resources = self.account.resources(region, budget)
        rows, complete = self._changes(region, window, MAX_PAGES, resources, budget)
        if not complete:
            into.miss("truncated", f"only the newest {MAX_PAGES * 50} events in {region} were read")
        into.asked("cloudtrail LookupEvents ReadOnly=false", window, len(rows), link=_history(region))
        into.add("changes", frame("changes", rows))

    def recent_changes(self, scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        """See `ReadsChanges`. Raises Failure."""
        budget = Budget(calls=QUICK_PAGES * len(self.clients.regions), seconds=QUICK_SECONDS)
        found: list[dict[str, Any]] = []
        for region in self.account.regions(scope):
            try:
                rows, _ = self._changes(region, whole(scope), QUICK_PAGES, self.account.known(region), budget)
            except AWS_ERRORS as error:
                raise to_failure(error, f"reading CloudTrail in {region}") from error
            found += rows
        return entries(_last_of_each(found), limit)

    def _changes(
        self, region: str, window: TimeWindow, most: int, resources: Resources, budget: Budget
    ) -> tuple[list[dict[str, Any]], bool]:
        """The changes, and whether the whole window was read."""
        listing = (
            self.clients.cloudtrail(region)
            .get_paginator("lookup_events")
            .paginate(
                LookupAttributes=[{"AttributeKey": "ReadOnly", "AttributeValue": "false"}],
                StartTime=window.start,
                EndTime=window.end,
            )
        )
        rows: list[dict[str, Any]] = []
        more = False
        for page in pages(budget, listing, "NextToken", most):
            more = bool(page.get("NextToken"))
            for event in page.get("Events", []):
                at = event.get("EventTime")
                if at and window.contains(at) and (row := _row(event, region, resources)):
                    rows.append(row)
        return rows, not more


def _last_of_each(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One deployment is several calls within a minute: its last one, such as moving the alias, tells it best."""
    kept: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda row: row["time"], reverse=True):
        same = (row["kind"], row["service"], row["author"])
        earlier = [k for k in kept if (k["kind"], k["service"], k["author"]) == same]
        if not any(k["time"] - row["time"] < ONE_DEPLOYMENT for k in earlier):
            kept.append(row)
    return kept


def _row(event: "EventTypeDef", region: str, resources: Resources) -> dict[str, Any] | None:
    """The event as a change; None when it failed or changed nothing that matters."""
    name, detail = event.get("EventName", ""), document(event.get("CloudTrailEvent", ""))
    kind = change_kind(name)
    if kind is None or detail.get("errorCode") or event.get("ReadOnly") == "true":
        return None
    parameters = mapping(detail.get("requestParameters"))
    of, resource = target(parameters)
    if of in {"", "name"} and (seen := next((r.get("ResourceName", "") for r in event.get("Resources", [])), "")):
        of, resource = named(seen) or ("", seen)
    if of == "api_id":
        of, resource = "api", resources.apis.get(resource, resource)
    own = _OWN.search(str(detail.get("userAgent", "")))
    version = str(parameters.get("functionVersion") or parameters.get("taskDefinition") or "")
    return {
        "time": event.get("EventTime"),
        "id": f"{CloudTrail.name}:{event.get('EventId', '')}",
        "kind": kind,
        "service": _service(of, resource, resources),
        "resource": resource,
        "region": region,
        "version": version.rsplit("/", 1)[-1],
        "author": f"aiops-auto-pilot (step {own.group(1)})" if own else event.get("Username", ""),
        "summary": f"{name} {resource}".strip() + (f" → {version.rsplit('/', 1)[-1]}" if version else ""),
        "link": _link(region, event.get("EventId", "")),
        "diff": told(parameters),
    }


def _service(kind: str, name: str, resources: Resources) -> str:
    """Whose resource was changed; for kinds we do not list, whatever has that name."""
    if kind in {"scalable", "name", ""}:
        return next((owner or of for (_, of), owner in resources.services.items() if of == name), name)
    return resources.service(kind, name)


def _history(region: str) -> str:
    return console(region, "cloudtrailv2/home#/events?ReadOnly=false")


def _link(region: str, event_id: str) -> str:
    return console(region, f"cloudtrailv2/home#/events/{event_id}")
