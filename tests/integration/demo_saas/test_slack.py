"""The simulated Slack, driven by Slack's own client and signature verifier."""

import json
from typing import Any

import httpx
import pytest
from slack_sdk.errors import SlackApiError
from starlette.responses import JSONResponse, PlainTextResponse

from demo.saas.slack import Slack
from demo.saas.slack_alerts import AlertText, cloudwatch_message, datadog_message
from tests.integration.demo_saas.gateway import Gateway, Got
from tests.integration.demo_saas.slack_app import BLOCKS, CHANNEL, KIM, MODAL, NOW, payload, verified


def test_messages_threads_and_metadata_come_back_as_they_were_sent(client: Any) -> None:
    assert client.auth_test()["user"] == "autopilot"
    metadata = {"event_type": "incident", "event_payload": {"key": "inc-1"}}
    posted = client.chat_postMessage(channel="#incidents", text="slow", blocks=BLOCKS, metadata=metadata)
    ts = str(posted["ts"])
    client.chat_postMessage(channel=CHANNEL, text="detail", thread_ts=ts)
    plain = client.conversations_history(channel=CHANNEL)["messages"]
    assert [m["ts"] for m in plain] == [ts]
    assert "metadata" not in plain[0]
    whole = client.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"]
    assert whole[0]["metadata"] == metadata
    assert whole[0]["reply_count"] == 1
    replies = client.conversations_replies(channel=CHANNEL, ts=ts)["messages"]
    assert [m["text"] for m in replies] == ["slow", "detail"]
    client.chat_update(channel=CHANNEL, ts=ts, text="solved", blocks=BLOCKS[:1])
    after = client.conversations_history(channel=CHANNEL, include_all_metadata=True)["messages"][0]
    assert (after["text"], len(after["blocks"]), after["metadata"]) == ("solved", 1, metadata)


def test_history_is_paged_newest_first(client: Any) -> None:
    for number in range(5):
        client.chat_postMessage(channel=CHANNEL, text=str(number))
    texts = [m["text"] for page in client.conversations_history(channel=CHANNEL, limit=2) for m in page["messages"]]
    assert texts == ["4", "3", "2", "1", "0"]


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat.postMessage", {"channel": "C404", "text": "x"}, "channel_not_found"),
        ("chat.postMessage", {"channel": CHANNEL}, "no_text"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "thread_ts": "1.1"}, "message_not_found"),
        ("chat.postMessage", {"channel": CHANNEL, "text": "x", "blocks": [{"type": "section"}]}, "invalid_blocks"),
        (
            "chat.postMessage",
            {"channel": CHANNEL, "text": "x", "blocks": [{"type": "divider"}] * 51},
            "invalid_blocks",
        ),
        ("chat.update", {"channel": CHANNEL, "ts": "1.1", "text": "x"}, "message_not_found"),
        ("views.open", {"trigger_id": "1.2.3", "view": MODAL}, "invalid_trigger_id"),
        ("users.info", {"user": "U404"}, "user_not_found"),
        ("chat.fly", {}, "unknown_method"),
    ],
)
def test_refusals_carry_slacks_error_codes(client: Any, method: str, arguments: dict[str, Any], error: str) -> None:
    with pytest.raises(SlackApiError, match=error):
        client.api_call(method, json=arguments)


def test_wrong_token_and_rate_limit_are_refused(slack: Slack, client: Any) -> None:
    with pytest.raises(SlackApiError, match="invalid_auth"):
        client.api_call("auth.test", headers={"Authorization": "Bearer xoxb-wrong"})
    slack.limited.append(7)
    with pytest.raises(SlackApiError, match="ratelimited"):
        client.auth_test()
    slack.limited.append(7)
    answer = httpx.post(f"{slack.api_url}auth.test")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


def test_click_is_signed_and_shaped_like_slacks(slack: Slack, client: Any, gateway: Gateway) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="slow", blocks=BLOCKS)["ts"]
    found = slack.wait_for_buttons("option_1", timeout=2)
    answer = slack.click(found[0])
    got = gateway.wait_for(1)[0]
    sent = payload(got)
    assert answer.accepted
    assert verified(got)
    assert got.headers["content-type"] == "application/x-www-form-urlencoded"
    assert (sent["type"], sent["user"]["id"], sent["channel"]["id"], sent["container"]["message_ts"]) == (
        "block_actions",
        KIM,
        CHANNEL,
        ts,
    )
    assert sent["actions"][0] | {"action_ts": ""} == {
        "type": "button",
        "action_id": "option_1",
        "block_id": "decide",
        "value": "1",
        "style": "primary",
        "text": {"type": "plain_text", "text": "1. Raise capacity", "emoji": True},
        "action_ts": "",
    }
    assert sent["message"]["text"] == "slow"
    httpx.post(sent["response_url"], json={"text": "Taken.", "response_type": "ephemeral"}).raise_for_status()
    assert [e["text"] for e in slack.ephemerals(KIM)] == ["Taken."]


