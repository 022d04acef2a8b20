"""Tickets and pages: created once, brought up to date once, resolved, whatever is repeated or lost."""

import json
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from autopilot.channels.base import TicketSystem
from autopilot.channels.jira_tickets import JiraTickets
from autopilot.channels.pagerduty import PagerDuty as Pages
from autopilot.channels.servicenow_tickets import ServiceNowTickets
from autopilot.clients.http import Api
from autopilot.incident.ports import Failure, Question, Ticket
from autopilot.settings import Jira as JiraSettings
from autopilot.settings import Pager as PagerSettings
from autopilot.settings import ServiceNow as ServiceNowSettings
from demo.saas.jira import Jira
from demo.saas.pagerduty import PagerDuty
from demo.saas.servicenow import ServiceNow
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor

USER = "bot@paperplane.example"


def ticket(**more: object) -> Ticket:
    given: dict[str, object] = {
        "key": "incident-checkout-1.abc/ticket",
        "incident_id": "incident-checkout-1.abc",
        "title": "checkout: latency above 1000 ms",
        "body": "Cause: v2.4.1 reads orders one by one.\n\nNext: raise the read capacity.",
        "service": "checkout",
    }
    return Ticket.model_validate(given | more)


def servicenow_settings(url: str) -> ServiceNowSettings:
    return ServiceNowSettings(base_url=url, user="bot", password=SecretStr("pw"), assignment_group="Shop on-call")


@pytest.fixture
def servicenow() -> Iterator[ServiceNow]:
    with ServiceNow((), (), "bot", "pw") as server:
        yield server


@pytest.fixture
def jira() -> Iterator[Jira]:
    with Jira((), USER, "tok", "SHOP") as server:
        yield server


@pytest.fixture(params=["servicenow", "jira"])
def system(request: pytest.FixtureRequest) -> TicketSystem:
    if request.param == "servicenow":
        server: ServiceNow = request.getfixturevalue("servicenow")
        return ServiceNowTickets(servicenow_settings(server.url))
    tracker: Jira = request.getfixturevalue("jira")
    return JiraTickets(
        JiraSettings(base_url=tracker.url, user=USER, token=SecretStr("tok"), project="SHOP", write=True)
    )


def test_the_same_key_is_one_ticket_that_can_be_found(system: TicketSystem) -> None:
    assert system.find(ticket().key) == ""
    number = system.upsert(ticket())
    assert number
    assert system.upsert(ticket()) == system.find(ticket().key) == number
    assert system.upsert(ticket(key="another/ticket")) != number


@pytest.mark.parametrize("key", ['x^ORnumberISNOTEMPTY"', "k" * 500, 'a" OR key = "SHOP-1', "ü,@\n"])
def test_a_strange_key_finds_its_own_ticket_only(system: TicketSystem, key: str) -> None:
    other = system.upsert(ticket())
    number = system.upsert(ticket(key=key))
    assert number != other
    assert system.find(key) == number


def test_servicenow_gets_a_work_note_once_and_is_resolved(servicenow: ServiceNow) -> None:
    tickets = ServiceNowTickets(servicenow_settings(servicenow.url))
    tickets.upsert(ticket())
    for _ in range(2):
        tickets.upsert(ticket(body="Option 1 was carried out."))
    tickets.upsert(ticket(body="Fixed after 6 minutes.", state="resolved"))
    row = servicenow.incidents()[0]
    assert row["state"] == "6"
    assert "Fixed after 6 minutes." in row["close_notes"]
    assert json.dumps(row["work_notes"]).count("Option 1 was carried out.") == 1
    assert (row["assignment_group"], row["cmdb_ci"]) == ("Shop on-call", "checkout")


def test_jira_gets_a_comment_once_and_is_moved_to_done(jira: Jira) -> None:
    tickets = JiraTickets(
        JiraSettings(base_url=jira.url, user=USER, token=SecretStr("tok"), project="SHOP", write=True)
    )
    key = tickets.upsert(ticket())
    for _ in range(2):
        tickets.upsert(ticket(body="Option 1 was carried out."))
    tickets.upsert(ticket(body="Fixed.", state="resolved"))
    answer = Api("Jira", jira.url, auth=(USER, "tok")).get(f"rest/api/3/issue/{key}").body
    fields = json.loads(answer)["fields"]
    assert fields["status"]["name"] == "Done"
    assert len(fields["comment"]["comments"]) == 2
    assert json.dumps(fields["description"]).count("Cause: v2.4.1") == 1


def test_a_record_whose_answer_was_lost_is_not_created_again() -> None:
    created: list[Asked] = []

    def lossy(asked: Asked) -> Reply:
        if asked.method == "POST":
            created.append(asked)
            return Reply({"error": "gateway timeout"}, 504)
        found = [{"sys_id": "1", "number": "INC0000001"}] if created else []
        return Reply({"result": found})

    with Vendor(lossy) as vendor:
        tickets = ServiceNowTickets(servicenow_settings(vendor.url))
        assert tickets.upsert(ticket()) == "INC0000001"
    assert len(created) == 1


def test_a_ticket_system_that_refuses_us_says_who_can_mend_it() -> None:
    with Vendor(lambda _: Reply({"error": "no"}, 401)) as vendor, pytest.raises(Failure) as caught:
        ServiceNowTickets(servicenow_settings(vendor.url)).upsert(ticket())
    assert caught.value.who == "operator"


def question(**more: object) -> Question:
    given: dict[str, object] = {
        "key": "incident-checkout-1.abc/page/1",
        "to": "Kim Larsen",
        "pager": "PKIM",
        "summary": "checkout: please decide",
        "incident_id": "incident-checkout-1.abc",
        "link": "http://127.0.0.1:8080/incidents/1",
    }
    return Question.model_validate(given | more)


@pytest.fixture
def pager() -> Iterator[PagerDuty]:
    with PagerDuty("route-1") as server:
        yield server


def pages(url: str, key: str = "route-1") -> Pages:
    return Pages(PagerSettings(base_url=url, routing_key=SecretStr(key)))


def test_a_page_with_the_same_key_reaches_nobody_twice_and_can_be_resolved(pager: PagerDuty) -> None:
    ours = pages(pager.url)
    assert ours.page(question()) == ours.page(question()) == question().key
    assert [(p.severity, p.status) for p in pager.pages()] == [("critical", "triggered")]
    ours.resolve(question().key)
    assert [p.status for p in pager.pages()] == ["resolved"]


def test_long_keys_and_unknown_severities_are_still_paged(pager: PagerDuty) -> None:
    ours = pages(pager.url)
    reference = ours.page(question(key="k" * 400, severity="apocalyptic", link="javascript:alert(1)"))
    assert len(reference) <= 255
    assert pager.pages()[0].severity == "error"
    assert "client_url" not in pager.pages()[0].events[0]


def test_a_busy_pager_is_tried_again(pager: PagerDuty) -> None:
    pager.failing = 503
    with pytest.raises(Failure) as caught:
        pages(pager.url).page(question())
    assert caught.value.who == "retry"
    assert len(pager.requests) == 3


def test_a_wrong_routing_key_is_not_repeated_in_the_message(pager: PagerDuty) -> None:
    with pytest.raises(Failure) as caught:
        pages(pager.url, "wrong-route").page(question())
    assert "wrong-route" not in str(caught.value)
