"""Jira: tickets that tell of the same trouble before, or of work in progress on a service."""

from collections.abc import Iterator
from datetime import timedelta

from pydantic import AwareDatetime, BaseModel, JsonValue, TypeAdapter

from autopilot.case.schema import frame
from autopilot.clients.http import Api, Params
from autopilot.incident.base import Line, Name, TimeWindow, clean
from autopilot.incident.evidence import Scope
from autopilot.settings import Jira
from autopilot.sources.base import Budget, Collected

PAGE = 50
MAX_PAGES = 6
MAX_SERVICES = 10
"""The scope names the nearest services first; one search each."""
LOOK_BACK = timedelta(days=180)
FIELDS = "summary,description,status,resolution,created,comment"
MAX_DEPTH = 40
"""Nesting of a document that is followed; deeper ones are cut."""


class _Named(BaseModel):
    name: Name = ""


class _Comment(BaseModel):
    body: JsonValue = None


class _Comments(BaseModel):
    comments: list[_Comment] = []


class _Fields(BaseModel):
    summary: Line = ""
    description: JsonValue = None
    status: _Named | None = None
    resolution: _Named | None = None
    created: AwareDatetime
    comment: _Comments | None = None


class _Issue(BaseModel):
    key: Name
    fields: _Fields


class _Page(BaseModel):
    issues: list[_Issue] = []
    nextPageToken: str | None = None  # noqa: N815  # Jira's wire name
    isLast: bool | None = None  # noqa: N815  # Jira's wire name


_PAGE = TypeAdapter(_Page)
_BLOCKS = {"paragraph", "heading", "listItem", "codeBlock", "blockquote", "tableRow", "rule", "panel"}


def flatten(document: JsonValue, depth: int = 0) -> str:
    """The text of an Atlassian document (ADF), one line per block; plain text passes through."""
    if isinstance(document, str):
        return document
    if not isinstance(document, dict) or depth > MAX_DEPTH:
        return ""
    kind, attributes = document.get("type"), document.get("attrs")
    if kind == "text":
        return str(document.get("text") or "")
    if kind == "hardBreak":
        return "\n"
    if kind in ("mention", "emoji", "inlineCard") and isinstance(attributes, dict):
        return str(attributes.get("text") or attributes.get("url") or attributes.get("shortName") or "")
    content = document.get("content")
    text = "".join(flatten(child, depth + 1) for child in content) if isinstance(content, list) else ""
    return text.rstrip("\n") + "\n" if kind in _BLOCKS else text


def quoted(text: str) -> str:
    """A JQL string literal."""
    escaped = clean(text, 80).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class JiraSource:
    """Reads issues through the enhanced JQL search."""

    name = "jira"

    def __init__(self, settings: Jira, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._settings = settings
        auth = (settings.user, settings.token.get_secret_value())
        self._api = api or Api("Jira", settings.base_url, auth=auth)

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """Issues of the last 180 days that mention a service of the scope, newest first."""
        window = TimeWindow(start=scope.incident.end - LOOK_BACK, end=scope.incident.end)
        seen: set[str] = set()
        for service in scope.services[:MAX_SERVICES]:
            for issue in self._issues(service, window, budget, into):
                if issue.key not in seen:
                    seen.add(issue.key)
                    into.add("records", frame("records", [self._record(issue, service)]))
        if not seen:
            into.miss(
                "no_data", f"no tickets about {', '.join(scope.services)} in project {self._settings.project}"
            )

    def _issues(self, service: str, window: TimeWindow, budget: Budget, into: Collected) -> Iterator[_Issue]:
        """All issues that mention one service, page after page."""
        jql = (
            f"project = {quoted(self._settings.project)} AND text ~ {quoted(service)} "
            f"AND created >= {quoted(window.start.strftime('%Y-%m-%d'))} ORDER BY created DESC"
        )
        params: Params = {"jql": jql, "fields": FIELDS, "maxResults": PAGE}
        for _ in range(MAX_PAGES):
            answer = self._api.get("rest/api/3/search/jql", params, spend=budget.spend)
            page = answer.parse(_PAGE)
            into.asked(f"GET {answer.url}", window, len(page.issues), answer.seconds)
            yield from page.issues
            if page.isLast or not page.nextPageToken:
                return
            params = {**params, "nextPageToken": page.nextPageToken}
        into.miss("truncated", f"more than {MAX_PAGES * PAGE} tickets about {service}", "the newest were read")

    def _record(self, issue: _Issue, service: str) -> dict[str, object]:
        fields = issue.fields
        body = clean(flatten(fields.description), 4_000, lines=True)
        comments = fields.comment.comments if fields.comment else []
        said = [clean(flatten(c.body), 800, lines=True) for c in comments[-3:]]
        resolution = [fields.resolution.name] if fields.resolution else []
        return {
            "time": fields.created,
            "id": f"jira:{issue.key}",
            "kind": "ticket",
            "service": service,
            "title": fields.summary,
            "body": body,
            "resolution": "\n".join([*resolution, *said]),
            "outcome": fields.status.name.lower() if fields.status else "",
            "link": self._api.url(f"browse/{issue.key}"),
        }
