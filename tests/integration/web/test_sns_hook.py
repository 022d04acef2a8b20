"""SNS deliveries over HTTP: genuine ones count, everything else starts nothing."""

import json
import threading
from datetime import UTC, datetime, timedelta

import pytest

from tests.integration.web.conftest import TOPIC, Running
from tests.integration.web.payloads import alarm


@pytest.mark.parametrize("version", ["1", "2"])
def test_a_signed_alarm_starts_an_incident(gateway: Running, version: str) -> None:
    answer = gateway.sns(gateway.authority.signed(alarm(), version=version))

    assert answer.status_code == 200, answer.text
    [alert] = gateway.incidents.alerts
    assert (alert.service, alert.region, alert.severity, alert.status) == (
        "checkout",
        "us-east-1",
        "critical",
        "firing",
    )
    assert alert.external_id == "msg-1"
    assert alert.signal is not None
    assert (alert.signal.metric.name, alert.signal.metric.statistic, alert.signal.threshold) == (
        "Duration",
        "Average",
        1_000,
    )
    assert answer.json()["group"] == alert.group


def test_a_redelivery_carries_the_same_delivery_key_and_reads_the_certificate_once(gateway: Running) -> None:
    url = f"{gateway.authority.origin}/SimpleNotificationService-once.pem"
    envelope = gateway.authority.signed(alarm(), SigningCertURL=url)

    assert [gateway.sns(envelope).json()["joined"] for _ in range(2)] == [False, True]
    first, second = gateway.incidents.alerts
    assert first.delivery_key == second.delivery_key
    assert gateway.authority.visited == ["/SimpleNotificationService-once.pem"]


def test_a_subscription_to_a_configured_topic_is_confirmed(gateway: Running) -> None:
    answer = gateway.sns(gateway.authority.signed("subscribe", kind="SubscriptionConfirmation"))

    assert answer.json() == {"confirmed": TOPIC}
    assert "/?Action=ConfirmSubscription&Token=tok" in gateway.authority.visited


def test_a_subscription_elsewhere_is_never_visited(gateway: Running) -> None:
    for url in (
        "https://evil.example/?Action=ConfirmSubscription&a=b",
        "http://169.254.169.254/latest",
        f"{gateway.authority.origin}@evil.example/",
        "https://sns.us-east-1.amazonaws.com.evil.example/?Action=x",
    ):
        answer = gateway.sns(gateway.authority.signed("s", kind="SubscriptionConfirmation", SubscribeURL=url))
        assert (answer.status_code, answer.json()["field"]) == (403, "SubscribeURL"), url
    assert all(path.endswith(".pem") for path in gateway.authority.visited)


def test_tampering_with_any_signed_field_is_refused(gateway: Running) -> None:
    genuine = gateway.authority.signed(alarm())
    for name, value in (("Message", alarm("OK")), ("MessageId", "msg-2"), ("Subject", "other")):
        answer = gateway.sns(genuine | {name: value})
        assert (answer.status_code, answer.json()["field"]) == (403, "Signature"), name
    without_subject = {k: v for k, v in genuine.items() if k != "Subject"}
    assert gateway.sns(without_subject).status_code == 403
    assert gateway.incidents.alerts == []


@pytest.mark.parametrize("changes", [{"Signature": "FAKE"}, {"Signature": "%%%"}, {"SignatureVersion": "3"}])
def test_a_forged_signature_is_refused(gateway: Running, changes: dict[str, str]) -> None:
    answer = gateway.sns(gateway.authority.signed(alarm()) | changes)

    assert answer.status_code == 403
    assert gateway.incidents.alerts == []


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/SimpleNotificationService-a.pem",
        "https://sns.us-east-1.amazonaws.com.evil.example/SimpleNotificationService-a.pem",
        "https://sns.us-east-1.amazonaws.com@evil.example/SimpleNotificationService-a.pem",
        "http://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem?x=.pem",
        "https://sns.us-east-1.amazonaws.com/evil/SimpleNotificationService-a.pem",
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-a.pem\n",
        "file:///etc/passwd.pem",
    ],
)
def test_a_certificate_from_elsewhere_is_never_fetched(gateway: Running, url: str) -> None:
    answer = gateway.sns(gateway.authority.signed(alarm(), SigningCertURL=url))

    assert (answer.status_code, answer.json()["field"]) == (403, "SigningCertURL")
    assert gateway.authority.visited == []


def test_an_expired_certificate_is_refused(gateway: Running) -> None:
    url = f"{gateway.authority.origin}/Expired.pem"

    assert gateway.sns(gateway.authority.signed(alarm(), SigningCertURL=url)).status_code == 403
    assert gateway.incidents.alerts == []


@pytest.mark.parametrize("age", [timedelta(hours=-1, minutes=-1), timedelta(minutes=6)])
def test_old_and_future_deliveries_are_refused(gateway: Running, age: timedelta) -> None:
    stamp = (datetime.now(UTC) + age).isoformat()
    answer = gateway.sns(gateway.authority.signed(alarm(), Timestamp=stamp))

    assert (answer.status_code, answer.json()["field"]) == (403, "Timestamp")


def test_another_topic_is_refused(gateway: Running) -> None:
    answer = gateway.sns(gateway.authority.signed(alarm(), TopicArn=TOPIC + "2"))

    assert (answer.status_code, answer.json()["field"]) == (403, "TopicArn")


def test_insufficient_data_is_acknowledged_and_starts_nothing(gateway: Running) -> None:
    answer = gateway.sns(gateway.authority.signed(alarm("INSUFFICIENT_DATA")))

    assert answer.status_code == 200
    assert "insufficient data" in answer.json()["ignored"]
    assert gateway.incidents.alerts == []


def test_a_signed_text_that_is_no_alarm_is_explained(gateway: Running) -> None:
    for message, status in (("hello", 400), (json.dumps({"AlarmName": "x"}), 422), (alarm("BROKEN"), 422)):
        answer = gateway.sns(gateway.authority.signed(message))
        assert answer.status_code == status
        assert answer.json()["remedy"]
    assert gateway.incidents.alerts == []


def test_an_alert_that_could_not_be_stored_is_to_be_delivered_again(gateway: Running) -> None:
    gateway.incidents.down = True
    answer = gateway.sns(gateway.authority.signed(alarm()))

    assert answer.status_code == 503
    assert answer.headers["retry-after"]


def test_unsigned_and_oversize_bodies_are_refused(gateway: Running) -> None:
    raw = gateway.http.post("/hooks/sns", content=alarm())
    assert (raw.status_code, raw.json()["field"]) == (400, "Type")
    assert gateway.http.post("/hooks/sns", content=b"x" * 70_000).status_code == 413
    assert gateway.http.post("/hooks/sns", content=(b"x" * 9_000 for _ in range(9))).status_code == 413


def test_a_slow_certificate_keeps_nobody_else_waiting(gateway: Running) -> None:
    url = f"{gateway.authority.origin}/SimpleNotificationService-Slow.pem"
    answers: list[int] = []
    envelope = gateway.authority.signed(alarm(), SigningCertURL=url)
    sender = threading.Thread(target=lambda: answers.append(gateway.sns(envelope).status_code))
    sender.start()
    while not gateway.authority.visited:
        threading.Event().wait(0.01)

    assert gateway.http.get("/healthz", timeout=1).status_code == 200
    assert answers == []
    gateway.authority.slow.set()
    sender.join(5)
    assert answers == [200]
