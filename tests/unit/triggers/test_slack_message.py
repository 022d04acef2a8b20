"""Alert messages in Slack: what they say is read, whatever their layout."""

import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot.incident.alert import Alert
from autopilot.triggers.base import Ignored, Refused, Site
from autopilot.triggers.slack_message import TEXT_LIMIT, parse_alert_message, read_message

NOW = datetime(2026, 11, 21, 3, 16, tzinfo=UTC)
POSTED = f"{int((NOW - timedelta(seconds=20)).timestamp())}.000200"
SITE = Site("production", "us-east-1")


def parsed(event: dict[str, object]) -> Alert | Ignored:
    """What a message becomes."""
    return parse_alert_message(read_message({"ts": POSTED, "channel": "C1"} | event, "Ev1"), SITE, NOW)


def datadog(
    title: str, text: str = "", tags: str = "env:production, region:eu-west-1, service:checkout"
) -> dict[str, object]:
    """Datadog's message with the tags in a field and the time in the footer."""
    return {
        "text": "",
        "attachments": [
            {
                "title": title,
                "title_link": "https://app.datadoghq.eu/monitors/1",
                "text": text,
                "fields": [{"title": "Tags", "value": tags, "short": False}],
                "footer": "<https://app.datadoghq.eu/monitors/1|Monitor> | "
                "Metric value at Sat Nov 21 2026 03:15:00 UTC",
            }
        ],
    }


def test_datadog_tells_service_place_and_time() -> None:
    alert = parsed(datadog("Triggered: [API latency] on service:checkout,env:production", "avg latency is 1240 ms"))

    assert isinstance(alert, Alert)
    assert (alert.service, alert.environment, alert.region) == ("checkout", "production", "eu-west-1")
    assert alert.started_at == datetime(2026, 11, 21, 3, 15, tzinfo=UTC)
    assert "avg latency is 1240 ms" in alert.description
    assert alert.links[0].url == "https://app.datadoghq.eu/monitors/1"


@pytest.mark.parametrize(
    ("title", "status", "severity"),
    [
        ("Triggered: [P2] slow", "firing", "high"),
        ("Re-Triggered: [P1] slow", "firing", "critical"),
        ("Warn: slow", "firing", "medium"),
        ("Recovered: [P3] slow", "resolved", "medium"),
        ("*Triggered on {host:a,service:checkout}: slow*", "firing", "high"),
    ],
)
def test_datadog_states_and_priorities(title: str, status: str, severity: str) -> None:
    alert = parsed(datadog(title))

    assert isinstance(alert, Alert)
    assert (alert.title, alert.status, alert.severity) == ("slow", status, severity)


def test_datadog_without_data_starts_nothing() -> None:
    assert isinstance(parsed(datadog("No data: slow")), Ignored)


def test_datadog_without_a_service_says_what_to_add() -> None:
    with pytest.raises(Refused, match="which service") as refusal:
        parsed(datadog("Triggered: slow", tags="env:production"))

    assert "service:<name>" in refusal.value.remedy


def cloudwatch(mark: str, **fields: str) -> dict[str, object]:
    """AWS Chatbot's message."""
    title = "CloudWatch Alarm | lambda-duration | us-east-1 | Account: 000000000000"
    shown = [{"title": name, "value": value, "short": True} for name, value in fields.items()]
    attachment = {
        "fallback": f"{title}: slow",
        "title": f"{mark} {title}",
        "text": "*Alarm*\nslow",
        "fields": shown,
    }
    return {"text": "", "attachments": [attachment]}


def test_cloudwatch_tells_alarm_service_and_time() -> None:
    alert = parsed(
        cloudwatch(":rotating_light:", State="ALARM", Service="checkout", Changed="2026-11-21T03:15:00.000+0000")
    )

    assert isinstance(alert, Alert)
    assert (alert.title, alert.service, alert.status) == ("lambda-duration", "checkout", "firing")
    assert alert.started_at == datetime(2026, 11, 21, 3, 15, tzinfo=UTC)


@pytest.mark.parametrize("message", [cloudwatch(":white_check_mark:"), cloudwatch(":bell:", State="OK")])
def test_cloudwatch_recovery(message: dict[str, object]) -> None:
    alert = parsed(message)

    assert isinstance(alert, Alert)
    assert (alert.status, alert.service) == ("resolved", "lambda")


def test_blocks_are_read_like_attachments() -> None:
    words = "<https://console.example|:rotating_light: CloudWatch Alarm | a-b | eu-west-1 | Account: 000000000000>"
    section = {
        "type": "section",
        "text": {"type": "mrkdwn", "text": words},
        "fields": [{"text": "TableName: orders"}],
    }
    alert = parsed({"text": "", "attachments": [{"blocks": [section]}]})

    assert isinstance(alert, Alert)
    assert (alert.service, alert.region) == ("orders", "eu-west-1")


def test_a_time_from_a_log_line_is_not_the_alerts() -> None:
    alert = parsed(datadog("Triggered: slow", "first seen 2026-11-19T03:15:00Z") | {"ts": POSTED})

    assert isinstance(alert, Alert)
    assert alert.started_at == NOW - timedelta(seconds=20)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(
        st.sampled_from(["text", "attachments", "blocks", "fields", "title", "value", "elements", "ts", "url"]),
        inner, max_size=5,
    ),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(["text", "attachments", "blocks", "ts", "channel"]), JSON))
@settings(max_examples=60, deadline=None)
def test_any_message_is_an_alert_or_is_refused(event: dict[str, object]) -> None:
    message = read_message(event, "Ev1")
    assert len(message.words) <= TEXT_LIMIT
    with pytest.raises(Refused):
        parse_alert_message(message, SITE, NOW)


@pytest.mark.parametrize(
    "piece", ["avg({}", "avg({a}<", "<http", "Triggered on {", "CloudWatch Alarm | a ", "*", "at Nov "]
)
def test_hostile_text_takes_no_time(piece: str) -> None:
    began = time.perf_counter()
    message = read_message({"text": piece * 5_000 + " Triggered: x service:a"}, "Ev1")
    with suppress(Refused):
        parse_alert_message(message, SITE, NOW)
    assert time.perf_counter() - began < 1
