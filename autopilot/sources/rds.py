"""RDS: instances, their parameter groups, and what RDS reported about them."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from autopilot.case.schema import frame
from autopilot.incident.base import Scalar
from autopilot.incident.evidence import Scope
from autopilot.sources.aws import MAX_PAGES, AwsSource, Resources, asking, console, pages, whole
from autopilot.sources.base import Budget, Collected
from autopilot.sources.inventory import in_scope, item, nearest, observed
from autopilot.sources.rds_parameters import add_groups

if TYPE_CHECKING:
    from mypy_boto3_rds.type_defs import DBInstanceTypeDef, EventTypeDef

_CHANGES = {
    "configuration change": "config",
    "failover": "maintenance",
    "maintenance": "maintenance",
    "availability": "maintenance",
    "restoration": "maintenance",
}
"""Event category → kind of change; other events are state only."""


class Rds(AwsSource):
    """Database instances."""

    name = "rds"
    reads = ("rds:DescribeDBInstances", "rds:DescribeDBParameters", "rds:DescribeEvents")

    def collect_region(self, scope: Scope, region: str, budget: Budget, into: Collected) -> None:
        """Every instance near the scope, and the events of all."""
        resources = self.account.resources(region, budget)
        listing = self.clients.rds(region).get_paginator("describe_db_instances").paginate()
        instances = [i for page in pages(budget, listing, "Marker", MAX_PAGES) for i in page["DBInstances"]]
        into.asked("rds DescribeDBInstances", None, len(instances), link=console(region, "rds/home#databases:"))
        if not instances:
            into.miss("no_data", f"no RDS instances in {region}")
            return
        owned = [(resources.service("database", i.get("DBInstanceIdentifier", "")), i) for i in instances]
        near = nearest(scope, owned, f"RDS instances in {region}", into)
        for service, instance in near:
            settings = _settings(instance)
            name, status = instance.get("DBInstanceIdentifier", ""), str(settings["status"])
            row = item(
                "rds_instance",
                instance.get("DBInstanceArn", ""),
                name=name,
                service=service,
                region=region,
                settings=settings,
                health=status,
                source=self.name,
            )
            into.add("inventory", frame("inventory", [row]))
            body: dict[str, object] = {**settings, "pending": instance.get("PendingModifiedValues", {})}
            state = observed(
                datetime.now(UTC), "rds_instance", name=name, service=service, region=region, body=body
            )
            into.add("state", frame("state", [state]))
        with asking(into, f"RDS parameter groups in {region}"):
            add_groups(self.clients.rds(region), region, near, budget, into)
        with asking(into, f"RDS events in {region}"):
            self._events(scope, region, resources, budget, into)

    def _events(self, scope: Scope, region: str, resources: Resources, budget: Budget, into: Collected) -> None:
        window = whole(scope)
        listing = (
            self.clients.rds(region)
            .get_paginator("describe_events")
            .paginate(SourceType="db-instance", StartTime=window.start, EndTime=window.end)
        )
        events = [
            event
            for page in pages(budget, listing, "Marker", MAX_PAGES)
            for event in page["Events"]
            if (at := event.get("Date")) and in_scope(scope, at)
        ]
        into.asked("rds DescribeEvents db-instance", window, len(events))
        rows = [
            observed(
                event.get("Date", window.start),
                "event",
                name=event.get("SourceIdentifier", ""),
                service=resources.service("database", event.get("SourceIdentifier", "")),
                region=region,
                body={"message": event.get("Message", ""), "categories": event.get("EventCategories", [])},
            )
            for event in events
        ]
        into.add("state", frame("state", rows))
        changes = [row for event in events if (row := _change(event, region, resources))]
        into.add("changes", frame("changes", changes))


def _settings(instance: "DBInstanceTypeDef") -> dict[str, Scalar]:
    endpoint = instance.get("Endpoint", {})
    address = endpoint.get("Address", "")
    return {
        "instance_class": instance.get("DBInstanceClass", ""),
        "engine": instance.get("Engine", ""),
        "engine_version": instance.get("EngineVersion", ""),
        "status": instance.get("DBInstanceStatus", ""),
        "multi_az": instance.get("MultiAZ", False),
        "allocated_storage": instance.get("AllocatedStorage"),
        "endpoint": f"{address}:{endpoint.get('Port', 0)}" if address else "",
        "replica_of": instance.get("ReadReplicaSourceDBInstanceIdentifier", ""),
        "replicas": ",".join(instance.get("ReadReplicaDBInstanceIdentifiers", [])),
        "backup_days": instance.get("BackupRetentionPeriod"),
    }


def _change(event: "EventTypeDef", region: str, resources: Resources) -> dict[str, object] | None:
    kind = next((_CHANGES[c] for c in event.get("EventCategories", []) if c in _CHANGES), None)
    at, name = event.get("Date"), event.get("SourceIdentifier", "")
    if kind is None or at is None:
        return None
    return {
        "time": at,
        "id": f"{Rds.name}:{name}:{at.isoformat()}",
        "kind": kind,
        "service": resources.service("database", name),
        "resource": name,
        "region": region,
        "summary": f"{name}: {event.get('Message', '')}"[:300],
        "link": console(region, f"rds/home#database:id={name};is-cluster=false"),
    }
