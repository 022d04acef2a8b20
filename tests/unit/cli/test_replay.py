"""`replay`: a closed incident is a regression test; nothing is written, and the exit code says what came of it."""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.analysis.engine import brief
from autopilot.case.of_record import diagnosis_of_record, keep_diagnosis, keep_plan
from autopilot.case.reading import load_case
from autopilot.case.store import FolderCaseStore
from autopilot.incident.evidence import CaseManifest
from autopilot.incident.plan import DryRun, Option, Plan, PreparedStep, Step, TargetState
from autopilot.reasoning.analyst import ConfiguredAnalyst
from autopilot.reasoning.offline import investigate
from autopilot.reasoning.probing import ConfiguredProber
from autopilot.reasoning.replaying import asked_model
from autopilot.settings import Model
from cli import replay
from tests.unit.analysis.story import throttled_checkout
from tests.unit.cli.stored_case import keep

ID = "incident-shop-1.abc"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one incident as the product leaves it: case, dossier, diagnosis."""
    folder = tmp_path_factory.mktemp("cases")
    conclude(folder, keep(throttled_checkout(1), folder))
    return folder


def conclude(folder: Path, manifest_path: Path) -> None:
    store = FolderCaseStore(folder)
    manifest = CaseManifest.model_validate_json(manifest_path.read_bytes())
    dossier = analyze(load_case(store, manifest), 5)
    uri = store.put(ID, "dossier-1.json", dossier.model_dump_json().encode(), "application/json").uri
    analyst = ConfiguredAnalyst(Model(), store)
    investigate(analyst, ConfiguredProber(store), manifest, brief(dossier, uri, 5, 0.0))


@pytest.fixture
def case(recorded: Path, tmp_path: Path) -> Path:
    """The folder of the incident in a store of the test's own."""
    for source in (p for p in recorded.rglob("*") if p.is_file()):
        target = tmp_path / source.relative_to(recorded)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())
    return tmp_path / ID


def run(case: Path, *argv: str, config: Path | None = None) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path)
    replay.configure(parser)
    settings = config or case.parent / "autopilot.yaml"
    if config is None:
        settings.write_text("{}")
    return replay.run(parser.parse_args([str(case), "--config", str(settings), *argv]))


def files(case: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in case.rglob("*") if p.is_file()}


def other_record(case: Path, **changes: object) -> None:
    """Another leading hypothesis in the diagnosis of record."""
    store = FolderCaseStore(case.parent)
    diagnosis = diagnosis_of_record(store, ID, 1)
    assert diagnosis is not None
    assert diagnosis.best is not None
    first = diagnosis.best.model_copy(update=changes)
    keep_diagnosis(store, ID, diagnosis.model_copy(update={"hypotheses": (first,)}))


def option(number: int, tool: str) -> Option:
    step = Step(tool=tool, target="orders")
    before = TargetState(target="orders", observed_at=datetime(2026, 3, 9, tzinfo=UTC))
    prepared = PreparedStep(step=step, before=before, expects="x", dry_run=DryRun(feasible=True))
    return Option(id=number, title=tool, why="", steps=(prepared,), risk="low", reversibility="reversible")


