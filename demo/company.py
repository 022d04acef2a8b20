"""The simulated company as one thing: cloud, vendors, world, and how the product is configured for it."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import yaml

from demo.cloud import Cloud
from demo.cloud.clients import ACCOUNT, REGION
from demo.saas.github import GitHub
from demo.saas.jira import Jira
from demo.saas.model import Behaviour, Model
from demo.saas.pagerduty import PagerDuty
from demo.saas.seeds import company_records
from demo.saas.servicenow import ServiceNow
from demo.saas.slack import Slack
from demo.saas.sns_relay import SnsRelay
from demo.scenarios import load
from demo.world.world import World

TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:alerts"
SECRETS = {
    "github": "demo-github-token",
    "servicenow": "demo-servicenow-password",
    "jira": "demo-jira-token",
    "slack_bot": "xoxb-demo-bot-token",
    "slack_signing": "demo-slack-signing-secret",
    "pager": "d" * 32,
    "seal": "demo-seal-key",
    "api": "demo-api-token",
    "model": "demo-model-key",
}
WORLD_FAULTS = {"wrong-fix"}


@dataclass(frozen=True)
class Durations:
    """The demo's clock for people and verification, in seconds."""

    remind: float = 6
    page_secondary: float = 12
    hand_over: float = 18
    manual_watch: float = 18


