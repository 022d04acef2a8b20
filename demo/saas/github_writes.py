"""GitHub's git data API, drafts, comments, labels and workflow runs: what a writer of pull requests asks for."""

import base64
import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from demo.saas.git_store import GitStore, Tree
from demo.saas.github_json import issue
from demo.saas.records import GitHubRecords, WorkflowRun
from demo.saas.server import Json, as_objects, parameters

Refuse = Callable[[int, str], Response]
Guard = Callable[[Request], Response | None]
Body = Json | list[Json] | None


class GitHubWrites:
    """What is written to the repositories, in the wire format of GitHub's REST API."""

    def __init__(self, records: dict[str, GitHubRecords], guard: Guard, refuse: Refuse) -> None:
        """`guard` answers requests that may not read or write; `refuse` makes GitHub's error bodies."""
        self._guard, self._refuse, self._records = guard, refuse, records
        self.start_over()

    def start_over(self) -> None:
        """Forget everything that was written."""
        records = self._records
        self.stores = {name: GitStore(record) for name, record in records.items()}
        self.drafts: dict[str, dict[int, Json]] = {name: {} for name in records}
        self.comments: dict[str, dict[int, Json]] = {name: {} for name in records}
        self.runs: dict[str, dict[int, Json]] = {
            name: {run.id: _run(name, run) for run in record.runs} for name, record in records.items()
        }
        self._numbers = itertools.count(
            1 + max((p.number for r in records.values() for p in (*r.pulls, *r.issues)), default=0)
        )
        self._ids = itertools.count(7_000_000)

    def routes(self) -> list[BaseRoute]:
        """The paths below /repos/{owner}/{repo}."""
        paths: list[tuple[str, str, Callable[[str, Request, Json], tuple[int, Body]]]] = [
            ("GET", "/git/ref/{ref:path}", self._ref),
            ("POST", "/git/refs", self._new_ref),
            ("DELETE", "/git/refs/{ref:path}", self._delete_ref),
            ("GET", "/git/commits/{sha}", self._git_commit),
            ("POST", "/git/commits", self._new_commit),
            ("GET", "/git/trees/{sha}", self._tree),
            ("POST", "/git/trees", self._new_tree),
            ("POST", "/git/blobs", self._new_blob),
            ("GET", "/contents/{path:path}", self._content),
            ("GET", "/pulls", self._drafts),
            ("POST", "/pulls", self._new_draft),
            ("PATCH", "/pulls/{number:int}", self._change_draft),
            ("GET", "/issues/{number:int}", self._issue),
            ("POST", "/issues/{number:int}/labels", self._label),
            ("GET", "/issues/{number:int}/comments", self._comments),
            ("POST", "/issues/{number:int}/comments", self._new_comment),
            ("DELETE", "/issues/comments/{id:int}", self._delete_comment),
            ("GET", "/actions/runs", self._runs),
            ("GET", "/actions/runs/{id:int}", self._one_run),
            ("POST", "/actions/runs/{id:int}/rerun-failed-jobs", self._rerun),
        ]
        return [
            Route(f"/repos/{{owner}}/{{repo}}{path}", self._endpoint(act), methods=[method])
            for method, path, act in paths
        ]

    def _endpoint(
        self, act: Callable[[str, Request, Json], tuple[int, Body]]
    ) -> Callable[[Request], Awaitable[Response]]:
        async def respond(request: Request) -> Response:
            refusal = self._guard(request)
            name = f"{request.path_params['owner']}/{request.path_params['repo']}"
            if refusal is not None:
                return refusal
            try:
                status, body = act(name, request, await parameters(request))
            except KeyError:
                return self._refuse(404, "Not Found")
            except ValueError as error:
                return self._refuse(422, str(error))
            return Response(status_code=204) if status == 204 else JSONResponse(body, status)

        return respond

    def _named(self, name: str, ref: str) -> Json:
        sha = self.stores[name].refs[ref]
        return {"ref": f"refs/{ref}", "object": {"type": "commit", "sha": sha, "url": f"/git/commits/{sha}"}}

    def _ref(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        return 200, self._named(name, request.path_params["ref"])

    def _new_ref(self, name: str, _: Request, given: Json) -> tuple[int, Body]:
        store, ref = self.stores[name], str(given.get("ref", "")).removeprefix("refs/")
        if given.get("sha") not in store.commits:
            raise ValueError("Object does not exist")
        if ref in store.refs:
            raise ValueError("Reference already exists")
        store.refs[ref] = str(given["sha"])
        return 201, self._named(name, ref)

    def _delete_ref(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        if self.stores[name].refs.pop(request.path_params["ref"], None) is None:
            raise ValueError("Reference does not exist")
        return 204, None

    def _git_commit(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        sha = request.path_params["sha"]
        commit = self.stores[name].commits[sha]
        return 200, {
            "sha": sha, "message": commit.message, "tree": {"sha": commit.tree},
            "parents": [{"sha": parent} for parent in commit.parents],
        }  # fmt: skip

    def _new_commit(self, name: str, request: Request, given: Json) -> tuple[int, Body]:
        store, parents = self.stores[name], tuple(str(p) for p in given.get("parents", []))
        if given.get("tree") not in store.trees or not set(parents) <= store.commits.keys():
            raise ValueError("Tree SHA does not exist")
        sha = store.commit(str(given["tree"]), parents, str(given.get("message", "")))
        request.path_params["sha"] = sha
        return 201, self._git_commit(name, request, {})[1]

    def _tree(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        sha = request.path_params["sha"]
        return 200, self._shown_tree(name, sha, self.stores[name].files(sha))

    def _shown_tree(self, name: str, sha: str, files: Tree) -> Json:
        size = self.stores[name].blobs
        entries = [
            {"path": p, "mode": mode, "type": "blob", "sha": blob, "size": len(size[blob])}
            for p, (mode, blob) in sorted(files.items())
        ]
        return {"sha": sha, "tree": entries, "truncated": False}

    def _new_tree(self, name: str, _: Request, given: Json) -> tuple[int, Body]:
        store = self.stores[name]
        files = dict(store.trees[str(given["base_tree"])]) if given.get("base_tree") else {}
        for entry in as_objects(given.get("tree")):
            if entry.get("sha") is None and "content" not in entry:
                if files.pop(str(entry["path"]), None) is None:
                    raise ValueError("GitRPC::BadObjectState")
            elif entry.get("sha") not in store.blobs:
                raise ValueError("tree.sha does not exist")
            else:
                files[str(entry["path"])] = (str(entry["mode"]), str(entry["sha"]))
        sha = store.tree(files)
        return 201, self._shown_tree(name, sha, files)

    def _new_blob(self, name: str, _: Request, given: Json) -> tuple[int, Body]:
        content = str(given.get("content", ""))
        coded = given.get("encoding") == "base64"
        return 201, {"sha": self.stores[name].blob(base64.b64decode(content) if coded else content.encode())}

    def _content(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        store, path = self.stores[name], request.path_params["path"]
        ref = request.query_params.get("ref", "heads/main")
        blob = store.files(ref if ref in store.commits else f"heads/{ref.removeprefix('heads/')}")[path][1]
        content = base64.encodebytes(store.blobs[blob]).decode()
        return 200, {
            "type": "file", "encoding": "base64", "size": len(store.blobs[blob]), "path": path, "sha": blob,
            "name": path.rpartition("/")[2], "content": content,
        }  # fmt: skip

    def _drafts(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        wanted, state = request.query_params.get("head", ""), request.query_params.get("state", "open")
        found = [
            draft for draft in reversed(self.drafts[name].values())
            if state in ("all", draft["state"]) and wanted in ("", draft["head"]["label"])
        ]  # fmt: skip
        return 200, found[: int(request.query_params.get("per_page", "30"))]

    def _new_draft(self, name: str, _: Request, given: Json) -> tuple[int, Body]:
        owner, head = name.partition("/")[0], str(given.get("head", ""))
        label = f"{owner}:{head}"
        store = self.stores[name]
        if any(f"heads/{branch}" not in store.refs for branch in (head, str(given.get("base", "")))):
            raise ValueError("Validation Failed")
        if any(d["head"]["label"] == label and d["state"] == "open" for d in self.drafts[name].values()):
            raise ValueError(f"A pull request already exists for {label}.")
        number = next(self._numbers)
        self.drafts[name][number] = {
            "number": number, "html_url": f"https://github.com/{name}/pull/{number}", "state": "open",
            "title": given["title"], "body": given.get("body"), "draft": bool(given.get("draft")),
            "head": {"ref": head, "label": label, "sha": store.refs[f"heads/{head}"]},
            "base": {"ref": given["base"]}, "merged_at": None, "labels": list[Json](),
        }  # fmt: skip
        return 201, self.drafts[name][number]

    def _change_draft(self, name: str, request: Request, given: Json) -> tuple[int, Body]:
        draft = self.drafts[name][request.path_params["number"]]
        draft |= {key: value for key, value in given.items() if key in ("state", "title", "body")}
        return 200, draft

    def _issue(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        record = self._records[name]
        found = next((i for i in record.issues if i.number == request.path_params["number"]), None)
        if found is None:
            raise KeyError(name)
        return 200, issue(record, found)

    def _label(self, name: str, request: Request, given: Json) -> tuple[int, Body]:
        labels: list[Json] = self.drafts[name][request.path_params["number"]]["labels"]
        known = {label["name"] for label in labels}
        labels += [{"name": label} for label in given.get("labels", []) if label not in known]
        return 200, labels

    def _comments(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        number = request.path_params["number"]
        return 200, [c for c in self.comments[name].values() if c["issue_url"].endswith(f"/{number}")]

    def _new_comment(self, name: str, request: Request, given: Json) -> tuple[int, Body]:
        number, made = request.path_params["number"], next(self._ids)
        comment: dict[str, Any] = {
            "id": made, "body": str(given["body"]), "user": {"login": "autopilot[bot]"},
            "html_url": f"https://github.com/{name}/issues/{number}#issuecomment-{made}",
            "issue_url": f"https://api.github.com/repos/{name}/issues/{number}",
        }  # fmt: skip
        self.comments[name][made] = comment
        return 201, comment

    def _delete_comment(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        del self.comments[name][request.path_params["id"]]
        return 204, None

    def _runs(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        status, branch = request.query_params.get("status", ""), request.query_params.get("branch", "")
        found = [
            run for run in reversed(self.runs[name].values())
            if status in ("", run["status"], run["conclusion"]) and branch in ("", run["head_branch"])
        ]  # fmt: skip
        return 200, {"total_count": len(found), "workflow_runs": found}

    def _one_run(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        return 200, self.runs[name][request.path_params["id"]]

    def _rerun(self, name: str, request: Request, _: Json) -> tuple[int, Body]:
        run = self.runs[name][request.path_params["id"]]
        if run["status"] != "completed":
            raise ValueError("The workflow run cannot be retried while it is running")
        run |= {"run_attempt": run["run_attempt"] + 1, "status": "queued", "conclusion": None}
        return 201, {}


def _run(name: str, run: WorkflowRun) -> Json:
    stamp = run.at.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": run.id, "name": run.name, "head_branch": run.branch, "head_sha": run.sha, "event": "push",
        "status": "completed", "conclusion": run.conclusion, "run_attempt": 1, "run_number": run.id % 1_000,
        "created_at": stamp, "updated_at": stamp, "run_started_at": stamp,
        "html_url": f"https://github.com/{name}/actions/runs/{run.id}",
    }  # fmt: skip
