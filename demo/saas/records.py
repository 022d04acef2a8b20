"""What the simulated company's systems contain, as plain data. Times are absolute; a scenario makes them from T."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class SlackUser:
    """A person in Slack."""

    id: str
    name: str
    real_name: str
    email: str = ""


@dataclass(frozen=True)
class SlackRecords:
    """People and channels."""

    users: tuple[SlackUser, ...]
    channels: tuple[tuple[str, str], ...]
    """(id, name); the first is where incidents go."""


@dataclass(frozen=True)
class ChangedFile:
    """One file of a commit, with its unified diff."""

    filename: str
    patch: str
    status: str = "modified"
    additions: int = 1
    deletions: int = 0


@dataclass(frozen=True)
class Commit:
    """A commit; the parent is the commit before it."""

    sha: str
    message: str
    author: str
    login: str
    at: datetime
    files: tuple[ChangedFile, ...] = ()
    pull: int | None = None


@dataclass(frozen=True)
class ReviewRemark:
    """A review (no path) or a comment on a line of a pull request."""

    login: str
    body: str
    at: datetime
    path: str = ""
    line: int = 0
    state: str = "COMMENTED"


@dataclass(frozen=True)
class PullRequest:
    """A merged pull request."""

    number: int
    title: str
    body: str
    login: str
    branch: str
    merge_sha: str
    created_at: datetime
    merged_at: datetime
    remarks: tuple[ReviewRemark, ...] = ()


@dataclass(frozen=True)
class Deployment:
    """A deployment with the state it ended in."""

    id: int
    ref: str
    sha: str
    login: str
    at: datetime
    finished_at: datetime
    description: str = ""
    environment: str = "production"
    state: str = "success"


@dataclass(frozen=True)
class Issue:
    """An open or closed issue."""

    number: int
    title: str
    body: str
    login: str
    at: datetime
    labels: tuple[str, ...] = ()
    closed_at: datetime | None = None


@dataclass(frozen=True)
class WorkflowRun:
    """A finished run of a workflow."""

    id: int
    name: str
    sha: str
    at: datetime
    conclusion: str = "failure"
    branch: str = "main"


@dataclass(frozen=True)
class GitHubRecords:
    """One repository."""

    repository: str
    """owner/name."""
    commits: tuple[Commit, ...]
    """Oldest first, all on the default branch."""
    pulls: tuple[PullRequest, ...] = ()
    deployments: tuple[Deployment, ...] = ()
    issues: tuple[Issue, ...] = ()
    tags: tuple[tuple[str, str], ...] = ()
    """(tag, sha), oldest first; each is also a release."""
    runs: tuple[WorkflowRun, ...] = ()
    """Oldest first."""


@dataclass(frozen=True)
class PastIncident:
    """A ServiceNow incident."""

    number: str
    short_description: str
    description: str
    opened_at: datetime
    service: str
    resolved_at: datetime | None = None
    close_code: str = ""
    close_notes: str = ""
    priority: str = "2"
    work_notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Article:
    """A ServiceNow knowledge article."""

    number: str
    short_description: str
    text: str
    at: datetime


@dataclass(frozen=True)
class JiraIssue:
    """A Jira issue; `description` and comments are plain text with blank lines between paragraphs."""

    key: str
    summary: str
    description: str
    issue_type: str
    status: str
    at: datetime
    labels: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    resolution: str = ""
    resolved_at: datetime | None = None
    priority: str = "Medium"
    comments: tuple[str, ...] = ()


@dataclass(frozen=True)
class CompanyRecords:
    """Everything the vendors know about the company at the moment the incident starts."""

    slack: SlackRecords
    github: tuple[GitHubRecords, ...] = ()
    incidents: tuple[PastIncident, ...] = ()
    articles: tuple[Article, ...] = ()
    issues: tuple[JiraIssue, ...] = ()
