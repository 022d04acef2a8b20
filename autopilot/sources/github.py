"""GitHub: what was deployed, which commits that shipped, and what reviewers said about them."""

import json
from collections.abc import Iterator, Sequence, Sized
from datetime import UTC, timedelta
from urllib.parse import quote, urlencode

from pydantic import TypeAdapter

from autopilot.case.schema import frame
from autopilot.clients.http import Answer, Api, Params, Parsed
from autopilot.clients.http_failures import HttpFailure
from autopilot.incident.base import Time, TimeWindow, clean
from autopilot.incident.evidence import GapKind, Scope
from autopilot.incident.finding import TimelineEntry
from autopilot.settings import GitHub
from autopilot.sources.base import Budget, Collected
from autopilot.sources.diff_excerpt import FileDiff, excerpt
from autopilot.sources.git_inventory import SeenCommit, repository_item, run_item
from autopilot.sources.github_model import (
    COMMIT,
    COMMITS,
    COMPARISON,
    DEPLOYMENTS,
    GIT_REPOSITORY,
    ISSUES,
    PULLS,
    REVIEW_COMMENTS,
    REVIEWS,
    RUNS,
    STATUSES,
    Commit,
    Comparison,
    Deployment,
    GitRepository,
    PullRequest,
    WorkflowRuns,
)

PAGE = 100
MAX_PAGES = 10
MAX_COMMITS = 20
"""Commits per service that are read in full; further ones are listed as a gap."""
COMMIT_DIFF, DEPLOY_DIFF = 4_000, 6_000
MAX_REVIEW = 20
MAX_RUNS, MAX_ISSUES = 10, 30
DEPLOY_LOOK_BACK = timedelta(days=90)
"""How far before the baseline the previous deployment is looked for."""


class GitHubSource:
    """Reads deployments and commits of the repositories that the settings map to services."""

    name = "github"

    def __init__(self, settings: GitHub, api: Api | None = None) -> None:
        """`api` replaces the client built from the settings."""
        headers = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}
        if settings.token:
            headers["Authorization"] = f"Bearer {settings.token.get_secret_value()}"
        self._settings = settings
        self._api = api or Api("GitHub", settings.base_url, headers=headers)

    def collect(self, scope: Scope, budget: Budget, into: Collected) -> None:
        """Deployments, their commits, and commits not deployed yet, for each mapped service of the scope."""
        mapped = [(s, self._settings.repositories[s]) for s in scope.services if s in self._settings.repositories]
        if not mapped:
            into.miss(
                "no_data",
                f"no repository is known for {', '.join(scope.services)}",
                "map the service to owner/name under github.repositories",
            )
        for service, repository in mapped:
            _Reading(self._api, scope, budget, into, service, repository).run()

    def recent_changes(self, scope: Scope, limit: int) -> Sequence[TimelineEntry]:
        """The newest deployments and commits, two calls per service. Raises Failure."""
        entries: list[TimelineEntry] = []
        for service in scope.services:
            if repository := self._settings.repositories.get(service):
                entries += self._newest(scope, service, repository, limit)
        return sorted(entries, key=lambda e: e.at, reverse=True)[:limit]

    def _newest(self, scope: Scope, service: str, repository: str, limit: int) -> Iterator[TimelineEntry]:
        path = f"repos/{quote(repository)}"
        asked = {"environment": scope.environment, "per_page": limit}
        deployments = self._api.get(f"{path}/deployments", asked).parse(DEPLOYMENTS)
        for d in deployments[:limit]:
            text = f"{service}: {d.ref} deployed to {d.environment} by {d.author}"
            yield TimelineEntry(at=d.created_at, kind="change", text=text)
        since = {"since": _stamp(scope.baseline.start), "per_page": limit}
        for c in self._api.get(f"{path}/commits", since).parse(COMMITS)[:limit]:
            text = f"{service}: commit {c.sha[:7]} by {c.author_name}: {c.title}"
            yield TimelineEntry(at=c.at, kind="change", text=text)


