"""The ServiceNow source against the stand-in and against answers no stand-in gives."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from autopilot.incident.ports import Failure
from autopilot.settings import ServiceNow as ServiceNowSettings
from autopilot.sources.base import Collected
from autopilot.sources.servicenow import PAGE, ServiceNowSource
from demo.saas.seeds import company_records
from demo.saas.servicenow import ServiceNow
from tests.integration.saas_sources.situation import T, budget, rows, scope
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor


def settings(url: str, password: str = "pw") -> ServiceNowSettings:
    return ServiceNowSettings(base_url=url, user="reader", password=SecretStr(password))


@pytest.fixture(scope="module")
def servicenow() -> Iterator[ServiceNow]:
    records = company_records("deploy-throttle", T)
    with ServiceNow(records.incidents, records.articles, "reader", "pw") as server:
        yield server


def collect(url: str, *services: str) -> Collected:
    into = Collected("servicenow")
    ServiceNowSource(settings(url)).collect(scope(*services), budget(), into)
    return into


def test_past_incidents_come_with_how_they_were_solved(servicenow: ServiceNow) -> None:
    into = collect(servicenow.url, "checkout", "orders")
    found = {str(row["id"]): row for row in rows(into, "records")}
    assert set(found) == {"servicenow:INC0010042", "servicenow:INC0010057"}
    first = found["servicenow:INC0010042"]
    assert "Raised the read capacity" in str(first["resolution"])
    assert (first["kind"], first["service"], first["outcome"]) == ("incident", "checkout", "closed")
    assert "incident.do?sys_id=" in str(first["link"])


def test_the_exact_query_and_window_are_recorded(servicenow: ServiceNow) -> None:
    into = collect(servicenow.url, "checkout")
    first = into.queries[0]
    assert "short_descriptionLIKEcheckout" in first.query
    assert first.window is not None
    assert first.window.end == T
    assert first.rows == 2


def test_nothing_found_is_no_data(servicenow: ServiceNow) -> None:
    into = collect(servicenow.url, "payments")
    assert "no_data" in [gap.kind for gap in into.gaps]
    assert into.frames == []


def test_a_service_name_cannot_break_out_of_the_query() -> None:
    with Vendor(lambda _: Reply({"result": []})) as vendor:
        collect(vendor.url, "x^ORnumberISNOTEMPTY^NQstate=1")
    asked = vendor.asked[0].query["sysparm_query"][0]
    assert "^ORnumber" not in asked
    assert "^NQ" not in asked


def test_refused_credentials_are_a_failure_and_not_emptiness(servicenow: ServiceNow) -> None:
    source = ServiceNowSource(settings(servicenow.url, "wrong-secret"))
    with pytest.raises(Failure, match="401") as caught:
        source.collect(scope(), budget(), Collected("servicenow"))
    assert caught.value.who == "operator"
    assert "wrong-secret" not in str(caught.value)


def _row(number: int) -> dict[str, object]:
    return {
        "sys_id": f"{number:032d}",
        "number": f"INC{number:07d}",
        "short_description": "checkout down",
        "state": {"value": "6", "display_value": "Resolved"},
        "cmdb_ci": {"value": "a" * 32, "display_value": "checkout", "link": "https://x"},
        "opened_at": {"value": "2026-11-01 10:00:00", "display_value": "01.11.2026 11:00:00"},
    }


def test_all_pages_are_read_and_stored_times_count_as_utc() -> None:
    def reply(asked: Asked) -> Reply:
        recent = asked.query["sysparm_query"][0].startswith("sys_created_on>=2026-05")
        if not asked.path.endswith("/incident") or not recent:
            return Reply({"result": []})
        offset = int(asked.query["sysparm_offset"][0])
        return Reply({"result": [_row(n) for n in range(offset, min(offset + PAGE, PAGE + 7))]})

    with Vendor(reply) as vendor:
        into = collect(vendor.url, "checkout")
    found = rows(into, "records")
    assert len(found) == PAGE + 7
    assert str(found[0]["time"]) == "2026-11-01 10:00:00+00:00"
    assert found[0]["outcome"] == "resolved"


def test_planned_changes_become_changes_of_the_service() -> None:
    change = {
        "sys_id": "c" * 32,
        "number": "CHG0000009",
        "short_description": "Change a setting of the orders table",
        "cmdb_ci": "orders",
        "category": "Software",
        "state": {"value": "-1", "display_value": "Implement"},
        "start_date": "2026-11-21 02:30:00",
        "end_date": "2026-11-21 04:00:00",
        "requested_by": {"display_value": "Kim Larsen", "value": "k" * 32},
    }

    def reply(asked: Asked) -> Reply:
        return Reply({"result": [change] if asked.path.endswith("/change_request") else []})

    with Vendor(reply) as vendor:
        into = collect(vendor.url, "orders")
    found = rows(into, "changes")
    assert [(row["id"], row["kind"], row["author"]) for row in found] == [
        ("servicenow:CHG0000009", "config", "Kim Larsen")
    ]


def test_our_own_open_ticket_is_not_a_past_incident() -> None:
    ours = {**_row(1), "correlation_id": f"{scope().incident_id}/ticket"}

    def reply(asked: Asked) -> Reply:
        return Reply({"result": [ours] if asked.path.endswith("/incident") else []})

    with Vendor(reply) as vendor:
        assert rows(collect(vendor.url, "checkout"), "records") == []


def test_an_unreadable_change_table_is_a_gap_and_the_incidents_stay(servicenow: ServiceNow) -> None:
    def reply(asked: Asked) -> Reply:
        found = [_row(3)] if asked.path.endswith("/incident") else None
        return Reply({"result": found}) if found else Reply({"error": {"message": "ACL"}}, 403)

    with Vendor(reply) as vendor:
        into = collect(vendor.url, "checkout")
    assert len(rows(into, "records")) == 1
    assert [gap.kind for gap in into.gaps] == ["unsupported"]
