"""Jira as ticket system: one issue per correlation key, found again by its label."""

import json
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, JsonValue, TypeAdapter

from autopilot.channels.base import Attachment
from autopilot.channels.ticket_codes import ENDINGS, phase_mark, weight_of
from autopilot.clients.http import Api, Params, Upload
from autopilot.incident.base import clean
from autopilot.incident.ids import digest
from autopilot.incident.ports import Failure, Ticket
from autopilot.incident.related import Related
from autopilot.settings import Jira

PROPERTY = "aiops-auto-pilot"
"""Issue property that holds the key and a digest of what was last written."""
MAX_TITLE, MAX_BODY = 250, 30_000
MAX_COMMENTS = 100
"""Newest comments among which a note about a phase is looked for."""
LINK_TYPE = "Relates"


class _Issue(BaseModel):
    key: str


class _Status(BaseModel):
    statusCategory: dict[str, JsonValue] = {}  # noqa: N815  # Jira's wire name


class _Named(BaseModel):
    name: str = ""


class _Field(BaseModel):
    allowedValues: list[_Named] = []  # noqa: N815  # Jira's wire name


class _Transition(BaseModel):
    id: str
    to: _Status = _Status()
    fields: dict[str, _Field] = {}


class _File(BaseModel):
    filename: str = ""


class _LinkedIssue(BaseModel):
    inwardIssue: _Issue | None = None  # noqa: N815  # Jira's wire name
    outwardIssue: _Issue | None = None  # noqa: N815  # Jira's wire name


class _Fields(BaseModel):
    attachment: list[_File] = []
    issuelinks: list[_LinkedIssue] = []


class _Whole(BaseModel):
    fields: _Fields = _Fields()


class _Comments(BaseModel):
    comments: list[dict[str, JsonValue]] = []


class _Transitions(BaseModel):
    transitions: list[_Transition] = []


class _Found(BaseModel):
    issues: list[_Issue] = []


class _Written(BaseModel):
    key: str = ""
    said: str = ""


class _Property(BaseModel):
    value: _Written = _Written()


_ISSUE, _FOUND, _PROPERTY, _TRANSITIONS, _WHOLE, _COMMENTS = (
    TypeAdapter(_Issue), TypeAdapter(_Found), TypeAdapter(_Property), TypeAdapter(_Transitions),
    TypeAdapter(_Whole), TypeAdapter(_Comments),
)  # fmt: skip


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
            self._comment(issue, ticket)
            if ticket.state == "resolved":
                self._resolve(issue, ENDINGS[ticket.resolution].jira)
            self._remember(issue, ticket.key, said)
        return issue

    def relate(self, key: str, related: Sequence[Related]) -> None:
        """Issues of this site become issue links, unless they are linked already. Raises Failure."""
        issue = self.find(key)
        ours = [one.number for one in related if one.system == self.name and one.number != issue]
        if not issue or not ours:
            return
        linked = self._whole(issue, "issuelinks").issuelinks
        there = {end.key for link in linked for end in (link.inwardIssue, link.outwardIssue) if end is not None}
        for number in ours:
            if number not in there:
                body: dict[str, JsonValue] = {
                    "type": {"name": LINK_TYPE}, "inwardIssue": {"key": issue}, "outwardIssue": {"key": number},
                }  # fmt: skip
                self._write("POST", "rest/api/3/issueLink", body)

    def attach(self, key: str, file: Attachment) -> None:
        """As multipart, which Jira takes only with its own header against forged requests. Raises Failure."""
        issue = self.find(key)
        if not issue or any(there.filename == file.name for there in self._whole(issue, "attachment").attachment):
            return
        edge = f"autopilot-{digest(file.name, len(file.content))}"
        head = (
            f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
            f"Content-Type: {file.media_type}\r\n\r\n"
        )
        body = head.encode() + file.content + f"\r\n--{edge}--\r\n".encode()
        upload = Upload(body, f"multipart/form-data; boundary={edge}", {"X-Atlassian-Token": "no-check"})
        self._api.send("POST", f"rest/api/3/issue/{issue}/attachments", upload)

    def _whole(self, issue: str, field: str) -> _Fields:
        return self._api.get(f"rest/api/3/issue/{issue}", {"fields": field}).parse(_WHOLE).fields

    def _comment(self, issue: str, ticket: Ticket) -> None:
        """Say it; a note about a phase only if it is not there."""
        path, text = f"rest/api/3/issue/{issue}/comment", ticket.body
        if ticket.phase:
            mark = phase_mark(ticket.key, ticket.phase)
            newest: Params = {"orderBy": "-created", "maxResults": MAX_COMMENTS}
            said = self._api.get(path, newest).parse(_COMMENTS).comments
            if any(mark in json.dumps(comment) for comment in said):
                return
            text = f"{mark}\n{text}"
        self._write("POST", path, {"body": document(text)})

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
            "priority": {"name": weight_of(ticket.priority).jira},
        }
        return self._api.send("POST", "rest/api/3/issue", {"fields": fields}).parse(_ISSUE).key

    def _remember(self, issue: str, key: str, said: str) -> None:
        self._write("PUT", f"rest/api/3/issue/{issue}/properties/{PROPERTY}", {"key": key, "said": said})

    def _write(self, method: Literal["POST", "PUT"], path: str, body: dict[str, JsonValue]) -> None:
        self._api.send(method, path, body, repeatable=method == "PUT")

    def _resolve(self, issue: str, endings: Sequence[str]) -> None:
        """Move the issue to a state of the category done, if its workflow allows that now.

        The resolution is set where the transition asks for one.
        """
        path = f"rest/api/3/issue/{issue}/transitions"
        offered = self._api.get(path, {"expand": "transitions.fields"}).parse(_TRANSITIONS).transitions
        done = next((t for t in offered if t.to.statusCategory.get("key") == "done"), None)
        if done is None:
            raise Failure(
                f"Jira: {issue} cannot be moved to done from its present state; add a transition to the workflow.",
                who="operator",
            )
        body: dict[str, JsonValue] = {"transition": {"id": done.id}}
        allowed = {value.name for value in done.fields.get("resolution", _Field()).allowedValues}
        if ending := next((name for name in endings if name in allowed), ""):
            body["fields"] = {"resolution": {"name": ending}}
        self._write("POST", path, body)