def _stamp(moment: Time) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class _Reading:
    """One collection for one service."""

    def __init__(
        self, api: Api, scope: Scope, budget: Budget, into: Collected, service: str, repository: str
    ) -> None:
        self._api, self._scope, self._budget, self._into = api, scope, budget, into
        self._service, self._repository = service, repository
        self._path = f"repos/{quote(repository)}"
        self._window = TimeWindow(start=scope.baseline.start, end=scope.incident.end)
        self._seen: set[str] = set()
        self._reviews: dict[int, list[str]] = {}
        self._kept: list[tuple[Time, SeenCommit]] = []
        self._branch = ""

    def run(self) -> None:
        """Deployments newest first, each with what it shipped; then what nothing has shipped, and the inventory."""
        deployments = self._deployments()
        inside = [d for d in deployments if d.created_at >= self._window.start]
        if not inside:
            self._into.miss("no_data", f"no deployment of {self._repository} in the window")
        for d in inside:
            previous = next((p for p in deployments if p.created_at < d.created_at and p.sha != d.sha), None)
            self._deploy(d, previous)
        self._undeployed()
        self._inventory()

    def _deployments(self) -> list[Deployment]:
        """Those of the window and the one before, newest first."""
        oldest = self._window.start - DEPLOY_LOOK_BACK
        found: list[Deployment] = []
        params: Params = {"environment": self._scope.environment, "per_page": PAGE}
        for page in self._pages(f"{self._path}/deployments", params, DEPLOYMENTS):
            found += [d for d in page if oldest <= d.created_at < self._window.end]
            if page and page[-1].created_at < self._window.start:
                break
        found.sort(key=lambda d: d.created_at, reverse=True)
        before = [d for d in found if d.created_at < self._window.start]
        return [d for d in found if d.created_at >= self._window.start] + before[:10]

    def _deploy(self, deployment: Deployment, previous: Deployment | None) -> None:
        statuses, _ = self._ask(f"{self._path}/deployments/{deployment.id}/statuses", {"per_page": 1}, STATUSES, [])
        state = statuses[0].state if statuses else "no status"
        comparison = self._compare(previous, deployment) if previous else Comparison()
        files = [FileDiff(f.filename, f.patch) for f in comparison.files]
        commits = [self._commit(c, deployment.ref) for c in self._bounded(comparison.commits)]
        reviews = [text for commit in commits for text in commit]
        before = f", before: {previous.ref}" if previous else ""
        link = comparison.html_url or (statuses[0].link if statuses else "")
        self._row(
            time=deployment.created_at,
            id=f"github:{deployment.id}",
            kind="deploy",
            version=deployment.ref,
            author=deployment.author,
            summary=(deployment.description or f"{deployment.ref} deployed")
            + f" ({deployment.environment}, {state}{before})",
            link=link,
            files=[f.name for f in files],
            diff=excerpt(files, DEPLOY_DIFF),
            review=list(dict.fromkeys(reviews)),
        )

    def _compare(self, previous: Deployment, deployment: Deployment) -> Comparison:
        basehead = f"{quote(previous.sha, safe='')}...{quote(deployment.sha, safe='')}"
        whole = Comparison()
        for part in self._pages(f"{self._path}/compare/{basehead}", {"per_page": PAGE}, COMPARISON, Comparison()):
            whole = Comparison(
                html_url=whole.html_url or part.html_url,
                commits=(*whole.commits, *part.commits),
                files=whole.files or part.files,
            )
        return whole

    def _bounded(self, commits: Sequence[Commit]) -> list[Commit]:
        """The newest commits that are read in full; GitHub's comparisons list the oldest first."""
        fresh = [c for c in commits if c.sha not in self._seen]
        fresh.sort(key=lambda c: c.at, reverse=True)
        room = max(0, MAX_COMMITS - len(self._seen))
        if len(fresh) > room:
            what = f"{len(fresh) - room} older commits of {self._repository} were not read"
            self._into.miss("truncated", what, "look at the comparison in GitHub")
        return fresh[:room]

    def _commit(self, commit: Commit, version: str) -> list[str]:
        """Keep one commit with files, diff and its pull request's review; returns what reviewers said."""
        self._seen.add(commit.sha)
        full, _ = self._ask(f"{self._path}/commits/{quote(commit.sha, safe='')}", {}, COMMIT)
        pulls, _ = self._ask(f"{self._path}/commits/{quote(commit.sha, safe='')}/pulls", {}, PULLS, [])
        pull = next((p for p in pulls if p.merged_at), pulls[0] if pulls else None)
        review = self._review(pull) if pull else []
        files = [FileDiff(f.filename, f.patch) for f in full.files]
        self._kept.append((full.at, SeenCommit(full.sha, tuple(files))))
        self._row(
            time=full.at,
            id=f"github:{full.sha}",
            kind="commit",
            version=version,
            author=full.author_name,
            summary=full.title + (f" (#{pull.number}: {pull.title})" if pull else ""),
            link=pull.html_url if pull else full.html_url,
            files=[f.name for f in files],
            diff=excerpt(files, COMMIT_DIFF),
            review=review,
        )
        return review

    def _review(self, pull: PullRequest) -> list[str]:
        if pull.number not in self._reviews:
            path = f"{self._path}/pulls/{pull.number}"
            comments, _ = self._ask(f"{path}/comments", {"per_page": PAGE}, REVIEW_COMMENTS, [])
            verdicts, _ = self._ask(f"{path}/reviews", {"per_page": PAGE}, REVIEWS, [])
            said = [f"{c.author} on {c.path}: {c.body}" for c in comments]
            said += [f"{r.author} ({r.state.lower()}): {r.body}" for r in verdicts if r.body]
            self._reviews[pull.number] = [clean(text, 600) for text in said[:MAX_REVIEW]]
        return self._reviews[pull.number]

    def _undeployed(self) -> None:
        params: Params = {
            "since": _stamp(self._window.start),
            "until": _stamp(self._window.end),
            "per_page": PAGE,
        }
        listed = [c for page in self._pages(f"{self._path}/commits", params, COMMITS) for c in page]
        for commit in self._bounded(listed):
            self._commit(commit, "")

    def _inventory(self) -> None:
        """What drafts and reruns take their arguments from; without it everything else is still told."""
        try:
            rows = [*self._repository_rows(), *self._failed_runs()]
        except HttpFailure as failure:
            kind: GapKind = "denied" if failure.status in (401, 403) else "failed"
            self._into.miss(kind, f"what can be drafted or run again: {failure}", "grant actions:read")
            return
        self._into.add("inventory", frame("inventory", rows))

    def _repository_rows(self) -> list[dict[str, object]]:
        repository, _ = self._ask(self._path, {}, GIT_REPOSITORY, GitRepository())
        issues, _ = self._ask(f"{self._path}/issues", {"state": "open", "per_page": MAX_ISSUES}, ISSUES, [])
        self._branch = repository.default_branch
        commits = [seen for _, seen in sorted(self._kept, key=lambda kept: kept[0], reverse=True)]
        titles = [(i.number, i.title) for i in issues if i.pull_request is None]
        if not commits and not titles:
            return []
        return [repository_item("github", self._repository, self._service, self._branch, commits, titles)]

    def _failed_runs(self) -> list[dict[str, object]]:
        created = f">={_stamp(self._window.start)}"
        asked: Params = {"status": "failure", "branch": self._branch, "created": created, "per_page": MAX_RUNS}
        runs, _ = self._ask(f"{self._path}/actions/runs", asked, RUNS, WorkflowRuns())
        return [
            run_item(
                "github", self._repository, self._service, str(run.id), run.name,
                {"run": str(run.id), "attempt": run.run_attempt, "conclusion": run.conclusion},
            )
            for run in runs.workflow_runs
        ]  # fmt: skip

    def _row(
        self, *, files: list[str], review: list[str], diff: str, summary: str, link: str, **columns: object
    ) -> None:
        row = {
            **columns,
            "link": link[:1_000] if link.startswith(("https://", "http://")) else "",
            "service": self._service,
            "summary": clean(summary, 400),
            "files": json.dumps([clean(name, 200) for name in files[:100]]),
            "review": json.dumps(review[:MAX_REVIEW]),
            "diff": diff,
        }
        self._into.add("changes", frame("changes", [row]))

    def _ask(
        self, path: str, params: Params, kind: TypeAdapter[Parsed], absent: Parsed | None = None
    ) -> tuple[Parsed, Answer]:
        """One request, recorded exactly; `absent` stands for a 404. Raises Failure, BudgetExceeded."""
        query = f"GET {self._api.url(path)}" + (f"?{urlencode(params)}" if params else "")
        answer = self._api.get(path, params or None, spend=self._budget.spend, absent=absent is not None)
        if answer.status == 404 and absent is not None:
            self._into.miss("no_data", f"GitHub has nothing at {path}")
            return absent, answer
        parsed = answer.parse(kind)
        self._into.asked(query, self._window, len(parsed) if isinstance(parsed, Sized) else 1, answer.seconds)
        return parsed, answer

    def _pages(
        self, path: str, params: Params, kind: TypeAdapter[Parsed], absent: Parsed | None = None
    ) -> Iterator[Parsed]:
        """Page after page as the Link header leads, to the end or `MAX_PAGES`."""
        for _ in range(MAX_PAGES):
            parsed, answer = self._ask(path, params, kind, absent)
            yield parsed
            if not answer.next_url:
                return
            path, params = answer.next_url, {}
        self._into.miss("truncated", f"more than {MAX_PAGES} pages at {path}", "narrow the window")
