"""What goes with a ticket: report, related records, one note per phase, how it ended. Once each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from autopilot.channels.base import Attachment
from autopilot.channels.jira_tickets import JiraTickets
from autopilot.channels.notifier import ChannelNotifier
from autopilot.channels.servicenow_tickets import ServiceNowTickets
from autopilot.channels.ticket_codes import ENDINGS, PRIORITIES, published
from autopilot.clients.http import Api
from autopilot.incident.base import TimeWindow
from autopilot.incident.evidence import Document
from autopilot.incident.finding import Dossier, Finding, Provenance, Suspect
from autopilot.incident.ports import Failure, Ticket
from autopilot.incident.related import Related, related_records
from autopilot.settings import Jira as JiraSettings
from autopilot.settings import ServiceNow as ServiceNowSettings
from demo.saas.jira import Jira
from demo.saas.records import JiraIssue, PastIncident
from demo.saas.servicenow import ServiceNow
from tests.integration.channels.test_tickets import USER, ticket
from tests.unit.project.compose import ROOT

AT = datetime(2026, 11, 21, 3, 0, tzinfo=UTC)
REPORT = Attachment("incident-report-0123456789.html", "text/html; charset=utf-8", "<p>Größe</p>\r\n--x".encode())
PAST = Related(system="servicenow", number="INC0010042", kind="incident", why="like this one (F3)")
PROBLEM = Related(system="servicenow", number="PRB0040001", kind="problem", why="known")
CHANGE = Related(system="servicenow", number="CHG0030001", kind="change", why="suspected: it began with it")
ISSUE = Related(system="jira", number="SHOP-1", kind="ticket", why="like this one (F3)")


@dataclass
class Desk:
    """Both systems with something in them."""

    servicenow: ServiceNow
    jira: Jira
    incidents: ServiceNowTickets = field(init=False)
    issues: JiraTickets = field(init=False)

    def __post_init__(self) -> None:
        url = self.servicenow.url
        self.incidents = ServiceNowTickets(ServiceNowSettings(base_url=url, user="bot", password=SecretStr("pw")))
        self.issues = JiraTickets(
            JiraSettings(base_url=self.jira.url, user=USER, token=SecretStr("tok"), project="SHOP", write=True)
        )

    def row(self) -> dict[str, str]:
        return next(r for r in self.servicenow.incidents() if r["correlation_id"] == ticket().key)

    def issue(self) -> dict[str, object]:
        return next(i["fields"] for i in self.jira.issues() if i["key"] != "SHOP-1")


@pytest.fixture
def desk() -> Iterator[Desk]:
    past = PastIncident("INC0010042", "orders throttled", "", AT, "checkout", AT, "Solved", "more units")
    known = JiraIssue("SHOP-1", "orders throttled", "", "Incident", "Done", AT)
    with ServiceNow((past,), (), "bot", "pw") as servicenow, Jira((known,), USER, "tok", "SHOP") as jira:
        yield Desk(servicenow, jira)


@pytest.mark.parametrize("priority", PRIORITIES)
def test_servicenow_gets_impact_and_urgency_by_the_published_table(desk: Desk, priority: str) -> None:
    desk.incidents.upsert(ticket(priority=priority))
    weight = PRIORITIES[priority]  # pyright: ignore[reportArgumentType] - parametrised by its keys
    assert (desk.row()["impact"], desk.row()["urgency"]) == (weight.impact, weight.urgency)


def test_the_tables_are_published_as_they_are() -> None:
    """ServiceNow's documented rules: the priority is impact + urgency - 1."""
    assert published() in (ROOT / "docs" / "contract.md").read_text()
    for weight in PRIORITIES.values():
        assert weight.priority.startswith(f"{int(weight.impact) + int(weight.urgency) - 1} - ")


def test_each_phase_is_noted_once_also_when_another_came_between(desk: Desk) -> None:
    told = [ticket(phase=p, body=f"{p}: {n}") for n, p in enumerate(("diagnosis", "decision", "diagnosis"))]
    for system in (desk.incidents, desk.issues):
        system.upsert(ticket())
        for one in (*told, told[0]):
            system.upsert(one)
    notes, comments = desk.row()["work_notes"], json.dumps(desk.issue()["comment"])
    for said in (notes, comments):
        assert [said.count(text) for text in ("diagnosis: 0", "decision: 1", "diagnosis: 2")] == [1, 1, 0]


@pytest.mark.parametrize(
    ("resolution", "code", "shown"), [(n, e.close_code, e.jira[0]) for n, e in ENDINGS.items()]
)
def test_a_recovery_closes_with_its_code(desk: Desk, resolution: str, code: str, shown: str) -> None:
    for system in (desk.incidents, desk.issues):
        system.upsert(ticket())
        for _ in range(2):
            system.upsert(ticket(state="resolved", phase="review", resolution=resolution, body="It recovered."))
    assert (desk.row()["state"], desk.row()["close_code"]) == ("6", code)
    assert desk.issue()["resolution"] == {"name": shown}
    assert desk.row()["work_notes"].count("It recovered.") == 1


