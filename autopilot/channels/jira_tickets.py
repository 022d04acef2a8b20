"""Jira as ticket system: one issue per correlation key, found again by its label."""

from typing import Literal

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.clients.http import Api, Params
from autopilot.incident.base import clean
from autopilot.incident.ids import digest
from autopilot.incident.ports import Failure, Ticket
from autopilot.settings import Jira

PROPERTY = "aiops-auto-pilot"
"""Issue property that holds the key and a digest of what was last written."""
MAX_TITLE, MAX_BODY = 250, 30_000
_PRIORITY = {"critical": "Highest", "high": "High", "medium": "Medium", "low": "Low"}


class _Status(BaseModel):
    statusCategory: dict[str, JsonValue] = {}  # noqa: N815  # Jira's wire name


class _Transition(BaseModel):
    id: str
    to: _Status = _Status()


class _Transitions(BaseModel):
    transitions: list[_Transition] = []


class _Issue(BaseModel):
    key: str


class _Found(BaseModel):
    issues: list[_Issue] = []


class _Written(BaseModel):
    key: str = ""
    said: str = ""


class _Property(BaseModel):
    value: _Written = _Written()


_ISSUE, _FOUND, _PROPERTY, _TRANSITIONS = (
    TypeAdapter(_Issue),
    TypeAdapter(_Found),
    TypeAdapter(_Property),
    TypeAdapter(_Transitions),
)


def document(text: str) -> dict[str, JsonValue]:
    """Plain text as an Atlassian document, one paragraph per line."""
    lines = clean(text, MAX_BODY, lines=True).splitlines()
    return {
        "type": "doc",
        "version": 1,
        "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": line}] if line.strip() else []}
            for line in lines
        ],
    }


def label(key: str) -> str:
    """The label that finds a ticket again."""
    return f"aiops-{digest(key)}"


class JiraTickets:
    """Creates, updates and resolves issues of the configured project."""

    name = "jira"

    def __init__(self, settings: Jira, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        self._settings = settings
        auth = (settings.user, settings.token.get_secret_value())
        self._api = api or Api("Jira", settings.base_url, auth=auth)

    def find(self, key: str) -> str:
        """The issue with this key; empty when there is none. Raises Failure.

        Jira's search lags a second or two behind its writes.
        """
        project = self._settings.project.replace("\\", "").replace('"', "")
        jql = f'project = "{project}" AND labels = "{label(key)}" ORDER BY created ASC'
        params: Params = {"jql": jql, "fields": "labels", "maxResults": 1}
        issues = self._api.get("rest/api/3/search/jql", params).parse(_FOUND).issues
        return issues[0].key if issues else ""

    def upsert(self, ticket: Ticket) -> str:
        """Create the issue, or comment when the ticket says something new; returns its key.

        Raises Failure.
        """
        issue = self.find(ticket.key)
        said = digest(ticket.title, ticket.body, ticket.state)
        if not issue:
            issue = self._create(ticket)
            if ticket.state == "open":
                self._remember(issue, ticket.key, said)
                return issue
        path = f"rest/api/3/issue/{issue}/properties/{PROPERTY}"
        answer = self._api.get(path, absent=True)
        if answer.status == 404 or answer.parse(_PROPERTY).value.said != said:
            self._write("POST", f"rest/api/3/issue/{issue}/comment", {"body": document(ticket.body)})
            if ticket.state == "resolved":
                self._resolve(issue)
            self._remember(issue, ticket.key, said)
        return issue

    def _create(self, ticket: Ticket) -> str:
        labels: list[JsonValue] = ["aiops-auto-pilot", label(ticket.key)]
        if ticket.service:
            labels.append(ticket.service.replace(" ", "-"))
        fields: dict[str, JsonValue] = {
            "project": {"key": self._settings.project},
            "issuetype": {"name": self._settings.issue_type},
            "summary": clean(ticket.title, MAX_TITLE),
            "description": document(ticket.body),
            "labels": labels,
            "priority": {"name": _PRIORITY.get(ticket.priority, "High")},
        }
        return self._api.send("POST", "rest/api/3/issue", {"fields": fields}).parse(_ISSUE).key

    def _remember(self, issue: str, key: str, said: str) -> None:
        self._write("PUT", f"rest/api/3/issue/{issue}/properties/{PROPERTY}", {"key": key, "said": said})

    def _write(self, method: Literal["POST", "PUT"], path: str, body: dict[str, JsonValue]) -> None:
        self._api.send(method, path, body, repeatable=method == "PUT")

    def _resolve(self, issue: str) -> None:
        """Move the issue to a state of the category done, if its workflow allows that now."""
        path = f"rest/api/3/issue/{issue}/transitions"
        offered = self._api.get(path).parse(_TRANSITIONS).transitions
        done = next((t for t in offered if t.to.statusCategory.get("key") == "done"), None)
        if done is None:
            raise Failure(
                f"Jira: {issue} cannot be moved to done from its present state; add a transition to the workflow.",
                who="operator",
            )
        self._write("POST", path, {"transition": {"id": done.id}})
