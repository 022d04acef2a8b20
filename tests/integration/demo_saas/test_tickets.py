"""The simulated ServiceNow and Jira over HTTP."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from demo.saas.jira import Jira, adf
from demo.saas.seeds import company_records
from demo.saas.servicenow import ServiceNow

NOW = datetime.now(UTC)
RECORDS = company_records("deploy-throttle", NOW)


@pytest.fixture(scope="module")
def servicenow() -> Iterator[ServiceNow]:
    with ServiceNow(RECORDS.incidents, RECORDS.articles, "aiops", "pass") as running:
        yield running


@pytest.fixture
def table(servicenow: ServiceNow) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{servicenow.url}/api/now/table", auth=("aiops", "pass")) as made:
        yield made


@pytest.fixture(scope="module")
def jira() -> Iterator[Jira]:
    with Jira(RECORDS.issues, "ops@paperplane.example", "token") as running:
        yield running


@pytest.fixture
def site(jira: Jira) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{jira.url}/rest/api/3", auth=("ops@paperplane.example", "token")) as made:
        yield made


def test_two_throttling_incidents_lie_within_two_weeks(table: httpx.Client) -> None:
    since = (NOW - timedelta(days=14)).strftime("%Y-%m-%d %H:%M:%S")
    query = f"short_descriptionLIKEorders^opened_at>={since}^stateIN6,7^ORDERBYDESCopened_at"
    answer = table.get("/incident", params={"sysparm_query": query, "sysparm_fields": "number,close_notes"})
    found = answer.json()["result"]
    assert [r["number"] for r in found] == ["INC0010057", "INC0010042"]
    assert "Optimised the query" in found[0]["close_notes"]
    assert "400 RCU" in found[1]["close_notes"]
    assert set(found[0]) == {"number", "close_notes"}
    assert answer.headers["X-Total-Count"] == "2"


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("number=INC0010031", {"INC0010031"}),
        ("numberSTARTSWITHINC00100^cmdb_ci!=checkout", {"INC0010031", "INC0010060"}),
        ("cmdb_ci=inventory^ORcmdb_ci=network", {"INC0010031", "INC0010060"}),
        ("cmdb_ci=inventory^NQcmdb_ci=network", {"INC0010031", "INC0010060"}),
        ("resolved_atISEMPTY", {"INC0010060"}),
        (
            "cmdb_ci=checkout^descriptionLIKEreport^ORshort_descriptionLIKEslow^ORDERBYnumber",
            {"INC0010057", "INC0010042"},
        ),
        ("123TEXTQUERY321=throttled report", {"INC0010057"}),
    ],
)
def test_encoded_queries(table: httpx.Client, query: str, numbers: set[str]) -> None:
    found = table.get("/incident", params={"sysparm_query": query}).json()["result"]
    assert {r["number"] for r in found} == numbers


def test_pages_are_linked_by_offset(table: httpx.Client) -> None:
    answer = table.get("/incident", params={"sysparm_limit": 3, "sysparm_query": "ORDERBYnumber"})
    assert answer.headers["X-Total-Count"] == "4"
    rest = table.get(answer.links["next"]["url"])
    assert (len(answer.json()["result"]), len(rest.json()["result"])) == (3, 1)
    assert "next" not in rest.links


def test_a_ticket_is_created_found_by_correlation_and_resolved() -> None:
    with (
        ServiceNow(RECORDS.incidents, (), "aiops", "pass") as servicenow,
        httpx.Client(base_url=f"{servicenow.url}/api/now/table", auth=("aiops", "pass")) as table,
    ):
        ticket_lives(servicenow, table)


def ticket_lives(servicenow: ServiceNow, table: httpx.Client) -> None:
    fields = {"short_description": "checkout is slow", "correlation_id": "inc-1/ticket", "priority": "2"}
    answer = table.post("/incident", json=fields)
    assert answer.status_code == 201
    made = answer.json()["result"]
    assert answer.headers["Location"].endswith(made["sys_id"])
    found = table.get("/incident", params={"sysparm_query": "correlation_id=inc-1/ticket"}).json()["result"]
    assert [r["number"] for r in found] == [made["number"]]
    table.patch(f"/incident/{made['sys_id']}", json={"work_notes": "first"})
    table.patch(f"/incident/{made['sys_id']}", json={"work_notes": "second"})
    refused = table.patch(f"/incident/{made['sys_id']}", json={"state": "6"})
    assert refused.status_code == 403
    assert "Data Policy" in refused.json()["error"]["detail"]
    closed = {"state": "6", "close_code": "Solved (Permanently)", "close_notes": "More RCU."}
    assert table.patch(f"/incident/{made['sys_id']}", json=closed).status_code == 200
    row = servicenow.incidents()[-1]
    assert (row["state"], row["active"]) == ("6", "false")
    assert row["work_notes"].index("second") < row["work_notes"].index("first")


@pytest.mark.parametrize(
    ("path", "auth", "status"),
    [
        ("/incident", ("aiops", "wrong"), 401),
        ("/nothing", ("aiops", "pass"), 400),
        ("/incident/00", ("aiops", "pass"), 404),
    ],
)
def test_servicenow_refuses_in_its_own_words(
    table: httpx.Client, path: str, auth: tuple[str, str], status: int
) -> None:
    answer = table.get(path, auth=auth)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_knowledge_is_readable_with_display_values(table: httpx.Client) -> None:
    article = table.get("/kb_knowledge", params={"sysparm_query": "short_descriptionLIKEthrottled"}).json()[
        "result"
    ][0]
    assert "auto scaling" in article["text"]
    shown = table.get("/incident", params={"sysparm_display_value": "true", "sysparm_limit": 1}).json()["result"][0]
    assert (shown["state"], shown["priority"]) == ("Closed", "2 - High")


def search(site: httpx.Client, jql: str, **more: Any) -> dict[str, Any]:
    answer = site.post("/search/jql", json={"jql": jql, "fields": ["summary", "status"]} | more)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize(
    ("jql", "keys"),
    [
        ('project = SHOP AND text ~ "orders throttled"', {"SHOP-236"}),
        ('project = SHOP AND text ~ "orders" AND created >= -14d AND status != Done', {"SHOP-240"}),
        ("labels in (dynamodb, web) AND project = SHOP", {"SHOP-240", "SHOP-244"}),
        ('issuetype = Incident AND resolution is not EMPTY', {"SHOP-236"}),
        ("statusCategory = Done AND component = checkout ORDER BY created DESC", {"SHOP-231", "SHOP-236"}),
        ("key = SHOP-231", {"SHOP-231"}),
    ],
)  # fmt: skip
def test_jql(site: httpx.Client, jql: str, keys: set[str]) -> None:
    assert {i["key"] for i in search(site, jql)["issues"]} == keys


def test_jira_search_is_paged_by_token(site: httpx.Client) -> None:
    first = search(site, "project = SHOP ORDER BY created DESC", maxResults=3)
    assert first["isLast"] is False
    rest = search(site, "project = SHOP ORDER BY created DESC", maxResults=3, nextPageToken=first["nextPageToken"])
    assert [i["key"] for i in first["issues"] + rest["issues"]] == ["SHOP-244", "SHOP-236", "SHOP-240", "SHOP-231"]
    assert rest["isLast"] is True
    assert site.get("/search/jql", params={"jql": "key = SHOP-231"}).json()["issues"][0].keys() == {"id"}


def test_an_issue_is_created_edited_commented_moved_and_found_by_property() -> None:
    with (
        Jira(RECORDS.issues, "ops", "token") as jira,
        httpx.Client(base_url=f"{jira.url}/rest/api/3", auth=("ops", "token")) as site,
    ):
        issue_lives(site)


def issue_lives(site: httpx.Client) -> None:
    fields = {
        "project": {"key": "SHOP"},
        "issuetype": {"name": "Incident"},
        "summary": "slow",
        "description": adf("a\n\nb"),
    }
    properties = [{"key": "autopilot", "value": {"key": "inc-1"}}]
    made = site.post("/issue", json={"fields": fields, "properties": properties})
    assert made.status_code == 201
    key = made.json()["key"]
    assert key == "SHOP-245"
    found = search(site, 'issue.property[autopilot].key = "inc-1"')
    assert [i["key"] for i in found["issues"]] == [key]
    assert site.put(f"/issue/{key}", json={"fields": {"summary": "slower"}}).status_code == 204
    assert site.post(f"/issue/{key}/comment", json={"body": "plain"}).status_code == 400
    assert site.post(f"/issue/{key}/comment", json={"body": adf("noted")}).status_code == 201
    moves = site.get(f"/issue/{key}/transitions").json()["transitions"]
    done = next(t["id"] for t in moves if t["to"]["statusCategory"]["key"] == "done")
    assert site.post(f"/issue/{key}/transitions", json={"transition": {"id": done}}).status_code == 204
    issue = site.get(f"/issue/{key}").json()["fields"]
    assert (issue["summary"], issue["status"]["name"], issue["comment"]["total"]) == ("slower", "Done", 1)
    assert site.put(f"/issue/{key}/properties/mark", json={"n": 1}).status_code == 201
    assert site.get(f"/issue/{key}/properties/mark").json() == {"key": "mark", "value": {"n": 1}}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"issuetype": {"name": "Bug"}, "summary": "x"}, "project"),
        ({"project": {"key": "SHOP"}, "issuetype": {"name": "Bug"}}, "summary"),
        (
            {"project": {"key": "SHOP"}, "issuetype": {"name": "Bug"}, "summary": "x", "description": "plain"},
            "description",
        ),
    ],
)
def test_jira_refuses_incomplete_issues(site: httpx.Client, fields: dict[str, Any], field: str) -> None:
    answer = site.post("/issue", json={"fields": fields})
    assert answer.status_code == 400
    assert field in answer.json()["errors"]


def test_jira_refuses_strangers_unknown_issues_and_unbounded_queries(site: httpx.Client) -> None:
    assert site.get("/myself", auth=("x", "y")).status_code == 401
    assert site.get("/issue/SHOP-1").status_code == 404
    assert "Unbounded" in site.post("/search/jql", json={"jql": "ORDER BY created"}).json()["errorMessages"][0]
