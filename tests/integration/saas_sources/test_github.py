"""The GitHub source against the stand-in and against answers no stand-in gives."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from autopilot.incident.ports import Failure
from autopilot.settings import GitHub as GitHubSettings
from autopilot.settings import Settings, SettingsError
from autopilot.sources.base import BudgetExceeded, Collected
from autopilot.sources.github import GitHubSource
from autopilot.sources.saas import build_saas_sources
from demo.saas.github import GitHub
from demo.saas.records import ChangedFile, Commit, GitHubRecords, WorkflowRun
from demo.saas.seeds import REPOSITORY, company_records
from tests.integration.saas_sources.situation import T, budget, listed, rows, scope
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor


def settings(url: str, token: str = "gh-token") -> GitHubSettings:
    return GitHubSettings(base_url=url, repositories={"checkout": REPOSITORY}, token=SecretStr(token))


@pytest.fixture(scope="module")
def github() -> Iterator[GitHub]:
    with GitHub(company_records("deploy-throttle", T).github, "gh-token") as server:
        yield server


@pytest.fixture(scope="module")
def collected(github: GitHub) -> Collected:
    into = Collected("github")
    GitHubSource(settings(github.url)).collect(scope(), budget(), into)
    return into


def test_a_deployment_names_version_previous_version_and_state(collected: Collected) -> None:
    deploys = [row for row in rows(collected, "changes") if row["kind"] == "deploy"]
    assert [row["version"] for row in deploys] == ["v2.4.1"]
    assert deploys[0]["service"] == "checkout"
    assert deploys[0]["author"] == "sam-ok"
    assert "before: v2.4.0" in str(deploys[0]["summary"])
    assert "success" in str(deploys[0]["summary"])
    assert "checkout/orders.py" in listed(deploys[0]["files"])


def test_the_commits_between_two_deployments_belong_to_the_later_one(collected: Collected) -> None:
    commits = [row for row in rows(collected, "changes") if row["kind"] == "commit"]
    assert len(commits) == 5
    assert {row["version"] for row in commits} == {"v2.4.1"}
    assert len({row["id"] for row in commits}) == 5


def test_the_diff_shows_the_changed_query_before_the_tests(collected: Collected) -> None:
    change = next(row for row in rows(collected, "changes") if "related orders" in str(row["summary"]))
    assert str(change["diff"]).startswith("--- checkout/orders.py")
    assert "ConsistentRead=True" in str(change["diff"])


def test_what_reviewers_said_is_kept(collected: Collected) -> None:
    change = next(row for row in rows(collected, "changes") if "related orders" in str(row["summary"]))
    assert any("20 times the requests" in said for said in listed(change["review"]))


def test_every_question_is_recorded_as_it_was_asked(collected: Collected, github: GitHub) -> None:
    asked = {f"{seen.path}?{seen.query}" for seen in github.requests}
    recorded = [query.query.removeprefix(f"GET {github.url}") for query in collected.queries]
    deployments = next(query for query in recorded if query.startswith(f"/repos/{REPOSITORY}/deployments?"))
    assert deployments in asked
    assert all(query.window is not None for query in collected.queries)


def test_the_quick_look_gives_the_newest_changes_first(github: GitHub) -> None:
    entries = GitHubSource(settings(github.url)).recent_changes(scope(), 3)
    assert len(entries) == 3
    assert "v2.4.1 deployed" in entries[0].text
    assert [e.at for e in entries] == sorted((e.at for e in entries), reverse=True)


def test_an_unmapped_service_is_no_data_and_nothing_is_asked(github: GitHub) -> None:
    into, before = Collected("github"), len(github.requests)
    GitHubSource(settings(github.url)).collect(scope("payments"), budget(), into)
    assert [gap.kind for gap in into.gaps] == ["no_data"]
    assert len(github.requests) == before


def test_a_refused_token_fails_and_is_never_repeated_in_the_message(github: GitHub) -> None:
    with pytest.raises(Failure, match="401") as caught:
        GitHubSource(settings(github.url, "wrong-secret")).collect(scope(), budget(), Collected("github"))
    assert caught.value.who == "operator"
    assert "wrong-secret" not in str(caught.value)


def test_a_used_up_budget_keeps_what_was_collected(github: GitHub) -> None:
    into = Collected("github")
    with pytest.raises(BudgetExceeded):
        GitHubSource(settings(github.url)).collect(scope(), budget(calls=5), into)
    assert len(rows(into, "changes")) == 1


def nothing(asked: Asked) -> Reply:
    """A repository in which nothing happened."""
    if asked.path.endswith(REPOSITORY):
        return Reply({"default_branch": "main"})
    return Reply({"total_count": 0, "workflow_runs": []} if asked.path.endswith("/runs") else [])


def test_pages_are_followed_to_the_end_and_hostile_text_stays_text() -> None:
    hostile = "x\u202e <!channel> \x00" + "A" * 5_000
    at = "2026-11-21T02:50:00Z"

    def reply(asked: Asked) -> Reply:
        if asked.path.endswith("/deployments"):
            number = int(asked.query.get("page", ["1"])[0])
            body = [
                {
                    "id": number,
                    "sha": f"{number}" * 40,
                    "ref": hostile,
                    "environment": "production",
                    "created_at": at,
                }
            ]
            more = {"Link": f'<{vendor.url}{asked.path}?page={number + 1}>; rel="next"'} if number < 3 else {}
            return Reply(body, headers=more)
        return Reply({"message": "Not Found"}, 404) if "/compare/" in asked.path else nothing(asked)

    with Vendor(reply) as vendor:
        into = Collected("github")
        GitHubSource(settings(vendor.url)).collect(scope(), budget(), into)
    found = rows(into, "changes")
    assert sorted(str(row["id"]) for row in found) == ["github:1", "github:2", "github:3"]
    assert all(len(str(row["summary"])) <= 400 and "\x00" not in str(row["summary"]) for row in found)


def test_no_deployment_is_said_so_and_is_no_failure() -> None:
    with Vendor(nothing) as vendor:
        into = Collected("github")
        GitHubSource(settings(vendor.url)).collect(scope(), budget(), into)
    assert [gap.kind for gap in into.gaps] == ["no_data"]
    assert into.frames == []


def test_a_wrong_repository_name_stops_the_start() -> None:
    wrong = Settings(github=GitHubSettings(repositories={"checkout": "not a repository"}))
    with pytest.raises(SettingsError, match="owner/name"):
        build_saas_sources(wrong)


def test_nulls_where_github_has_nothing_and_links_that_are_none_are_harmless() -> None:
    deployment = {"id": 1, "sha": "a" * 40, "ref": "v1", "created_at": "2026-11-21T02:50:00Z", "creator": None}
    commit = {
        "sha": "b" * 40,
        "html_url": "javascript:alert(1)",
        "author": None,
        "commit": {"message": "x", "author": {"name": None, "date": "2026-11-21T02:40:00Z"},
                   "committer": {"name": "k", "date": "2026-11-21T02:40:00Z"}},
        "files": [{"filename": "big.bin", "patch": None}],
    }  # fmt: skip

    def reply(asked: Asked) -> Reply:
        if asked.path.endswith("/deployments"):
            return Reply([{**deployment, "description": None}])
        if asked.path.endswith("/commits"):
            return Reply([commit])
        return Reply(commit) if asked.path.endswith("b" * 40) else nothing(asked)

    with Vendor(reply) as vendor:
        into = Collected("github")
        GitHubSource(settings(vendor.url)).collect(scope(), budget(), into)
    assert [(row["kind"], row["link"]) for row in rows(into, "changes")] == [("deploy", ""), ("commit", "")]


def test_what_drafts_take_their_arguments_from_is_in_the_inventory() -> None:
    at = datetime(2026, 11, 21, 2, 50, tzinfo=UTC)
    patch = "@@ -1,3 +1,3 @@\n pool:\n-  max_connections: 40\n+  max_connections: 4\n   name: x\n"
    records = GitHubRecords(
        REPOSITORY,
        (Commit("a" * 40, "Smaller pool", "Kim", "kim", at, (ChangedFile("config/db.yaml", patch),)),),
        runs=(WorkflowRun(77, "deploy", "a" * 40, at),),
    )
    with GitHub((records,), "gh-token") as server:
        into = Collected("github")
        GitHubSource(settings(server.url)).collect(scope(), budget(), into)
    repository, run = (json.loads(str(row["settings"])) for row in rows(into, "inventory"))
    assert repository == {
        "base": "main", "commit_1": "a" * 40, "setting_1_file": "config/db.yaml",
        "setting_1_key": "max_connections", "setting_1_former": "40", "setting_1_value": "4",
        "setting_1_commit": "a" * 40,
    }  # fmt: skip
    assert run == {"run": "77", "attempt": 1, "conclusion": "failure"}


def test_without_the_right_to_see_workflow_runs_everything_else_is_told() -> None:
    def reply(asked: Asked) -> Reply:
        return Reply({"message": "no"}, 403) if asked.path.endswith("/runs") else nothing(asked)

    with Vendor(reply) as vendor:
        into = Collected("github")
        GitHubSource(settings(vendor.url)).collect(scope(), budget(), into)
    assert [(gap.kind, "actions:read" in gap.remedy) for gap in into.gaps] == [("no_data", False), ("denied", True)]
