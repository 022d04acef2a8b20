"""ServiceNow as ticket system: one incident record per correlation key."""

from collections.abc import Sequence

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.channels.base import Attachment
from autopilot.channels.ticket_codes import ENDINGS, phase_mark, weight_of
from autopilot.clients.http import Api, Params, Upload
from autopilot.incident.base import clean
from autopilot.incident.ids import digest
from autopilot.incident.ports import Failure, Ticket
from autopilot.incident.related import Related
from autopilot.settings import ServiceNow

TABLE = "api/now/table/incident"
MAX_KEY, MAX_TITLE, MAX_BODY = 100, 160, 30_000
"""The table's own lengths for correlation_id and short_description; journal entries are bounded by us."""
RESOLVED = "6"
ATTACHMENTS = "api/now/attachment"
_TABLES = {"incident": "incident", "problem": "problem", "change": "change_request"}
_FIELDS = {"problem": "problem_id", "change": "caused_by"}
"""Kind of a related record → the field of an incident that refers to one."""


class _Row(BaseModel):
    sys_id: str
    number: str
    state: str = ""
    correlation_display: str = ""


class _Reference(BaseModel):
    value: str = ""


class _Linked(BaseModel):
    """References are objects where they are set, and empty texts where they are not."""

    problem_id: _Reference | str = ""
    caused_by: _Reference | str = ""


class _OneLinked(BaseModel):
    result: _Linked


class _Journal(BaseModel):
    work_notes: str = ""


class _OneJournal(BaseModel):
    result: _Journal


class _Files(BaseModel):
    result: list[dict[str, JsonValue]] = []


class _Rows(BaseModel):
    result: list[_Row]


class _One(BaseModel):
    result: _Row


_ROWS, _ONE, _LINKED, _JOURNAL, _FILES = (
    TypeAdapter(_Rows), TypeAdapter(_One), TypeAdapter(_OneLinked), TypeAdapter(_OneJournal), TypeAdapter(_Files)
)  # fmt: skip


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

    def relate(self, key: str, related: Sequence[Related]) -> None:
        """Problem and causing change become references, past incidents a work note; what people set stays.

        Raises Failure.
        """
        row = self._row(key)
        ours = [one for one in related if one.system == self.name and row is not None and one.number != row.number]
        if row is None or not ours:
            return
        params: Params = {"sysparm_fields": "problem_id,caused_by"}
        linked = self._api.get(f"{TABLE}/{row.sys_id}", params).parse(_LINKED).result
        wanted: dict[str, JsonValue] = {}
        for one in ours:
            field = _FIELDS.get(one.kind, "")
            if field and not _value(getattr(linked, field)) and field not in wanted:
                found = self._numbered(_TABLES[one.kind], one.number)
                wanted |= {field: found} if found else {}
        if wanted:
            self._api.send("PATCH", f"{TABLE}/{row.sys_id}", wanted, repeatable=True)
        lines = [f"{one.number}: {one.why}" for one in ours if one.kind == "incident"]
        if lines:
            self._note(row, key, "related", "\n".join(["Related incidents:", *lines]), {})

    def attach(self, key: str, file: Attachment) -> None:
        """Through the Attachment API. Raises Failure."""
        row = self._row(key)
        if row is None:
            return
        where = f"table_name=incident^table_sys_id={row.sys_id}^file_name={file.name}"
        if self._api.get(ATTACHMENTS, {"sysparm_query": where, "sysparm_limit": 1}).parse(_FILES).result:
            return
        params: Params = {"table_name": "incident", "table_sys_id": row.sys_id, "file_name": file.name}
        self._api.send("POST", f"{ATTACHMENTS}/file", Upload(file.content, file.media_type), params=params)

    def _numbered(self, table: str, number: str) -> str:
        """The sys_id of a record; empty when there is none."""
        params: Params = {
            "sysparm_query": f"number={number}",
            "sysparm_fields": "sys_id,number",
            "sysparm_limit": 1,
        }
        rows = self._api.get(f"api/now/table/{table}", params).parse(_ROWS).result
        return rows[0].sys_id if rows else ""

    def _note(self, row: _Row, key: str, phase: str, text: str, besides: dict[str, JsonValue]) -> None:
        """Add a work note about a phase unless it is there."""
        mark = phase_mark(key, phase)
        params: Params = {"sysparm_fields": "work_notes", "sysparm_display_value": "true"}
        if mark not in self._api.get(f"{TABLE}/{row.sys_id}", params).parse(_JOURNAL).result.work_notes:
            body: dict[str, JsonValue] = {"work_notes": f"{mark}\n{text}", **besides}
            self._api.send("PATCH", f"{TABLE}/{row.sys_id}", body)

    def _row(self, key: str) -> _Row | None:
        params: Params = {
            "sysparm_query": f"correlation_id={correlation(key)}^ORDERBYsys_created_on",
            "sysparm_fields": "sys_id,number,state,correlation_display",
            "sysparm_limit": 1,
        }
        rows = self._api.get(TABLE, params).parse(_ROWS).result
        return rows[0] if rows else None

    def _create(self, ticket: Ticket, said: str) -> _Row:
        weight = weight_of(ticket.priority)
        body: dict[str, JsonValue] = {
            "short_description": clean(ticket.title, MAX_TITLE),
            "description": clean(ticket.body, MAX_BODY, lines=True),
            "correlation_id": correlation(ticket.key),
            "correlation_display": said,
            "urgency": weight.urgency,
            "impact": weight.impact,
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
        body: dict[str, JsonValue] = {"correlation_display": said}
        if ticket.state == "resolved":
            body |= {
                "state": RESOLVED,
                "close_code": ENDINGS[ticket.resolution].close_code,
                "close_notes": clean(ticket.body, 4_000, lines=True),
            }
        if ticket.phase:
            self._note(row, ticket.key, ticket.phase, text, body)
        else:
            self._api.send("PATCH", f"{TABLE}/{row.sys_id}", {"work_notes": text, **body})


def _value(reference: _Reference | str) -> str:
    return reference if isinstance(reference, str) else reference.value
