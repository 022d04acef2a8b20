"""GitLab and Bitbucket on the vendors' wire format: drafts and reruns, once each, whatever breaks."""

import subprocess
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from pydantic import SecretStr

from autopilot.incident.base import Scalar
from autopilot.incident.plan import Step
from autopilot.incident.ports import Failure
from autopilot.remediation.bitbucket import BitbucketHost, bitbucket_api
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.code_hosts import CodeHost
from autopilot.remediation.gitlab import GitLabHost, gitlab_api
from autopilot.remediation.patches import branch_of
from autopilot.remediation.repository_changes import Reverting
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Bitbucket, GitLab, Settings
from demo.saas.git_store import GitStore
from tests.integration.code_hosts.bitbucket_wire import RUN, BitbucketWire
from tests.integration.code_hosts.broken import Broken
from tests.integration.code_hosts.conftest import CULPRIT, FIRST, records
from tests.integration.code_hosts.gitlab_wire import GitLabWire
from tests.integration.code_hosts.orders import INCIDENT, KEY, do, prepared, undo
from tests.integration.saas_sources.vendor import Vendor

REPOSITORY = "group/checkout"
BRANCH = branch_of("revert", CULPRIT, KEY)
SETTING: dict[str, Scalar] = {
    "file": "config/db.yaml", "key": "max_connections", "value": "4", "former": "40", "base": "main",
}  # fmt: skip

Kind = Literal["revert", "hotfix", "rerun"]


@dataclass
class Place:
    """A host behind something that breaks, and the tools that work on it."""

    gitlab: bool
    wire: GitLabWire | BitbucketWire
    broken: Broken
    toolbox: CatalogueToolbox
    host: CodeHost

    def __post_init__(self) -> None:
        self.open_call = "POST /merge_requests" if self.gitlab else "POST /pullrequests"
        self.push_call = "POST /repository/commits" if self.gitlab else "POST /src"
        self.run_call = "POST /retry" if self.gitlab else "POST /pipelines"

    @property
    def store(self) -> GitStore:
        return self.wire.store

    @property
    def drafts(self) -> list[dict[str, object]]:
        return list(self.wire.requests.values())

    def step(self, kind: Kind) -> Step:
        target, noun = f"{self.host.name}:{REPOSITORY}", self.host.noun.replace(" ", "_")
        run = "77" if self.gitlab else RUN
        arguments: dict[str, dict[str, Scalar]] = {
            "revert": {"commit": CULPRIT, "base": "main"}, "hotfix": SETTING, "rerun": {"run": run},
        }  # fmt: skip
        again = "retry_pipeline" if self.gitlab else "rerun_pipeline"
        return Step(
            tool=f"{self.host.name}.{again if kind == 'rerun' else f'{kind}_{noun}'}",
            target=f"{target}#{run}" if kind == "rerun" else target,
            arguments=arguments[kind],
            sources={"commit": "inventory x commit_1; suspected by F1, F2"} if kind == "revert" else {},
            summary=kind,
        )


@pytest.fixture(scope="module", params=["gitlab", "bitbucket"])
def world(request: pytest.FixtureRequest) -> Iterator[Place]:
    store, secret, of_gitlab = GitStore(records()), SecretStr("write"), request.param == "gitlab"
    wire = GitLabWire(store, "write") if of_gitlab else BitbucketWire(store, "write")
    with Vendor(wire.answer) as vendor:
        broken = Broken(vendor.url)
        with Vendor(broken.answer) as front:
            gitlab = GitLab(base_url=front.url, projects={"checkout": REPOSITORY}, write_token=secret)
            bitbucket = Bitbucket(base_url=front.url, repositories={"checkout": REPOSITORY}, write_token=secret)
            settings = Settings(gitlab=gitlab) if of_gitlab else Settings(bitbucket=bitbucket)
            host: CodeHost = (
                GitLabHost(gitlab_api(gitlab, "write"))
                if of_gitlab
                else BitbucketHost(bitbucket_api(bitbucket, "write"))
            )
            yield Place(of_gitlab, wire, broken, CatalogueToolbox(build_catalogue(settings)), host)


@pytest.fixture
def place(world: Place) -> Place:
    """Nothing broken and nothing written yet."""
    world.broken.mend()
    world.wire.start_over(GitStore(records()))
    return world


@pytest.mark.parametrize("kind", ["revert", "hotfix", "rerun"])
def test_looking_and_trying_write_nothing(place: Place, kind: Kind) -> None:
    one = prepared(place.toolbox, place.step(kind))
    assert one.dry_run.feasible, one.dry_run.reason
    assert place.broken.writes == []


def test_a_revert_is_a_draft_that_takes_back_every_file_and_tells_why(place: Place) -> None:
    one = prepared(place.toolbox, place.step("revert"))
    result = place.toolbox.execute(do(one), 1)
    assert result.status == "done", result.detail
    (draft,) = place.drafts
    assert draft["draft"] is True
    assert place.store.files(f"heads/{BRANCH}") == place.store.files(FIRST)
    said = str(draft["description"])
    assert INCIDENT in said
    assert "F1, F2" in said
    assert place.store.refs["heads/main"] == CULPRIT


