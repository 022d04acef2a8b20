"""The product's front on real processes: Temporal server and gateway as programs, Slack and SNS as stand-ins.

The worker runs in the test, over the small world, so that what was carried out can be counted.
"""

import asyncio
import contextlib
import json
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import yaml
from slack_sdk.signature import SignatureVerifier
from temporalio.client import Client
from temporalio.service import RPCError

from autopilot.audit.sqlite import SqliteAudit
from autopilot.channels.notifier import build_notifier
from autopilot.channels.slack_wire import ButtonValue
from autopilot.incident.decision import Judgement
from autopilot.incident.state import IncidentState
from autopilot.settings import Settings, load
from autopilot.web.incidents import IncidentRow
from demo.saas.records import SlackRecords, SlackUser
from demo.saas.slack import Slack
from demo.saas.slack_alerts import AWS_BOT, DATADOG_BOT
from demo.saas.slack_blocks import Button
from demo.saas.sns_relay import SnsRelay
from demo.stage import ROOT, Process, Stage
from starter import Incidents, connect
from tests.workflow.fakes import SEAL_KEY, FakeCollector, FakeSwitch, FakeWorld
from worker import Ports, build_activities, build_worker

TOPIC = "arn:aws:sns:us-east-1:000000000000:alarms"
API_TOKEN, API_KEY, BOT_TOKEN, SIGNING = "api-token", "bridge-key", "xoxb-house", "signing-secret"
ALERTS = "C0ALERTS1"
QUEUE = "house"
KIM = SlackUser("U1", "kim", "Kim", "kim@shop.example")
LEE = SlackUser("U2", "lee", "Lee", "lee@shop.example")
EVE = SlackUser("U9", "eve", "Eve", "eve@shop.example")


