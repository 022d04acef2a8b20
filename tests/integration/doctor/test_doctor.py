"""`doctor` on a company of stand-ins and a real Temporal server."""

import asyncio
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from cli.doctor import Result, results
from demo.cloud import Cloud
from demo.saas.github import GitHub
from demo.saas.jira import Jira
from demo.saas.model import Model
from demo.saas.seeds import company_records
from demo.saas.servicenow import ServiceNow
from demo.saas.slack import Slack
from tests.workflow.conftest import make_worker
from tests.workflow.fakes import FakeWorld

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "t" * 32


@dataclass
class Office:
    """The vendors, and a configuration that knows them."""

    slack: Slack
    github: GitHub
    servicenow: ServiceNow
    jira: Jira
    model: Model
    settings: dict[str, Any] = field(default_factory=dict[str, Any])
    documents: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    notes: str = "quirks: [slow on Mondays]"

    def write(self, folder: Path, temporal: str, queue: str) -> Path:
        """The settings file, with its playbooks and notes beside it."""
        (folder / "notes").mkdir(exist_ok=True)
        (folder / "notes" / "checkout.yaml").write_text(self.notes)
        (folder / "playbooks").mkdir(exist_ok=True)
        (folder / "playbooks" / "all.yaml").write_text(yaml.safe_dump_all(self.documents))
        file = folder / "autopilot.yaml"
        own = {
            "temporal": {"address": temporal, "task_queue": queue},
            "store": {"kind": "folder", "path": str(folder / "cases")},
            "playbooks": str(folder / "playbooks"),
            "notes": {"path": str(folder / "notes")},
        }
        file.write_text(yaml.safe_dump(own | self.settings))
        return file


