"""GitHub: drafts, links between issues and incidents, runs again. All need a writing token of their own."""

from typing import ClassVar, Literal
from urllib.parse import quote

from pydantic import BaseModel, Field, TypeAdapter
from typing_extensions import override

from autopilot.clients.http import Api
from autopilot.incident.base import Scalar
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Suspect
from autopilot.incident.plan import DryRun, ExpectedEffect, Step, TargetState
from autopilot.remediation.base import Arguments, Candidate, Context, Effect, InventoryItem, Missing, Tool
from autopilot.remediation.change_tools import KIND, REVIEW_SECONDS, RepositoryTool
from autopilot.remediation.cloud import now, shell
from autopilot.remediation.code_hosts import Place, asking, incident_pages
from autopilot.remediation.draft_requests import draft_tools
from autopilot.remediation.github_host import GitHubHost, github_api
from autopilot.remediation.parts import Parts
from autopilot.remediation.patches import cited, code, mark_of
from autopilot.remediation.reruns import RerunFailedJobs, Run

SCOPES = ("github: issues:read", "github: issues:write")
MAX_LINKED = 3
"""Issues that are linked at most."""
SHORTEST = 4
"""Letters that a name has at least to tell what an issue is about."""


class _Issue(BaseModel):
    number: int
    state: str = "open"
    html_url: str = ""


class _Comment(BaseModel):
    id: int
    body: str = ""
    html_url: str = ""


class _Run(BaseModel):
    name: str = ""
    status: str = ""
    conclusion: str | None = None
    run_attempt: int = 1
    html_url: str = ""


_ISSUE, _COMMENT, _COMMENTS, _RUN = (
    TypeAdapter(_Issue), TypeAdapter(_Comment), TypeAdapter(list[_Comment]), TypeAdapter(_Run)
)  # fmt: skip


class GitHubRuns:
    """Workflow runs at GitHub."""

    name = "github"
    tier: Literal["A", "B"] = "A"
    run_scopes: tuple[str, ...] = ("github: actions:read", "github: actions:write")

    def __init__(self, api: Api) -> None:
        """`api` may run workflows."""
        self._api = api

    def run(self, repository: str, run: str) -> Run:
        """See `RunsWorkflows`."""
        with asking(f"workflow run {run} of {repository}", self.run_scopes[:1]):
            found = self._api.get(f"repos/{quote(repository)}/actions/runs/{quote(run)}").parse(_RUN)
        ended = found.conclusion or ""
        failed = ended in ("failure", "timed_out", "cancelled", "startup_failure")
        attempt = str(found.run_attempt)
        return Run(found.name, attempt, found.status == "completed", failed, ended, found.html_url)

    def rerun(self, repository: str, run: str) -> None:
        """See `RunsWorkflows`."""
        with asking(f"workflow run {run} of {repository}", self.run_scopes):
            self._api.send("POST", f"repos/{quote(repository)}/actions/runs/{quote(run)}/rerun-failed-jobs")

    def rerun_command(self, repository: str, run: str) -> str:
        """See `RunsWorkflows`."""
        return shell("gh", "run", "rerun", run, "--failed", "--repo", repository)


class Linked(Arguments):
    """The issue that is told about the incident."""

    issue: int = Field(ge=1, le=10**9)


class Unlinked(Linked):
    """The issue whose comment is taken back."""


