"""Bitbucket Cloud's REST API 2.0 over a repository as git keeps it, as far as drafts and reruns use it.

Shapes and status codes by:

- https://developer.atlassian.com/cloud/bitbucket/rest/api-group-commits/ (commit, diffstat, diff)
- https://developer.atlassian.com/cloud/bitbucket/rest/api-group-source/ (a commit by uploading files)
- https://developer.atlassian.com/cloud/bitbucket/rest/api-group-refs/ (branches)
- https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pullrequests/ (draft, decline)
- https://developer.atlassian.com/cloud/bitbucket/rest/api-group-pipelines/
"""

import json
from urllib.parse import parse_qsl, unquote

from demo.saas.git_store import FILE_MODE, GitStore
from demo.saas.server import Json
from tests.integration.code_hosts.gitlab_wire import differing, hunks
from tests.integration.saas_sources.vendor import Asked, Reply

RUN = "{11111111-2222-3333-4444-555555555555}"
META = ("message", "branch", "parents", "files", "author")


class BitbucketWire:
    """One repository; `answer` goes to a Vendor."""

    def __init__(self, store: GitStore, token: str) -> None:
        self.store, self._token = store, token
        self.requests: dict[int, Json] = {}
        self.pipelines: list[Json] = [self._pipeline(RUN, 12, "COMPLETED", "FAILED")]

    def start_over(self, store: GitStore) -> None:
        """Forget everything that was written."""
        self.__init__(store, self._token)

    def answer(self, asked: Asked) -> Reply:
        """One request."""
        if asked.headers.get("authorization") != f"Bearer {self._token}":
            return Reply({"type": "error", "error": {"message": "Token is invalid"}}, 401)
        parts = [unquote(p) for p in asked.path.partition("/repositories/group/checkout")[2][1:].split("/")]
        try:
            body, status = self._routed(asked, parts)
        except KeyError:
            return Reply({"type": "error", "error": {"message": "Resource not found"}}, 404)
        except ValueError as error:
            return Reply({"type": "error", "error": {"message": str(error)}}, 400)
        return Reply(body, status)

    def _routed(self, asked: Asked, parts: list[str]) -> tuple[object, int]:
        found: tuple[object, int]
        match (asked.method, *parts):
            case ("GET", "commit", sha):
                found = self._commit(sha), 200
            case ("GET", "diffstat", spec):
                found = {"values": self._stats(*self._ends(spec))}, 200
            case ("GET", "diff", spec):
                found = self._diff(*self._ends(spec)).encode(), 200
            case ("GET", "refs", "branches", *name):
                branch = "/".join(name)
                found = {"name": branch, "target": self._commit(self.store.refs[f"heads/{branch}"])}, 200
            case ("DELETE", "refs", "branches", *name):
                found = self.store.refs.pop(f"heads/{'/'.join(name)}"), 204
            case ("GET", "src", sha, *path):
                found = self.store.blobs[self.store.files(sha)["/".join(path)][1]], 200
            case ("POST", "src"):
                found = self._committed(parse_qsl(asked.body.decode(), keep_blank_values=True)), 201
            case _:
                found = self._other(asked, parts)
        return found

    def _other(self, asked: Asked, parts: list[str]) -> tuple[object, int]:  # noqa: PLR0911 - one line per path
        given: Json = json.loads(asked.body or b"{}")
        match (asked.method, *parts):
            case ("GET", "pullrequests"):
                return {"values": self._listed(asked.query["q"][0])}, 200
            case ("POST", "pullrequests"):
                return self._requested(given), 201
            case ("POST", "pullrequests", number, "decline"):
                self.requests[int(number)]["state"] = "DECLINED"
                return self.requests[int(number)], 200
            case ("GET", ""):
                return {"full_name": "group/checkout", "mainbranch": {"type": "branch", "name": "main"}}, 200
            case ("GET", "commits", branch):
                return {"values": [self._commit(self.store.refs[f"heads/{branch}"])]}, 200
            case ("GET", "pipelines"):
                return {"values": self.pipelines[::-1]}, 200
            case ("GET", "pipelines", run):
                return {p["uuid"]: p for p in self.pipelines}[run], 200
            case ("POST", "pipelines"):
                made = self._pipeline("{other}", 13, "PENDING", "") | {"target": given["target"]}
                self.pipelines.append(made)
                return made, 201
            case _:
                raise KeyError(parts)

    def _ends(self, spec: str) -> tuple[str, str]:
        """Of one commit: from its parent to it; of `a..b`: from b to a."""
        new, _, old = spec.partition("..")
        return old or self.store.commits[new].parents[0], new

    def _pipeline(self, uuid: str, number: int, state: str, result: str) -> Json:
        target: Json = {
            "type": "pipeline_ref_target", "ref_type": "branch", "ref_name": "main",
            "commit": {"type": "commit", "hash": self.store.refs["heads/main"]}, "selector": {"type": "branches"},
        }  # fmt: skip
        ended = {"result": {"name": result}} if result else {}
        return {
            "uuid": uuid,
            "build_number": number,
            "state": {"name": state, **ended},
            "target": target,
            "created_on": "2026-11-21T02:55:00.000000+00:00",
        }

    def _commit(self, sha: str) -> Json:
        link = {"html": {"href": f"https://bitbucket.org/group/checkout/commits/{sha}"}}
        commit = self.store.commits[sha]
        parents = [{"type": "commit", "hash": parent} for parent in commit.parents]
        return {
            "hash": sha,
            "message": commit.message,
            "links": link,
            "parents": parents,
            "date": "2026-11-21T02:50:00+00:00",
            "author": {"raw": "Noor <noor@paperplane.example>"},
        }

    def _stats(self, old: str, new: str) -> list[Json]:
        before, after = self.store.files(old), self.store.files(new)
        return [
            {
                "status": "added" if path not in before else "removed" if path not in after else "modified",
                "old": {"path": path} if path in before else None,
                "new": {"path": path} if path in after else None,
            }
            for path in differing(self.store, old, new)
        ]

    def _diff(self, old: str, new: str) -> str:
        before, after = self.store.files(old), self.store.files(new)
        parts = [
            f"diff --git a/{path} b/{path}\nindex 1..2 {FILE_MODE}\n"
            f"--- {f'a/{path}' if path in before else '/dev/null'}\n"
            f"+++ {f'b/{path}' if path in after else '/dev/null'}\n{hunks(self.store, old, new, path)}"
            for path in differing(self.store, old, new)
        ]
        return "".join(parts)

    def _committed(self, fields: list[tuple[str, str]]) -> Json:
        meta = {name: value for name, value in fields if name in META}
        branch = f"heads/{meta['branch']}"
        if branch in self.store.refs:
            raise ValueError("parents must be the branch's head")
        files = dict(self.store.files(meta["parents"]))
        for name, value in fields:
            if name == "files":
                del files[value.removeprefix("/")]
            elif name not in META:
                files[name.removeprefix("/")] = (FILE_MODE, self.store.blob(value.encode()))
        self.store.refs[branch] = self.store.commit(self.store.tree(files), (meta["parents"],), meta["message"])
        return {}

    def _listed(self, query: str) -> list[Json]:
        """By branch; drafts and what is not open only where the query names them (issue BCLOUD-23659)."""
        branch = query.partition('source.branch.name = "')[2].partition('"')[0]
        return [
            request
            for request in reversed(self.requests.values())
            if request["source"]["branch"]["name"] == branch
            and f'state = "{request["state"]}"' in query
            and (not request["draft"] or "draft = true" in query)
        ]

    def _requested(self, given: Json) -> Json:
        number = len(self.requests) + 1
        link = {"html": {"href": f"https://bitbucket.org/group/checkout/pull-requests/{number}"}}
        self.requests[number] = given | {"id": number, "state": "OPEN", "links": link}
        return self.requests[number]
