"""A stand-in for ServiceNow's Table API: incidents (read, create, update) and knowledge articles (read)."""

import json
import secrets
from collections.abc import Iterable
from copy import deepcopy
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.records import Article, PastIncident
from demo.saas.server import Json, StandIn, basic, link_header
from demo.saas.servicenow_query import QueryError, matches, ordered

STATES = {"1": "New", "2": "In Progress", "3": "On Hold", "6": "Resolved", "7": "Closed", "8": "Canceled"}
PRIORITIES = {"1": "1 - Critical", "2": "2 - High", "3": "3 - Moderate", "4": "4 - Low", "5": "5 - Planning"}
JOURNALS = ("work_notes", "comments")
TABLES = ("incident", "kb_knowledge", "sys_user", "change_request", "problem")
REFERENCES = {"problem_id": "problem", "caused_by": "change_request"}
MAX_LIMIT = 10_000


def _stamp(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S") if at else ""


def _incident(record: PastIncident) -> Json:
    noted = f"{_stamp(record.opened_at)} - Kim Larsen (Work notes)\n"
    return {
        "sys_id": secrets.token_hex(16), "number": record.number, "short_description": record.short_description,
        "description": record.description, "opened_at": _stamp(record.opened_at), "cmdb_ci": record.service,
        "sys_created_on": _stamp(record.opened_at),
        "sys_updated_on": _stamp(record.resolved_at or record.opened_at),
        "resolved_at": _stamp(record.resolved_at), "closed_at": _stamp(record.resolved_at),
        "state": "7" if record.resolved_at else "2", "close_code": record.close_code,
        "close_notes": record.close_notes, "priority": record.priority, "impact": "2", "urgency": "2",
        "category": "software", "business_service": record.service, "assignment_group": "", "correlation_id": "",
        "active": "false" if record.resolved_at else "true", "caller_id": "", "assigned_to": "",
        "work_notes": "\n\n".join(noted + n for n in record.work_notes),
        "comments": "",
    }  # fmt: skip


def _article(record: Article) -> Json:
    return {
        "sys_id": secrets.token_hex(16), "number": record.number, "short_description": record.short_description,
        "text": record.text, "workflow_state": "published", "sys_created_on": _stamp(record.at),
        "sys_updated_on": _stamp(record.at), "published": _stamp(record.at),
    }  # fmt: skip


class ServiceNow(StandIn):
    """One instance with one integration user."""

    def __init__(
        self, incidents: Iterable[PastIncident], articles: Iterable[Article], user: str, password: str
    ) -> None:
        """`user` and `password` must come as basic authorization."""
        super().__init__()
        self._login = (user, password)
        self._tables: dict[str, list[Json]] = {name: [] for name in TABLES}
        self._tables["incident"] = [_incident(i) for i in incidents]
        self._tables["kb_knowledge"] = [_article(a) for a in articles]
        self._last_number = 10_060
        self.attachments: list[tuple[Json, bytes]] = []

    def routes(self) -> list[BaseRoute]:
        """The Table API."""
        return [
            Route("/api/now/table/{table}", self._list, methods=["GET"]),
            Route("/api/now/table/{table}", self._create, methods=["POST"]),
            Route("/api/now/table/{table}/{sys_id}", self._one, methods=["GET"]),
            Route("/api/now/table/{table}/{sys_id}", self._change, methods=["PATCH", "PUT"]),
            Route("/api/now/attachment", self._files, methods=["GET"]),
            Route("/api/now/attachment/file", self._upload, methods=["POST"]),
        ]

    def add(self, table: str, number: str, short_description: str) -> str:
        """A record that somebody else made, such as a problem or a change; its sys_id."""
        row = {"sys_id": secrets.token_hex(16), "number": number, "short_description": short_description}
        with self.changed:
            self._tables[table].append(row)
        return row["sys_id"]

    def incidents(self) -> list[Json]:
        """All incidents as stored, oldest first."""
        with self.changed:
            return deepcopy(self._tables["incident"])

    @staticmethod
    def _error(status: int, message: str, detail: str) -> Response:
        body = {"error": {"message": message, "detail": detail}, "status": "failure"}
        headers = {"WWW-Authenticate": 'BASIC realm="Service-now"'} if status == 401 else None
        return JSONResponse(body, status, headers)

    def _refusal(self, request: Request) -> Response | None:
        if basic(request) != self._login:
            return self._error(401, "User Not Authenticated", "Required to provide Auth information")
        if request.path_params.get("table", "incident") not in self._tables:
            return self._error(400, f"Invalid table {request.path_params['table']}", "")
        return None

    def _record(self, request: Request) -> Json | None:
        rows = self._tables[request.path_params["table"]]
        return next((r for r in rows if r["sys_id"] == request.path_params["sys_id"]), None)

    def _shown(self, row: Json, request: Request) -> Json:
        names = [n for n in request.query_params.get("sysparm_fields", "").split(",") if n]
        found = {n: row.get(n, "") for n in names} if names else dict(row)
        display = request.query_params.get("sysparm_display_value", "false")
        for name in JOURNALS if display == "false" else ():
            found |= {name: ""} if name in found else {}
        for name, table in REFERENCES.items():
            if value := found.get(name):
                found[name] = {"link": f"{self.url}/api/now/table/{table}/{value}", "value": value}
        if display == "false":
            return found
        labels = {"state": STATES, "priority": PRIORITIES}
        told = {n: labels.get(n, {}).get(str(v), str(v)) for n, v in found.items()}
        if display == "all":
            return {n: {"value": v, "display_value": told[n]} for n, v in found.items()}
        return told

    async def _list(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        query = request.query_params
        try:
            limit = min(int(query.get("sysparm_limit", MAX_LIMIT)), MAX_LIMIT)
            offset = int(query.get("sysparm_offset", 0))
            with self.changed:
                rows = self._tables[request.path_params["table"]]
                found = ordered(
                    [r for r in rows if matches(r, query.get("sysparm_query", ""))], query.get("sysparm_query", "")
                )
        except (QueryError, ValueError) as error:
            return self._error(400, "Invalid query", str(error))
        headers = {"X-Total-Count": str(len(found))}
        offsets = {"first": 0, "next": offset + limit, "last": max(len(found) - 1, 0) // max(limit, 1) * limit}
        if offset > 0:
            offsets["prev"] = max(offset - limit, 0)
        if offset + limit >= len(found):
            offsets.pop("next")
        if len(found) > limit:
            headers["Link"] = link_header(request, offsets, self.url, "sysparm_offset").replace(", ", ",")
        page = [self._shown(r, request) for r in found[offset : offset + limit]]
        return JSONResponse({"result": page}, 200, headers)

    async def _one(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        row = self._record(request)
        if row is None:
            return self._error(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        return JSONResponse({"result": self._shown(row, request)})

    async def _body(self, request: Request) -> Json:
        value: object = json.loads(await request.body() or b"{}")
        if not isinstance(value, dict):
            raise ValueError("The payload must be a JSON object")
        return {str(k): v for k, v in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]

    def _write(self, row: Json, fields: Json) -> None:
        now = _stamp(datetime.now(UTC))
        for name, value in fields.items():
            text = "" if value is None else str(value)
            if name in JOURNALS and text:
                kind = "Work notes" if name == "work_notes" else "Additional comments"
                entry = f"{now} - {self._login[0]} ({kind})\n{text}"
                row[name] = "\n\n".join(filter(None, (entry, row.get(name, ""))))
            elif name not in {"sys_id", "number", "sys_created_on", *JOURNALS}:
                row[name] = text
        row["sys_updated_on"] = now
        if row.get("state") in {"6", "7"} and not row.get("resolved_at"):
            row |= {"resolved_at": now, "active": "false"}

    async def _create(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            fields = await self._body(request)
        except ValueError as error:
            return self._error(400, "Exception while reading request", str(error))
        now = _stamp(datetime.now(UTC))
        with self.changed:
            self._last_number += 1
            row: Json = {
                "sys_id": secrets.token_hex(16), "number": f"INC{self._last_number:07d}", "state": "1",
                "priority": "5", "impact": "3", "urgency": "3", "active": "true", "opened_at": now,
                "sys_created_on": now, "resolved_at": "", "correlation_id": "", "short_description": "",
                "description": "", "close_code": "", "close_notes": "", "work_notes": "", "comments": "",
            }  # fmt: skip
            self._write(row, fields)
            self._tables[request.path_params["table"]].append(row)
            self.changed.notify_all()
        headers = {"Location": f"{self.url}{request.url.path}/{row['sys_id']}"}
        return JSONResponse({"result": self._shown(row, request)}, 201, headers)

    async def _change(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        row = self._record(request)
        if row is None:
            return self._error(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        try:
            fields = await self._body(request)
        except ValueError as error:
            return self._error(400, "Exception while reading request", str(error))
        with self.changed:
            resolving = str(fields.get("state", "")) in {"6", "7"}
            if resolving and not all((fields | row).get(n) or fields.get(n) for n in ("close_code", "close_notes")):
                detail = "The following mandatory fields are not filled in: Resolution code, Resolution notes"
                return self._error(403, "Operation Failed", f"Error: Data Policy Exception: {detail}")
            self._write(row, fields)
            self.changed.notify_all()
        return JSONResponse({"result": self._shown(row, request)})

    async def _files(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        try:
            query = request.query_params.get("sysparm_query", "")
            found = [row for row, _ in self.attachments if matches(row, query)]
        except QueryError as error:
            return self._error(400, "Invalid query", str(error))
        return JSONResponse({"result": found[: int(request.query_params.get("sysparm_limit", MAX_LIMIT))]})

    async def _upload(self, request: Request) -> Response:
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        given, content = request.query_params, await request.body()
        row: Json = {name: given.get(name, "") for name in ("table_name", "table_sys_id", "file_name")}
        if not all(row.values()) or not content:
            return self._error(400, "Missing parameter", "table_name, table_sys_id and file_name are required")
        if all(r["sys_id"] != row["table_sys_id"] for r in self._tables[row["table_name"]]):
            return self._error(404, "No Record found", "Record doesn't exist or ACL restricts the record retrieval")
        row |= {
            "sys_id": secrets.token_hex(16), "size_bytes": str(len(content)),
            "content_type": request.headers.get("content-type", ""),
        }  # fmt: skip
        with self.changed:
            self.attachments.append((row, content))
            self.changed.notify_all()
        return JSONResponse({"result": row}, 201)
