"""GitHub's tools against the stand-in: drafts, links and reruns, once each, whatever breaks."""

import subprocess
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from autopilot.incident.ports import Failure
from autopilot.reasoning.planning.provenance import provenance_problem
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.github_host import GitHubHost, github_api
from autopilot.remediation.patches import LABEL, branch_of
from autopilot.remediation.repository_changes import Reverting
from autopilot.settings import Settings
from tests.integration.code_hosts.conftest import CULPRIT, FIRST, REPOSITORY, Scene
from tests.integration.code_hosts.orders import INCIDENT, KEY, UNDO_KEY, context, do, prepared, undo

REVERT, HOTFIX, LINK, RERUN = (
    "github.revert_pull_request", "github.hotfix_pull_request", "github.link_issues", "github.rerun_workflow"
)  # fmt: skip
BRANCH = branch_of("revert", CULPRIT, KEY)


def test_every_step_is_offered_from_the_inventory_and_its_arguments_were_observed(scene: Scene) -> None:
    offered = {c.step.tool: c for c in scene.catalogue.candidates(scene.context)}
    assert set(offered) == {REVERT, HOTFIX, LINK, RERUN}
    for candidate in offered.values():
        assert provenance_problem(candidate, scene.inventory, scene.context.dossier) == ""
    assert offered[HOTFIX].step.arguments == {
        "file": "config/db.yaml", "key": "max_connections", "value": "4", "former": "40", "base": "main",
    }  # fmt: skip
    assert offered[LINK].step.arguments == {"issue": 7}
    assert offered[REVERT].finding_ids == ("F1", "F2")


def test_nothing_is_offered_about_a_commit_that_nobody_suspects_or_a_foreign_repository(scene: Scene) -> None:
    innocent = context(*scene.inventory, commit=f"github:{FIRST}", resource="x")
    tools = {c.step.tool for c in scene.catalogue.candidates(innocent)}
    assert tools == {RERUN}
    foreign = replace(scene.inventory[0], resource="github:somebody/else")
    assert not scene.catalogue.candidates(replace(scene.context, inventory=(foreign,)))


def test_without_a_writing_token_none_of_these_tools_exists(scene: Scene) -> None:
    assert scene.settings.github is not None
    reading = scene.settings.github.model_copy(update={"write_token": None})
    names = {t.name for t in build_catalogue(Settings(github=reading)).tools}
    assert not {name for name in names if name.startswith("github.")}


@pytest.mark.parametrize("tool", [REVERT, HOTFIX, LINK, RERUN])
def test_looking_and_trying_write_nothing(scene: Scene, tool: str) -> None:
    one = prepared(scene.toolbox, scene.step(tool))
    assert one.dry_run.feasible, one.dry_run.reason
    assert scene.broken.writes == []


def test_a_revert_is_a_draft_that_takes_back_every_file_and_tells_why(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(REVERT))
    result = scene.toolbox.execute(do(one), 1)
    assert (result.status, "/pull/" in result.detail) == ("done", True)
    (draft,) = scene.drafts
    assert (draft["draft"], draft["state"], draft["labels"]) == (True, "open", [{"name": LABEL}])
    assert scene.store.files(f"heads/{BRANCH}") == scene.store.files(FIRST)
    body = str(draft["body"])
    assert f"https://autopilot.example/incidents/{INCIDENT}" in body
    assert "F1, F2" in body
    assert "plan 1, option 1, step 1" in body
    assert "`Read one by one '@everyone' #1`" in body, "text of the commit mentions and links nothing"
    assert scene.store.refs["heads/main"] == CULPRIT, "nothing is merged"


@pytest.mark.parametrize("tool", [REVERT, HOTFIX, LINK])
def test_twice_is_once_and_the_undo_of_it_too(scene: Scene, tool: str) -> None:
    one = prepared(scene.toolbox, scene.step(tool))
    assert scene.toolbox.execute(do(one), 1).status == "done"
    writes = [w for w in scene.broken.writes if not w.endswith("/labels")]
    assert scene.toolbox.execute(do(one), 2).status == "already"
    assert [w for w in scene.broken.writes if not w.endswith("/labels")] == writes
    assert scene.toolbox.execute(undo(one), 1).status == "done"
    writes = list(scene.broken.writes)
    assert scene.toolbox.execute(undo(one), 2).status == "already"
    assert scene.broken.writes == writes
    assert set(scene.store.refs) == {"heads/main"}
    assert all(draft["state"] == "closed" for draft in scene.drafts)
    assert not scene.server.written.comments[REPOSITORY]


