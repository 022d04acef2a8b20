"""`analyze`: a case is found by what a person has at hand, and told as a table, as JSON and as pictures."""

import argparse
import json
import shutil
from pathlib import Path

import pytest

from autopilot.case.backend import NotStored
from autopilot.incident.finding import Dossier
from autopilot.incident.ports import Failure
from cli import analyze
from cli.stored import NoCase, find_case
from tests.unit.analysis.story import healthy, throttled_checkout
from tests.unit.cli.stored_case import keep

ID = "incident-shop-1.abc"


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two revisions of one incident."""
    folder = tmp_path_factory.mktemp("cases")
    keep(healthy(1), folder, 1)
    keep(throttled_checkout(1), folder, 2)
    return folder


@pytest.fixture
def config(cases: Path, tmp_path: Path) -> Path:
    """Settings whose store is the folder."""
    path = tmp_path / "autopilot.yaml"
    path.write_text(f"store: {{kind: folder, path: {json.dumps(str(cases))}}}\n")
    return path


def run(*argv: str) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    analyze.configure(parser)
    return analyze.run(parser.parse_args(argv))


@pytest.mark.parametrize("given", [f"{ID}/r1/manifest.json", f"{ID}/r1", ID])
def test_a_path_stands_for_its_manifest_or_the_newest_revision(cases: Path, given: str) -> None:
    _, manifest = find_case(str(cases / given), None, None)
    assert manifest.revision == (1 if "/r1" in given else 2)


@pytest.mark.parametrize(("given", "revision"), [(ID, 0), (ID, -1), (f"{ID}/r0", None)])
def test_a_revision_below_the_first_is_not_taken_for_the_newest(
    config: Path, given: str, revision: int | None
) -> None:
    with pytest.raises(NoCase, match="Revisions count from 1"):
        find_case(given, revision, config)


@pytest.mark.parametrize(
    ("given", "revision", "found"),
    [(ID, None, 2), (ID, 1, 1), (f"{ID}/r1", None, 1), (f"{ID}/r2/manifest.json", None, 2),
     ("incident-shop-1", None, 2)],
)  # fmt: skip
def test_the_configured_store_is_asked_by_incident_group_or_key(
    config: Path, given: str, revision: int | None, found: int
) -> None:
    _, manifest = find_case(given, revision, config)
    assert (manifest.scope.incident_id, manifest.revision) == (ID, found)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("incident-other-2.def", "no case of incident 'incident-other-2.def'"),
        (f"{ID}/r9", "no revision 9"),
        ("a/b/c/d", "neither an existing file"),
        ("s3://bucket", "neither an existing file"),
    ],
)
def test_what_is_not_there_is_said_with_what_to_do(config: Path, given: str, words: str) -> None:
    with pytest.raises(NoCase, match=r"check the spelling|starter\.py list") as refused:
        find_case(given, None, config)
    assert words in str(refused.value)


def test_other_files_are_no_cases(cases: Path, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text('{"revision": "x"}')
    with pytest.raises(NoCase, match=r"not the manifest of a case: (revision|scope)"):
        find_case(str(tmp_path / "manifest.json"), None, None)
    (tmp_path / "empty").mkdir()
    with pytest.raises(NoCase, match="does not hold a case"):
        find_case(str(tmp_path / "empty"), None, None)
    with pytest.raises(NoCase, match="revision 7; there are revisions 1, 2"):
        find_case(str(cases / ID), 7, None)
    shutil.copy(cases / ID / "r1" / "manifest.json", tmp_path / "manifest.json")
    with pytest.raises(NoCase, match="keep the names of its folders"):
        find_case(str(tmp_path), None, None)


def test_a_lost_or_changed_part_is_named(cases: Path, tmp_path: Path) -> None:
    shutil.copytree(cases / ID, tmp_path / ID)
    part = next((tmp_path / ID / "r1").glob("*metrics*"))
    part.write_bytes(b"changed")
    with pytest.raises(Failure, match=r"metrics.*checksum differs"):
        run(str(tmp_path / ID / "r1"))
    part.unlink()
    with pytest.raises(NotStored, match="metrics"):
        run(str(tmp_path / ID / "r1"))


def test_the_table_names_cause_onset_and_evidence(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(cases / ID), "--width", "100") == 0
    said = capsys.readouterr().out
    assert max(map(len, said.splitlines())) <= 100
    for words in (
        "Case: ",
        " metrics, ",
        "no spans",
        "give or take 60 s",
        "checkout (us-east-1): bad deploy",
        "Timeline",
        "[F",
    ):
        assert words in said
    assert "insufficient" not in said


def test_too_little_evidence_is_said_with_what_is_missing(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(cases / ID), "--revision", "1") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "insufficient evidence" in said
    assert "nothing was found in metrics, logs, traces, state" in said


def test_json_is_one_object_also_with_pictures(
    cases: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(str(cases / ID), "--json", "--plot", str(tmp_path / "plots")) == 0
    said = capsys.readouterr()
    dossier = Dossier.model_validate_json(said.out)
    assert dossier.suspects[0].cause_kind == "bad_deploy"
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {"metrics.png", "services.png", "timeline.png"}
    assert "services.png" in said.err


def test_a_folder_that_cannot_be_written_is_named(cases: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(Failure, match=r"plots cannot be written to .*file"):
        run(str(cases / ID), "--plot", str(tmp_path / "file"))
