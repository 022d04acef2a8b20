"""What GitLab and Bitbucket are read for: commits as changes, and the inventory of drafts and reruns."""

import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Bitbucket, GitLab, Settings
from autopilot.sources.base import Collected
from autopilot.sources.saas import build_saas_sources
from demo.saas.git_store import GitStore
from tests.integration.code_hosts.bitbucket_wire import RUN, BitbucketWire
from tests.integration.code_hosts.conftest import CULPRIT, items, records
from tests.integration.code_hosts.gitlab_wire import GitLabWire
from tests.integration.code_hosts.orders import context
from tests.integration.saas_sources.situation import budget, rows, scope
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor

REPOSITORY = {"checkout": "group/checkout"}
SECRET = SecretStr("both")


def settings_of(host: str, url: str) -> Settings:
    if host == "gitlab":
        return Settings(gitlab=GitLab(base_url=url, projects=REPOSITORY, token=SECRET, write_token=SECRET))
    return Settings(bitbucket=Bitbucket(base_url=url, repositories=REPOSITORY, token=SECRET, write_token=SECRET))


@pytest.fixture(params=["gitlab", "bitbucket"])
def settings(request: pytest.FixtureRequest) -> Iterator[Settings]:
    store = GitStore(records())
    wire = GitLabWire(store, "both") if request.param == "gitlab" else BitbucketWire(store, "both")
    with Vendor(wire.answer) as vendor:
        yield settings_of(request.param, vendor.url)


def collected(settings: Settings) -> Collected:
    (source,) = build_saas_sources(settings)
    into = Collected(source.name)
    source.collect(scope(), budget(), into)
    return into


def test_commits_are_changes_with_their_diffs(settings: Settings) -> None:
    into = collected(settings)
    (change,) = rows(into, "changes")
    assert (change["id"], change["author"]) == (f"{into.source}:{CULPRIT}", "Noor")
    assert set(json.loads(str(change["files"]))) == {"config/db.yaml", "src/orders.py", "src/loop.py"}
    assert "+    db.get(i)" in str(change["diff"])


def test_every_offered_step_has_arguments_that_were_observed(settings: Settings) -> None:
    into = collected(settings)
    inventory = items(into)
    seen = context(*inventory, commit=f"{into.source}:{CULPRIT}")
    offers = {c.step.tool: c for c in build_catalogue(settings).candidates(seen)}
    noun, again = ("merge", "retry") if into.source == "gitlab" else ("pull", "rerun")
    verbs = (f"revert_{noun}_request", f"hotfix_{noun}_request", f"{again}_pipeline")
    assert set(offers) == {f"{into.source}.{verb}" for verb in verbs}
    for candidate in offers.values():
        assert provenance_problem(candidate, inventory, seen.dossier) == ""
    assert offers[f"{into.source}.{again}_pipeline"].step.arguments == {
        "run": "77" if into.source == "gitlab" else RUN
    }


@pytest.mark.parametrize("host", ["gitlab", "bitbucket"])
def test_without_the_right_to_see_pipelines_everything_else_is_told(host: str) -> None:
    store = GitStore(records())
    wire = GitLabWire(store, "both") if host == "gitlab" else BitbucketWire(store, "both")

    def denied(asked: Asked) -> Reply:
        return Reply({"message": "403 Forbidden"}, 403) if asked.path.endswith("/pipelines") else wire.answer(asked)

    with Vendor(denied) as vendor:
        into = collected(settings_of(host, vendor.url))
    assert [gap.kind for gap in into.gaps] == ["denied"]
    assert [row["kind"] for row in rows(into, "inventory")] == ["git_repository"]
