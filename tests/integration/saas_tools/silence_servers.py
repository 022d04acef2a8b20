"""Alertmanager, Datadog and PagerDuty as far as silences go.

- Alertmanager: https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml, as version 0.25 answers
- Datadog: https://docs.datadoghq.com/api/latest/downtimes/ (v2: get all, schedule, cancel)
- PagerDuty: https://developer.pagerduty.com/api-reference/ (create, list and delete maintenance windows)
"""

import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import Any

from tests.integration.saas_sources.vendor import Asked, Reply

Json = dict[str, Any]


class SilenceServer(ABC):
    """Keeps silences with what was asked for, and whether they are in force."""

    path: str
    """Where they are listed."""
    create: str
    end: str
    """How ending one begins."""
    denied: Reply

    def __init__(self) -> None:
        self.made: list[Json] = []

    def __call__(self, asked: Asked) -> Reply:
        """One answer."""
        if asked.method == "POST":
            assert f"POST {asked.path}" == self.create
            return self.new(json.loads(asked.body))
        if asked.method == "DELETE":
            return self.over(asked.path.rpartition("/")[2])
        assert asked.path == self.path
        return Reply(self.listed(asked))

    def over(self, name: str) -> Reply:
        """End one."""
        found = next((m for m in self.made if m["id"] == name and m["in_force"]), None)
        if found is None:
            return Reply({"errors": ["not found"]}, 404)
        found["in_force"] = False
        return Reply(b"", 204)

    def keep(self, **told: Any) -> str:
        """Remember a new one."""
        self.made.append({"id": f"made-{len(self.made)}", "in_force": True} | told)
        return str(self.made[-1]["id"])

    @abstractmethod
    def new(self, body: Json) -> Reply:
        """Make one."""

    @abstractmethod
    def listed(self, asked: Asked) -> Any:
        """The list, or a page of it."""

    @abstractmethod
    def foreign(self) -> None:
        """Somebody else silences something wider."""

    @property
    def in_force(self) -> list[Json]:
        """Those that hold now."""
        return [m for m in self.made if m["in_force"]]


class AlertmanagerServer(SilenceServer):
    """Silences by matchers."""

    path = "/api/v2/silences"
    create = "POST /api/v2/silences"
    end = "DELETE /api/v2/silence/"
    denied = Reply(b"Forbidden", 403)

    def new(self, body: Json) -> Reply:
        """A silence needs an end in the future and a comment."""
        if datetime.fromisoformat(body["endsAt"]) <= datetime.now(UTC):
            return Reply("Failed to create silence: end time can't be in the past", 400)
        assert body["comment"]
        assert body["createdBy"]
        name = self.keep(until=body["endsAt"], comment=body["comment"], matchers=body["matchers"])
        return Reply({"silenceID": name})

    def listed(self, asked: Asked) -> Any:
        """All of them, those that expired too."""
        return [
            {
                "id": m["id"], "status": {"state": "active" if m["in_force"] else "expired"},
                "updatedAt": "2026-11-21T03:15:00.093Z", "startsAt": "2026-11-21T03:15:00.093Z",
                "endsAt": m["until"], "comment": m["comment"], "createdBy": "x", "matchers": m["matchers"],
            }
            for m in self.made
        ]  # fmt: skip

    def foreign(self) -> None:
        """One for all services."""
        every = {"name": "service", "value": ".*", "isRegex": True, "isEqual": True}
        self.keep(until="2026-12-01T00:00:00Z", comment="mine", matchers=[every])


class DatadogServer(SilenceServer):
    """Downtimes by scope."""

    path = "/api/v2/downtime"
    create = "POST /api/v2/downtime"
    end = "DELETE /api/v2/downtime/"
    denied = Reply({"errors": ["Forbidden"]}, 403)

    def new(self, body: Json) -> Reply:
        """A downtime of one tag."""
        assert body["data"]["type"] == "downtime"
        told = body["data"]["attributes"]
        assert told["monitor_identifier"] == {"monitor_tags": [told["scope"]]}
        assert told["schedule"]["start"] is None
        name = self.keep(until=told["schedule"]["end"], comment=told["message"], scope=told["scope"])
        return Reply({"data": self._shown(self.made[-1]) | {"id": name}}, 200)

    def _shown(self, made: Json) -> Json:
        attributes = {
            "message": made["comment"], "scope": made["scope"],
            "status": "active" if made["in_force"] else "canceled",
            "schedule": {"start": "2026-11-21T03:15:00+00:00", "end": made["until"]}, "canceled": None,
        }  # fmt: skip
        return {"id": made["id"], "type": "downtime", "attributes": attributes}

    def listed(self, asked: Asked) -> Any:
        """A page of those in force."""
        assert asked.query["current_only"] == ["true"]
        start, size = int(asked.query["page[offset]"][0]), int(asked.query["page[limit]"][0])
        return {"data": [self._shown(m) for m in self.in_force[start : start + size]], "meta": {"page": {}}}

    def foreign(self) -> None:
        """More than a page of others."""
        for _ in range(120):
            self.keep(until=None, comment="mine", scope="*")


class PagerDutyServer(SilenceServer):
    """Maintenance windows by service."""

    path = "/maintenance_windows"
    create = "POST /maintenance_windows"
    end = "DELETE /maintenance_windows/"
    denied = Reply({"error": {"message": "Access Denied", "code": 2010}}, 403)

    def __call__(self, asked: Asked) -> Reply:
        """Every request names its version, and every change its author."""
        assert asked.headers["accept"] == "application/vnd.pagerduty+json;version=2"
        assert asked.headers["authorization"] == "Token token=may-write"
        assert asked.method == "GET" or asked.headers["from"] == "autopilot@shop.example"
        return super().__call__(asked)

    def new(self, body: Json) -> Reply:
        """A window of one service."""
        told = body["maintenance_window"]
        assert told["type"] == "maintenance_window"
        assert told["start_time"] < told["end_time"]
        name = self.keep(until=told["end_time"], comment=told["description"], services=told["services"])
        return Reply({"maintenance_window": told | {"id": name}}, 201)

    def listed(self, asked: Asked) -> Any:
        """A page of the ongoing ones of a service."""
        assert asked.query["filter"] == ["ongoing"]
        wanted = asked.query["service_ids[]"][0]
        found = [m for m in self.in_force if wanted in [s["id"] for s in m["services"]]]
        start, size = int(asked.query["offset"][0]), int(asked.query["limit"][0])
        windows = [
            {"id": m["id"], "type": "maintenance_window", "description": m["comment"], "end_time": m["until"],
             "services": m["services"]}
            for m in found[start : start + size]
        ]  # fmt: skip
        return {"maintenance_windows": windows, "limit": size, "offset": start, "more": start + size < len(found)}

    def foreign(self) -> None:
        """More than a page of windows over several services."""
        services = [{"id": "PCHECK1"}, {"id": "POTHER1"}]
        for _ in range(120):
            self.keep(until="2026-12-01T00:00:00Z", comment="mine", services=services)