def test_forged_clicks_do_not_verify(slack: Slack, client: Any, gateway: Gateway) -> None:
    client.chat_postMessage(channel=CHANNEL, text="slow", blocks=BLOCKS)
    kept = slack.buttons()[0]
    slack.click(kept, forgery="unsigned")
    slack.click(kept, forgery="wrong_secret")
    slack.click(kept, forgery="tampered")
    slack.click(kept, forgery="old")
    slack.click(kept)
    assert [verified(got) for got in gateway.wait_for(5)] == [False, False, False, False, True]


def test_a_kept_button_can_be_clicked_after_the_message_changed(
    slack: Slack, client: Any, gateway: Gateway
) -> None:
    ts = str(client.chat_postMessage(channel=CHANNEL, text="slow", blocks=BLOCKS)["ts"])
    kept = slack.buttons()[0]
    client.chat_update(channel=CHANNEL, ts=ts, text="closed", blocks=BLOCKS[:1])
    assert slack.buttons() == []
    with pytest.raises(LookupError, match="option_1"):
        slack.click("option_1")
    slack.click(kept)
    assert payload(gateway.wait_for(1)[0])["actions"][0]["action_id"] == "option_1"


def test_an_app_that_does_not_answer_is_shown_as_failed(slack: Slack, client: Any, gateway: Gateway) -> None:
    client.chat_postMessage(channel=CHANNEL, text="slow", blocks=BLOCKS)
    gateway.answer = lambda _: PlainTextResponse("broken", 500)
    assert slack.click("option_1").status == 500
    slack.app_requests.interactivity_url = "http://127.0.0.1:9/nobody"
    assert slack.click("option_1").status == 0
    assert "did not respond" in httpx.get(slack.url).text


def test_modal_opens_by_trigger_and_its_submission_is_signed(slack: Slack, client: Any, gateway: Gateway) -> None:
    client.chat_postMessage(channel=CHANNEL, text="slow", blocks=BLOCKS)

    def answer(got: Got) -> PlainTextResponse:
        sent = payload(got)
        if sent["type"] == "block_actions":
            client_trigger.append(sent["trigger_id"])
        return PlainTextResponse("")

    client_trigger: list[str] = []
    gateway.answer = answer
    slack.click("Re-analyse")
    opened = client.views_open(trigger_id=client_trigger[0], view=MODAL)["view"]
    with pytest.raises(SlackApiError, match="invalid_trigger_id"):
        client.views_open(trigger_id=client_trigger[0], view=MODAL)
    assert "What to check?" in httpx.get(slack.url).text
    assert slack.submit_view({"text": "look at the deploy"}).accepted
    got = gateway.wait_for(2)[1]
    sent = payload(got)
    assert verified(got)
    assert (sent["type"], sent["view"]["id"], sent["view"]["private_metadata"]) == (
        "view_submission",
        opened["id"],
        "inc-1",
    )
    assert sent["view"]["state"]["values"]["hint"]["text"]["value"] == "look at the deploy"
    assert slack.open_view() is None


def test_an_expired_trigger_opens_nothing(slack: Slack, client: Any) -> None:
    slack.workspace.trigger_seconds = 0.0
    trigger = slack.workspace.trigger(KIM)
    with pytest.raises(SlackApiError, match="expired_trigger_id"):
        client.views_open(trigger_id=trigger, view=MODAL)


def test_alert_messages_arrive_as_signed_events_and_are_repeated_until_taken(
    slack: Slack, gateway: Gateway
) -> None:
    assert not slack.app_requests.verify_url()
    gateway.answer = lambda got: JSONResponse({"challenge": json.loads(got.body)["challenge"]})
    assert slack.app_requests.verify_url()
    gateway.got.clear()
    gateway.answer = lambda _: PlainTextResponse("", 500 if len(gateway.got) == 1 else 200)
    alert = AlertText("checkout latency", "checkout", "p95 latency is 1240 ms (limit 1000 ms)", NOW)
    posted = slack.post_alert_message(datadog_message(alert))
    first, again = gateway.wait_for(2)
    event = json.loads(again.body)
    assert verified(first)
    assert verified(again)
    assert "x-slack-retry-num" not in first.headers
    assert again.headers["x-slack-retry-num"] == "1"
    assert again.headers["x-slack-retry-reason"] == "http_error"
    assert json.loads(first.body)["event_id"] == event["event_id"]
    assert (event["type"], event["event"]["type"], event["event"]["ts"]) == (
        "event_callback",
        "message",
        posted["ts"],
    )
    assert event["event"]["attachments"][0]["title"].startswith("Triggered: [checkout latency]")
    slack.post_alert_message(cloudwatch_message(alert))
    sent = json.loads(gateway.wait_for(3)[2].body)["event"]
    assert (
        "CloudWatch Alarm | checkout latency | us-east-1 | Account: 000000000000" in sent["attachments"][0]["title"]
    )
