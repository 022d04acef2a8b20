"""ServiceNow as ticket system: one incident record per correlation key."""

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.clients.http import Api, Params
from autopilot.incident.base import clean
from autopilot.incident.ids import digest
from autopilot.incident.ports import Failure, Ticket
from autopilot.settings import ServiceNow

TABLE = "api/now/table/incident"
MAX_KEY, MAX_TITLE, MAX_BODY = 100, 160, 30_000
"""The table's own lengths for correlation_id and short_description; journal entries are bounded by us."""
RESOLVED = "6"
_URGENCY = {"critical": "1", "high": "1", "medium": "2", "low": "3"}
_IMPACT = {"critical": "1", "high": "2", "medium": "2", "low": "3"}


class _Row(BaseModel):
    sys_id: str
    number: str
    state: str = ""
    correlation_display: str = ""


class _Rows(BaseModel):
    result: list[_Row]


class _One(BaseModel):
    result: _Row


_ROWS, _ONE = TypeAdapter(_Rows), TypeAdapter(_One)


def correlation(key: str) -> str:
    """The key as correlation_id: itself, or its digest when it is too long or could break a query."""
    return key if len(key) <= MAX_KEY and not set(key) & set("^=\n,@") else f"aiops-{digest(key)}"


class ServiceNowTickets:
    """Creates, updates and resolves incident records."""

    name = "servicenow"

    def __init__(self, settings: ServiceNow, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._group = settings.assignment_group
        self._api = api or Api(
            "ServiceNow", settings.base_url, auth=(settings.user, settings.password.get_secret_value())
        )

    def find(self, key: str) -> str:
        """The number of the record with this key; empty when there is none. Raises Failure."""
        row = self._row(key)
        return row.number if row else ""

    def upsert(self, ticket: Ticket) -> str:
        """Create the record, or add a work note when the ticket says something new; returns its number.

        What was last written is remembered in correlation_display, so that a repeated call writes nothing.
        Raises Failure.
        """
        row = self._row(ticket.key)
        said = f"AIOps Auto Pilot {digest(ticket.title, ticket.body, ticket.state)}"
        if row is None:
            row = self._create(ticket, said if ticket.state == "open" else "")
            if ticket.state == "open":
                return row.number
        if row.correlation_display != said:
            self._update(row, ticket, said)
        return row.number

    def _row(self, key: str) -> _Row | None:
        params: Params = {
            "sysparm_query": f"correlation_id={correlation(key)}^ORDERBYsys_created_on",
            "sysparm_fields": "sys_id,number,state,correlation_display",
            "sysparm_limit": 1,
        }
        rows = self._api.get(TABLE, params).parse(_ROWS).result
        return rows[0] if rows else None

    def _create(self, ticket: Ticket, said: str) -> _Row:
        body: dict[str, JsonValue] = {
            "short_description": clean(ticket.title, MAX_TITLE),
            "description": clean(ticket.body, MAX_BODY, lines=True),
            "correlation_id": correlation(ticket.key),
            "correlation_display": said,
            "urgency": _URGENCY.get(ticket.priority, "2"),
            "impact": _IMPACT.get(ticket.priority, "2"),
        }
        if ticket.service:
            body["cmdb_ci"] = ticket.service
        if self._group:
            body["assignment_group"] = self._group
        try:
            answer = self._api.send("POST", TABLE, body, params={"sysparm_input_display_value": "true"})
        except Failure:
            # The record may exist although its answer was lost.
            if row := self._row(ticket.key):
                return row
            raise
        return answer.parse(_ONE).result

    def _update(self, row: _Row, ticket: Ticket, said: str) -> None:
        text = clean(ticket.body, MAX_BODY, lines=True)
        body: dict[str, JsonValue] = {"correlation_display": said, "work_notes": text}
        if ticket.state == "resolved":
            body |= {
                "state": RESOLVED,
                "close_code": "Solution provided",
                "close_notes": clean(ticket.body, 4_000, lines=True),
            }
        self._api.send("PATCH", f"{TABLE}/{row.sys_id}", body)
