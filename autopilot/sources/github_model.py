"""The fields of GitHub's answers that we read; everything else is ignored."""

from pydantic import AwareDatetime, BaseModel, JsonValue, TypeAdapter, model_validator

from autopilot.incident.base import Block, Line, Name


class _Read(BaseModel):
    """Unknown fields are ignored; null counts as absent, as GitHub uses both."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, given: object) -> object:
        if not isinstance(given, dict):
            return given
        known: dict[object, object] = given  # pyright: ignore[reportUnknownVariableType]  # JSON, checked next
        return {name: value for name, value in known.items() if value is not None}


class _User(_Read):
    login: Name = ""


class Deployment(_Read):
    """GET /repos/{repo}/deployments."""

    id: int
    sha: str
    ref: Name
    environment: Name = ""
    description: Line = ""
    created_at: AwareDatetime
    creator: _User | None = None

    @property
    def author(self) -> str:
        """Who deployed."""
        return self.creator.login if self.creator else ""


class DeploymentStatus(_Read):
    """GET /repos/{repo}/deployments/{id}/statuses, newest first."""

    state: Name
    log_url: str = ""
    environment_url: str = ""

    @property
    def link(self) -> str:
        """Where the run can be looked at."""
        return self.log_url or self.environment_url


class _Signature(_Read):
    name: Name = ""
    date: AwareDatetime


class _CommitBody(_Read):
    message: Block = ""
    author: _Signature | None = None
    committer: _Signature


class ChangedFile(_Read):
    """A file of a commit or comparison."""

    filename: str
    patch: str = ""


class Commit(_Read):
    """GET /repos/{repo}/commits and /commits/{sha}; only the latter has files."""

    sha: str
    html_url: str = ""
    commit: _CommitBody
    author: _User | None = None
    files: list[ChangedFile] = []

    @property
    def at(self) -> AwareDatetime:
        """When it was committed."""
        return self.commit.committer.date

    @property
    def title(self) -> str:
        """The first line of the message."""
        return self.commit.message.split("\n", 1)[0]

    @property
    def author_name(self) -> str:
        """The login where GitHub knows it, else the name in the commit."""
        if self.author and self.author.login:
            return self.author.login
        return self.commit.author.name if self.commit.author else self.commit.committer.name


class Comparison(_Read):
    """GET /repos/{repo}/compare/{base}...{head}."""

    html_url: str = ""
    commits: tuple[Commit, ...] = ()
    files: tuple[ChangedFile, ...] = ()


class PullRequest(_Read):
    """GET /repos/{repo}/commits/{sha}/pulls."""

    number: int
    title: Line = ""
    html_url: str = ""
    merged_at: AwareDatetime | None = None


class _Remark(_Read):
    user: _User | None = None
    body: Block = ""

    @property
    def author(self) -> str:
        """Who said it."""
        return self.user.login if self.user else ""


class ReviewComment(_Remark):
    """GET /repos/{repo}/pulls/{number}/comments."""

    path: Name = ""


class Review(_Remark):
    """GET /repos/{repo}/pulls/{number}/reviews."""

    state: Name = ""


class GitRepository(_Read):
    """GET /repos/{repo}."""

    default_branch: Name = "main"


class WorkflowRun(_Read):
    """GET /repos/{repo}/actions/runs."""

    id: int
    name: Line = ""
    status: Name = ""
    conclusion: Name = ""
    head_branch: Name = ""
    run_attempt: int = 1
    created_at: AwareDatetime


class WorkflowRuns(_Read):
    """One page of runs, newest first."""

    workflow_runs: tuple[WorkflowRun, ...] = ()


class OpenIssue(_Read):
    """GET /repos/{repo}/issues; pull requests are listed as issues too, with this field."""

    number: int
    title: Line = ""
    pull_request: dict[str, JsonValue] | None = None


GIT_REPOSITORY = TypeAdapter(GitRepository)
RUNS = TypeAdapter(WorkflowRuns)
ISSUES = TypeAdapter(list[OpenIssue])
DEPLOYMENTS = TypeAdapter(list[Deployment])
STATUSES = TypeAdapter(list[DeploymentStatus])
COMMITS = TypeAdapter(list[Commit])
COMMIT = TypeAdapter(Commit)
COMPARISON = TypeAdapter(Comparison)
PULLS = TypeAdapter(list[PullRequest])
REVIEW_COMMENTS = TypeAdapter(list[ReviewComment])
REVIEWS = TypeAdapter(list[Review])
