"""What the documents promise is what the code has: every name on the wire, every setting, every link."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel, SecretStr
from temporalio import workflow

from activities.search_attributes import TYPES
from autopilot.case.schema import SCHEMAS
from autopilot.channels import slack_wire
from autopilot.clients.aws import AwsClients
from autopilot.incident.alert import Severity
from autopilot.incident.cause import CauseKind
from autopilot.incident.decision import Choice, DecisionSignal, Judgement, PersonNote, Reason
from autopilot.incident.diagnosis import Standing
from autopilot.incident.evidence import GapKind, SourceStatus
from autopilot.incident.finding import FindingKind, TimelineEntry
from autopilot.incident.investigation import ProbeName, ProbeOutcome
from autopilot.incident.messages import IncidentResult
from autopilot.incident.plan import Reversibility, Risk, StepStatus
from autopilot.incident.playbook import Mode
from autopilot.incident.seal import SEALED_FIELDS
from autopilot.incident.state import Outcome, Phase
from autopilot.incident.verification import Verdict
from autopilot.playbooks.documents import SPECS
from autopilot.playbooks.loading import load_rules
from autopilot.remediation.catalogue import build_catalogue
from autopilot.settings import Aws, Settings, load
from autopilot.settings_schema import settings_schema, text
from autopilot.settings_systems import Alertmanager, Datadog, Kubernetes, LaunchDarkly, PagerDutyApi, Unleash
from autopilot.triggers.api import _Given as GivenAlert  # pyright: ignore[reportPrivateUsage] - its fields are public
from autopilot.web.incidents import IncidentRow, Started
from cli.main import COMMANDS
from demo.play import FAULTS
from tests.unit.project.compose import ROOT
from workflows.incident import IncidentWorkflow

CONTRACT = (ROOT / "docs" / "contract.md").read_text()
OPERATIONS = (ROOT / "docs" / "operations.md").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
README = (ROOT / "README.md").read_text()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def absent(names: Any, document: str = CONTRACT) -> list[str]:
    """The names that a document does not have as whole words."""
    return [name for name in names if not re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", document)]


@pytest.mark.parametrize(
    "kinds",
    [Choice, Reason, Mode, Phase, Outcome, Verdict, StepStatus, Risk, Reversibility, Standing, GapKind,
     SourceStatus, ProbeName, ProbeOutcome, FindingKind, CauseKind, Severity,
     TimelineEntry.model_fields["kind"].annotation],
)  # fmt: skip
def test_every_value_is_named(kinds: Any) -> None:
    assert absent(get_args(kinds)) == []


def test_every_message_of_the_workflow_is_named() -> None:
    definition: Any = workflow._Definition.must_from_class(IncidentWorkflow)  # pyright: ignore[reportPrivateUsage]

    assert {*definition.signals, *definition.updates, *definition.queries} >= {"alert", "decide", "state"}
    assert absent([definition.name, *definition.signals, *definition.updates, *definition.queries]) == []


def test_every_activity_is_named() -> None:
    names = set[str]()
    for path in (ROOT / "activities").glob("*.py"):
        module = importlib.import_module(f"activities.{path.stem}")
        for thing in vars(module).values():
            for member in vars(thing).values() if isinstance(thing, type) else ():
                definition: Any = getattr(member, "__temporal_activity_definition", None)
                names |= {definition.name} if definition else set()

    assert len(names) > 15
    assert absent(names) == []


def test_every_package_has_its_place_in_the_architecture() -> None:
    packages = {path.parent.name for path in (ROOT / "autopilot").glob("*/__init__.py")}

    assert len(packages) > 10
    assert [name for name in packages if f"`autopilot/{name}/`" not in ARCHITECTURE] == []


def test_every_search_attribute_is_named_with_its_type() -> None:
    for name, kind in TYPES.items():
        assert f"| `{name}` | {kind} |" in CONTRACT


@pytest.mark.parametrize(
    "model", [GivenAlert, DecisionSignal, Judgement, PersonNote, IncidentResult, IncidentRow, Started]
)
def test_every_field_on_the_wire_is_named(model: type[BaseModel]) -> None:
    assert absent(set(model.model_fields) - {"received_at", "raw"}) == []
    assert absent(SEALED_FIELDS) == []


def test_every_table_and_column_of_a_case_is_named() -> None:
    for table, columns in SCHEMAS.items():
        line = next(line for line in CONTRACT.splitlines() if line.startswith(f"| `{table}` | "))
        assert absent(columns, line) == []


def test_every_tool_and_its_permissions_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    tools = build_catalogue(Settings(aws=Aws()), AwsClients(Aws())).tools

    assert absent([tool.name for tool in tools]) == []
    assert absent({permission for tool in tools for permission in tool.permissions}, OPERATIONS) == []


def test_every_tool_on_other_systems_and_its_permissions_are_named() -> None:
    secret, url = SecretStr("w"), "http://127.0.0.1:9"
    others = Settings(
        kubernetes=Kubernetes(base_url=url, write_token=secret),
        launchdarkly=LaunchDarkly(project="shop", write_token=secret),
        unleash=Unleash(base_url=url, write_token=secret),
        alertmanager=Alertmanager(base_url=url, silence=True),
        datadog=Datadog(api_key=secret, write_app_key=secret),
        pagerduty=PagerDutyApi(write_token=secret, from_email="autopilot@shop.example"),
    )
    tools = build_catalogue(others).tools

    assert len(tools) >= 19
    assert absent([tool.name for tool in tools]) == []
    assert absent({permission for tool in tools for permission in tool.permissions}, OPERATIONS) == []


def test_every_command_and_its_options_are_named() -> None:
    for name, (module, _) in COMMANDS.items():
        assert re.search(rf"`{name}[ `]", CONTRACT), name
        path = ROOT / (module.replace(".", "/") + ".py")
        for option in re.findall(r'"(--[a-z]+)"', path.read_text()):
            assert option in CONTRACT, f"{name} {option}"
    assert absent(FAULTS, README) == []


def test_every_route_is_named() -> None:
    routes = {
        found
        for path in (ROOT / "autopilot" / "web").glob("*.py")
        for found in re.findall(r'Route\(\s*"([^"]+)"', path.read_text())
    }

    assert len(routes) > 10
    assert [route for route in routes if route.replace("{name}", "{id}") not in CONTRACT] == []


def test_every_name_in_slack_is_there() -> None:
    names = [
        slack_wire.ACTION_OPTION,
        slack_wire.ACTION_REANALYSE,
        slack_wire.ACTION_MANUAL,
        slack_wire.ACTION_CLAIM,
    ]
    others = [slack_wire.FEEDBACK_VIEW, slack_wire.MESSAGE_EVENT, slack_wire.NOTE_EVENT]

    assert [name for name in (*names, *others) if f"`{name}" not in CONTRACT] == []


def setting_keys(shape: dict[str, Any], definitions: dict[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of the settings with its path."""
    for branch in (shape, *shape.get("anyOf", ()), *shape.get("oneOf", ())):
        if "$ref" in branch:
            yield from setting_keys(definitions[branch["$ref"].rpartition("/")[2]], definitions, prefix)
        for name, inner in branch.get("properties", {}).items():
            yield f"{prefix}{name}"
            yield from setting_keys(inner, definitions, f"{prefix}{name}.")


