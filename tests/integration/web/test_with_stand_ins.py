"""The gateway between our own Slack channel and the stand-ins that speak Slack's and SNS' wire formats."""

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from autopilot.channels.slack import SlackChannel
from autopilot.incident.decision import DecisionRequest
from autopilot.incident.seal import Keyring
from autopilot.incident.view import incident_view
from autopilot.settings import Slack as SlackSettings
from demo.saas.records import SlackRecords
from demo.saas.seeds import CHANNELS, PEOPLE
from demo.saas.server import Json
from demo.saas.slack import Slack
from demo.saas.slack_alerts import AWS_BOT, DATADOG_BOT, AlertText, cloudwatch_message, datadog_message
from demo.saas.slack_requests import Forgery
from demo.saas.sns_relay import SnsRelay
from tests.integration.web.conftest import (
    SEAL_KEY,
    SIGNING_SECRET,
    TOPIC,
    MemoryIncidents,
    Running,
    serving,
    settings,
)
from tests.integration.web.example import GROUP, incident
from tests.integration.web.payloads import alarm

TOKEN = "xoxb-stand-in"
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def relay() -> Iterator[SnsRelay]:
    with SnsRelay() as running:
        yield running


@pytest.fixture
def slack() -> Iterator[Slack]:
    with Slack(SlackRecords(PEOPLE, CHANNELS), TOKEN, SIGNING_SECRET) as running:
        yield running


@pytest.fixture
def incidents(slack: Slack, relay: SnsRelay, listening: Running) -> Iterator[MemoryIncidents]:
    """Incidents behind a gateway that knows the stand-ins; the example waits for its decision in Slack."""
    slack_settings = {"base_url": slack.api_url, "channel": slack.channel, "bot_token": TOKEN}
    configured = settings(
        relay.origin,
        slack=slack_settings | {"signing_secret": SIGNING_SECRET},
        triggers={
            "sns": {"topics": [TOPIC], "certificate_hosts": [relay.origin]},
            "slack_alert_channels": [CHANNELS[1][0]],
            "slack_alert_bots": [DATADOG_BOT, AWS_BOT],
        },
    )
    assert configured.slack is not None
    behind = MemoryIncidents(open={GROUP: "run-1"})
    with serving(configured, behind, listening.store) as url:
        slack.app_requests.interactivity_url = f"{url}/hooks/slack/interactions"
        slack.app_requests.events_url = f"{url}/hooks/slack/events"
        relay.target = f"{url}/hooks/sns"
        _ask(configured.slack, listening)
        yield behind


def _ask(slack_settings: SlackSettings, listening: Running) -> None:
    """Post the incident's message with its buttons."""
    state = incident(listening.store)
    assert state.plan is not None
    state.decision, state.outcome, state.phase, state.verdict = None, None, "decide", None
    state.request = DecisionRequest(
        plan_revision=1, plan_digest=state.plan.plan_digest, asked_at=NOW, expires_at=NOW + timedelta(hours=1)
    )
    SlackChannel(slack_settings).publish(incident_view(state))


def eventually(look: Callable[[], bool]) -> None:
    """Wait until something is so, at most five seconds."""
    until = time.monotonic() + 5
    while not look() and time.monotonic() < until:
        time.sleep(0.02)


def test_a_click_on_our_own_message_becomes_a_sealed_decision(slack: Slack, incidents: MemoryIncidents) -> None:
    assert slack.click("decide:option:1").accepted

    [(group, signal)] = incidents.decisions
    assert (group, signal.actor, signal.choice, signal.option_number) == (
        GROUP,
        f"slack:{PEOPLE[0].id}",
        "option",
        1,
    )
    assert Keyring(SEAL_KEY).vouches(signal)
    told = slack.wait_until(slack.ephemerals, 3)
    assert told[0]["text"].startswith("Stored.")


def test_a_click_that_cannot_be_stored_is_said_to_the_clicker_alone(
    slack: Slack, incidents: MemoryIncidents
) -> None:
    incidents.down = True
    answer = slack.click("decide:option:1")

    assert answer.seconds < 3
    [told] = slack.ephemerals()
    assert "could not be stored" in told["text"]
    assert incidents.decisions == []


@pytest.mark.parametrize("forgery", ["unsigned", "wrong_secret", "tampered", "old"])
def test_forged_clicks_decide_nothing(slack: Slack, incidents: MemoryIncidents, forgery: Forgery) -> None:
    button = slack.buttons()[0]
    assert slack.click(button, forgery=forgery).status == 401
    assert incidents.decisions == []


def test_reanalyse_asks_for_words_and_carries_them(slack: Slack, incidents: MemoryIncidents) -> None:
    slack.click("decide:reanalyse")
    assert slack.submit_view({"text": "check the deploy"}).accepted

    [(_, signal)] = incidents.decisions
    assert (signal.choice, signal.comment) == ("reanalyse", "check the deploy")
    assert slack.open_view() is None


@pytest.mark.parametrize("message", [datadog_message, cloudwatch_message])
def test_alert_messages_of_other_bots_start_incidents(
    slack: Slack, incidents: MemoryIncidents, message: Callable[[AlertText], Json]
) -> None:
    said = AlertText(
        "API latency", "checkout-api", "avg latency is 1240 ms (limit 1000 ms)", NOW - timedelta(minutes=1)
    )
    alerts = CHANNELS[1][0]
    slack.post_alert_message(
        datadog_message(said) if message is datadog_message else cloudwatch_message(said), alerts
    )
    eventually(lambda: bool(incidents.alerts))

    [alert] = incidents.alerts
    assert (alert.service, alert.region, alert.environment) == ("checkout-api", "us-east-1", "production")
    assert alert.started_at == NOW - timedelta(minutes=1)


def test_what_the_relay_signs_is_accepted(relay: SnsRelay, incidents: MemoryIncidents) -> None:
    for version in ("1", "2"):
        relay.signature_version = version
        sent = {"Type": "Notification", "MessageId": f"m-{version}", "TopicArn": TOPIC, "Message": alarm(),
                "Timestamp": datetime.now(UTC).isoformat(), "Signature": "FAKE"}  # fmt: skip
        assert httpx.post(relay.endpoint, content=json.dumps(sent)).status_code == 200
    eventually(lambda: len(relay.deliveries) == 2)
    assert [delivery.status for delivery in relay.deliveries] == [200, 200]
    assert {alert.external_id for alert in incidents.alerts} == {"m-1", "m-2"}
