"""EventBridge and Slack alert messages over HTTP."""

import json
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from tests.integration.web.conftest import API_KEY, Running
from tests.integration.web.payloads import CHATBOT, DATADOG, event, slack_event

EVENTS = "/hooks/slack/events"


def test_an_alarm_event_with_the_key_starts_an_incident(gateway: Running) -> None:
    answer = gateway.http.post("/hooks/eventbridge", json=event(), headers={"X-Api-Key": API_KEY})

    assert answer.status_code == 200, answer.text
    [alert] = gateway.incidents.alerts
    assert (alert.service, alert.external_id, alert.region) == ("orders", "ev-1", "us-east-1")
    assert alert.signal is not None
    assert (alert.signal.threshold, alert.signal.inclusive, alert.signal.missing) == (1.0, True, "healthy")


@pytest.mark.parametrize("headers", [{}, {"X-Api-Key": "wrong"}, {"X-Api-Key": API_KEY + "x"}, {"X-Api-Key": "ü"}])
def test_an_event_without_the_key_is_refused(gateway: Running, headers: dict[str, str]) -> None:
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    answer = gateway.http.post("/hooks/eventbridge", json=event(), headers=encoded)

    assert answer.status_code == 401
    assert API_KEY not in answer.text
    assert gateway.incidents.alerts == []


@pytest.mark.parametrize(
    "changes", [{"detail-type": "EC2 Instance State"}, {"id": ""}, {"detail": {}}, {"detail": 7}]
)
def test_events_of_another_shape_are_explained(gateway: Running, changes: dict[str, object]) -> None:
    answer = gateway.http.post("/hooks/eventbridge", json=event(**changes), headers={"X-Api-Key": API_KEY})

    assert answer.status_code in (400, 422)
    assert answer.json()["field"]
    assert gateway.incidents.alerts == []


def test_slack_learns_that_the_address_is_ours_only_with_a_signature(gateway: Running) -> None:
    body = json.dumps({"type": "url_verification", "challenge": "c-1"})

    assert gateway.slack(EVENTS, body).json() == {"challenge": "c-1"}
    assert gateway.slack(EVENTS, body, secret="wrong").status_code == 401


@pytest.mark.parametrize("age", [301, -301])
def test_a_replayed_slack_request_is_refused(gateway: Running, age: float) -> None:
    assert gateway.slack(EVENTS, slack_event(DATADOG), age=age).status_code == 401
    assert gateway.incidents.alerts == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-slack-request-timestamp": "soon", "x-slack-signature": "v0=1"},
        {"x-slack-request-timestamp": "9" * 400},
    ],
)
def test_unsigned_slack_requests_are_refused(gateway: Running, headers: dict[str, str]) -> None:
    assert gateway.http.post(EVENTS, content=slack_event(DATADOG), headers=headers).status_code == 401


def test_a_datadog_message_starts_an_incident(gateway: Running) -> None:
    answer = gateway.slack(EVENTS, slack_event(DATADOG))

    assert answer.status_code == 200
    [alert] = gateway.incidents.alerts
    assert (alert.source, alert.service, alert.environment, alert.severity) == (
        "datadog",
        "checkout",
        "staging",
        "critical",
    )
    assert alert.title == "checkout latency is high"
    assert alert.external_id == "Ev1"
    assert alert.labels["value"] == "1240.5"
    assert alert.labels["monitor_query"].endswith("> 1000")
    assert alert.links[0].url.startswith("https://app.datadoghq.com/monitors/42")
    assert answer.json()["service"] == "checkout"


def test_a_cloudwatch_message_starts_an_incident_at_the_time_it_was_posted(gateway: Running) -> None:
    now = int(datetime.now(UTC).timestamp()) - 30
    gateway.slack(EVENTS, slack_event(CHATBOT | {"ts": f"{now}.000100"}))

    [alert] = gateway.incidents.alerts
    assert (alert.source, alert.service, alert.region, alert.status) == (
        "cloudwatch",
        "checkout-api",
        "us-east-1",
        "firing",
    )
    assert alert.account == "000000000000"
    assert int(alert.started_at.timestamp()) == now


@pytest.mark.parametrize(
    "message",
    [
        {"channel": "C0OTHER"},
        {"bot_id": "B0STRANGER"},
        {"bot_id": "", "user": "U1"},
        {"app_id": "A0SELF"},
        {"user": "U0SELF"},
        {"subtype": "message_changed"},
        {"type": "reaction_added"},
    ],
)
def test_other_messages_are_passed_over(gateway: Running, message: dict[str, object]) -> None:
    answer = gateway.slack(EVENTS, slack_event(DATADOG | message))

    assert answer.status_code == 200
    assert answer.json()["ignored"]
    assert gateway.incidents.alerts == []


def test_a_message_that_is_not_understood_is_answered_in_its_thread(gateway: Running) -> None:
    answer = gateway.slack(EVENTS, slack_event({"text": "everything is on fire", "attachments": []}))

    assert answer.status_code == 200
    assert answer.json()["ok"] is False
    assert gateway.said.changed.wait(2)
    [(channel, ts, words)] = gateway.said.threads
    assert (channel, ts) == ("C0ALERTS", "1795230900.000100")
    assert "started no incident" in words
    assert gateway.incidents.alerts == []


def test_an_alert_message_that_could_not_be_stored_is_delivered_again(gateway: Running) -> None:
    gateway.incidents.down = True

    assert gateway.slack(EVENTS, slack_event(DATADOG)).status_code == 503


def test_triggers_that_are_not_configured_do_not_exist(gateway: Running) -> None:
    assert gateway.http.post("/hooks/pagerduty", content="{}").status_code == 404
    assert gateway.http.get("/hooks/sns").status_code == 405


def test_refusals_are_recorded_with_their_reason_and_without_secrets(gateway: Running) -> None:
    with capture_logs() as lines:
        gateway.http.post("/hooks/eventbridge", json=event(), headers={"X-Api-Key": "guess-7f"})
        gateway.slack(EVENTS, slack_event(DATADOG), secret="guess-7f")

    refused = [line for line in lines if line["event"] == "request refused"]
    assert [line["field"] for line in refused] == ["x-api-key", "x-slack-signature"]
    assert all(line["reason"] and line["client"] == "127.0.0.1" for line in refused)
    assert "guess-7f" not in str(lines)
    assert API_KEY not in str(lines)
