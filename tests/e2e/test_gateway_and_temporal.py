"""Good and bad input from the wire to the incident, on real processes: gateway, Temporal server, worker."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from autopilot.incident.decision import DecisionSignal
from autopilot.incident.ports import Failure
from autopilot.settings import Settings, Temporal
from demo.cloud.processes import free_port
from demo.saas.server import Json
from demo.saas.slack_alerts import AlertText, cloudwatch_message, datadog_message
from demo.saas.slack_requests import Answer, Forgery
from starter import Incidents, connect, start_incident
from tests.e2e.house import ALERTS, API_KEY, EVE, QUEUE, House, furnished
from tests.integration.web.payloads import alarm, event
from tests.integration.web.payloads import click as form
from tests.workflow.fakes import FakeWorld, alert

pytestmark = pytest.mark.e2e


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def furnished_house(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[House]:
    async with furnished(tmp_path_factory.mktemp("house")) as house:
        yield house


@pytest_asyncio.fixture(loop_scope="session")
async def house(furnished_house: House) -> AsyncIterator[House]:
    """The house, with no incident open."""
    yield furnished_house
    await furnished_house.sweep()


def heals(world: FakeWorld) -> None:
    world.latency = 20.0


async def click(house: House, button: Any, user: str = "", forgery: Forgery = "") -> Answer:
    return await asyncio.to_thread(house.slack.click, button, user, forgery)


# --- What starts an incident -----------------------------------------------------------------------


NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.mark.parametrize("form", ["datadog", "cloudwatch"])
async def test_an_alert_message_in_slack_starts_an_incident_that_shows_service_and_time(
    house: House, form: str
) -> None:
    began = NOW - timedelta(minutes=2)
    said = AlertText("API latency", f"{form}-checkout", "avg latency is 1240 ms (limit 1000 ms)", began)
    message: Json = datadog_message(said) if form == "datadog" else cloudwatch_message(said)
    async with house.working():
        await asyncio.to_thread(house.slack.post_alert_message, message, ALERTS)
        row = await house.first_open()
        state = await house.state(row.group, lambda s: bool(s.alerts))
        shown = (await house.http.get(f"/api/incidents/{row.group}")).json()
        page = (await house.http.get(f"/incidents/{row.group}")).text
    assert (row.service, state.alert.service) == (f"{form}-checkout", f"{form}-checkout")
    assert datetime.fromisoformat(shown["alerts"][0]["started_at"]) == began
    assert f"{form}-checkout" in page
    assert began.strftime("%H:%M") in page


async def test_every_door_starts_the_incident_of_its_service(house: House) -> None:
    answers = [
        await house.http.post("/hooks/eventbridge", json=event(), headers={"x-api-key": API_KEY}),
        await house.http.post("/hooks/sns", json=await house.sns(alarm())),
        await house.post({"title": "cart slow", "service": "cart"}),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 202]
    started = await start_incident(house.client, alert(service="basket"), QUEUE)
    code, out, said = await house.command(
        "start", "--alert", "-", "--json", given='{"title": "search slow", "service": "search"}'
    )
    assert code == 0, said
    groups = {*(answer.json()["group"] for answer in answers), started.group, json.loads(out)["group"]}
    rows = {row.group: row.service for row in await house.open()}
    assert rows.keys() == groups
    assert sorted(rows.values()) == ["basket", "cart", "checkout", "orders", "search"]


async def test_alerts_of_a_group_join_and_repeated_deliveries_count_once(house: House) -> None:
    envelope = await house.sns(alarm(), MessageId="m-repeated")
    first = await house.http.post("/hooks/sns", json=envelope)
    again = await house.http.post("/hooks/sns", json=envelope)
    other = await house.post({"title": "slow", "service": "checkout", "region": "us-east-1", "external_id": "x"})
    assert [first.status_code, again.status_code, other.status_code] == [200, 200, 202]
    assert len({answer.json()["group"] for answer in (first, again, other)}) == 1
    assert len({answer.json()["run_id"] for answer in (first, again, other)}) == 1
    async with house.working():
        state = await house.state(first.json()["group"], lambda s: s.phase != "open")
    assert state.alert_count == 2


async def test_forty_alerts_at_once_are_one_incident_with_forty_counted(house: House) -> None:
    bodies = [{"title": "storm", "service": "storm", "external_id": f"s{n}"} for n in range(40)]
    async with house.working():
        answers = await asyncio.gather(*(house.post(body) for body in bodies))
        assert {answer.status_code for answer in answers} == {202}
        [group] = {answer.json()["group"] for answer in answers}
        state = await house.state(group, lambda s: s.alert_count >= 40)
    assert len({answer.json()["run_id"] for answer in answers}) == 1
    assert state.alert_count == 40


# --- What starts nothing ---------------------------------------------------------------------------


async def test_malformed_alerts_are_refused_with_field_and_remedy_and_recorded(house: House) -> None:
    wrong: list[tuple[Any, int, str]] = [
        ("{", 400, "line 1, column 2"),
        ("", 400, ""),
        ({"title": "x"}, 422, "service"),
        ({"title": "x", "service": "y", "severty": "low"}, 422, "severty"),
        ({"title": "x", "service": "y", "started_at": "yesterday"}, 422, "started_at"),
        ({"title": "x" * 300_000, "service": "y"}, 413, "body"),
    ]
    before = len(house.log())
    for body, status, field in wrong:
        answer = await house.post(body)
        assert (answer.status_code, answer.json()["field"]) == (status, field)
        assert answer.json()["error"]
        assert answer.json()["remedy"]
    refused = [line for line in house.log()[before:] if line["event"] == "request refused"]
    assert [line["status"] for line in refused] == [status for _, status, _ in wrong]
    assert await house.open() == []


async def test_a_malformed_alert_on_the_command_line_is_refused_with_code_2(house: House) -> None:
    given = '{"title": "x", "service": "y", "severty": "low"}'
    code, out, said = await house.command("start", "--alert", "-", given=given)
    assert (code, out) == (2, "")
    assert "severty" in said
    assert "Traceback" not in said
    assert await house.open() == []


async def test_unproven_senders_start_nothing_and_are_recorded(house: House) -> None:
    before = len(house.log())
    genuine = await house.sns(alarm())
    forged = [
        {k: v for k, v in genuine.items() if k != "Signature"},
        genuine | {"Message": alarm(AlarmName="other")},
        genuine | {"Signature": "AAAA"},
        await house.sns(alarm(), TopicArn="arn:aws:sns:us-east-1:000000000000:other"),
        await house.sns(alarm(), Timestamp="2020-01-01T00:00:00.000Z"),
        genuine | {"SigningCertURL": "http://127.0.0.1:1/SimpleNotificationService-x.pem"},
    ]
    statuses = [(await house.http.post("/hooks/sns", json=envelope)).status_code for envelope in forged]
    assert statuses == [400, 403, 403, 403, 403, 403]
    for headers in ({}, {"x-api-key": "wrong"}):
        assert (await house.http.post("/hooks/eventbridge", json=event(), headers=headers)).status_code == 401
    for token in ("", "Bearer wrong"):
        assert (await house.post({"title": "x", "service": "y"}, token)).status_code == 401
    house.slack.app_requests.retry_delays = ()
    said = AlertText("latency", "forged", "latency is 1240 ms", NOW)
    forgeries: tuple[Forgery, ...] = ("unsigned", "wrong_secret", "tampered", "old")
    for forgery in forgeries:
        await asyncio.to_thread(house.slack.post_alert_message, datadog_message(said), ALERTS, forgery)
    await house.until(lambda: sum(e["event"] == "request refused" for e in house.log()[before:]) == 14)
    assert await house.open() == []


async def test_a_message_that_is_no_alert_is_answered_in_its_thread(house: House) -> None:
    words: Json = {"bot_id": "B0DATADOG", "subtype": "bot_message", "text": "Lunch is ready"}
    posted = await asyncio.to_thread(house.slack.post_alert_message, words, ALERTS)
    await house.until(lambda: bool(house.slack.thread(posted["ts"], ALERTS)))
    assert "started no incident" in house.slack.thread(posted["ts"], ALERTS)[0]["text"]
    assert await house.open() == []


# --- Clicks ----------------------------------------------------------------------------------------


async def started(house: House, service: str) -> str:
    return (await house.incidents.start(alert(service=service))).group


async def test_clicks_that_do_not_count_are_answered_recorded_and_change_nothing(house: House) -> None:
    house.world.effects["version.rollback do"] = heals
    async with house.working():
        group = await started(house, "clicks")
        state = await house.waiting(group)
        good, unknown = house.button(state), house.button(state, group="incident-nobody-0123456789")
        forgeries: tuple[Forgery, ...] = ("unsigned", "wrong_secret", "tampered", "old")
        for forgery in forgeries:
            assert (await click(house, good, forgery=forgery)).status == 401
        await click(house, house.button(state, option=9))
        await click(house, house.button(state, plan_digest="stale"))
        await click(house, good, user=EVE.id)
        await click(house, house.button(state, choice="explode"))
        await house.judged(group, 4)
        assert house.world.writes == []
        await click(house, good)
        await click(house, house.button(state, option=2))
        final = await house.finished(group)
    reasons = [j.reason for j in final.judgements]
    assert reasons == ["unknown_option", "stale_plan", "not_allowed", "unknown_choice", "accepted", "late"]
    assert all(j.proven for j in final.judgements if j.reason != "late")
    assert len(house.world.writes) == 1
    for words in (
        "There is no option 9",
        "plan has changed",
        "may not decide here",
        "not a choice",
        "already decided",
    ):
        assert words in await house.told(words)
    late = await click(house, good)
    assert late.accepted
    assert "closed" in await house.told("closed; your click changed nothing")
    assert (await click(house, unknown)).accepted
    assert [line["group"] for line in house.log() if line["event"] == "click on a closed incident"] == [
        group, "incident-nobody-0123456789",
    ]  # fmt: skip
    assert len(house.world.writes) == 1


async def test_the_same_signed_click_delivered_twice_counts_once(house: House) -> None:
    async with house.working():
        group = await started(house, "replayed")
        await house.waiting(group)
        body = form(group)
        answers = [await house.signed("/hooks/slack/interactions", body) for _ in range(2)]
        judged = await house.judged(group, 2)
    assert [answer.status_code for answer in answers] == [200, 200]
    assert [j.reason for j in judged] == ["wrong_incident", "duplicate"]
    assert len({j.decision_id for j in judged}) == 1


# --- Something is down -----------------------------------------------------------------------------


async def test_a_click_while_the_worker_is_down_is_stored_at_once_and_judged_later(house: House) -> None:
    house.world.effects["version.rollback do"] = heals
    async with house.working():
        group = await started(house, "worker-down")
        state = await house.waiting(group)
    heard = len(house.slack.ephemerals())
    answer = await click(house, house.button(state))
    assert answer.accepted
    assert answer.seconds < 3
    await house.told("Stored.", heard)
    assert house.world.writes == []
    async with house.working():
        final = await house.finished(group)
    assert [j.reason for j in final.judgements] == ["accepted"]
    assert final.outcome == "resolved"
    assert len(house.world.writes) == 1


async def test_while_temporal_is_down_clicks_are_answered_as_failed_and_alerts_are_to_be_sent_again(
    house: House,
) -> None:
    house.world.effects["version.rollback do"] = heals
    async with house.working():
        group = await started(house, "temporal-down")
        state = await house.waiting(group)
    await asyncio.to_thread(house.stage.temporal.kill)
    try:
        heard = len(house.slack.ephemerals())
        began = time.monotonic()
        answer = await click(house, house.button(state))
        assert time.monotonic() - began < 3
        assert answer.status != 0
        assert "could not be stored" in await house.told("could not be stored", heard)
        envelope = await house.sns(alarm(), MessageId="m-late")
        # Each of them waits for some seconds before it gives up: all at once.
        typed = asyncio.create_task(house.command("start", "--alert", "-", given='{"title": "x", "service": "y"}'))
        called = asyncio.create_task(start_incident(house.client, alert(service="nobody"), QUEUE))
        refused = await asyncio.gather(
            house.http.post("/hooks/sns", json=envelope),
            house.http.post("/hooks/eventbridge", json=event(), headers={"x-api-key": API_KEY}),
            house.post({"title": "slow", "service": "late", "external_id": "l1"}),
        )
        assert [a.status_code for a in refused] == [503, 503, 503]
        assert all(a.headers["retry-after"] for a in refused)
        with pytest.raises(Failure, match="not accepted by Temporal"):
            await called
        code, _, said = await typed
        assert code == 3
        assert "Temporal does not answer" in said
    finally:
        await house.stage.start_temporal()
    async with house.working():
        await house.taken(envelope)
        assert (await click(house, house.button(state))).accepted
        final = await house.finished(group)
    assert [j.reason for j in final.judgements] == ["accepted"]
    assert len(house.world.writes) == 1


async def test_a_gateway_that_was_started_while_temporal_was_down_says_so_too() -> None:
    """Its client has not connected yet, which fails in another way than a lost connection."""
    nowhere = Settings(temporal=Temporal(address=f"127.0.0.1:{free_port()}"))
    incidents = Incidents(await connect(nowhere, lazy=True), QUEUE)
    calls = (
        incidents.start(alert()),
        incidents.start(alert(status="resolved")),
        incidents.decide("incident-shop-1", DecisionSignal(choice="manual")),
        incidents.list(),
        incidents.show("incident-shop-1"),
    )
    ends = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(end) for end in ends] == [Failure] * len(calls)
    assert [end.who for end in ends if isinstance(end, Failure)] == ["retry"] * len(calls)
