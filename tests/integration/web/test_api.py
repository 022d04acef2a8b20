"""The JSON API and the supervisor's questions."""

import pytest

from tests.integration.web.conftest import API_TOKEN, Running
from tests.integration.web.example import GROUP, INCIDENT, incident
from tests.integration.web.payloads import alarm

HEADERS = {"authorization": f"Bearer {API_TOKEN}", "content-type": "application/json"}
SMALLEST = {"title": "checkout slow", "service": "checkout"}


def test_the_smallest_alert_starts_an_incident(gateway: Running) -> None:
    answer = gateway.http.post("/api/incidents", json=SMALLEST, headers=HEADERS)

    assert answer.status_code == 202
    [alert] = gateway.incidents.alerts
    assert answer.json()["group"] == alert.group
    assert answer.headers["location"] == f"/api/incidents/{alert.group}"
    assert (alert.environment, alert.severity) == ("production", "high")


def test_a_raw_alarm_is_taken_too(gateway: Running) -> None:
    assert gateway.http.post("/api/incidents", content=alarm(), headers=HEADERS).status_code == 202
    assert gateway.incidents.alerts[0].service == "checkout"


@pytest.mark.parametrize("token", ["", "Bearer wrong", f"Basic {API_TOKEN}", f"Bearer {API_TOKEN}x", API_TOKEN])
def test_without_the_token_nothing_starts(gateway: Running, token: str) -> None:
    answer = gateway.http.post("/api/incidents", json=SMALLEST, headers={"authorization": token})

    assert answer.status_code == 401
    assert API_TOKEN not in answer.text
    assert gateway.incidents.alerts == []


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ("{", 400, "line 1, column 2"),
        ("[]", 400, ""),
        ("", 400, ""),
        ('{"title": "x"}', 422, "service"),
        ('{"title": "x", "service": "y", "severty": "low"}', 422, "severty"),
        ('{"title": "x", "service": "y", "severity": "worst"}', 422, "severity"),
        ('{"title": "x", "service": "y", "started_at": "2026-01-01T00:00:00"}', 422, "started_at"),
        ('{"title": "x", "service": "y", "started_at": "1999-01-01T00:00:00Z"}', 422, "started_at"),
        ('{"title": "x", "service": "y", "labels": {"a": 1}}', 422, "labels.a"),
        ('{"title": "\\u200b", "service": "y"}', 422, "title"),
        ("[" * 50_000, 400, ""),
    ],
)
def test_malformed_alerts_are_answered_with_field_and_remedy(
    gateway: Running, body: str, status: int, field: str
) -> None:
    answer = gateway.http.post("/api/incidents", content=body, headers=HEADERS)

    assert (answer.status_code, answer.json()["field"]) == (status, field), answer.text
    assert answer.json()["error"]
    assert answer.json()["remedy"]
    assert gateway.incidents.alerts == []


def test_wrong_content_type_and_size_are_refused(gateway: Running) -> None:
    as_text = HEADERS | {"content-type": "text/plain"}
    assert gateway.http.post("/api/incidents", content="{}", headers=as_text).status_code == 415
    assert gateway.http.post("/api/incidents", content=b" " * 70_000, headers=HEADERS).status_code == 413


def test_an_unreachable_store_is_said_and_nothing_is_accepted(gateway: Running) -> None:
    assert gateway.http.get("/readyz").status_code == 200
    gateway.incidents.down = True

    assert gateway.http.post("/api/incidents", json=SMALLEST, headers=HEADERS).status_code == 503
    assert gateway.http.get("/readyz").status_code == 503
    assert gateway.http.get("/healthz").json() == {"status": "ok"}


def test_a_resolved_alert_without_an_open_incident_starts_none(gateway: Running) -> None:
    answer = gateway.http.post("/api/incidents", json=SMALLEST | {"status": "resolved"}, headers=HEADERS)

    assert answer.json()["run_id"] == ""
    assert gateway.incidents.open == {}


def test_an_incident_is_shown_with_its_seconds(gateway: Running) -> None:
    gateway.incidents.states[INCIDENT] = incident(gateway.store)
    answer = gateway.http.get(f"/api/incidents/{INCIDENT}").json()

    assert answer["group"] == GROUP
    assert answer["seconds"]["to_decision"] == 95.0
    assert gateway.http.get("/api/incidents/unknown").status_code == 404
    assert gateway.http.get("/api/incidents/%2e%2e%2fetc").status_code == 404


@pytest.mark.parametrize("limit", ["0", "201", "-1", "x", "1" * 30, "²"])
def test_a_limit_out_of_range_is_explained(gateway: Running, limit: str) -> None:
    answer = gateway.http.get("/api/incidents", params={"limit": limit})

    assert (answer.status_code, answer.json()["field"]) == (422, "limit")
