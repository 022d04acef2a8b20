"""GitHub's JSON for the records of a repository: the fields that its REST API returns and clients read."""

from datetime import datetime

from demo.saas.records import Commit, Deployment, GitHubRecords, Issue, PullRequest
from demo.saas.server import Json

API = "https://api.github.com"
WEB = "https://github.com"


def _stamp(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ") if at else None


def _user(login: str) -> Json:
    return {
        "login": login, "id": sum(login.encode()) * 1_003, "type": "User", "site_admin": False,
        "url": f"{API}/users/{login}", "html_url": f"{WEB}/{login}",
    }  # fmt: skip


def repository(repo: GitHubRecords) -> Json:
    """The repository itself."""
    owner, _, name = repo.repository.partition("/")
    return {
        "id": 70_011, "name": name, "full_name": repo.repository, "private": True, "default_branch": "main",
        "owner": _user(owner), "html_url": f"{WEB}/{repo.repository}", "url": f"{API}/repos/{repo.repository}",
    }  # fmt: skip


def deployment(repo: GitHubRecords, record: Deployment) -> Json:
    """A deployment."""
    url = f"{API}/repos/{repo.repository}/deployments/{record.id}"
    return {
        "url": url, "id": record.id, "sha": record.sha, "ref": record.ref, "task": "deploy", "payload": {},
        "original_environment": record.environment, "environment": record.environment,
        "description": record.description, "creator": _user(record.login), "created_at": _stamp(record.at),
        "updated_at": _stamp(record.finished_at), "statuses_url": f"{url}/statuses",
        "repository_url": f"{API}/repos/{repo.repository}", "transient_environment": False,
        "production_environment": record.environment == "production",
    }  # fmt: skip


def statuses(repo: GitHubRecords, record: Deployment) -> list[Json]:
    """The statuses of a deployment, newest first."""
    url = f"{API}/repos/{repo.repository}/deployments/{record.id}"
    return [
        {
            "url": f"{url}/statuses/{record.id * 10 + number}", "id": record.id * 10 + number, "state": state,
            "creator": _user(record.login), "description": "", "environment": record.environment, "target_url": "",
            "created_at": _stamp(at), "updated_at": _stamp(at), "deployment_url": url, "environment_url": "",
            "log_url": f"{WEB}/{repo.repository}/actions/runs/{record.id}",
        }
        for number, state, at in ((2, record.state, record.finished_at), (1, "in_progress", record.at))
    ]  # fmt: skip


def _index(repo: GitHubRecords, sha: str) -> int:
    return next(i for i, c in enumerate(repo.commits) if c.sha == sha)


def commit(repo: GitHubRecords, record: Commit, *, whole: bool = False) -> Json:
    """A commit; the whole one has statistics and files with their diffs."""
    url = f"{API}/repos/{repo.repository}/commits/{record.sha}"
    index = _index(repo, record.sha)
    who = {"name": record.author, "email": f"{record.login}@paperplane.example", "date": _stamp(record.at)}
    parents = [
        {
            "sha": p.sha,
            "url": f"{API}/repos/{repo.repository}/commits/{p.sha}",
            "html_url": f"{WEB}/{repo.repository}/commit/{p.sha}",
        }
        for p in repo.commits[max(index - 1, 0) : index]
    ]
    found: Json = {
        "sha": record.sha, "url": url, "html_url": f"{WEB}/{repo.repository}/commit/{record.sha}",
        "comments_url": f"{url}/comments", "author": _user(record.login), "committer": _user(record.login),
        "commit": {"author": who, "committer": who, "message": record.message, "comment_count": 0,
                   "tree": {"sha": record.sha[::-1]}, "verification": {"verified": False, "reason": "unsigned"}},
        "parents": parents,
    }  # fmt: skip
    if whole:
        added, removed = sum(f.additions for f in record.files), sum(f.deletions for f in record.files)
        found |= {
            "stats": {"additions": added, "deletions": removed, "total": added + removed},
            "files": files(repo, record.sha),
        }
    return found


def files(repo: GitHubRecords, sha: str) -> list[Json]:
    """The files of a commit with their diffs."""
    return [
        {
            "sha": sha[::-1], "filename": f.filename, "status": f.status, "additions": f.additions,
            "deletions": f.deletions, "changes": f.additions + f.deletions, "patch": f.patch,
            "blob_url": f"{WEB}/{repo.repository}/blob/{sha}/{f.filename}",
        }
        for f in repo.commits[_index(repo, sha)].files
    ]  # fmt: skip


def comparison(repo: GitHubRecords, base: Commit, head: Commit) -> Json:
    """What lies between two commits."""
    first, last = _index(repo, base.sha), _index(repo, head.sha)
    between = repo.commits[first + 1 : last + 1]
    status = "identical" if first == last else "ahead" if last > first else "behind"
    return {
        "url": f"{API}/repos/{repo.repository}/compare/{base.sha}...{head.sha}",
        "html_url": f"{WEB}/{repo.repository}/compare/{base.sha}...{head.sha}",
        "base_commit": commit(repo, base), "merge_base_commit": commit(repo, base if last >= first else head),
        "status": status, "ahead_by": max(last - first, 0), "behind_by": max(first - last, 0),
        "total_commits": len(between), "commits": [commit(repo, c) for c in between],
        "files": [f for c in between for f in files(repo, c.sha)],
    }  # fmt: skip


def numbered(repo: GitHubRecords, number: int) -> PullRequest | None:
    """The pull request with this number."""
    return next((p for p in repo.pulls if p.number == number), None)


def pull(repo: GitHubRecords, record: PullRequest, *, whole: bool = False) -> Json:
    """A pull request; the whole one has counts."""
    merged = repo.commits[_index(repo, record.merge_sha)]
    found: Json = {
        "url": f"{API}/repos/{repo.repository}/pulls/{record.number}", "id": 5_000_000 + record.number,
        "html_url": f"{WEB}/{repo.repository}/pull/{record.number}", "number": record.number, "state": "closed",
        "locked": False, "title": record.title, "body": record.body or None, "user": _user(record.login),
        "created_at": _stamp(record.created_at), "updated_at": _stamp(record.merged_at),
        "closed_at": _stamp(record.merged_at), "merged_at": _stamp(record.merged_at),
        "merge_commit_sha": record.merge_sha, "draft": False, "labels": [], "assignees": [],
        "head": {"ref": record.branch, "sha": record.merge_sha[::-1]}, "base": {"ref": "main"},
    }  # fmt: skip
    if whole:
        found |= {
            "merged": True, "merged_by": _user(record.login), "commits": 1, "changed_files": len(merged.files),
            "additions": sum(f.additions for f in merged.files),
            "deletions": sum(f.deletions for f in merged.files), "comments": 0,
            "review_comments": len(review_comments(repo, record)),
        }  # fmt: skip
    return found


def reviews(repo: GitHubRecords, record: PullRequest) -> list[Json]:
    """The reviews of a pull request."""
    link = f"{WEB}/{repo.repository}/pull/{record.number}#pullrequestreview-"
    return [
        {
            "id": record.number * 100 + index, "user": _user(r.login), "body": r.body, "state": r.state,
            "html_url": f"{link}{record.number * 100 + index}",
            "submitted_at": _stamp(r.at), "commit_id": record.merge_sha, "author_association": "MEMBER",
        }
        for index, r in enumerate(record.remarks)
        if not r.path
    ]  # fmt: skip


def review_comments(repo: GitHubRecords, record: PullRequest) -> list[Json]:
    """The comments on lines of a pull request."""
    link = f"{WEB}/{repo.repository}/pull/{record.number}#discussion_r"
    return [
        {
            "id": record.number * 1_000 + index, "pull_request_review_id": record.number * 100 + index,
            "user": _user(r.login), "body": r.body, "path": r.path, "line": r.line, "side": "RIGHT",
            "created_at": _stamp(r.at), "updated_at": _stamp(r.at), "commit_id": record.merge_sha,
            "html_url": f"{link}{record.number * 1_000 + index}",
            "diff_hunk": "", "author_association": "MEMBER",
        }
        for index, r in enumerate(record.remarks)
        if r.path
    ]  # fmt: skip


def release(repo: GitHubRecords, tag: str, record: Commit | None) -> Json:
    """A published release."""
    at = _stamp(record.at if record else None)
    return {
        "id": sum(tag.encode()), "tag_name": tag, "name": tag, "draft": False, "prerelease": False, "body": "",
        "target_commitish": "main", "created_at": at, "published_at": at, "assets": [],
        "html_url": f"{WEB}/{repo.repository}/releases/tag/{tag}",
    }  # fmt: skip


def issue(repo: GitHubRecords, record: Issue) -> Json:
    """An issue."""
    return {
        "id": 9_000_000 + record.number, "number": record.number, "title": record.title, "body": record.body,
        "user": _user(record.login), "state": "closed" if record.closed_at else "open", "comments": 0,
        "labels": [{"name": name} for name in record.labels], "created_at": _stamp(record.at),
        "updated_at": _stamp(record.closed_at or record.at), "closed_at": _stamp(record.closed_at),
        "html_url": f"{WEB}/{repo.repository}/issues/{record.number}",
        "url": f"{API}/repos/{repo.repository}/issues/{record.number}",
    }  # fmt: skip
