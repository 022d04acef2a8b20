"""The simulated Slack with an app behind it."""

from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from starlette.responses import PlainTextResponse

from demo.saas.seeds import company_records
from demo.saas.slack import Slack
from tests.integration.demo_saas.gateway import Gateway
from tests.integration.demo_saas.slack_app import NOW, SECRET


@pytest.fixture(scope="module")
def running_gateway() -> Iterator[Gateway]:
    with Gateway() as running:
        yield running


@pytest.fixture
def gateway(running_gateway: Gateway) -> Gateway:
    running_gateway.got, running_gateway.failing = [], 0
    running_gateway.answer = lambda _: PlainTextResponse("")
    return running_gateway


@pytest.fixture(scope="module")
def running_slack() -> Iterator[Slack]:
    records = company_records("deploy-throttle", NOW).slack
    with Slack(records, token="xoxb-demo", signing_secret=SECRET) as running:
        running.app_requests.retry_delays = (0.05, 0.05)
        yield running


@pytest.fixture
def slack(running_slack: Slack, gateway: Gateway) -> Slack:
    """An empty workspace whose app is the gateway."""
    space = running_slack.workspace
    for written in (space.messages, space.ephemeral, space.views, space.warnings, running_slack.limited):
        written.clear()
    space.trigger_seconds, running_slack.failing = 3.0, 0
    running_slack.app_requests.interactivity_url = f"{gateway.url}/slack/interactivity"
    running_slack.app_requests.events_url = f"{gateway.url}/slack/events"
    return running_slack


@pytest.fixture
def client(slack: Slack) -> Any:
    """Slack's own client, untyped here because its answers are."""
    return WebClient(token="xoxb-demo", base_url=slack.api_url)
