"""The incident page: one look tells the story, and nothing in it can act."""

from html import unescape

import pytest

from autopilot.incident.state import IncidentState
from autopilot.web.incidents import IncidentRow
from tests.integration.web.conftest import Running
from tests.integration.web.example import GROUP, INCIDENT, SCRIPT, T, alert, incident


def shown(gateway: Running, state: IncidentState) -> str:
    """The page of an incident."""
    gateway.incidents.states[INCIDENT] = state
    answer = gateway.http.get(f"/incidents/{INCIDENT}")
    assert answer.status_code == 200, answer.text
    return answer.text


def test_the_headline_says_what_why_who_what_ran_and_whether_it_helped(gateway: Running) -> None:
    page = unescape(shown(gateway, incident(gateway.store)))
    head = page[page.index('aria-label="Headline"') : page.index('aria-label="Seconds after the alert"')]

    for part in (
        "checkout-api-latency", "15 % of requests failed", "v2.4.1 needs more reads per request",
        "confirmed, 86% (uncalibrated: 0 known outcomes)",
        "Kim Okafor chose option 1: Raise the table's read capacity", "1 refused",
        "Set the capacity of orders: read capacity 100 → 200", "Yes: recovered and stayed healthy",
        "from 1,850 to 290 ms",
    ):  # fmt: skip
        assert part in head, part


def test_the_details_are_on_the_page(gateway: Running) -> None:
    page = unescape(shown(gateway, incident(gateway.store)))

    for part in (
        "deploy of checkout v2.4.1", 'id="F1"', "https://console.example.test/m",
        "AWS/DynamoDB ReadThrottleEvents Sum",
        "read_capacity: 100 → 200", "not allowed", "no traces", "no model calls", "3 min 50 s", "<polyline",
        f"/namespaces/default/workflows/{GROUP}", f"/incidents/{INCIDENT}/report",
        "Cannot work now: no healthy version",
        "aws dynamodb update-table", f"{INCIDENT}/1/1/1/do",
    ):  # fmt: skip
        assert part in page, part
    assert 'http-equiv="refresh"' not in page


def test_hostile_text_stays_text(gateway: Running) -> None:
    hostile = incident(gateway.store)
    hostile.alerts = [alert(title=f"{SCRIPT}\"'><img src=x>", service=SCRIPT)]
    hostile.next_step = SCRIPT
    hostile.claimed_by = SCRIPT
    gateway.incidents.rows = [
        IncidentRow(group=GROUP, title=SCRIPT, service=SCRIPT, severity='" onclick=x', opened_at=T)
    ]
    pages = shown(gateway, hostile) + gateway.http.get("/incidents").text

    assert SCRIPT not in pages
    assert "<img" not in pages
    assert "javascript:" not in pages
    assert '" onclick' not in pages
    assert "&lt;script&gt;" in pages


def test_pages_run_no_scripts_and_are_not_kept(gateway: Running) -> None:
    shown(gateway, incident(gateway.store))
    for path in (
        "/incidents",
        f"/incidents/{INCIDENT}",
        "/static/page.css",
        "/nowhere",
        "/api/incidents",
        "/healthz",
    ):
        headers = gateway.http.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "script-src" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_the_report_is_shown_without_any_right(gateway: Running) -> None:
    state = incident(gateway.store)
    gateway.incidents.states[INCIDENT] = state
    answer = gateway.http.get(f"/incidents/{INCIDENT}/report")

    assert "<h1>Review</h1>" in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    assert "'unsafe-inline'" in answer.headers["content-security-policy"]
    assert "script" not in answer.headers["content-security-policy"]

    assert state.report is not None
    state.report = state.report.model_copy(update={"sha256": "0" * 64})
    assert gateway.http.get(f"/incidents/{INCIDENT}/report").status_code == 503
    state.report = None
    assert gateway.http.get(f"/incidents/{INCIDENT}/report").status_code == 404


def test_an_open_incident_refreshes_and_admits_what_is_not_known(gateway: Running) -> None:
    page = unescape(
        shown(
            gateway, IncidentState(incident_id=INCIDENT, group=GROUP, opened_at=T, alerts=[alert()], alert_count=1)
        )
    )

    for part in (
        'http-equiv="refresh"',
        "Being analysed",
        "Nobody was asked yet",
        "Nothing was changed",
        "Not checked",
    ):
        assert part in page, part


def test_lost_evidence_is_said_and_the_rest_is_shown(gateway: Running) -> None:
    state = incident(gateway.store)
    for file in gateway.root.rglob("dossier-1.json"):
        file.unlink()
    page = shown(gateway, state)

    assert "could not be read from the case store" in page
    assert "Kim Okafor" in page


def test_the_list_shows_state_age_and_outcome(gateway: Running) -> None:
    gateway.incidents.rows = [
        IncidentRow(
            group="g-1", incident_id="g-1.a", title="API slow", service="checkout", phase="decide", opened_at=T
        ),
        IncidentRow(
            group="g-2", title="Disk", service="db", status="completed", outcome="handed_over", opened_at=T
        ),
        IncidentRow(group="g-3", title="Net", service="lb", status="terminated", opened_at=T),
    ]
    page = gateway.http.get("/", follow_redirects=True).text

    for part in (
        "waiting for a decision",
        "handed over to people",
        "terminated",
        "/incidents/g-1.a",
        "/incidents/g-2",
    ):
        assert part in page, part


def test_an_unreachable_store_is_a_plain_page(gateway: Running) -> None:
    gateway.incidents.down = True
    answer = gateway.http.get("/incidents")

    assert answer.status_code == 503
    assert answer.headers["content-type"].startswith("text/html")
    assert "does not answer" in answer.text
    assert "Reload this page" in answer.text


def test_a_failure_of_ours_shows_nothing_of_the_inside(gateway: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: int) -> tuple[IncidentRow, ...]:
        raise KeyError("inner detail")

    monkeypatch.setattr(gateway.incidents, "list", broken)
    page, answer = gateway.http.get("/incidents"), gateway.http.get("/api/incidents")

    assert (page.status_code, answer.status_code) == (500, 500)
    assert "inner detail" not in page.text + answer.text
    assert answer.json()["error"] == "The gateway failed on this request."
    assert "default-src 'none'" in page.headers["content-security-policy"]


def test_an_empty_list_says_how_to_start(gateway: Running) -> None:
    assert "starter.py start --alert" in gateway.http.get("/incidents").text


def test_a_delivered_patch_is_plain_text_and_nothing_else_can_be_asked_for(gateway: Running) -> None:
    gateway.incidents.states[INCIDENT] = incident(gateway.store)
    name = "revert-0123456789ab.patch"
    gateway.store.put(INCIDENT, f"patches/{name}", f"--- a/x\n{SCRIPT}\n".encode(), "text/x-diff")
    answer = gateway.http.get(f"/incidents/{INCIDENT}/patches/{name}")

    assert answer.headers["content-type"].startswith("text/plain")
    assert SCRIPT in answer.text
    assert "sandbox" in answer.headers["content-security-policy"]
    for other in ("revert-000000000000.patch", "review.html", "..%2Freview.html", "dossier.patch"):
        assert gateway.http.get(f"/incidents/{INCIDENT}/patches/{other}").status_code == 404
