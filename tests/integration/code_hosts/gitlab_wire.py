"""GitLab's REST API v4 over a repository as git keeps it, as far as drafts and retries use it.

Shapes and status codes by:

- https://docs.gitlab.com/api/commits/ (one commit, its diff, "create a commit with multiple files and actions")
- https://docs.gitlab.com/api/repositories/#compare-branches-tags-or-commits
- https://docs.gitlab.com/api/branches/ and https://docs.gitlab.com/api/repository_files/
- https://docs.gitlab.com/api/merge_requests/ and https://docs.gitlab.com/api/pipelines/#retry-jobs-in-a-pipeline
"""

import base64
import difflib
import json
from urllib.parse import unquote

from demo.saas.git_store import FILE_MODE, GitStore
from demo.saas.server import Json, as_objects
from tests.integration.saas_sources.vendor import Asked, Reply


def hunks(store: GitStore, old: str, new: str, path: str) -> str:
    """The unified diff of one file without headers."""
    before, after = (_lines(store, ref, path) for ref in (old, new))
    return "".join(list(difflib.unified_diff(before, after, "a", "b"))[2:])


def _lines(store: GitStore, ref: str, path: str) -> list[str]:
    return store.text(ref, path).splitlines(keepends=True) if path in store.files(ref) else []


def differing(store: GitStore, old: str, new: str) -> list[str]:
    """The paths of files that differ."""
    one, other = store.files(old), store.files(new)
    return sorted(path for path in one.keys() | other.keys() if one.get(path) != other.get(path))


class GitLabWire:
    """One project; `answer` goes to a Vendor."""

    def __init__(self, store: GitStore, token: str) -> None:
        self.store, self._token = store, token
        self.requests: dict[int, Json] = {}
        self.pipelines: dict[str, Json] = {
            "77": {"id": 77, "status": "failed", "ref": "main", "sha": store.refs["heads/main"],
                   "updated_at": "2026-11-21T02:55:00.000Z", "web_url": "https://gitlab.example/p/-/pipelines/77"},
        }  # fmt: skip

    def start_over(self, store: GitStore) -> None:
        """Forget everything that was written."""
        self.__init__(store, self._token)

    def answer(self, asked: Asked) -> Reply:
        """One request."""
        if asked.headers.get("private-token") != self._token:
            return Reply({"message": "401 Unauthorized"}, 401)
        path = asked.path.partition("/api/v4/projects/group%2Fcheckout")[2].removeprefix("/")
        given: Json = json.loads(asked.body or b"{}")
        query = {name: values[0] for name, values in asked.query.items()}
        try:
            return Reply(*self._routed(asked.method, [unquote(p) for p in path.split("/")], query, given))
        except KeyError:
            return Reply({"message": "404 Not Found"}, 404)
        except ValueError as error:
            return Reply({"message": str(error)}, 400)

    def _routed(self, method: str, parts: list[str], query: dict[str, str], given: Json) -> tuple[object, int]:
        found: tuple[object, int]
        match (method, *parts):
            case ("GET", "repository", "commits", sha):
                found = self._commit(sha), 200
            case ("GET", "repository", "commits", sha, "diff"):
                found = self._diffs(self.store.commits[sha].parents[0], sha), 200
            case ("POST", "repository", "commits"):
                found = self._committed(given), 201
            case ("GET", "repository", "compare"):
                found = {"diffs": self._diffs(query["from"], query["to"]), "compare_timeout": False}, 200
            case ("GET", "repository", "branches", name):
                found = {"name": name, "commit": self._commit(self.store.refs[f"heads/{name}"])}, 200
            case ("DELETE", "repository", "branches", name):
                found = self.store.refs.pop(f"heads/{name}"), 204
            case ("GET", "repository", "files", path):
                blob = self.store.blobs[self.store.files(query["ref"])[path][1]]
                found = {"encoding": "base64", "content": base64.b64encode(blob).decode()}, 200
            case _:
                found = self._other(method, parts, query, given)
        return found

    def _other(self, method: str, parts: list[str], query: dict[str, str], given: Json) -> tuple[object, int]:  # noqa: PLR0911 - one line per path
        match (method, *parts):
            case ("GET", "repository", "commits"):
                return [self._commit(self.store.refs[f"heads/{query['ref_name']}"])], 200
            case ("GET", "pipelines"):
                return [p for p in self.pipelines.values() if p["status"] == query["status"]], 200
            case ("GET", ""):
                return {"id": 1, "path_with_namespace": "group/checkout", "default_branch": "main"}, 200
            case ("GET", "merge_requests"):
                newest = reversed(self.requests.values())
                return [r for r in newest if r["source_branch"] == query["source_branch"]], 200
            case ("POST", "merge_requests"):
                return self._requested(given), 201
            case ("PUT", "merge_requests", number):
                self.requests[int(number)] |= {"state": "closed"} if given["state_event"] == "close" else {}
                return self.requests[int(number)], 200
            case ("GET", "pipelines", run):
                return self.pipelines[run], 200
            case ("POST", "pipelines", run, "retry"):
                self.pipelines[run] |= {"status": "running", "updated_at": "2026-11-21T03:05:00.000Z"}
                return self.pipelines[run], 201
            case _:
                raise KeyError(parts)

    def _commit(self, sha: str) -> Json:
        commit = self.store.commits[sha]
        return {
            "id": sha, "short_id": sha[:8], "title": commit.message.partition("\n")[0], "message": commit.message,
            "author_name": "Noor", "committed_date": "2026-11-21T02:50:00.000+00:00",
            "parent_ids": list(commit.parents), "web_url": f"https://gitlab.example/group/checkout/-/commit/{sha}",
        }  # fmt: skip

    def _diffs(self, old: str, new: str) -> list[Json]:
        return [
            {
                "old_path": path, "new_path": path, "a_mode": FILE_MODE, "b_mode": FILE_MODE,
                "diff": hunks(self.store, old, new, path), "new_file": path not in self.store.files(old),
                "renamed_file": False, "deleted_file": path not in self.store.files(new),
            }
            for path in differing(self.store, old, new)
        ]  # fmt: skip

    def _committed(self, given: Json) -> Json:
        branch = f"heads/{given['branch']}"
        if branch in self.store.refs:
            raise ValueError(f"A branch called '{given['branch']}' already exists.")
        files = dict(self.store.files(given["start_sha"]))
        for action in as_objects(given["actions"]):
            path, kind = action["file_path"], action["action"]
            if (kind == "create") == (path in files):
                raise ValueError("A file with this name doesn't exist")
            if kind == "delete":
                del files[path]
                continue
            coded = action.get("encoding") == "base64"
            content = base64.b64decode(action["content"]) if coded else action["content"].encode()
            files[path] = (FILE_MODE, self.store.blob(content))
        sha = self.store.commit(self.store.tree(files), (given["start_sha"],), given["commit_message"])
        self.store.refs[branch] = sha
        return self._commit(sha)

    def _requested(self, given: Json) -> Json:
        open_ones = [r for r in self.requests.values() if r["state"] == "opened"]
        if any(r["source_branch"] == given["source_branch"] for r in open_ones):
            raise ValueError("Another open merge request already exists for this source branch")
        number = len(self.requests) + 1
        url = f"https://gitlab.example/group/checkout/-/merge_requests/{number}"
        title = given["title"]
        made = given | {"iid": number, "web_url": url, "state": "opened", "draft": title.startswith("Draft: ")}
        self.requests[number] = made
        return made