@pytest.mark.parametrize("kind", ["revert", "hotfix"])
def test_twice_is_once_and_the_undo_of_it_too(place: Place, kind: Kind) -> None:
    one = prepared(place.toolbox, place.step(kind))
    assert [place.toolbox.execute(do(one), n).status for n in (1, 2)] == ["done", "already"]
    assert len(place.broken.writes) == 2
    assert [place.toolbox.execute(undo(one), n).status for n in (1, 2)] == ["done", "already"]
    assert len(place.broken.writes) == 4
    assert set(place.store.refs) == {"heads/main"}
    assert place.drafts[0]["state"] in ("closed", "DECLINED")


def test_a_hotfix_changes_one_line_only(place: Place) -> None:
    place.toolbox.execute(do(prepared(place.toolbox, place.step("hotfix"))), 1)
    branch = f"heads/{branch_of('hotfix', 'max_connections', KEY)}"
    before, after = place.store.text("heads/main", "config/db.yaml"), place.store.text(branch, "config/db.yaml")
    assert after == before.replace("max_connections: 4", "max_connections: 40")


def test_files_that_somebody_changed_since_are_left_to_people(place: Place) -> None:
    place.store.write("src/orders.py", "import db\nrows = db.better(ids)\n", "mend it forward")
    one = prepared(place.toolbox, place.step("revert"))
    assert one.dry_run.warnings == ("changed since and therefore left to people: src/orders.py",)
    assert place.toolbox.execute(do(one), 1).status == "done"
    assert "db.better" in place.store.text(f"heads/{BRANCH}", "src/orders.py")
    assert "src/loop.py" not in place.store.files(f"heads/{BRANCH}")


def test_a_changed_world_is_left_alone(place: Place) -> None:
    one = prepared(place.toolbox, place.step("revert"))
    place.store.write("src/orders.py", "import db\n", "between plan and decision")
    assert place.toolbox.execute(do(one), 1).status == "changed_world"
    assert place.broken.writes == []


@pytest.mark.parametrize("when", ["lose", "never"])
@pytest.mark.parametrize("call", ["push_call", "open_call"])
def test_a_lost_answer_leaves_one_draft_after_another_attempt(place: Place, call: str, when: str) -> None:
    one = prepared(place.toolbox, place.step("revert"))
    getattr(place.broken, when).append(getattr(place, call))
    with suppress(Failure):
        place.toolbox.execute(do(one), 1)
    assert place.toolbox.execute(do(one), 2).status in ("done", "already")
    assert len(place.drafts) == 1
    assert place.store.files(f"heads/{BRANCH}") == place.store.files(FIRST)


def test_a_denied_call_names_the_permission(place: Place) -> None:
    one = prepared(place.toolbox, place.step("revert"))
    place.broken.refuse[place.open_call] = 403
    with pytest.raises(Failure, match="gitlab: api" if place.gitlab else "pullrequest:write") as caught:
        place.toolbox.execute(do(one), 1)
    assert caught.value.who == "operator"


@pytest.mark.parametrize(("status", "said"), [(429, "rate limit"), (404, "not exist"), (401, "denied")])
@pytest.mark.parametrize("kind", ["revert", "rerun"])
def test_what_cannot_be_read_is_infeasible(place: Place, kind: Kind, status: int, said: str) -> None:
    place.broken.refuse["GET "] = status
    one = prepared(place.toolbox, place.step(kind))
    assert not one.dry_run.feasible
    assert said in one.dry_run.reason


def test_a_conflict_is_refused_and_leaves_nothing(place: Place) -> None:
    one = prepared(place.toolbox, place.step("revert"))
    place.broken.refuse[place.push_call] = 400
    assert place.toolbox.execute(do(one), 1).status == "failed"
    assert place.drafts == []


def test_a_branch_that_somebody_worked_on_stays_and_a_merged_draft_is_told(place: Place) -> None:
    one = prepared(place.toolbox, place.step("revert"))
    place.toolbox.execute(do(one), 1)
    place.store.write("src/orders.py", "by a person\n", "finish it", BRANCH)
    assert "stays" in place.toolbox.execute(undo(one), 1).detail
    place.drafts[0]["state"] = "merged" if place.gitlab else "MERGED"
    again = place.toolbox.execute(undo(one), 2)
    assert (again.status, "was merged" in again.detail) == ("failed", True)


def test_a_pipeline_runs_again_once_also_when_the_answer_was_lost(place: Place) -> None:
    one = prepared(place.toolbox, place.step("rerun"))
    place.broken.lose.append(place.run_call)
    assert place.toolbox.execute(do(one), 1).status == "unknown"
    assert place.toolbox.execute(do(one), 2).status == "already"
    assert len(place.broken.writes) == 1


def test_the_patch_takes_the_commit_back(place: Place, tmp_path: Path) -> None:
    (tmp_path / "the.patch").write_text(Reverting().look(place.host, REPOSITORY, place.step("revert")).patch)
    for path in ("config/db.yaml", "src/orders.py", "src/loop.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(place.store.text("heads/main", path))
    subprocess.run(["git", "apply", "the.patch"], cwd=tmp_path, check=True)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()} - {"the.patch"}
    assert left == {"config/db.yaml", "src/orders.py"}
    assert all((tmp_path / path).read_text() == place.store.text(FIRST, path) for path in left)