def document(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": "autopilot/v1", "kind": kind, "metadata": {"name": "default"}, "spec": spec}


@pytest.fixture(scope="module")
def vendors() -> Iterator[Office]:
    records = company_records("deploy-throttle", datetime.now(UTC))
    office = Office(
        Slack(records.slack, TOKEN, "signing"),
        GitHub(records.github, TOKEN),
        ServiceNow(records.incidents, records.articles, "autopilot", TOKEN),
        Jira(records.issues, "autopilot", TOKEN),
        Model(api_key=TOKEN),
    )
    with ExitStack() as stack:
        for vendor in (office.slack, office.github, office.servicenow, office.jira, office.model):
            stack.enter_context(vendor)
        yield office


@pytest.fixture
def office(vendors: Office) -> Office:
    """Everything configured rightly."""
    repository = company_records("deploy-throttle", datetime.now(UTC)).github[0].repository
    vendors.settings = {
        "seal_key": "seal",
        "slack": {
            "base_url": vendors.slack.api_url, "channel": "incidents", "bot_token": TOKEN, "signing_secret": "s",
        },
        "github": {"base_url": vendors.github.url, "repositories": {"checkout": repository}, "token": TOKEN},
        "servicenow": {"base_url": vendors.servicenow.url, "user": "autopilot", "password": TOKEN},
        "jira": {"base_url": vendors.jira.url, "user": "autopilot", "token": TOKEN, "project": "SHOP"},
        "pager": {"routing_key": TOKEN},
        "model": {
            "kind": "openai", "base_url": vendors.model.base_url, "api_key": TOKEN,
            "fallbacks": {"spare": {"name": "gpt-4o", "base_url": vendors.model.base_url + "/", "api_key": TOKEN}},
        },
        "triggers": {"slack_alert_channels": [vendors.slack.channel]},
    }  # fmt: skip
    vendors.documents = [
        document("IncidentResponse", {"mode": "advise"}),
        document("OnCallSchedule", {"entries": [{"primary": "kim"}]}),
        document("People", {"people": [{"name": "kim", "slack": "U1", "pager": "P1"}]}),
    ]
    vendors.slack.failing = 0
    return vendors


async def found(config: Path) -> dict[str, Result]:
    return {result.name: result async for result in results(config)}


def failed(checks: dict[str, Result]) -> dict[str, str]:
    return {name: f"{r.detail} {r.remedy}" for name, r in checks.items() if r.status == "failed"}


def address(temporal: WorkflowEnvironment) -> str:
    return temporal.client.service_client.config.target_host


async def test_a_sound_installation_fails_nothing(
    office: Office, temporal: WorkflowEnvironment, client: Client, tmp_path: Path
) -> None:
    queue = f"doctor-{uuid.uuid4().hex[:8]}"
    config = office.write(tmp_path, address(temporal), queue)
    async with make_worker(client, FakeWorld(), queue), asyncio.timeout(60):
        # A worker that has just started is listed by the server with its first poll.
        while (checks := await found(config))["worker"].status != "ok":
            assert "No worker polls" in checks["worker"].detail
    assert failed(checks) == {}
    assert {name for name, r in checks.items() if r.status == "skipped"} == {"aws"}
    assert checks["on-call"].detail == "any service: kim; checkout: kim"
    assert checks["notes"].detail.startswith("1 notes about services in ")
    assert "gpt-4o" in checks["model"].detail
    assert "gpt-4o" in checks["model fallback spare"].detail
    assert office.model.calls == []


async def test_each_thing_that_is_wrong_is_named_with_its_remedy(
    office: Office, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    office.settings["seal_key"] = ""
    office.settings["slack"]["channel"] = "nowhere"
    office.settings["github"]["repositories"] = {"checkout": "paperplane/absent"}
    office.settings["servicenow"]["password"] = "wrong"
    office.settings["jira"]["token"] = "wrong"
    office.settings["pager"]["routing_key"] = "short"
    office.settings["model"]["name"] = "gpt-unknown"
    office.settings["model"]["planning"] = {"name": "gpt-absent"}
    office.settings["model"]["fallbacks"]["spare"]["base_url"] = "http://127.0.0.1:1/v1"
    office.settings["store"] = {"kind": "folder", "path": "/proc/nowhere"}
    office.documents[2]["spec"]["people"] = [{"name": "kim", "pager": "P1"}]
    wrong = failed(await found(office.write(tmp_path, address(temporal), "nobody-polls")))
    said = {
        "worker": "python worker.py", "case store": "store:", "on-call": "no Slack id", "seal key": "SEAL_KEY",
        "slack channel nowhere": "Invite the bot", "github": "404", "servicenow": "401", "jira": "401",
        "pager": "32 letters", "model": "gpt-4o",
        "model for planning": "gpt-absent", "model fallback spare": "unreachable",
    }  # fmt: skip
    assert wrong.keys() == said.keys()
    assert [name for name, words in said.items() if words not in wrong[name]] == []
    assert not any(TOKEN in text for text in wrong.values())


async def test_an_uncovered_hour_and_an_invalid_playbook_are_told_by_line(
    office: Office, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    office.documents[1]["spec"]["entries"] = [{"primary": "kim", "to": "2020-01-01T00:00:00Z"}]
    uncovered = failed(await found(office.write(tmp_path, address(temporal), "q")))
    assert "Nobody is on call for any service now." in uncovered["on-call"]
    office.documents[0]["spec"]["moode"] = "advise"
    office.notes = "quirk: [slow on Mondays]"
    checks = await found(office.write(tmp_path, address(temporal), "q"))
    assert "all.yaml:" in checks["playbooks"].detail
    assert "moode" in checks["playbooks"].detail
    assert "checkout.yaml:1: quirk: is not a known key; did you mean 'quirks'?" in checks["notes"].detail
    assert checks["on-call"].status == "skipped"


async def test_a_wrong_token_and_an_outage_of_slack_are_told_apart(
    office: Office, temporal: WorkflowEnvironment, tmp_path: Path
) -> None:
    office.settings["slack"]["bot_token"] = "wrong"
    refused = failed(await found(office.write(tmp_path, address(temporal), "q")))
    assert "invalid_auth" in refused["slack identity"]
    office.settings["slack"]["bot_token"] = TOKEN
    office.slack.failing = 503
    down = failed(await found(office.write(tmp_path, address(temporal), "q")))
    assert "503" in down["slack identity"]


async def test_every_read_of_the_aws_account_is_asked(
    office: Office, temporal: WorkflowEnvironment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.settings["aws"] = {"regions": ["us-east-1"]}
    config = office.write(tmp_path, address(temporal), "q")
    async with Cloud() as cloud:
        for name, value in cloud.environment().items():
            monkeypatch.setenv(name, value)
        checks = {name: r for name, r in (await found(config)).items() if name.startswith("aws")}
        cloud.fail("xray")
        broken = failed({n: r for n, r in (await found(config)).items() if n.startswith("aws")})
    assert failed(checks) == {}
    assert len(checks) == 13
    assert "account 000000000000" in checks["aws identity"].detail
    assert list(broken) == ["aws us-east-1 xray"]


async def test_the_command_prints_one_object_and_says_by_its_code_that_something_failed(tmp_path: Path) -> None:
    (tmp_path / "autopilot.yaml").write_text("environment: test\nslak:\n  channel: x\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / "starter.py"), "doctor", "--config", str(tmp_path / "autopilot.yaml"), "--json",
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, cwd=tmp_path,
    )  # fmt: skip
    out, told = await process.communicate()
    checks = json.loads(out.decode().splitlines()[-1])["checks"]
    assert process.returncode == 1
    assert [c["status"] for c in checks] == ["failed", "skipped"]
    assert "autopilot.yaml:2: slak" in checks[0]["detail"]
    assert set(checks[0]) == {"name", "status", "detail", "remedy"}
    assert b"failed" in told
