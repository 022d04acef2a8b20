"""Alerts as JSON, for the API and for `start --alert FILE`."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot.incident.alert import Alert
from autopilot.incident.metric import MetricRef, Signal
from autopilot.triggers.api import MAX_TEXT, read_alert
from autopilot.triggers.base import Refused, Site, same_secret
from tests.unit.triggers.test_cloudwatch import AWS

NOW = datetime(2026, 11, 21, 3, 15, tzinfo=UTC)


def alert_of(**fields: object) -> Alert:
    """The alert of some fields over the smallest one."""
    return read_alert(json.dumps({"title": "slow", "service": "checkout"} | fields), now=NOW)


def test_what_is_silent_is_assumed() -> None:
    alert = read_alert('{"title": "slow", "service": "checkout"}', site=Site("staging", "eu-west-1"), now=NOW)

    assert (alert.environment, alert.region, alert.started_at, alert.source) == ("staging", "eu-west-1", NOW, "api")
    assert alert.raw == '{"title": "slow", "service": "checkout"}'


def test_a_stored_alert_can_be_sent_again() -> None:
    signal = Signal(metric=MetricRef(source="cloudwatch", name="Latency"), threshold=1_000)
    stored = alert_of(external_id="e-1", started_at=NOW.isoformat(), signal=signal.model_dump())
    again = read_alert(stored.model_dump_json(), now=NOW + timedelta(minutes=1))

    assert again.delivery_key == stored.delivery_key
    assert again.signal == signal
    assert again.received_at == NOW + timedelta(minutes=1)


def test_repetitions_are_told_by_the_senders_id_or_by_content_and_start() -> None:
    start = NOW.isoformat()
    assert alert_of(started_at=start).delivery_key == alert_of(started_at=start).delivery_key
    assert alert_of(external_id="a").delivery_key == alert_of(external_id="a").delivery_key
    assert alert_of().delivery_key != alert_of().delivery_key


def test_a_raw_alarm_is_understood_and_stable() -> None:
    first, second = (read_alert(json.dumps(AWS), now=NOW) for _ in range(2))

    assert (first.service, first.source) == ("checkout-api", "cloudwatch")
    assert first.delivery_key == second.delivery_key


def test_a_raw_alarm_without_data_is_refused_with_a_reason() -> None:
    with pytest.raises(Refused, match="insufficient data"):
        read_alert(json.dumps(AWS | {"NewStateValue": "INSUFFICIENT_DATA"}), now=NOW)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"title": ""}, "title"),
        ({"title": "x" * 401}, "title"),
        ({"service": " checkout"}, "service"),
        ({"status": "open"}, "status"),
        ({"started_at": "soon"}, "started_at"),
        ({"started_at": (NOW + timedelta(hours=1)).isoformat()}, "started_at"),
        ({"links": [{"title": "x", "url": "javascript:alert(1)"}]}, "links"),
        ({"links": "x"}, "links"),
        ({"labels": {str(n): "x" for n in range(65)}}, "labels"),
        ({"signal": {"metric": {"source": "a", "name": "b"}, "threshold": "NaN"}}, "signal"),
        ({"nonsense": 1}, "nonsense"),
    ],
)
def test_every_mistake_is_named_with_its_field_and_remedy(fields: dict[str, object], field: str) -> None:
    with pytest.raises(Refused) as refusal:
        alert_of(**fields)

    assert refusal.value.field.startswith(field)
    assert refusal.value.remedy
    assert 400 <= refusal.value.status < 500


def test_size_is_bounded() -> None:
    with pytest.raises(Refused) as refusal:
        read_alert("x" * (MAX_TEXT + 1))
    assert refusal.value.status == 413


@given(st.text(max_size=200) | st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_no_text_does_anything_but_be_refused(given_text: str | bytes) -> None:
    with pytest.raises(Refused):
        read_alert(given_text, now=NOW)


@given(
    st.dictionaries(
        st.sampled_from(
            ["title", "service", "severity", "labels", "started_at", "links", "signal", "AlarmName", "Trigger"]
        ),
        st.none() | st.integers() | st.text(max_size=30) | st.lists(st.text(max_size=5), max_size=3),
    )
)
@settings(max_examples=200, deadline=None)
def test_any_object_is_an_alert_or_is_refused(fields: dict[str, object]) -> None:
    try:
        outcome: Alert | Refused = read_alert(json.dumps(fields), now=NOW)
    except Refused as refusal:
        outcome = refusal
    assert outcome.remedy if isinstance(outcome, Refused) else outcome.title and outcome.service


def test_secrets_are_compared_whatever_they_contain() -> None:
    assert same_secret("gehëim", "gehëim")
    assert not same_secret("", "")
    assert not same_secret("a", "")
    assert not same_secret("\udce4", "ä")
