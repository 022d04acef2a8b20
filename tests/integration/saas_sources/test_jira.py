"""The Jira source against the stand-in and against answers no stand-in gives."""

from collections.abc import Iterator

import pytest
from pydantic import JsonValue, SecretStr

from autopilot.incident.ports import Failure
from autopilot.settings import Jira as JiraSettings
from autopilot.sources.base import Collected
from autopilot.sources.jira import JiraSource, flatten
from demo.saas.jira import Jira
from demo.saas.seeds import company_records
from tests.integration.saas_sources.situation import T, budget, rows, scope
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor


def settings(url: str, token: str = "tok") -> JiraSettings:
    return JiraSettings(base_url=url, user="kim@paperplane.example", token=SecretStr(token), project="SHOP")


@pytest.fixture(scope="module")
def jira() -> Iterator[Jira]:
    with Jira(company_records("deploy-throttle", T).issues, "kim@paperplane.example", "tok") as server:
        yield server


def collect(url: str, *services: str) -> Collected:
    into = Collected("jira")
    JiraSource(settings(url)).collect(scope(*services), budget(), into)
    return into


def test_tickets_about_the_services_come_once_with_text_and_comments(jira: Jira) -> None:
    into = collect(jira.url, "checkout", "orders")
    found = {str(row["id"]): row for row in rows(into, "records")}
    assert {"jira:SHOP-236", "jira:SHOP-240", "jira:SHOP-231"} == set(found)
    assert "Cause: Scan with consistent reads" in str(found["jira:SHOP-236"]["body"])
    assert "Query on the index since Tuesday" in str(found["jira:SHOP-236"]["resolution"])
    assert found["jira:SHOP-240"]["outcome"] == "to do"
    assert str(found["jira:SHOP-240"]["link"]).endswith("/browse/SHOP-240")


def test_nothing_found_is_no_data(jira: Jira) -> None:
    into = collect(jira.url, "payments")
    assert [gap.kind for gap in into.gaps] == ["no_data"]


def test_refused_credentials_are_a_failure(jira: Jira) -> None:
    with pytest.raises(Failure, match="401"):
        JiraSource(settings(jira.url, "wrong")).collect(scope(), budget(), Collected("jira"))


def test_pages_are_followed_by_their_token() -> None:
    def reply(asked: Asked) -> Reply:
        token = int(asked.query.get("nextPageToken", ["0"])[0])
        issue = {"key": f"SHOP-{token}", "fields": {"summary": "s", "created": "2026-11-12T09:14:33.000+0000"}}
        more = {"nextPageToken": str(token + 1), "isLast": False} if token < 2 else {"isLast": True}
        return Reply({"issues": [issue], **more})

    with Vendor(reply) as vendor:
        into = collect(vendor.url, "checkout")
    assert [row["id"] for row in rows(into, "records")] == ["jira:SHOP-0", "jira:SHOP-1", "jira:SHOP-2"]


def test_a_service_name_cannot_break_out_of_the_query() -> None:
    with Vendor(lambda _: Reply({"issues": []})) as vendor:
        collect(vendor.url, 'x" OR project = "SECRET')
    assert r"text ~ \"x\\\" OR project" not in vendor.asked[0].query["jql"][0]
    assert r'text ~ "x\" OR project = \"SECRET"' in vendor.asked[0].query["jql"][0]


def test_an_unexpected_shape_is_explained() -> None:
    with Vendor(lambda _: Reply({"issues": "none"})) as vendor, pytest.raises(Failure, match="unexpected shape"):
        collect(vendor.url, "checkout")


def test_a_document_is_flattened_and_its_depth_is_bounded() -> None:
    document: JsonValue = {
        "type": "doc",
        "content": [
            {"type": "paragraph", "content": [{"type": "text", "text": "one "}, {"type": "text", "text": "line"}]},
            {
                "type": "bulletList",
                "content": [{"type": "listItem", "content": [{"type": "text", "text": "item"}]}],
            },
            {"type": "mention", "attrs": {"text": "@kim"}},
        ],
    }
    assert flatten(document) == "one line\nitem\n@kim"
    deep: JsonValue = {"type": "text", "text": "bottom"}
    for _ in range(5_000):
        deep = {"type": "panel", "content": [deep]}
    assert "bottom" not in flatten(deep)