def test_a_hotfix_changes_one_line_only(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(HOTFIX))
    assert scene.toolbox.execute(do(one), 1).status == "done"
    branch = f"heads/{branch_of('hotfix', 'max_connections', KEY)}"
    before, after = scene.store.text("heads/main", "config/db.yaml"), scene.store.text(branch, "config/db.yaml")
    assert after == before.replace("max_connections: 4", "max_connections: 40")
    changed = {p for p, entry in scene.store.files(branch).items() if scene.store.files("heads/main")[p] != entry}
    assert changed == {"config/db.yaml"}


@pytest.mark.parametrize(
    "text", ["pool:\n  max_connections: 400\n", "a:\n  max_connections: 4\n  max_connections: 4\n"]
)
def test_a_hotfix_needs_the_value_literally_and_once(scene: Scene, text: str) -> None:
    step = scene.step(HOTFIX)
    scene.store.write("config/db.yaml", text, "somebody was faster")
    one = prepared(scene.toolbox, step)
    assert not one.dry_run.feasible
    assert "a person has to look" in one.dry_run.reason


def test_files_that_somebody_changed_since_are_left_to_people(scene: Scene) -> None:
    scene.store.write("src/orders.py", "import db\nrows = db.better(ids)\n", "mend it forward")
    one = prepared(scene.toolbox, scene.step(REVERT))
    assert one.dry_run.warnings == ("changed since and therefore left to people: src/orders.py",)
    assert scene.toolbox.execute(do(one), 1).status == "done"
    assert "db.better" in scene.store.text(f"heads/{BRANCH}", "src/orders.py")
    assert "src/loop.py" not in scene.store.files(f"heads/{BRANCH}")
    assert "src/orders.py" in str(scene.drafts[0]["body"])


def test_a_commit_that_is_gone_from_every_file_is_not_reverted(scene: Scene) -> None:
    for path in ("config/db.yaml", "src/orders.py", "src/loop.py"):
        scene.store.write(path, "something else\n", "forward")
    one = prepared(scene.toolbox, scene.step(REVERT))
    assert not one.dry_run.feasible
    assert "changed since" in one.dry_run.reason


def test_a_changed_world_is_left_alone(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(REVERT))
    scene.store.write("src/orders.py", "import db\n", "between plan and decision")
    assert scene.toolbox.execute(do(one), 1).status == "changed_world"
    assert scene.broken.writes == []


@pytest.mark.parametrize(
    ("when", "call"),
    [
        ("never", "POST /git/trees"),
        ("never", "POST /git/refs"),
        ("lose", "POST /git/refs"),
        ("lose", "POST /pulls"),
    ],
)
def test_an_answer_that_is_lost_anywhere_leaves_one_draft_after_another_attempt(
    scene: Scene, when: str, call: str
) -> None:
    one = prepared(scene.toolbox, scene.step(REVERT))
    getattr(scene.broken, when).append(call)
    with suppress(Failure):
        scene.toolbox.execute(do(one), 1)
    assert scene.toolbox.execute(do(one), 2).status in ("done", "already")
    assert len(scene.drafts) == 1
    assert scene.store.files(f"heads/{BRANCH}") == scene.store.files(FIRST)


def test_a_draft_without_its_label_gets_it_on_the_next_attempt(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(REVERT))
    scene.broken.refuse["POST /labels"] = 500
    with pytest.raises(Failure):
        scene.toolbox.execute(do(one), 1)
    scene.broken.refuse.clear()
    assert scene.toolbox.execute(do(one), 2).status == "already"
    assert scene.drafts[0]["labels"] == [{"name": LABEL}]


@pytest.mark.parametrize(
    ("tool", "call", "scope"),
    [
        (REVERT, "POST /git/trees", "contents:write"),
        (REVERT, "POST /pulls", "pull_requests:write"),
        (HOTFIX, "POST /git/blobs", "contents:write"),
        (LINK, "POST /comments", "issues:write"),
        (RERUN, "POST /rerun-failed-jobs", "actions:write"),
    ],
)
def test_a_denied_call_names_the_permission(scene: Scene, tool: str, call: str, scope: str) -> None:
    one = prepared(scene.toolbox, scene.step(tool))
    scene.broken.refuse[call] = 403
    with pytest.raises(Failure, match=scope) as caught:
        scene.toolbox.execute(do(one), 1)
    assert caught.value.who == "operator"