def test_the_report_is_attached_once_byte_by_byte(desk: Desk) -> None:
    for system in (desk.incidents, desk.issues):
        system.attach(ticket().key, REPORT)
        system.upsert(ticket())
        for _ in range(2):
            system.attach(ticket().key, REPORT)
    ((row, content),) = desk.servicenow.attachments
    assert (row["file_name"], row["table_sys_id"], content) == (REPORT.name, desk.row()["sys_id"], REPORT.content)
    assert list(desk.jira.files.values()) == [REPORT.content]


def test_related_records_are_linked_once_and_what_people_set_stays(desk: Desk) -> None:
    problem = desk.servicenow.add("problem", PROBLEM.number, "orders is too small")
    change = desk.servicenow.add("change_request", CHANGE.number, "release")
    for system in (desk.incidents, desk.issues):
        system.upsert(ticket())
        for _ in range(2):
            system.relate(ticket().key, (PAST, PROBLEM, CHANGE, ISSUE))
    row = desk.row()
    assert (row["problem_id"], row["caused_by"]) == (problem, change)
    assert row["work_notes"].count("INC0010042: like this one (F3)") == 1
    links = desk.issue()["issuelinks"]
    assert isinstance(links, list)
    assert [link["outwardIssue"]["key"] for link in links] == ["SHOP-1"]  # pyright: ignore[reportUnknownVariableType]
    other = desk.servicenow.add("problem", "PRB0040002", "somebody knows better")
    api = Api("ServiceNow", desk.servicenow.url, auth=("bot", "pw"))
    api.send("PATCH", f"api/now/table/incident/{row['sys_id']}", {"problem_id": other})
    desk.incidents.relate(ticket().key, (PROBLEM,))
    assert desk.row()["problem_id"] == other


def test_a_record_that_is_not_there_is_not_linked(desk: Desk) -> None:
    desk.incidents.upsert(ticket())
    desk.incidents.relate(ticket().key, (PROBLEM, CHANGE))
    assert not desk.row().get("problem_id")


def dossier() -> Dossier:
    window = TimeWindow(start=AT, end=AT.replace(hour=4))
    finding = Finding(
        id="F3", kind="recurrence", service="checkout", window=window, score=0.5, provenance=Provenance(source="r"),
        summary="2 records of checkout in 12 days: servicenow:INC0010042 (2026-11-09) x; jira:SHOP-1 y",
    )  # fmt: skip
    suspect = Suspect(
        service="checkout", cause_kind="config_change", change_id="servicenow:CHG0030001", score=0.4,
        finding_ids=("F3",), reason="it began with it",
    )  # fmt: skip
    return Dossier(incident_id="i", revision=1, scope_incident=window, findings=(finding,), suspects=(suspect,))


def test_records_are_found_in_findings_about_the_past_and_in_suspected_changes() -> None:
    assert [(r.number, r.kind) for r in related_records(dossier())] == [
        ("CHG0030001", "change"), ("INC0010042", "incident"), ("SHOP-1", "ticket"),
    ]  # fmt: skip


class Cases:
    """A store of two documents."""

    def get(self, uri: str) -> bytes:
        if uri == "broken":
            raise Failure("the store is away")
        return dossier().model_dump_json().encode() if uri == "dossier" else REPORT.content


def whole() -> Ticket:
    report = Document(uri="report", sha256="0123456789" * 6, size=1, media_type="text/html; charset=utf-8")
    return ticket(report=report, dossier="dossier")


def test_the_notifier_links_and_attaches_what_the_case_store_has(desk: Desk) -> None:
    change = desk.servicenow.add("change_request", CHANGE.number, "release")
    notifier = ChannelNotifier(tickets=(desk.incidents, desk.issues), cases=Cases())
    assert notifier.ticket(whole()) == notifier.ticket(whole())
    assert desk.row()["caused_by"] == change
    assert [row["file_name"] for row, _ in desk.servicenow.attachments] == [REPORT.name]
    assert list(desk.jira.files.values()) == [REPORT.content]


def test_a_ticket_is_written_also_when_report_and_dossier_cannot_be_read(desk: Desk) -> None:
    away = whole().model_copy(update={"dossier": "broken"})
    assert away.report is not None
    away = away.model_copy(update={"report": away.report.model_copy(update={"uri": "broken"})})
    notifier = ChannelNotifier(tickets=(desk.incidents,), cases=Cases())
    assert notifier.ticket(away).startswith("INC")
    assert desk.servicenow.attachments == []
