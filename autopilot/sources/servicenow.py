"""ServiceNow: how similar incidents were solved before, and which changes were planned."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.case.schema import frame
from autopilot.clients.http import Api, Params
from autopilot.incident.base import TimeWindow, clean
from autopilot.incident.evidence import Scope
from autopilot.incident.ports import Failure
from autopilot.settings import ServiceNow
from autopilot.sources.base import Budget, Collected

PAGE = 100
MAX_PAGES = 5
LOOK_BACK = timedelta(days=180)
MAX_SERVICES = 10
"""The query travels in the URL, which has to stay short; the scope names the nearest services first."""
SAME_SERVICE_LOOK_BACK = timedelta(days=720)
"""Incidents of exactly the service count for longer than those that only mention it."""
INCIDENT_FIELDS = (
    "sys_id,number,short_description,description,cmdb_ci,business_service,state,close_code,close_notes,"
    "opened_at,sys_created_on,resolved_at,correlation_id"
)
CHANGE_FIELDS = (
    "sys_id,number,short_description,description,cmdb_ci,business_service,type,category,state,start_date,end_date,"
    "requested_by,assigned_to"
)
_CLOSED = {"6": "resolved", "7": "closed", "8": "cancelled"}


class Field(BaseModel):
    """A field as the Table API gives it with display values: the stored value and what a person sees."""

    value: str = ""
    shown: str = ""


class _Result(BaseModel):
    result: list[dict[str, JsonValue]]


_RESULT = TypeAdapter(_Result)


def field_of(row: dict[str, JsonValue], name: str) -> Field:
    """A field in any of the Table API's forms (plain text, or value with display value)."""
    raw = row.get(name)
    if isinstance(raw, dict):
        value, shown = str(raw.get("value") or ""), str(raw.get("display_value") or "")
        return Field(value=value or shown, shown=shown or value)
    return Field(value=str(raw or ""), shown=str(raw or ""))


