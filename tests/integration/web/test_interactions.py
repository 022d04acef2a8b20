"""Clicks in Slack: sealed with the clicker's identity, stored, and answered honestly when they were not."""

import json
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode

import pytest

from autopilot.case.store import FolderCaseStore
from autopilot.channels.slack_wire import ACTION_CLAIM, ACTION_REANALYSE, FEEDBACK_BLOCK, FEEDBACK_INPUT
from autopilot.incident.seal import Keyring
from autopilot.settings import SettingsError
from autopilot.web.app import create_app
from tests.integration.web.conftest import SEAL_KEY, MemoryIncidents, Running, Said, settings
from tests.integration.web.payloads import click

PATH = "/hooks/slack/interactions"
GROUP = "incident-checkout-1"


@pytest.fixture(autouse=True)
def _one_open_incident(gateway: Running) -> None:  # pyright: ignore[reportUnusedFunction] (a fixture)
    gateway.incidents.open[GROUP] = "run-1"


def test_a_click_becomes_a_sealed_decision_of_the_clicker(gateway: Running) -> None:
    answer = gateway.slack(PATH, click(GROUP))

    assert answer.status_code == 200
    [(group, signal)] = gateway.incidents.decisions
    assert group == GROUP
    assert (signal.actor, signal.actor_name, signal.channel) == ("slack:U024BE7LH", "kim", "slack")
    assert (signal.choice, signal.option_number, signal.plan_digest) == ("option", 1, "d")
    assert Keyring(SEAL_KEY).vouches(signal)
    assert not Keyring(SEAL_KEY).vouches(signal.model_copy(update={"actor": "slack:U0BOSS"}))
    assert gateway.said.changed.wait(2)
    assert gateway.said.told[0][1].startswith("Stored.")


def test_the_same_click_has_the_same_decision_id_and_another_has_its_own(gateway: Running) -> None:
    for body in (click(GROUP), click(GROUP), click(GROUP, option=2, action="decide:option:2")):
        gateway.slack(PATH, body)

    ids = [signal.decision_id for _, signal in gateway.incidents.decisions]
    assert ids[0] == ids[1] != ids[2]


@pytest.mark.parametrize(("secret", "age"), [("wrong", 0), ("slack-secret", 400)])
def test_forged_and_replayed_clicks_decide_nothing(gateway: Running, secret: str, age: float) -> None:
    assert gateway.slack(PATH, click(GROUP), secret=secret, age=age).status_code == 401
    assert gateway.incidents.decisions == []


def test_a_click_that_could_not_be_stored_is_answered_as_failed_within_three_seconds(gateway: Running) -> None:
    gateway.incidents.down = True
    began = time.monotonic()
    answer = gateway.slack(PATH, click(GROUP))

    assert time.monotonic() - began < 3
    assert answer.status_code == 200
    assert "could not be stored" in answer.json()["text"]
    [(reply_to, words)] = gateway.said.told
    assert reply_to == "https://hooks.slack.com/actions/T/1/x"
    assert f"decide {GROUP}" in words


def test_when_the_clicker_cannot_be_told_slack_shows_its_own_warning(gateway: Running) -> None:
    gateway.incidents.down = gateway.said.broken = True

    assert gateway.slack(PATH, click(GROUP)).status_code == 503


def test_a_click_on_a_closed_incident_is_explained(gateway: Running) -> None:
    answer = gateway.slack(PATH, click("incident-gone"))

    assert answer.status_code == 200
    assert "closed" in gateway.said.told[0][1]


def test_claim_is_carried_to_the_incident(gateway: Running) -> None:
    gateway.slack(PATH, click(GROUP, option=None, action=ACTION_CLAIM, choice=""))

    [(kind, group, note)] = gateway.incidents.notes
    assert (kind, group, note.actor) == ("claim", GROUP, "slack:U024BE7LH")


def test_reanalyse_opens_a_modal_whose_submission_is_the_decision(gateway: Running) -> None:
    gateway.slack(PATH, click(GROUP, option=None, action=ACTION_REANALYSE, choice="reanalyse"))
    [(trigger, view)] = gateway.said.views
    assert trigger == "trigger-1"
    assert gateway.incidents.decisions == []

    filled = {
        **view,
        "id": "V1",
        "state": {"values": {FEEDBACK_BLOCK: {FEEDBACK_INPUT: {"value": "check the deploy"}}}},
    }
    payload = {"type": "view_submission", "user": {"id": "U1", "name": "kim"}, "view": filled}
    body = urlencode({"payload": json.dumps(payload)})
    assert gateway.slack(PATH, body).content == b""
    [(_, signal)] = gateway.incidents.decisions
    assert (signal.choice, signal.comment) == ("reanalyse", "check the deploy")
    assert signal.at
    assert Keyring(SEAL_KEY).vouches(signal)

    gateway.incidents.down = True
    failed = gateway.slack(PATH, body).json()
    assert failed["response_action"] == "errors"
    assert "could not be stored" in failed["errors"][FEEDBACK_BLOCK]


@pytest.mark.parametrize(
    "body", ["", "payload=", "payload=[1]", "payload=%7B", "other=1", "payload=%ff", "a=1&" * 50]
)
def test_malformed_interactions_are_refused(gateway: Running, body: str) -> None:
    assert gateway.slack(PATH, body).status_code == 400


def test_buttons_of_others_are_passed_over_and_broken_ones_of_ours_are_explained(gateway: Running) -> None:
    assert gateway.slack(PATH, click(GROUP, action="somebody:else")).status_code == 200
    assert gateway.said.told == []
    payload = json.loads(parse_qs(click(GROUP))["payload"][0])
    payload["actions"][0]["value"] = "{}"
    assert gateway.slack(PATH, urlencode({"payload": json.dumps(payload)})).status_code == 200
    assert "cannot be understood" in gateway.said.told[0][1]
    assert gateway.incidents.decisions == []


def test_slack_without_a_seal_key_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="AUTOPILOT_SEAL_KEY"):
        create_app(
            settings("http://127.0.0.1:1", seal_key=None),
            MemoryIncidents(),
            FolderCaseStore(tmp_path),
            replies=Said(),
        )


def test_a_hanging_store_does_not_keep_the_clicker_waiting(gateway: Running) -> None:
    gateway.incidents.hanging = True
    began = time.monotonic()
    answer = gateway.slack(PATH, click(GROUP))

    assert time.monotonic() - began < 3
    assert "could not be stored" in answer.json()["text"]
