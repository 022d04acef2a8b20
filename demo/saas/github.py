"""A stand-in for GitHub's REST API v3: deployments, commits and pull requests; what is written is beside this."""

import math
from collections.abc import Callable, Iterable
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas import github_json as shape
from demo.saas.git_store import GitStore
from demo.saas.github_writes import GitHubWrites
from demo.saas.records import Commit, GitHubRecords
from demo.saas.server import Json, StandIn, bearer, link_header, page_links

DOCS = "https://docs.github.com/rest"
LIMIT = 5_000
Answer = Callable[[GitHubRecords, Request], "Json | list[Json] | None"]


def _time(request: Request, name: str) -> datetime | None:
    value = request.query_params.get(name)
    return datetime.fromisoformat(value.replace("Z", "+00:00").replace(" ", "+")) if value else None


def _found(repo: GitHubRecords, name: str) -> Commit | None:
    """A commit by sha, abbreviated sha, tag or default branch."""
    tagged = dict(repo.tags).get(name.removeprefix("refs/tags/"), name)
    if tagged in {"main", "HEAD"}:
        return repo.commits[-1]
    return next((c for c in repo.commits if len(tagged) >= 7 and c.sha.startswith(tagged)), None)


class GitHub(StandIn):
    """Some repositories; written to with a token of its own only."""

    def __init__(self, repositories: Iterable[GitHubRecords], token: str, write_token: str = "") -> None:
        """`token` or `write_token` must come as a bearer token; without the latter nobody may write."""
        super().__init__()
        self._write_token = write_token
        self._repositories = {r.repository: r for r in repositories}
        self._token = token
        self.used = 0
        self.written = GitHubWrites(self._repositories, self._refusal, self._error)

    def store(self, repository: str) -> GitStore:
        """The objects and branches of a repository."""
        return self.written.stores[repository]

    def routes(self) -> list[BaseRoute]:
        """The paths below /repos/{owner}/{repo}."""
        paths: dict[str, Answer] = {
            "": lambda repo, _: shape.repository(repo),
            "/deployments": self._deployments,
            "/deployments/{id:int}/statuses": self._statuses,
            "/commits": self._commits,
            "/commits/{sha}": self._commit,
            "/commits/{sha}/pulls": self._commit_pulls,
            "/compare/{span:path}": self._compare,
            "/pulls/{number:int}": self._pull,
            "/pulls/{number:int}/reviews": self._reviews,
            "/pulls/{number:int}/comments": self._comments,
            "/pulls/{number:int}/files": self._files,
            "/releases": lambda repo, _: [
                shape.release(repo, tag, _found(repo, sha)) for tag, sha in reversed(repo.tags)
            ],
            "/issues": self._issues,
        }
        return [
            *self.written.routes(),
            *(Route(f"/repos/{{owner}}/{{repo}}{path}", self._endpoint(a)) for path, a in paths.items()),
            Route("/rate_limit", self._rate_limit),
            Route("/{rest:path}", self._missing),
        ]

    def _headers(self) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(LIMIT), "X-RateLimit-Remaining": str(max(0, LIMIT - self.used)),
            "X-RateLimit-Used": str(self.used), "X-RateLimit-Reset": "4102444800", "X-RateLimit-Resource": "core",
            "X-GitHub-Media-Type": "github.v3; format=json", "X-GitHub-Api-Version-Selected": "2022-11-28",
        }  # fmt: skip

    def _error(self, status: int, message: str) -> Response:
        body = {"message": message, "documentation_url": DOCS, "status": str(status)}
        return JSONResponse(body, status, self._headers())

    def _refusal(self, request: Request) -> Response | None:
        given = bearer(request)
        if given not in {self._token, self._write_token} or not given:
            return self._error(401, "Bad credentials" if given else "Requires authentication")
        if request.method != "GET" and given != self._write_token:
            return self._error(403, "Resource not accessible by personal access token")
        self.used += 1
        if self.used > LIMIT:
            return self._error(403, "API rate limit exceeded for user ID 1.")
        return None

    async def _missing(self, request: Request) -> Response:
        return self._refusal(request) or self._error(404, "Not Found")

    async def _rate_limit(self, _: Request) -> Response:
        core = {"limit": LIMIT, "used": self.used, "remaining": LIMIT - self.used, "reset": 4_102_444_800}
        return JSONResponse({"resources": {"core": core}, "rate": core}, 200, self._headers())

    def _endpoint(self, answer: Answer) -> Callable[[Request], Response]:
        def respond(request: Request) -> Response:
            refusal = self._refusal(request)
            if refusal is not None:
                return refusal
            name = f"{request.path_params['owner']}/{request.path_params['repo']}"
            repo = self._repositories.get(name)
            try:
                found = answer(repo, request) if repo else None
            except ValueError:
                return self._error(422, "Invalid request.")
            if found is None:
                return self._error(404, "Not Found")
            return (
                self._paged(request, found)
                if isinstance(found, list)
                else JSONResponse(found, 200, self._headers())
            )

        return respond

    def _paged(self, request: Request, items: list[Json]) -> Response:
        size = min(max(int(request.query_params.get("per_page", "30")), 1), 100)
        number = max(int(request.query_params.get("page", "1")), 1)
        last = max(math.ceil(len(items) / size), 1)
        headers = self._headers()
        if links := page_links(number, last):
            headers["Link"] = link_header(request, dict(links), self.url)
        return JSONResponse(items[(number - 1) * size : number * size], 200, headers)

    def _deployments(self, repo: GitHubRecords, request: Request) -> list[Json]:
        wanted = {k: v for k, v in request.query_params.items() if k in {"environment", "ref", "sha"}}
        newest = sorted(repo.deployments, key=lambda d: d.at, reverse=True)
        return [shape.deployment(repo, d) for d in newest if all(getattr(d, k) == v for k, v in wanted.items())]

    def _statuses(self, repo: GitHubRecords, request: Request) -> list[Json] | None:
        found = next((d for d in repo.deployments if d.id == request.path_params["id"]), None)
        return shape.statuses(repo, found) if found else None

    def _commits(self, repo: GitHubRecords, request: Request) -> list[Json] | None:
        since, until, path = _time(request, "since"), _time(request, "until"), request.query_params.get("path", "")
        start = _found(repo, request.query_params.get("sha", "main"))
        if start is None:
            return None
        reachable = repo.commits[: repo.commits.index(start) + 1]
        return [
            shape.commit(repo, c)
            for c in reversed(reachable)
            if (since is None or c.at >= since)
            and (until is None or c.at <= until)
            and (not path or any(f.filename == path or f.filename.startswith(f"{path}/") for f in c.files))
        ]

    def _commit(self, repo: GitHubRecords, request: Request) -> Json | None:
        found = _found(repo, request.path_params["sha"])
        if found is None:
            return None
        store, told = self.store(repo.repository), shape.commit(repo, found, whole=True)
        kept = store.commits[found.sha]
        told["commit"]["tree"]["sha"] = kept.tree
        for file in told["files"]:
            there = store.files(found.sha if file["status"] != "removed" else kept.parents[0])
            file["sha"] = there[file["filename"]][1]
        return told

    def _commit_pulls(self, repo: GitHubRecords, request: Request) -> list[Json] | None:
        found = _found(repo, request.path_params["sha"])
        return [shape.pull(repo, p) for p in repo.pulls if p.number == found.pull] if found else None

    def _compare(self, repo: GitHubRecords, request: Request) -> Json | None:
        base_name, _, head_name = request.path_params["span"].partition("...")
        base, head = _found(repo, base_name), _found(repo, head_name)
        return shape.comparison(repo, base, head) if base and head else None

    def _pull(self, repo: GitHubRecords, request: Request) -> Json | None:
        found = shape.numbered(repo, request.path_params["number"])
        return shape.pull(repo, found, whole=True) if found else None

    def _reviews(self, repo: GitHubRecords, request: Request) -> list[Json] | None:
        found = shape.numbered(repo, request.path_params["number"])
        return shape.reviews(repo, found) if found else None

    def _comments(self, repo: GitHubRecords, request: Request) -> list[Json] | None:
        found = shape.numbered(repo, request.path_params["number"])
        return shape.review_comments(repo, found) if found else None

    def _files(self, repo: GitHubRecords, request: Request) -> list[Json] | None:
        found = shape.numbered(repo, request.path_params["number"])
        return shape.files(repo, found.merge_sha) if found else None

    def _issues(self, repo: GitHubRecords, request: Request) -> list[Json]:
        state, since = request.query_params.get("state", "open"), _time(request, "since")
        labels = set(filter(None, request.query_params.get("labels", "").split(",")))
        return [
            shape.issue(repo, i)
            for i in sorted(repo.issues, key=lambda i: i.at, reverse=True)
            if state in {"all", "closed" if i.closed_at else "open"}
            and labels <= set(i.labels)
            and (since is None or (i.closed_at or i.at) >= since)
        ]