class Company:
    """Use as `async with Company(...) as company`; everything it starts is gone afterwards."""

    def __init__(self, scenario: str, seed: int, fault: str, model: Behaviour | None = None) -> None:
        """Prepare; nothing is started; `model` None: the product has none. Raises KeyError: no such scenario."""
        self.scenario, self.seed, self.fault = load(scenario), seed, fault
        records = company_records(scenario, datetime.now(UTC))
        self.repository = records.github[0].repository
        self.cloud = Cloud()
        self.slack = Slack(records.slack, SECRETS["slack_bot"], SECRETS["slack_signing"])
        self.github = GitHub(records.github, SECRETS["github"])
        self.servicenow = ServiceNow(records.incidents, records.articles, "autopilot", SECRETS["servicenow"])
        self.jira = Jira(records.issues, "autopilot@paperplane.example", SECRETS["jira"])
        self.pager = PagerDuty(SECRETS["pager"])
        self.relay = SnsRelay()
        self.model = Model(model or "sound", SECRETS["model"])
        self._asks_model = model is not None
        self.world: World | None = None
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> "Company":
        """Start vendors and cloud."""
        try:
            vendors = (self.slack, self.github, self.servicenow, self.jira, self.pager, self.relay, self.model)
            for vendor in vendors:
                self._stack.enter_context(vendor)
            await self._stack.enter_async_context(self.cloud)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End everything."""
        if self.world is not None:
            await self.world.stop()
        await self._stack.aclose()

    def connect_to(self, gateway: str) -> None:
        """Point the vendors' webhooks at the product."""
        self.relay.target = f"{gateway}/hooks/sns"
        self.slack.app_requests.interactivity_url = f"{gateway}/hooks/slack/interactions"
        self.slack.app_requests.events_url = f"{gateway}/hooks/slack/events"

    async def live(self) -> World:
        """Build the past, then let the story begin: the alarms go off by themselves."""
        fault = self.fault if self.fault in WORLD_FAULTS else None
        self.world = World(self.cloud, self.scenario, self.seed, fault)
        await self.world.seed_history(self.relay.endpoint)
        if self.fault == "source-down":
            self.cloud.fail("xray")
            self.servicenow.failing = 503
        await self._subscribed()
        await self.world.start()
        return self.world

    async def _subscribed(self, seconds: float = 60.0) -> None:
        """Wait until the product has confirmed its subscription: SNS tells nobody before that."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            done = [d for d in self.relay.deliveries if d.kind == "SubscriptionConfirmation" and d.status == 200]
            if done:
                return
            await asyncio.sleep(0.2)
        raise TimeoutError("The gateway did not confirm the SNS subscription; see gateway.log of this run.")

    async def engineer_repairs(self) -> None:
        """A person fixes it by hand, outside the product."""
        if self.world is not None:
            await asyncio.to_thread(self.world.engineer_repairs)

    # --- How the product is configured for this company --------------------------------------------------

    def write_configuration(
        self, folder: Path, gateway_port: int, temporal: str, ui: str, mode: str, durations: Durations
    ) -> None:
        """autopilot.yaml and the playbooks, as an operator would write them."""
        playbooks = folder / "playbooks"
        playbooks.mkdir(parents=True, exist_ok=True)
        (folder / "autopilot.yaml").write_text(
            yaml.safe_dump(self._settings(folder, gateway_port, temporal, ui), sort_keys=False)
        )
        documents = (self._playbook(mode, durations), self._on_call(), self._people())
        (playbooks / "playbooks.yaml").write_text(yaml.safe_dump_all(documents, sort_keys=False))

    def environment(self, folder: Path) -> dict[str, str]:
        """The product's environment: secrets, and the cloud's credentials."""
        clean = {
            k: v for k, v in os.environ.items() if not k.startswith(("AUTOPILOT_", "AWS_", "TEMPORAL_", "OPENAI_"))
        }
        return {
            **clean,
            **self.cloud.environment(),
            "AUTOPILOT_CONFIG": str(folder / "autopilot.yaml"),
            "AUTOPILOT_SEAL_KEY": SECRETS["seal"],
            "AUTOPILOT_GITHUB__TOKEN": SECRETS["github"],
            "AUTOPILOT_SERVICENOW__PASSWORD": SECRETS["servicenow"],
            "AUTOPILOT_JIRA__TOKEN": SECRETS["jira"],
            "AUTOPILOT_SLACK__BOT_TOKEN": SECRETS["slack_bot"],
            "AUTOPILOT_SLACK__SIGNING_SECRET": SECRETS["slack_signing"],
            "AUTOPILOT_PAGER__ROUTING_KEY": SECRETS["pager"],
            "AUTOPILOT_WEB__API_TOKEN": SECRETS["api"],
            **({"AUTOPILOT_MODEL__API_KEY": SECRETS["model"]} if self._asks_model else {}),
        }

    def _settings(self, folder: Path, gateway_port: int, temporal: str, ui: str) -> dict[str, Any]:
        address = f"http://127.0.0.1:{gateway_port}"
        settings: dict[str, Any] = {
            "environment": self.scenario.environment,
            "temporal": {"address": temporal, "ui_url": ui, "task_queue": "autopilot"},
            "store": {"kind": "folder", "path": str(folder / "cases")},
            "knowledge": str(folder / "knowledge.db"),
            "audit": str(folder / "audit.db"),
            "playbooks": str(folder / "playbooks"),
            "aws": {"regions": [REGION]},
            "github": {"base_url": self.github.url, "repositories": {self.scenario.service: self.repository}},
            "servicenow": {"base_url": self.servicenow.url, "user": "autopilot"},
            "jira": {"base_url": self.jira.url, "user": "autopilot@paperplane.example", "project": "SHOP"},
            "slack": {"base_url": self.slack.api_url, "channel": self.slack.channel},
            "pager": {"base_url": self.pager.url},
            "triggers": {"sns": {"topics": [TOPIC], "certificate_hosts": [self.relay.origin]}},
            "web": {"host": "127.0.0.1", "port": gateway_port, "public_url": address},
            "identity": {"actor": "demo"},
        }
        if self._asks_model:
            settings["model"] = {"kind": "openai", "base_url": f"{self.model.url}/v1", "timeout": 5}
        return settings

    def _playbook(self, mode: str, durations: Durations) -> dict[str, Any]:
        return {
            "apiVersion": "autopilot/v1",
            "kind": "IncidentResponse",
            "metadata": {"name": "default"},
            "spec": {
                "mode": mode,
                "analysis": {"windows": {"baseline": "2h30m", "incident": "30m"}},
                "approvers": ["on-call"],
                "acceptUnproven": True,
                "ladder": {
                    "remind": durations.remind,
                    "pageSecondary": durations.page_secondary,
                    "handOver": durations.hand_over,
                },
                # The simulated telemetry is published every second, so that nobody waits for minutes.
                "verification": {
                    "interval": 1.5,
                    "window": 5,
                    "settle": 5,
                    "stabilisation": 6,
                    "deadline": 20,
                    "manualWatch": durations.manual_watch,
                },
                "actions": {
                    "createTicket": {"priority": "high"},
                    "grants": [
                        {"tool": "dynamodb.set_capacity", "maxRisk": "low"},
                        {"tool": "lambda.rollback_alias", "maxRisk": "medium"},
                    ],
                },
            },
        }

    def _on_call(self) -> dict[str, Any]:
        return {
            "apiVersion": "autopilot/v1",
            "kind": "OnCallSchedule",
            "metadata": {"name": "operations"},
            "spec": {"timezone": "UTC", "entries": [{"primary": "kim", "secondary": "noor"}]},
        }

    def _people(self) -> dict[str, Any]:
        people = [
            {"name": user.name, "slack": user.id, "pager": f"P{user.name.upper()}", "git": user.name}
            for user in self.slack.workspace.users.values()
        ]
        return {
            "apiVersion": "autopilot/v1",
            "kind": "People",
            "metadata": {"name": "operations"},
            "spec": {"people": people},
        }