def test_the_same_code_comes_to_the_same_conclusion_and_writes_nothing(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = files(case)
    assert run(case) == 0
    assert files(case) == before
    said = capsys.readouterr().out
    for words in (
        "of record",
        "bad_deploy",
        "confirmed",
        "findings: the same",
        "only the remark that asked for",
        "The leading cause is the same.",
    ):
        assert words in said


def test_another_leading_cause_is_exit_code_1_and_told_on_both_sides(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other_record(case, cause_kind="network", change_id="", service="orders")
    assert run(case, "--json") == 1
    told = json.loads(capsys.readouterr().out)
    assert told["same_cause"] is False
    assert (told["record"]["leading"]["cause_kind"], told["record"]["leading"]["service"]) == ("network", "orders")
    assert told["replay"]["leading"]["cause_kind"] == "bad_deploy"
    assert told["hypotheses"]["lost"] == ["network of orders"]
    assert any(name.startswith("bad_deploy of checkout") for name in told["hypotheses"]["added"])
    assert told["findings"] == {"added": [], "lost": []}


def test_another_confidence_alone_is_shown_but_is_the_same_cause(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other_record(case, confidence=0.11, standing="likely")
    assert run(case) == 0
    said = capsys.readouterr().out
    assert "likely" in said
    assert "0.11" in said


def test_findings_that_analysis_no_longer_makes_are_named(case: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = case / "documents" / "dossier-1.json"
    told = json.loads(path.read_text())
    told["findings"][0] |= {"service": "gone-service", "id": "F3"}
    path.write_text(json.dumps(told))
    assert run(case) == 0
    said = capsys.readouterr().out
    assert "- findings:" in said
    assert "gone-service" in said
    assert "+ findings:" in said


def test_tools_are_compared_only_where_a_plan_was_kept_and_tools_are_configured(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keep_plan(FolderCaseStore(case.parent), Plan(incident_id=ID, revision=1, options=(option(1, "servicenow.x"),)))
    assert run(case, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["tools"], told["record"]["tools"]) == (None, ["servicenow.x"])
    config = case.parent / "tools.yaml"
    config.write_text("pager: {routing_key: 0123456789abcdef0123456789abcdef}\n")
    assert run(case, "--json", config=config) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tools"]["lost"] == ["servicenow.x"]


def test_what_cannot_be_compared_is_exit_code_2_with_the_reason(
    case: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (case / "documents" / "diagnosis-1.json").write_text("{}")
    assert run(case) == 2
    assert "is no diagnosis" in capsys.readouterr().err
    (case / "documents" / "diagnosis-1.json").unlink()
    assert run(case) == 2
    assert "keeps no diagnosis of revision 1" in capsys.readouterr().err
    assert run(tmp_path / "nowhere") == 2
    next((case / "r1").glob("*metrics*")).unlink()
    assert run(case) == 2


def test_a_model_that_is_not_there_leaves_the_built_in_analyst(
    case: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(case, "--model", "tiny", "--base-url", "http://127.0.0.1:9/v1", "--seconds", "1", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert "unavailable" in told["replay"]["analyst"]


def test_a_key_is_sent_only_to_the_server_it_was_configured_for() -> None:
    configured = Model.model_validate(
        {"kind": "openai", "name": "gpt-4o", "base_url": "https://one.example/v1", "api_key": "k",
         "fallbacks": {"other": {"name": "spare", "base_url": "https://two.example/v1"}}}
    )  # fmt: skip
    here = asked_model(configured, "gpt-4.1", None)
    assert (here.name, here.base_url, here.api_key) == ("gpt-4.1", "https://one.example/v1", configured.api_key)
    assert here.fallbacks == {}
    elsewhere = asked_model(configured, "gpt-4o", "http://127.0.0.1:9/v1")
    assert elsewhere.api_key is None
    assert asked_model(configured, "none", None).kind == "none"


def test_the_asked_model_keeps_how_its_server_is_spoken_to() -> None:
    configured = Model.model_validate(
        {"kind": "openai", "name": "mine", "base_url": "https://one.example", "api_key": "k",
         "api_version": "2024-10-21", "connect_timeout": 1.5, "timeout": 9, "max_prompt_tokens": 700,
         "input_usd_per_million": 1, "output_usd_per_million": 2}
    )  # fmt: skip
    assert asked_model(configured, "mine", None) == configured
    assert asked_model(configured.model_copy(update={"mask_ips": True}), "mine", None).mask_ips
    other = asked_model(configured, "another", "https://one.example")
    assert (other.api_version, other.connect_timeout, other.timeout) == ("2024-10-21", 1.5, 9)
    assert (other.max_prompt_tokens, other.input_usd_per_million) == (700, None)
    elsewhere = asked_model(configured, "mine", "http://127.0.0.1:9/v1")
    assert (elsewhere.api_version, elsewhere.api_key, elsewhere.input_usd_per_million) == (None, None, None)
    assert elsewhere.connect_timeout == 1.5
