"""The Slack channel, through the real SDK and HTTP, against the stand-in."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import parse_qs

import pytest
from pydantic import SecretStr

from autopilot.channels import slack_wire as wire
from autopilot.channels.slack import SlackChannel
from autopilot.incident.decision import Judgement
from autopilot.incident.ports import Failure
from autopilot.incident.view import IncidentView
from autopilot.settings import Slack as SlackSettings
from demo.saas.seeds import company_records
from demo.saas.slack import Slack
from tests.integration.saas_sources.vendor import Answering, Asked, Reply, Vendor
from tests.unit.channels.views import NOW, decidable, raw


def settings(url: str, channel: str, token: str = "xoxb-1") -> SlackSettings:
    return SlackSettings(
        base_url=url, channel=channel, bot_token=SecretStr(token), signing_secret=SecretStr("s" * 32)
    )


@pytest.fixture(scope="module")
def workspace() -> Iterator[Slack]:
    with Slack(company_records("deploy-throttle", NOW).slack, "xoxb-1", "s" * 32) as server:
        yield server


@pytest.fixture
def slack(workspace: Slack) -> Slack:
    """The workspace, empty."""
    workspace.failing = 0
    workspace.limited.clear()
    with workspace.changed:
        for messages in workspace.workspace.messages.values():
            messages.clear()
        workspace.workspace.ephemeral.clear()
    return workspace


def channel(slack: Slack) -> SlackChannel:
    return SlackChannel(settings(slack.api_url, slack.channel))


def known(view: IncidentView, reference: str) -> IncidentView:
    return view.model_copy(update={"refs": {"slack": reference}})


def judgement(**more: object) -> Judgement:
    given: dict[str, object] = {
        "decision_id": "d1",
        "accepted": False,
        "reason": "late",
        "message": "Too late: <kim> decided already.",
        "actor": "slack:U024BE7LH",
        "at": datetime.now(UTC),
    }
    return Judgement.model_validate(given | more)


def test_one_message_is_edited_in_place_from_alert_to_options(slack: Slack) -> None:
    ours = channel(slack)
    reference = ours.publish(raw())
    assert ours.publish(known(decidable(), reference)) == reference
    assert len(slack.messages()) == 1
    assert {b.action_id for b in slack.buttons()} >= {
        "decide:option:1",
        "decide:reanalyse",
        "decide:manual",
        "claim",
    }


def test_a_lost_answer_does_not_lead_to_a_second_message(slack: Slack) -> None:
    reference = channel(slack).publish(raw())
    assert channel(slack).publish(decidable()) == reference
    assert len(slack.messages()) == 1
    assert "exceeds its capacity" in json.dumps(slack.messages()[0]["blocks"])


def test_two_incidents_have_two_messages(slack: Slack) -> None:
    ours = channel(slack)
    assert ours.publish(raw()) != ours.publish(raw(incident_id="incident-other.1"))
    assert len(slack.messages()) == 2


def test_a_deleted_message_is_posted_anew(slack: Slack) -> None:
    ours = channel(slack)
    reference = ours.publish(raw())
    slack.workspace.delete(*reference.split("/"))
    assert ours.publish(known(raw(), reference)) != reference
    assert len(slack.messages()) == 1


def test_somebody_elses_metadata_is_not_taken_over(slack: Slack) -> None:
    foreign = {"event_type": wire.MESSAGE_EVENT, "event_payload": {"incident_id": raw().incident_id}}
    slack.workspace.post(slack.channel, {"text": "hi", "metadata": foreign}, {"user": "U024BE7LH"})
    channel(slack).publish(raw())
    assert slack.messages()[0]["text"] == "hi"
    assert len(slack.messages()) == 2


def test_a_note_is_said_once_per_key_in_the_thread(slack: Slack) -> None:
    ours = channel(slack)
    view = known(raw(), ours.publish(raw()))
    ts = view.refs["slack"].split("/")[1]
    ours.note(view, "dossier: 12 findings\n" + "long line " * 2_000, "dossier-1")
    ours.note(view, "dossier: 12 findings", "dossier-1")
    ours.note(view, "<!channel> another", "dossier-2")
    replies = slack.thread(ts)
    assert len(replies) == 2
    assert "&lt;!channel&gt;" in json.dumps(replies[1]["blocks"])


def test_the_channel_may_be_given_by_name(slack: Slack) -> None:
    reference = SlackChannel(settings(slack.api_url, "#incidents")).publish(raw())
    assert reference.startswith(f"{slack.channel}/")
    with pytest.raises(Failure, match="invite the bot") as caught:
        SlackChannel(settings(slack.api_url, "nowhere")).publish(raw())
    assert caught.value.who == "operator"


def test_the_decider_is_answered_through_the_response_url(slack: Slack) -> None:
    received: list[dict[str, object]] = []
    ours = channel(slack)
    view = known(decidable(), ours.publish(decidable()))
    with Vendor(app_of(received)) as gateway:
        slack.app_requests.interactivity_url = f"{gateway.url}/slack/interactivity"
        assert slack.click("decide:option:1").accepted
    decided = wire.parse_interaction(json.loads(json.dumps(received[0])))
    assert isinstance(decided, wire.Decided)
    assert decided.signal.option == 1
    assert ours.answer(view, judgement(), decided.signal.reply_to)
    assert [e["text"] for e in slack.ephemerals("U024BE7LH")] == [
        "Not accepted: Too late: &lt;kim&gt; decided already."
    ]


def app_of(received: list[dict[str, object]]) -> Answering:
    """A gateway that only keeps what Slack sent."""

    def app(asked: Asked) -> Reply:
        received.append(json.loads(parse_qs(asked.body.decode())["payload"][0]))
        return Reply("")

    return app


def test_without_a_response_url_the_person_is_answered_in_the_channel(slack: Slack) -> None:
    ours = channel(slack)
    view = known(decidable(), ours.publish(decidable()))
    assert ours.answer(view, judgement(), wire.place(slack.channel, "U024BE7LJ", "1.2"))
    assert ours.answer(view, judgement(), "")
    assert [e["user"] for e in slack.ephemerals()] == ["U024BE7LJ", "U024BE7LH"]


def test_an_expired_response_url_does_not_silence_the_answer(slack: Slack) -> None:
    assert channel(slack).answer(decidable(), judgement(), f"{slack.url}/actions/T1/expired")
    assert [e["user"] for e in slack.ephemerals()] == ["U024BE7LH"]


def test_an_answer_never_goes_to_a_foreign_address(slack: Slack) -> None:
    with Vendor(lambda _: Reply({})) as stranger:
        assert not channel(slack).answer(decidable(), judgement(actor="local:kim"), f"{stranger.url}/actions/x")
        assert not channel(slack).answer(decidable(), judgement(actor="local:kim"), "")
        assert stranger.asked == []


def test_a_long_rate_limit_is_handed_to_the_caller(slack: Slack) -> None:
    slack.limited = [120]
    with pytest.raises(Failure) as caught:
        channel(slack).publish(raw())
    assert (caught.value.who, caught.value.retry_after) == ("retry", 120.0)
    assert slack.messages() == []


def test_a_short_rate_limit_is_waited_for(slack: Slack) -> None:
    slack.limited = [0]
    channel(slack).publish(raw())
    assert len(slack.messages()) == 1


def test_a_refused_token_is_for_the_operator_and_not_repeated_in_the_message(slack: Slack) -> None:
    with pytest.raises(Failure, match="invalid_auth") as caught:
        SlackChannel(settings(slack.api_url, slack.channel, "xoxb-secret")).publish(raw())
    assert caught.value.who == "operator"
    assert "xoxb-secret" not in str(caught.value)


@pytest.mark.parametrize("status", [500, 503])
def test_an_outage_is_worth_a_retry(slack: Slack, status: int) -> None:
    slack.failing = status
    with pytest.raises(Failure) as caught:
        channel(slack).publish(raw())
    assert caught.value.who == "retry"


def test_an_unreachable_slack_is_worth_a_retry() -> None:
    with Vendor(lambda _: Reply({})) as vendor:
        gone = vendor.url
    with pytest.raises(Failure) as caught:
        SlackChannel(settings(gone, "C024BE91L")).publish(raw())
    assert caught.value.who == "retry"


def test_a_proxy_page_instead_of_slack_is_explained() -> None:
    with Vendor(lambda _: Reply(b"<html>sign in</html>")) as vendor, pytest.raises(Failure):
        SlackChannel(settings(vendor.url, "C024BE91L")).publish(raw())