def test_every_setting_is_explained() -> None:
    schema: dict[str, Any] = settings_schema()
    keys = set(setting_keys(schema, schema["$defs"]))

    assert {"slack.bot_token", "store.bucket", "aws.budget.calls"} <= keys
    assert [
        key for key in keys if not re.search(rf"^\| `{re.escape(key)}` \|.*\| [^|]+ \|$", OPERATIONS, re.MULTILINE)
    ] == []


def test_the_published_schema_is_current() -> None:
    assert (ROOT / "docs" / "autopilot.schema.json").read_text() == text(), "run `make schema`"


def playbook_keys(shape: type[BaseModel]) -> Iterator[str]:
    """Every key of a playbook document, without its path."""
    for name, field in shape.model_fields.items():
        yield field.alias or name
        for part in (field.annotation, *get_args(field.annotation)):
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from playbook_keys(part)


@pytest.mark.parametrize("kind", sorted(SPECS))
def test_every_playbook_key_is_explained(kind: str) -> None:
    section = CONTRACT[CONTRACT.index(f"### {kind}") :].split("\n## ")[0]

    assert [key for key in playbook_keys(SPECS[kind]) if not re.search(rf"[`.]{key}[`.]", section)] == []


def test_the_example_files_load() -> None:
    settings = load(ROOT / "autopilot.example.yaml")

    assert settings.model.kind == "none"
    assert load_rules(ROOT / "playbooks").playbooks[0].name == "default"


def test_the_example_loads_with_every_section_switched_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every commented key of the example is a real one."""
    lines = (ROOT / "autopilot.example.yaml").read_text().splitlines()
    keep = [
        re.sub(r"^(\s*)# ", r"\1", line)
        for line in lines
        if re.match(r"^\s*# *[a-z_]+:|^\s*#   +|^\s*[a-z_]+:|^ ", line)
    ]
    whole = "\n".join(line for line in keep if not line.strip().startswith("secret:"))
    whole = re.sub(r"^store:.*?(?=^store:)", "", whole, flags=re.DOTALL | re.MULTILINE)
    (tmp_path / "autopilot.yaml").write_text(whole)
    for name in ("SLACK__BOT_TOKEN", "SLACK__SIGNING_SECRET", "SERVICENOW__PASSWORD", "JIRA__TOKEN",
                 "PAGER__ROUTING_KEY", "TRIGGERS__EVENTBRIDGE__SECRET"):  # fmt: skip
        monkeypatch.setenv(f"AUTOPILOT_{name}", "secret")

    settings = load(tmp_path / "autopilot.yaml")

    sections = (settings.slack, settings.aws, settings.github, settings.servicenow, settings.jira, settings.pager)
    assert all(sections)
    assert settings.store.kind == "s3"
    assert settings.triggers.sns is not None
    assert settings.triggers.eventbridge is not None


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        name, _, anchor = target.partition("#")
        path = (document.parent / name).resolve() if name else document
        assert path.exists(), target
        if anchor:
            titles = re.findall(r"^#+ (.+)$", path.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}, target
