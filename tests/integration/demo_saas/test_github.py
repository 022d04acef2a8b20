"""The simulated GitHub over HTTP, as a client of the REST API meets it."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from demo.saas.github import GitHub
from demo.saas.seed_repository import REPOSITORY
from demo.saas.seeds import company_records

NOW = datetime(2026, 3, 2, 3, 15, tzinfo=UTC)


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    with GitHub(company_records("deploy-throttle", NOW).github, token="ghp_demo") as running:
        yield running


@pytest.fixture
def client(github: GitHub) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=f"{github.url}/repos/{REPOSITORY}", headers={"Authorization": "Bearer ghp_demo"}
    ) as made:
        yield made


def read(client: httpx.Client, where: str, /, **query: str | int) -> Any:
    answer = client.get(where, params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_newest_deployment_is_the_release_of_a_quarter_of_an_hour_ago(client: httpx.Client) -> None:
    newest, before = read(client, "/deployments", environment="production")
    assert (newest["ref"], before["ref"]) == ("v2.4.1", "v2.4.0")
    assert newest["updated_at"] == "2026-03-02T03:00:00Z"
    statuses = read(client, f"/deployments/{newest['id']}/statuses")
    assert [s["state"] for s in statuses] == ["success", "in_progress"]
    assert read(client, "/deployments", environment="staging") == []


def test_the_release_leads_to_the_diff_and_the_worried_review(client: httpx.Client) -> None:
    compared = read(client, "/compare/v2.4.0...v2.4.1")
    assert (compared["status"], compared["ahead_by"]) == ("ahead", 5)
    culprit = next(c for c in compared["commits"] if "Recommend" in c["commit"]["message"])
    whole = read(client, f"/commits/{culprit['sha']}")
    assert "-    orders = table.query(" in whole["files"][0]["patch"]
    assert "ConsistentRead=True" in whole["files"][0]["patch"]
    number = read(client, f"/commits/{culprit['sha']}/pulls")[0]["number"]
    assert read(client, f"/pulls/{number}")["merged"] is True
    remarks = " ".join(c["body"] for c in read(client, f"/pulls/{number}/comments"))
    assert "read capacity" in remarks
    assert [r["state"] for r in read(client, f"/pulls/{number}/reviews")] == ["APPROVED"]


def test_commits_are_filtered_by_time_and_path(client: httpx.Client) -> None:
    since = (NOW - timedelta(hours=8)).isoformat()
    messages = [c["commit"]["message"] for c in read(client, "/commits", since=since)]
    assert len(messages) == 3
    assert "Release v2.4.1" in messages[0]
    until = (NOW - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert len(read(client, "/commits", since=since, until=until)) == 2
    assert len(read(client, "/commits", path="checkout")) == 1


def test_pages_are_linked_and_the_rate_is_told(client: httpx.Client) -> None:
    first = client.get("/commits", params={"per_page": 3})
    assert first.links["last"]["url"].endswith("page=3")
    pages = [first.json()]
    while "next" in first.links:
        first = client.get(first.links["next"]["url"])
        pages.append(first.json())
    assert [len(p) for p in pages] == [3, 3, 1]
    assert 0 < int(first.headers["X-RateLimit-Remaining"]) < 5_000


@pytest.mark.parametrize(
    ("path", "token", "status", "message"),
    [
        ("/commits", "", 401, "Requires authentication"),
        ("/commits", "wrong", 401, "Bad credentials"),
        ("/commits/feedfacefeed", "ghp_demo", 404, "Not Found"),
        ("/nothing", "ghp_demo", 404, "Not Found"),
        ("/commits?since=yesterday", "ghp_demo", 422, "Invalid request."),
    ],
)
def test_refusals_look_like_githubs(github: GitHub, path: str, token: str, status: int, message: str) -> None:
    headers = {"Authorization": f"token {token}"} if token else {}
    answer = httpx.get(f"{github.url}/repos/{REPOSITORY}{path}", headers=headers)
    assert (answer.status_code, answer.json()["message"]) == (status, message)


def test_exhausted_rate_is_refused(github: GitHub, client: httpx.Client) -> None:
    before, github.used = github.used, 5_000
    answer = client.get("/releases")
    github.used = before
    assert answer.status_code == 403
    assert answer.headers["X-RateLimit-Remaining"] == "0"


def test_releases_and_issues(client: httpx.Client) -> None:
    assert [r["tag_name"] for r in read(client, "/releases")] == ["v2.4.1", "v2.4.0"]
    assert [i["number"] for i in read(client, "/issues")] == [421]
    assert [i["number"] for i in read(client, "/issues", state="all")] == [421, 398]