class LinkIssues(RepositoryTool):
    """Tells an open issue that seems related about the incident, once, with a link."""

    name: str = "github.link_issues"
    system: str = "github"
    permissions: tuple[str, ...] = SCOPES
    takes: ClassVar[type[Arguments]] = Linked
    addresses: ClassVar[frozenset[CauseKind]] = frozenset(
        {"bad_deploy", "config_change", "capacity", "throttled", "slow_query", "connection_pool", "memory", "quota"}
    )

    def __init__(self, api: Api, place: Place, link: str) -> None:
        """`link` is the address of incident pages with `{}` for the id."""
        super().__init__((place,))
        self._api, self._link = api, link

    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """Issues whose title names what a suspect is about."""
        if item.kind != KIND or not self._knows(item.resource):
            return ()
        found: list[Candidate] = []
        effect = ExpectedEffect(description="who works on the issue knows of the incident", within=REVIEW_SECONDS)
        for name, title in sorted(item.settings.items()):
            suspect = next((s for s in context.dossier.suspects if self._about(str(title), s)), None)
            path = name.removesuffix("_title")
            if not (name.startswith("issue_") and name.endswith("_title")) or suspect is None:
                continue
            number = item.settings.get(path)
            ids = ", ".join(suspect.finding_ids)
            step = self._step(
                item, f"Tell issue {number} of {item.name}", {"issue": number}, {"issue": f"{path}; by {ids}"}
            )
            why = f"issue {number} names {suspect.resource.rpartition('/')[2] or suspect.service}"
            found.append(self._offer(step, effect, why, suspect.finding_ids, 0.0))
        return tuple(found[:MAX_LINKED])

    def _about(self, title: str, suspect: Suspect) -> bool:
        named = suspect.resource.rpartition("/")[2].rpartition(":")[2]
        words = title.lower().replace("`", " ").split()
        return suspect.cause_kind in self.addresses and len(named) >= SHORTEST and named.lower() in words

    def command(self, step: Step) -> str:
        """`gh issue comment …`."""
        where = ("--repo", step.target.partition(":")[2])
        return shell(
            "gh", "issue", "comment", str(step.arguments["issue"]), *where, "--body", "Related incident: …"
        )

    def inspect(self, step: Step) -> TargetState:
        """Whether the issue is open."""
        _, repository = self._place(step)
        path = f"repos/{quote(repository)}/issues/{step.arguments['issue']}"
        try:
            with asking(f"issue {step.arguments['issue']} of {repository}", SCOPES[:1]):
                issue = self._api.get(path).parse(_ISSUE)
        except Missing:
            return TargetState(target=step.target, exists=False, observed_at=now())
        settings: dict[str, Scalar] = {"issue": issue.number}
        observed: dict[str, Scalar] = {"state": issue.state, "url": issue.html_url}
        return TargetState(target=step.target, settings=settings, observed=observed, observed_at=now())

    @override
    def dry_run(self, step: Step, before: TargetState) -> DryRun:
        """A closed issue is left alone."""
        if before.observed.get("state") != "open":
            return DryRun(feasible=False, reason=f"issue {step.arguments['issue']} is closed")
        said = f"new comment on issue {step.arguments['issue']} with a link to the incident"
        return DryRun(feasible=True, changes=(said,), reach="people who follow the issue", cost="none")

    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Comment; a comment with the mark of this key is there already after a lost answer."""
        _, repository = self._place(step)
        number = Linked.model_validate(step.arguments).issue
        there = _ours(self._api, repository, number, key)
        if there is not None:
            return "already", f"issue {number} has our comment: {there.html_url}"
        incident = key.partition("/")[0]
        link = self._link.format(incident)
        where = f"[{incident}]({link})" if link else code(incident)
        evidence = ", ".join(cited(step.sources.values())) or "see the incident"
        body = f"Seen in incident {where}. Evidence: {evidence}.\n\n<!-- {mark_of(key)} -->"
        with asking(f"issue {number} of {repository}", SCOPES):
            path = f"repos/{quote(repository)}/issues/{number}/comments"
            said = self._api.send("POST", path, {"body": body}).parse(_COMMENT)
        return "done", f"issue {number} was told: {said.html_url}"

    @override
    def undo(self, step: Step, before: TargetState) -> Step | None:
        """Delete the comment again."""
        back = step.model_copy(
            update={
                "tool": UnlinkIssues.name,
                "summary": f"Delete our comment on issue {step.arguments['issue']}",
                "sources": {"issue": "the step that told it"},
            }
        )
        return back.model_copy(update={"command": f"In {step.target}: {back.summary}"})


class UnlinkIssues(LinkIssues):
    """Deletes our comment on an issue. Only as an undo."""

    name: str = "github.unlink_issues"
    reversible: bool = False
    takes: ClassVar[type[Arguments]] = Unlinked

    @override
    def candidates(self, item: InventoryItem, context: Context) -> tuple[Candidate, ...]:
        """None: it is an undo."""
        return ()

    @override
    def execute(self, step: Step, key: str) -> tuple[Effect, str]:
        """Delete the comment with the mark of the step that made it."""
        _, repository = self._place(step)
        number = Unlinked.model_validate(step.arguments).issue
        there = _ours(self._api, repository, number, f"{key.removesuffix('/undo')}/do")
        if there is None:
            return "already", f"issue {number} has no comment of ours"
        with asking(f"our comment on issue {number} of {repository}", SCOPES):
            path = f"repos/{quote(repository)}/issues/comments/{there.id}"
            self._api.send("DELETE", path, repeatable=True, absent=True)
        return "done", f"our comment on issue {number} was deleted"

    @override
    def undo(self, step: Step, before: TargetState) -> Step | None:
        """None: a deleted comment stays deleted."""
        return None


def _ours(api: Api, repository: str, issue: int, key: str) -> _Comment | None:
    """The comment that was made under this key, on whichever page it stands."""
    path, params = f"repos/{quote(repository)}/issues/{issue}/comments", {"per_page": 100}
    with asking(f"issue {issue} of {repository}", SCOPES[:1]):
        while path:
            answer = api.get(path, params or None)
            found = next((c for c in answer.parse(_COMMENTS) if mark_of(key) in c.body), None)
            if found is not None:
                return found
            path, params = answer.next_url, {}
    return None


def build_tools(parts: Parts) -> tuple[Tool, ...]:
    """The tools of this module that the configuration allows: none without a writing token."""
    settings = parts.settings.github
    if settings is None or settings.write_token is None:
        return ()
    api = github_api(settings.base_url, settings.write_token.get_secret_value())
    repositories = frozenset(settings.repositories.values())
    place, link = Place(GitHubHost(api), repositories), incident_pages(parts)
    return (
        *draft_tools(place, link),
        LinkIssues(api, place, link),
        UnlinkIssues(api, place, link),
        RerunFailedJobs(GitHubRuns(api), repositories, "rerun_workflow"),
    )
