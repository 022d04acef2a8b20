"""A stand-in for Jira Cloud's REST API v3: search, read, create, edit, comment, transition, properties."""

import itertools
from collections.abc import Iterable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.jira_query import JqlError, sorted_matches
from demo.saas.records import JiraIssue
from demo.saas.server import Json, StandIn, as_object, as_objects, basic, parameters
from demo.saas.uploads import is_multipart, uploaded

TRANSITIONS = {"11": "To Do", "21": "In Progress", "31": "Done"}
CATEGORIES = {"To Do": "new", "In Progress": "indeterminate", "Done": "done"}
RESOLUTIONS = ("Done", "Fixed", "Won't Do", "Cannot Reproduce")
DEFAULT_PAGE, MAX_PAGE = 50, 100


def adf(text: str) -> Json:
    """Plain text as an Atlassian document, one paragraph per block of text."""
    paragraphs = [
        {"type": "paragraph", "content": [{"type": "text", "text": part}]} for part in text.split("\n\n") if part
    ]
    return {"type": "doc", "version": 1, "content": paragraphs}


def _stamp(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S.000+0000") if at else None


def _is_adf(value: Any) -> bool:
    return as_object(value).get("type") == "doc" and isinstance(value["content"], list)


class Jira(StandIn):
    """One site with one project."""

    def __init__(self, issues: Iterable[JiraIssue], user: str, token: str, project: str = "SHOP") -> None:
        """`user` (mail address) and API `token` must come as basic authorization."""
        super().__init__()
        self._login = (user, token)
        self._project = project
        self._numbers = itertools.count(10_000)
        self._issues: dict[str, Json] = {}
        self.properties: dict[str, Json] = {}
        self.files: dict[str, bytes] = {}
        """Attachment id → content."""
        for record in issues:
            self._issues[record.key] = self._seeded(record)
        self._next_key = itertools.count(max((int(k.split("-")[1]) for k in self._issues), default=0) + 1)

    def routes(self) -> list[BaseRoute]:
        """The paths below /rest/api/3."""
        paths = [
            ("/search/jql", self._search, ["GET", "POST"]),
            ("/myself", self._myself, ["GET"]),
            ("/issue", self._create, ["POST"]),
            ("/issue/{key}", self._issue, ["GET", "PUT"]),
            ("/issue/{key}/comment", self._comment, ["GET", "POST"]),
            ("/issue/{key}/attachments", self._attach, ["POST"]),
            ("/issueLink", self._link, ["POST"]),
            ("/issue/{key}/transitions", self._transition, ["GET", "POST"]),
            ("/issue/{key}/properties/{name}", self._property, ["GET", "PUT"]),
        ]
        return [Route(f"/rest/api/3{path}", self._guarded(act), methods=methods) for path, act, methods in paths]

    def issues(self) -> list[Json]:
        """All issues, oldest first."""
        with self.changed:
            return deepcopy(list(self._issues.values()))

    def _person(self) -> Json:
        return {
            "accountId": "5b10ac8d82e05b22cc7d4ef5",
            "emailAddress": self._login[0],
            "displayName": self._login[0],
        }

    def _status(self, name: str) -> Json:
        return {"name": name, "statusCategory": {"key": CATEGORIES.get(name, "indeterminate")}}

    def _seeded(self, record: JiraIssue) -> Json:
        created = _stamp(record.at)
        comments = [
            {
                "id": str(next(self._numbers)),
                "author": self._person(),
                "body": adf(c),
                "created": created,
                "updated": created,
            }
            for c in record.comments
        ]
        fields: Json = {
            "summary": record.summary, "description": adf(record.description), "created": created,
            "issuetype": {"name": record.issue_type}, "status": self._status(record.status),
            "updated": _stamp(record.resolved_at) or created, "resolutiondate": _stamp(record.resolved_at),
            "labels": list(record.labels), "components": [{"name": c} for c in record.components],
            "project": {"key": self._project}, "priority": {"name": record.priority},
            "resolution": {"name": record.resolution} if record.resolution else None,
            "comment": {"comments": comments, "total": len(comments), "maxResults": len(comments), "startAt": 0},
        }  # fmt: skip
        return {
            "id": str(next(self._numbers)),
            "key": record.key,
            "self": f"/rest/api/3/issue/{record.key}",
            "fields": fields,
        }

    @staticmethod
    def _error(status: int, *messages: str, **errors: str) -> Response:
        return JSONResponse({"errorMessages": list(messages), "errors": errors}, status)

    def _guarded(self, act: Any) -> Any:
        async def respond(request: Request) -> Response:
            if basic(request) != self._login:
                return JSONResponse(
                    {"message": "Client must be authenticated to access this resource.", "status-code": 401}, 401
                )
            try:
                arguments = await (uploaded(request) if is_multipart(request) else parameters(request))
            except ValueError:
                return self._error(400, "There was an error parsing JSON. Check that your request body is valid.")
            key = request.path_params.get("key")
            if key is not None and key not in self._issues:
                return self._error(404, "Issue does not exist or you do not have permission to see it.")
            with self.changed:
                response = act(request, arguments)
                self.changed.notify_all()
            return response

        return respond

    def _myself(self, _request: Request, _arguments: Json) -> Response:
        return JSONResponse(self._person())

    def _shown(self, issue: Json, wanted: list[str]) -> Json:
        found = {k: issue[k] for k in ("id", "key")} | {"self": f"{self.url}{issue['self']}"}
        fields: Json = issue["fields"]
        if wanted and not {"*all", "*navigable"} & set(wanted):
            fields = {k: v for k, v in fields.items() if k in wanted}
        return found | {"fields": deepcopy(fields)}

    def _search(self, _request: Request, arguments: Json) -> Response:
        jql = str(arguments.get("jql") or "")
        try:
            found = sorted_matches(list(self._issues.values()), self.properties, jql)
        except JqlError as error:
            return self._error(400, str(error))
        asked: Any = arguments.get("fields")
        wanted: list[str] = asked.split(",") if isinstance(asked, str) else list(asked or ())
        start = int(str(arguments.get("nextPageToken") or "0") or 0)
        size = min(int(arguments.get("maxResults") or DEFAULT_PAGE), MAX_PAGE)
        page = [
            self._shown(i, wanted) if wanted else {"id": i["id"]} for i in found[start : start + size]
        ]  # without fields, Jira returns ids only
        answer: Json = {"issues": page, "isLast": start + size >= len(found)}
        if not answer["isLast"]:
            answer["nextPageToken"] = str(start + size)
        return JSONResponse(answer)

    def _checked(self, fields: Json, *, new: bool) -> Response | None:
        errors: dict[str, str] = {}
        if new:
            if as_object(fields.get("project")).get("key") != self._project:
                errors["project"] = "Specify a valid project ID or key"
            if not fields.get("issuetype"):
                errors["issuetype"] = "Specify an issue type"
        if (new or "summary" in fields) and not fields.get("summary"):
            errors["summary"] = "You must specify a summary of the issue."
        if len(str(fields.get("summary", ""))) > 255 or "\n" in str(fields.get("summary", "")):
            errors["summary"] = "The summary is invalid because it contains newline characters or is too long."
        if fields.get("description") is not None and not _is_adf(fields["description"]):
            errors["description"] = (
                "Operation value must be an Atlassian Document (see the Atlassian Document Format)"
            )
        return self._error(400, **errors) if errors else None

    def _create(self, _request: Request, arguments: Json) -> Response:
        fields: Json = dict(arguments.get("fields") or {})
        refusal = self._checked(fields, new=True)
        if refusal is not None:
            return refusal
        key, now = f"{self._project}-{next(self._next_key)}", _stamp(datetime.now(UTC))
        whole: Json = {
            "labels": list[str](), "components": list[Json](), "priority": {"name": "Medium"}, "description": None,
        } | fields | {
            "created": now, "updated": now, "resolutiondate": None, "resolution": None,
            "status": self._status("To Do"),
            "comment": {"comments": list[Json](), "total": 0, "maxResults": 0, "startAt": 0},
        }  # fmt: skip
        issue: Json = {
            "id": str(next(self._numbers)),
            "key": key,
            "self": f"/rest/api/3/issue/{key}",
            "fields": whole,
        }
        self._issues[key] = issue
        self.properties[key] = {p["key"]: p["value"] for p in as_objects(arguments.get("properties"))}
        return JSONResponse({"id": issue["id"], "key": key, "self": f"{self.url}{issue['self']}"}, 201)

    def _issue(self, request: Request, arguments: Json) -> Response:
        issue = self._issues[request.path_params["key"]]
        if request.method == "GET":
            wanted = [f for f in str(arguments.get("fields") or "").split(",") if f]
            return JSONResponse(self._shown(issue, wanted))
        fields: Json = dict(arguments.get("fields") or {})
        refusal = self._checked(fields, new=False)
        if refusal is not None:
            return refusal
        issue["fields"] |= fields | {"updated": _stamp(datetime.now(UTC))}
        for name, operations in as_object(arguments.get("update")).items():
            if name == "labels":
                issue["fields"]["labels"] += [o["add"] for o in as_objects(operations) if "add" in o]
        return Response(status_code=204)

    def _comment(self, request: Request, arguments: Json) -> Response:
        listing: Json = self._issues[request.path_params["key"]]["fields"]["comment"]
        if request.method == "GET":
            return JSONResponse(deepcopy(listing))
        if not _is_adf(arguments.get("body")):
            return self._error(400, comment="Comment body is not valid!")
        now = _stamp(datetime.now(UTC))
        comment = {"id": str(next(self._numbers)), "author": self._person(), "body": arguments["body"],
                   "created": now, "updated": now}  # fmt: skip
        listing["comments"].append(comment)
        listing["total"] = listing["maxResults"] = len(listing["comments"])
        return JSONResponse(comment, 201)

    def _attach(self, request: Request, arguments: Json) -> Response:
        if request.headers.get("x-atlassian-token") != "no-check":
            return Response("XSRF check failed", 403)
        file: Json = {
            "id": str(next(self._numbers)), "filename": arguments["filename"], "mimeType": arguments["mimeType"],
            "size": len(arguments["content"]), "author": self._person(),
        }  # fmt: skip
        self.files[file["id"]] = arguments["content"]
        self._issues[request.path_params["key"]]["fields"].setdefault("attachment", list[Json]()).append(file)
        return JSONResponse([file])

    def _link(self, _request: Request, arguments: Json) -> Response:
        inward, outward = (str(as_object(arguments.get(end)).get("key")) for end in ("inwardIssue", "outwardIssue"))
        if not {inward, outward} <= self._issues.keys():
            return self._error(404, "No issue link type with the given name or no such issue.")
        for issue, end, other in ((inward, "outwardIssue", outward), (outward, "inwardIssue", inward)):
            links: list[Json] = self._issues[issue]["fields"].setdefault("issuelinks", list[Json]())
            links.append({"id": str(next(self._numbers)), "type": arguments["type"], end: {"key": other}})
        return Response(status_code=201)

    def _transition(self, request: Request, arguments: Json) -> Response:
        fields: Json = self._issues[request.path_params["key"]]["fields"]
        if request.method == "GET":
            asked = "transitions.fields" in str(arguments.get("expand", ""))
            screen = {"resolution": {"required": True, "allowedValues": [{"name": n} for n in RESOLUTIONS]}}
            shown = [
                {"id": i, "name": n, "to": self._status(n), "isAvailable": True}
                | ({"fields": screen if n == "Done" else {}} if asked else {})
                for i, n in TRANSITIONS.items()
            ]
            return JSONResponse({"expand": "transitions", "transitions": shown})
        name = TRANSITIONS.get(str(as_object(arguments.get("transition")).get("id", "")))
        if name is None:
            return self._error(400, "Transition id is not valid for this issue.")
        now, done = _stamp(datetime.now(UTC)), name == "Done"
        given = as_object(as_object(arguments.get("fields")).get("resolution")) or {"name": "Done"}
        if given.get("name") not in RESOLUTIONS:
            return self._error(400, resolution="Specify a valid value for resolution")
        resolution = given if done else None
        fields |= {
            "status": self._status(name),
            "resolution": resolution,
            "resolutiondate": now if done else None,
            "updated": now,
        }
        return Response(status_code=204)

    def _property(self, request: Request, arguments: Json) -> Response:
        kept = self.properties.setdefault(request.path_params["key"], {})
        name = request.path_params["name"]
        if request.method == "GET":
            if name not in kept:
                return self._error(404, f"The property {name} was not found.")
            return JSONResponse({"key": name, "value": kept[name]})
        created = name not in kept
        kept[name] = arguments
        return Response(status_code=201 if created else 200)
