"""The simulated Slack's web page, as a person's browser uses it."""

import time
from typing import Any

import httpx
from starlette.responses import PlainTextResponse

from demo.saas.seeds import PEOPLE
from demo.saas.slack import Slack
from tests.integration.demo_saas.gateway import Gateway, Got
from tests.integration.demo_saas.slack_app import BLOCKS, CHANNEL, KIM, MODAL, payload


def test_the_page_shows_blocks_escapes_and_clicks(slack: Slack, client: Any, gateway: Gateway) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="slow", blocks=BLOCKS)["ts"]
    slack.say(KIM, "I am looking. <!-- -->", thread_ts=str(ts))
    page = httpx.get(slack.url).text
    assert "<h3>checkout is slow</h3>" in page
    assert "<strong>Cause</strong>: <code>orders</code>" in page
    assert '<a href="https://x.test/a"' in page
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "1 reply" in page
    form = {"channel": CHANNEL, "ts": str(ts), "block_id": "decide", "action_id": "option_1"}
    answer = httpx.post(f"{slack.url}/page/click", data=form, cookies={"person": PEOPLE[1].id})
    assert answer.status_code == 303
    assert payload(gateway.wait_for(1)[0])["user"]["id"] == PEOPLE[1].id


def test_the_app_may_call_slack_back_while_it_answers_a_page_click(
    slack: Slack, client: Any, gateway: Gateway
) -> None:
    ts = client.chat_postMessage(channel=CHANNEL, text="slow", blocks=BLOCKS)["ts"]

    def answer(got: Got) -> PlainTextResponse:
        sent = payload(got)
        if sent["type"] == "block_actions":
            client.views_open(trigger_id=sent["trigger_id"], view=MODAL)
        return PlainTextResponse("")

    gateway.answer = answer
    form = {"channel": CHANNEL, "ts": str(ts), "block_id": "decide", "action_id": "reanalyse"}
    httpx.post(f"{slack.url}/page/click", data=form)
    assert slack.open_view() is not None
    httpx.post(f"{slack.url}/page/submit", data={"text": "hint"})
    assert slack.open_view() is None


def test_outage_answers_everything_but_the_page_with_an_error(slack: Slack) -> None:
    slack.failing = 503
    began = time.monotonic()
    assert httpx.post(f"{slack.api_url}auth.test").status_code == 503
    assert httpx.get(slack.url).status_code == 200
    assert time.monotonic() - began < 5