def stamp(text: str) -> datetime | None:
    """A stored date-time, which ServiceNow keeps in UTC; None when empty or not one."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC) if text else None
    except ValueError:
        return None


def _plain(service: str) -> str:
    """A service name that cannot break out of an encoded query."""
    return re.sub(r"[^\w .:/-]", "", service)[:80].strip()


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


class ServiceNowSource:
    """Reads the incident and change_request tables."""

    name = "servicenow"

    def __init__(self, settings: ServiceNow, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        auth = (settings.user, settings.password.get_secret_value())
        self._api = api or Api("ServiceNow", settings.base_url, auth=auth)

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """Past incidents about the scope's services, then changes planned around the incident."""
        services = [name for name in map(_plain, scope.services) if name][:MAX_SERVICES]
        if not services:
            into.miss("no_data", "no service name to search ServiceNow for")
            return
        found = self._incidents(scope, services, budget, into)
        if not found:
            into.miss("no_data", f"no past incidents about {', '.join(services)}")
        try:
            self._changes(scope, services, budget, into)
        except Failure as problem:
            kind = "failed" if problem.who == "retry" else "unsupported"
            into.miss(kind, f"planned changes are not readable: {problem}", "grant read access to change_request")

    def _incidents(self, scope: Scope, services: list[str], budget: Budget, into: Collected) -> int:
        recent = TimeWindow(start=scope.incident.end - LOOK_BACK, end=scope.incident.end)
        older = TimeWindow(start=scope.incident.end - SAME_SERVICE_LOOK_BACK, end=recent.start)
        mentions = [
            f"{field}LIKE{service}"
            for service in services
            for field in ("short_description", "description", "cmdb_ci.name", "business_service.name")
        ]
        same = [f"{field}={service}" for service in services for field in ("cmdb_ci.name", "business_service.name")]
        seen: set[str] = set()
        for window, conditions in ((recent, mentions), (older, same)):
            query = (
                f"sys_created_on>={_at(window.start)}^sys_created_on<{_at(window.end)}^{'^OR'.join(conditions)}"
                "^ORDERBYDESCsys_created_on"
            )
            for row in self._rows("incident", query, INCIDENT_FIELDS, window, budget, into):
                number = field_of(row, "number").value
                ours = field_of(row, "correlation_id").value.startswith(scope.incident_id)
                if number and number not in seen and not ours:
                    seen.add(number)
                    self._incident(row, services, into)
        return len(seen)

    def _incident(self, row: dict[str, JsonValue], services: list[str], into: Collected) -> None:
        texts = {name: field_of(row, name) for name in INCIDENT_FIELDS.split(",")}
        notes, code = texts["close_notes"].shown, texts["close_code"].shown
        record = {
            "time": stamp(texts["opened_at"].value) or stamp(texts["sys_created_on"].value),
            "id": f"servicenow:{texts['number'].value}",
            "kind": "incident",
            "service": service_of(row, services),
            "title": clean(texts["short_description"].shown, 400),
            "body": clean(texts["description"].shown, 4_000, lines=True),
            "resolution": clean(": ".join(part for part in (code, notes) if part), 4_000, lines=True),
            "outcome": _CLOSED.get(texts["state"].value, clean(texts["state"].shown, 40).lower() or "open"),
            "link": self._api.url(f"incident.do?{urlencode({'sys_id': texts['sys_id'].value})}"),
        }
        if record["time"]:
            into.add("records", frame("records", [record]))

    def _changes(self, scope: Scope, services: list[str], budget: Budget, into: Collected) -> None:
        window = TimeWindow(start=scope.baseline.start, end=scope.incident.end)
        about = "^OR".join(
            f"{field}LIKE{service}"
            for service in services
            for field in ("cmdb_ci.name", "business_service.name", "short_description")
        )
        query = f"start_date<{_at(window.end)}^end_date>={_at(window.start)}^{about}^ORDERBYDESCstart_date"
        for row in self._rows("change_request", query, CHANGE_FIELDS, window, budget, into):
            started = stamp(field_of(row, "start_date").value)
            if started is None:
                continue
            words = " ".join(field_of(row, name).shown for name in ("category", "type", "short_description"))
            sys_id = field_of(row, "sys_id").value
            change = {
                "time": started,
                "id": f"servicenow:{field_of(row, 'number').value}",
                "kind": "config"
                if re.search(r"config|setting|flag|parameter", words, re.IGNORECASE)
                else "maintenance",
                "service": service_of(row, services),
                "author": clean(field_of(row, "requested_by").shown or field_of(row, "assigned_to").shown, 200),
                "summary": clean(
                    f"{field_of(row, 'short_description').shown} ({field_of(row, 'state').shown})", 400
                ),
                "link": self._api.url(f"change_request.do?{urlencode({'sys_id': sys_id})}"),
                "diff": clean(field_of(row, "description").shown, 2_000, lines=True),
            }
            into.add("changes", frame("changes", [change]))

    def _rows(
        self, table: str, query: str, fields: str, window: TimeWindow, budget: Budget, into: Collected
    ) -> Iterator[dict[str, JsonValue]]:
        """All rows of a query, page after page."""
        for page in range(MAX_PAGES):
            params: Params = {
                "sysparm_query": query,
                "sysparm_fields": fields,
                "sysparm_display_value": "all",
                "sysparm_limit": PAGE,
                "sysparm_offset": page * PAGE,
            }
            answer = self._api.get(f"api/now/table/{table}", params, spend=budget.spend)
            rows = answer.parse(_RESULT).result
            into.asked(f"GET {answer.url}", window, len(rows), answer.seconds)
            yield from rows
            if len(rows) < PAGE:
                return
        into.miss("truncated", f"more than {MAX_PAGES * PAGE} rows of {table}", "the newest were read")


def service_of(row: dict[str, JsonValue], services: list[str]) -> str:
    """Which service a row is about: by its configuration item, its business service, else by its words."""
    for name in ("cmdb_ci", "business_service"):
        shown = field_of(row, name).shown.lower()
        if hit := next((s for s in services if s.lower() == shown), ""):
            return hit
    words = f"{field_of(row, 'short_description').shown} {field_of(row, 'description').shown}".lower()
    return next((s for s in services if s.lower() in words), "")