@dataclass
class House:
    """Everything that runs."""

    stage: Stage
    gateway: Process
    slack: Slack
    relay: SnsRelay
    http: httpx.AsyncClient
    settings: Settings
    config: Path
    client: Client
    incidents: Incidents
    world: FakeWorld = field(default_factory=FakeWorld)
    switch: FakeSwitch = field(default_factory=FakeSwitch)

    @asynccontextmanager
    async def working(self) -> AsyncGenerator[None]:
        """A worker is up."""
        world = self.world
        ports = Ports(
            playbooks=world, collector=FakeCollector(world), store=world, analyzer=world, analyst=world,
            prober=world, planner=world, toolbox=world, notifier=build_notifier(self.settings), reviewer=world,
            summariser=world, knowledge=world, audit=self.audit,
        )  # fmt: skip
        activities = build_activities(ports, self.client, self.settings, self.switch)
        async with build_worker(self.client, activities, QUEUE):
            yield

    @property
    def audit(self) -> SqliteAudit:
        """The record of worker and gateway."""
        return SqliteAudit(self.settings.audit)

    async def post(self, body: Any, token: str = f"Bearer {API_TOKEN}", **headers: str) -> httpx.Response:
        """POST /api/incidents."""
        content = body if isinstance(body, str) else json.dumps(body)
        given = {"authorization": token, "content-type": "application/json"} | headers
        return await self.http.post("/api/incidents", content=content, headers=given)

    async def signed(self, path: str, body: str) -> httpx.Response:
        """Post a form that Slack signed now."""
        stamp = str(int(time.time()))
        signature = SignatureVerifier(SIGNING).generate_signature(timestamp=stamp, body=body) or ""
        headers = {"x-slack-request-timestamp": stamp, "x-slack-signature": signature}
        headers["content-type"] = "application/x-www-form-urlencoded"
        return await self.http.post(path, content=body, headers=headers)

    async def sns(self, message: str, **changes: str) -> dict[str, Any]:
        """An envelope as SNS would send it."""
        stamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        fields = {"Type": "Notification", "MessageId": "m-1", "TopicArn": TOPIC, "Subject": "ALARM",
                  "Message": message, "Timestamp": stamp}  # fmt: skip
        return await asyncio.to_thread(self.relay.signed, fields | changes)

    async def open(self) -> list[IncidentRow]:
        """The incidents that run."""
        return [row for row in await self.incidents.list() if row.status == "running"]

    async def state(self, group: str, true: Callable[[IncidentState], bool] = lambda _: True) -> IncidentState:
        """The state, once something holds."""
        async with asyncio.timeout(20):
            while True:
                state = await self.incidents.show(group)
                if state is not None and true(state):
                    return state
                await asyncio.sleep(0.05)

    async def waiting(self, group: str) -> IncidentState:
        """The state, once a decision is waited for and its buttons are in Slack."""
        state = await self.state(group, lambda s: s.request is not None and s.decision is None)
        await self.until(lambda: any(b.action_id == "decide:manual" for b in self.buttons(state)))
        return state

    async def finished(self, group: str) -> IncidentState:
        """The state once the workflow has completed."""
        async with asyncio.timeout(30):
            await self.client.get_workflow_handle(group).result()
        return await self.state(group)

    async def judged(self, group: str, number: int) -> tuple[Judgement, ...]:
        """The answers to decisions, once there are so many."""
        return tuple((await self.state(group, lambda s: len(s.judgements) >= number)).judgements)

    def buttons(self, state: IncidentState) -> list[Button]:
        """The buttons of an incident's present question."""
        digest = state.plan.plan_digest if state.plan else ""
        return [b for b in self.slack.buttons() if digest in b.value]

    def button(self, state: IncidentState, **changes: object) -> Button:
        """The first option's button, possibly with other contents."""
        first = self.option_button(state, 1)
        value = ButtonValue.model_validate_json(first.value).model_copy(update=changes)
        return replace(first, value=value.wire())

    def option_button(self, state: IncidentState, option: int) -> Button:
        """The button of an option."""
        return next(b for b in self.buttons(state) if b.action_id == f"decide:option:{option}")

    async def told(self, words: str, since: int = 0) -> str:
        """What somebody was told alone, once it has these words."""
        await self.until(lambda: any(words in str(e["text"]) for e in self.slack.ephemerals()[since:]))
        return next(str(e["text"]) for e in self.slack.ephemerals()[since:] if words in str(e["text"]))

    async def first_open(self) -> IncidentRow:
        """The first incident that runs, once there is one."""
        async with asyncio.timeout(10):
            while True:
                for row in await self.open():
                    return row
                await asyncio.sleep(0.05)

    async def taken(self, envelope: dict[str, Any]) -> None:
        """Deliver to /hooks/sns until it is taken, as SNS does."""
        async with asyncio.timeout(20):
            while True:
                if (await self.http.post("/hooks/sns", json=envelope)).status_code == 200:
                    return
                await asyncio.sleep(0.2)

    async def until(self, true: Callable[[], bool], seconds: float = 15) -> None:
        """Wait until something holds."""
        limit = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < limit, "it did not come true in time"
            await asyncio.sleep(0.02)

    def log(self) -> list[dict[str, Any]]:
        """What the gateway logged."""
        lines = self.gateway.log.read_text().splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    async def sweep(self) -> None:
        """End every incident and forget what was done."""
        for row in await self.open():
            with contextlib.suppress(RPCError):  # it may have ended just now
                await self.client.get_workflow_handle(row.group).terminate()
        self.world = FakeWorld()

    async def command(self, *arguments: str, given: str = "") -> tuple[int, str, str]:
        """Run starter.py; exit code, stdout, stderr."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "starter.py", *arguments, "--config", str(self.config),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )  # fmt: skip
        out, said = await process.communicate(given.encode())
        return process.returncode or 0, out.decode(), said.decode()


def _configuration(folder: Path, stage: Stage, slack: Slack, relay: SnsRelay) -> Path:
    """autopilot.yaml with everything that the gateway needs."""
    settings = {
        "temporal": {"address": stage.temporal_address, "task_queue": QUEUE},
        "store": {"kind": "folder", "path": str(folder / "cases")},
        "knowledge": str(folder / "knowledge.db"),
        "audit": str(folder / "audit.db"),
        "seal_key": SEAL_KEY.decode(),
        "slack": {
            "base_url": slack.api_url, "channel": slack.channel, "bot_token": BOT_TOKEN, "signing_secret": SIGNING,
        },
        "triggers": {
            "sns": {"topics": [TOPIC], "certificate_hosts": [relay.origin]},
            "eventbridge": {"secret": API_KEY},
            "slack_alert_channels": [ALERTS],
            "slack_alert_bots": [DATADOG_BOT, AWS_BOT],
        },
        "web": {"port": stage.gateway_port, "public_url": stage.gateway_url, "api_token": API_TOKEN},
    }  # fmt: skip
    file = folder / "autopilot.yaml"
    file.write_text(yaml.safe_dump(settings))
    return file


@asynccontextmanager
async def furnished(folder: Path) -> AsyncGenerator[House]:
    """Start everything but the worker; end it afterwards."""
    stage = Stage(folder)
    slack = Slack(
        SlackRecords((KIM, LEE, EVE), (("C0INCIDENTS", "incidents"), (ALERTS, "alerts"))), BOT_TOKEN, SIGNING
    )
    relay = SnsRelay(signature_version="2")
    with slack, relay:
        slack.app_requests.interactivity_url = f"{stage.gateway_url}/hooks/slack/interactions"
        slack.app_requests.events_url = f"{stage.gateway_url}/hooks/slack/events"
        config = _configuration(folder, stage, slack, relay)
        clean = {k: v for k, v in os.environ.items() if not k.startswith(("AUTOPILOT_", "TEMPORAL_"))}
        command = [sys.executable, "starter.py", "serve", "--config", str(config)]
        gateway = Process("gateway", command, clean, folder / "gateway.log")
        try:
            gateway.start()
            await stage.start_temporal()
            await gateway.until_listening(stage.gateway_port)
            settings = load(config)
            client = await connect(settings)
            async with httpx.AsyncClient(base_url=stage.gateway_url, timeout=15) as http:
                incidents = Incidents(client, QUEUE)
                yield House(stage, gateway, slack, relay, http, settings, config, client, incidents)
        finally:
            await asyncio.to_thread(gateway.stop)
            await stage.stop()