@pytest.mark.parametrize("tool", [REVERT, HOTFIX, LINK, RERUN])
def test_a_throttled_host_is_asked_again_later(scene: Scene, tool: str) -> None:
    step = scene.step(tool)
    scene.broken.refuse["GET "] = 429
    one = prepared(scene.toolbox, step)
    assert not one.dry_run.feasible
    assert "rate limit" in one.dry_run.reason


@pytest.mark.parametrize("tool", [REVERT, LINK, RERUN])
def test_what_is_not_there_is_infeasible(scene: Scene, tool: str) -> None:
    step = scene.step(tool)
    scene.broken.refuse["GET "] = 404
    assert not prepared(scene.toolbox, step).dry_run.feasible


def test_a_conflict_is_refused_and_leaves_nothing(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(REVERT))
    scene.broken.refuse["POST /git/refs"] = 422
    assert scene.toolbox.execute(do(one), 1).status == "failed"
    assert scene.drafts == []


def test_a_branch_that_somebody_worked_on_stays_and_a_merged_draft_is_told(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(REVERT))
    scene.toolbox.execute(do(one), 1)
    scene.store.write("src/orders.py", "by a person\n", "finish it", BRANCH)
    result = scene.toolbox.execute(undo(one), 1)
    assert (result.status, "stays" in result.detail) == ("done", True)
    assert f"heads/{BRANCH}" in scene.store.refs
    scene.drafts[0]["merged_at"] = "2026-11-21T03:00:00Z"
    again = scene.toolbox.execute(undo(one), 2)
    assert (again.status, "was merged" in again.detail) == ("failed", True)


def test_an_undo_after_a_crash_before_the_draft_deletes_the_branch(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(REVERT))
    scene.broken.refuse["POST /pulls"] = 500
    with pytest.raises(Failure):
        scene.toolbox.execute(do(one), 1)
    assert f"heads/{BRANCH}" in scene.store.refs
    assert scene.toolbox.execute(undo(one), 1).status == "done"
    assert set(scene.store.refs) == {"heads/main"}


def test_failed_jobs_run_again_once_and_an_earlier_attempt_is_seen(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(RERUN))
    assert scene.toolbox.execute(do(one), 1).status == "done"
    again = scene.toolbox.execute(do(one), 2)
    assert (again.status, "attempt 2, was 1" in again.detail) == ("already", True)
    assert len(scene.broken.writes) == 1
    assert one.undo is None
    assert not prepared(scene.toolbox, one.step).dry_run.feasible, "it has not finished"


def test_a_rerun_whose_answer_was_lost_is_never_repeated(scene: Scene) -> None:
    one = prepared(scene.toolbox, scene.step(RERUN))
    scene.broken.lose.append("POST /rerun-failed-jobs")
    assert scene.toolbox.execute(do(one), 1).status == "unknown"
    assert scene.toolbox.execute(do(one), 2).status == "already"
    assert len(scene.broken.writes) == 1


def test_the_patch_that_is_shown_takes_the_commit_back(scene: Scene, tmp_path: Path) -> None:
    """`git apply` of it on the present files gives the files before the commit."""
    host = GitHubHost(github_api(scene.server.url, "read"))
    (tmp_path / "the.patch").write_text(Reverting().look(host, REPOSITORY, scene.step(REVERT)).patch)
    for path in ("config/db.yaml", "src/orders.py", "src/loop.py"):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(scene.store.text("heads/main", path))
    subprocess.run(["git", "apply", "the.patch"], cwd=tmp_path, check=True)
    left = {str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()} - {"the.patch"}
    assert left == {"config/db.yaml", "src/orders.py"}
    assert all((tmp_path / path).read_text() == scene.store.text(FIRST, path) for path in left)


def test_a_foreign_target_or_argument_is_refused(scene: Scene) -> None:
    step = scene.step(REVERT)
    for wrong in (
        step.model_copy(update={"target": "github:somebody/else"}),
        step.model_copy(update={"target": f"gitlab:{REPOSITORY}"}),
        step.model_copy(update={"arguments": {"commit": f"{CULPRIT}; rm", "base": "main"}}),
        step.model_copy(update={"arguments": {"commit": CULPRIT, "base": "main\n--all"}}),
        scene.step(HOTFIX).model_copy(
            update={"arguments": scene.step(HOTFIX).arguments | {"former": "40\n- evil"}}
        ),
        scene.step(HOTFIX).model_copy(update={"arguments": scene.step(HOTFIX).arguments | {"key": "a b"}}),
        scene.step(RERUN).model_copy(update={"target": f"github:{REPOSITORY}#78"}),
    ):
        assert not prepared(scene.toolbox, wrong).dry_run.feasible
    assert UNDO_KEY.startswith(INCIDENT)
