"""The notifier over real channels: one that fails stops no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from autopilot.channels.notifier import build_notifier
from autopilot.incident.ports import Failure, Notifier
from autopilot.settings import Jira as JiraSettings
from autopilot.settings import Pager as PagerSettings
from autopilot.settings import ServiceNow as ServiceNowSettings
from autopilot.settings import Settings
from autopilot.settings import Slack as SlackSettings
from demo.saas.jira import Jira
from demo.saas.pagerduty import PagerDuty
from demo.saas.seeds import company_records
from demo.saas.servicenow import ServiceNow
from demo.saas.slack import Slack
from tests.integration.channels.test_slack import judgement
from tests.integration.channels.test_tickets import question, ticket
from tests.unit.channels.views import NOW, decidable, raw


class Office:
    """All vendors at once."""

    def __init__(self) -> None:
        self.slack = Slack(company_records("deploy-throttle", NOW).slack, "xoxb-1", "s" * 32)
        self.servicenow = ServiceNow((), (), "bot", "pw")
        self.jira = Jira((), "bot", "tok", "SHOP")
        self.pager = PagerDuty("route-1")
        self.all = (self.slack, self.servicenow, self.jira, self.pager)

    def notifier(self) -> Notifier:
        return build_notifier(
            Settings(
                slack=SlackSettings(
                    base_url=self.slack.api_url,
                    channel=self.slack.channel,
                    bot_token=SecretStr("xoxb-1"),
                    signing_secret=SecretStr("s"),
                ),
                servicenow=ServiceNowSettings(base_url=self.servicenow.url, user="bot", password=SecretStr("pw")),
                jira=JiraSettings(
                    base_url=self.jira.url, user="bot", token=SecretStr("tok"), project="SHOP", write=True
                ),
                pager=PagerSettings(base_url=self.pager.url, routing_key=SecretStr("route-1")),
            )
        )


@pytest.fixture(scope="module")
def building() -> Iterator[Office]:
    vendors = Office()
    for vendor in vendors.all:
        vendor.start()
    yield vendors
    for vendor in vendors.all:
        vendor.stop()


@pytest.fixture
def office(building: Office) -> Office:
    """All vendors, in order."""
    for vendor in building.all:
        vendor.failing = 0
        vendor.requests.clear()
    return building


def test_everybody_is_told(office: Office) -> None:
    notifier = office.notifier()
    refs = notifier.publish(raw())
    notifier.note(decidable(refs=refs), "detail", "k1")
    notifier.answer(decidable(refs=refs), judgement(), "")
    assert set(refs) == {"slack"}
    assert len(office.slack.thread(refs["slack"].split("/")[1])) == 1
    assert len(office.slack.ephemerals()) == 1
    assert notifier.page(question()) == question().key
    assert notifier.ticket(ticket()).startswith("INC")
    assert ", SHOP-" in notifier.ticket(ticket())


def test_one_ticket_system_down_does_not_stop_the_other(office: Office) -> None:
    office.servicenow.failing = 503
    assert office.notifier().ticket(ticket()).startswith("SHOP-")


def test_all_down_is_a_failure_that_names_each(office: Office) -> None:
    office.servicenow.failing = office.jira.failing = 503
    with pytest.raises(Failure, match=r"ServiceNow.*Jira") as caught:
        office.notifier().ticket(ticket())
    assert caught.value.who == "retry"


def test_nothing_configured_tells_nobody_and_fails_nothing(tmp_path: Path) -> None:
    notifier = build_notifier(Settings(knowledge=tmp_path / "k.db"))
    assert notifier.publish(raw()) == {}
    assert (notifier.page(question()), notifier.ticket(ticket())) == ("", "")


def test_a_ticket_system_without_permission_to_write_is_only_read(office: Office) -> None:
    reads = ServiceNowSettings(base_url=office.servicenow.url, user="bot", password=SecretStr("pw"), write=False)
    assert build_notifier(Settings(servicenow=reads)).ticket(ticket()) == ""
    assert office.servicenow.requests == []
