"""Without a token that may write, the patch itself is delivered: once, complete, and where people look."""

import subprocess
from pathlib import Path

import pytest

from autopilot.case.store import FolderCaseStore, document_uri
from autopilot.channels.base import Attachment
from autopilot.incident.ports import Failure
from autopilot.remediation.catalogue import build_catalogue
from autopilot.remediation.toolbox import CatalogueToolbox
from autopilot.settings import Settings, Web
from tests.integration.code_hosts.conftest import FIRST, Scene
from tests.integration.code_hosts.orders import INCIDENT, do, prepared
from tests.unit.remediation.story import Desk

REVERT, HOTFIX = "patch.deliver_revert", "patch.deliver_hotfix"


class Office(Desk):
    """A ticket system that may be away."""

    away = False

    def attach(self, key: str, file: Attachment) -> None:
        """Keep the file."""
        if self.away:
            raise Failure("the desk is closed")
        super().attach(key, file)


@pytest.fixture
def desk() -> Office:
    return Office()


@pytest.fixture
def reading(scene: Scene, desk: Office, tmp_path: Path) -> Scene:
    """The scene without a writing token; documents go to a folder."""
    assert scene.settings.github is not None
    github = scene.settings.github.model_copy(update={"write_token": None})
    settings = Settings(github=github, web=Web(public_url="https://autopilot.example"))
    catalogue = build_catalogue(settings, ticket_systems=[desk], cases=FolderCaseStore(tmp_path / "cases"))
    return Scene(
        scene.server, scene.broken, settings, catalogue, CatalogueToolbox(catalogue), scene.inventory, scene.context
    )


def delivered(reading: Scene, detail: str, folder: Path) -> bytes:
    """The stored file that the result names."""
    name = detail.rpartition("/")[2]
    assert detail.startswith(f"the patch is at https://autopilot.example/incidents/{INCIDENT}/patches/")
    return FolderCaseStore(folder).get(document_uri(INCIDENT, f"patches/{name}"))


def test_only_the_patch_is_offered_and_its_lines_are_shown(reading: Scene) -> None:
    offers = {c.step.tool: c for c in reading.catalogue.candidates(reading.context) if c.step.tool[:6] == "patch."}
    assert set(offers) == {REVERT, HOTFIX}
    assert not [t for t in reading.catalogue.tools if t.name.startswith("github.")]
    one = prepared(reading.toolbox, offers[HOTFIX].step)
    assert "- max_connections: 4" in one.dry_run.changes
    assert "+ max_connections: 40" in one.dry_run.changes
    assert "git revert --no-edit" in offers[REVERT].step.command


def test_the_delivered_patch_takes_the_commit_back(reading: Scene, desk: Office, tmp_path: Path) -> None:
    one = prepared(reading.toolbox, reading.step(REVERT))
    result = reading.toolbox.execute(do(one), 1)
    assert result.status == "done"
    content = delivered(reading, result.detail, tmp_path / "cases")
    assert desk.files[f"{INCIDENT}/ticket"].content == content
    checkout = tmp_path / "checkout"
    for path in ("config/db.yaml", "src/orders.py", "src/loop.py"):
        (checkout / path).parent.mkdir(exist_ok=True, parents=True)
        (checkout / path).write_text(reading.store.text("heads/main", path))
    subprocess.run(["git", "apply", "-"], cwd=checkout, input=content, check=True)
    left = {str(p.relative_to(checkout)) for p in checkout.rglob("*") if p.is_file()}
    assert {p: (checkout / p).read_text() for p in left} == {
        p: reading.store.text(FIRST, p) for p in ("config/db.yaml", "src/orders.py")
    }


def test_twice_is_once_and_nothing_is_written_to_the_host(reading: Scene) -> None:
    one = prepared(reading.toolbox, reading.step(HOTFIX))
    assert [reading.toolbox.execute(do(one), n).status for n in (1, 2)] == ["done", "already"]
    assert reading.broken.writes == []
    assert one.undo is None


def test_a_closed_desk_does_not_keep_the_patch_from_people(reading: Scene, desk: Office, tmp_path: Path) -> None:
    desk.away = True
    result = reading.toolbox.execute(do(prepared(reading.toolbox, reading.step(HOTFIX))), 1)
    assert result.status == "done"
    assert b"+  max_connections: 40" in delivered(reading, result.detail, tmp_path / "cases")


def test_a_changed_world_and_a_host_that_denies_deliver_nothing(reading: Scene, tmp_path: Path) -> None:
    one = prepared(reading.toolbox, reading.step(REVERT))
    reading.store.write("src/orders.py", "import db\n", "between plan and decision")
    assert reading.toolbox.execute(do(one), 1).status == "changed_world"
    reading.broken.refuse["GET "] = 403
    with pytest.raises(Failure, match="contents:read"):
        reading.toolbox.execute(do(one), 1)
    assert not list((tmp_path / "cases").rglob("*.patch"))


def test_without_a_place_to_keep_it_no_patch_is_promised(reading: Scene) -> None:
    assert not [t for t in build_catalogue(reading.settings).tools if t.name.startswith("patch.")]
