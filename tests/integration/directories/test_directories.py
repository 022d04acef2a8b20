"""Who is on duty by other systems, on their documented wire forms over real HTTP.

- Slack: https://docs.slack.dev/reference/methods/usergroups.users.list
- PagerDuty: https://developer.pagerduty.com/api-reference/3a6b910f11050-list-all-of-the-on-calls
- Opsgenie: https://docs.opsgenie.com/docs/who-is-on-call-api (with flat = true)
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from pydantic import JsonValue, SecretStr

from autopilot.incident.ports import Failure
from autopilot.playbooks.directories import (
    OpsgenieSchedules,
    PagerDutySchedules,
    Remembered,
    SlackGroups,
    build_directories,
)
from autopilot.playbooks.directory import Directory, Member
from autopilot.settings import Opsgenie, PagerDutyApi, Settings, Slack
from tests.integration.saas_sources.vendor import Asked, Reply, Vendor

NOW = datetime(2026, 11, 18, 3, 15, tzinfo=UTC)


def slack(url: str) -> SlackGroups:
    settings = Slack(base_url=url, channel="c", bot_token=SecretStr("xoxb-1"), signing_secret=SecretStr("s"))
    return SlackGroups(settings)


def pagerduty(url: str) -> PagerDutySchedules:
    return PagerDutySchedules(PagerDutyApi(base_url=url, token=SecretStr("read-key")))


def opsgenie(url: str) -> OpsgenieSchedules:
    return OpsgenieSchedules(Opsgenie(base_url=url, api_key=SecretStr("genie-key")))


def duty(user: str, level: int, **more: str) -> dict[str, JsonValue]:
    return {
        "user": {"id": user, "type": "user", "summary": user.title(), **more},
        "schedule": {"id": "PI7DH85", "type": "schedule_reference", "summary": "Daily Engineering Rotation"},
        "escalation_policy": {"id": "PT20YPA", "type": "escalation_policy_reference", "summary": "Engineering"},
        "escalation_level": level,
        "start": "2026-11-17T08:00:00Z",
        "end": None,
    }


def test_slack_tells_the_users_of_a_group() -> None:
    with Vendor(lambda asked: Reply({"ok": True, "users": ["U060R4BJ4", "W123A4BC5"]})) as vendor:
        assert slack(vendor.url).members("S0604QSJC", NOW) == (Member("U060R4BJ4"), Member("W123A4BC5"))
    (asked,) = vendor.asked
    assert (asked.path, parse_qs(asked.body.decode())) == ("/usergroups.users.list", {"usergroup": ["S0604QSJC"]})
    assert asked.headers["authorization"] == "Bearer xoxb-1"


def test_slack_refuses_without_the_scope() -> None:
    with (
        Vendor(lambda asked: Reply({"ok": False, "error": "missing_scope", "needed": "usergroups:read"})) as vendor,
        pytest.raises(Failure, match="missing_scope") as refused,
    ):
        slack(vendor.url).members("S0604QSJC", NOW)
    assert refused.value.who == "operator"


def test_pagerduty_tells_users_by_level_once_each() -> None:
    listed = [duty("PB", 2), duty("PA", 1, name="Kim Lee", email="kim@shop.example"), duty("PA", 3)]
    answer = {"oncalls": listed, "limit": 100, "offset": 0, "more": False}
    with Vendor(lambda asked: Reply(answer)) as vendor:
        first, second = pagerduty(vendor.url).members("PI7DH85", NOW)
    assert (first.id, second) == ("PA", Member("PB", "Pb"))
    (asked,) = vendor.asked
    assert asked.path == "/oncalls"
    assert asked.query["schedule_ids[]"] == ["PI7DH85"]
    assert asked.query["include[]"] == ["users"]
    assert (asked.query["since"], asked.query["until"]) == (
        ["2026-11-18T03:15:00+00:00"], ["2026-11-18T03:15:01+00:00"],
    )  # fmt: skip
    assert asked.headers["authorization"] == "Token token=read-key"
    assert asked.headers["accept"] == "application/vnd.pagerduty+json;version=2"


def test_opsgenie_tells_addresses() -> None:
    data: JsonValue = {
        "_parent": {"id": "d875", "name": "Shop schedule", "enabled": True},
        "onCallRecipients": ["kim@shop.example", "noor@shop.example"],
    }
    with Vendor(lambda asked: Reply({"data": data, "took": 0.026, "requestId": "4a5"})) as vendor:
        members = opsgenie(vendor.url).members("Shop schedule/1", NOW)
    assert [member.email for member in members] == ["kim@shop.example", "noor@shop.example"]
    (asked,) = vendor.asked
    assert asked.path == "/v2/schedules/Shop%20schedule%2F1/on-calls"
    assert asked.query == {
        "scheduleIdentifierType": ["name"], "flat": ["true"], "date": ["2026-11-18T03:15:00+00:00"],
    }  # fmt: skip
    assert asked.headers["authorization"] == "GenieKey genie-key"


BUILT: list[Callable[[str], Directory]] = [pagerduty, opsgenie]


@pytest.mark.parametrize("build", BUILT)
@pytest.mark.parametrize(
    ("reply", "who"),
    [
        (Reply({"error": {"message": "Requires Authentication", "code": 2006}}, 401), "operator"),
        (Reply({"message": "Could not authenticate"}, 403), "operator"),
        (Reply({"message": "not found"}, 404), "operator"),
        (Reply({}, 429, {"Retry-After": "60"}), "retry"),
        (Reply({}, 500), "retry"),
        (Reply({"oncalls": "nobody", "data": []}), "operator"),
    ],
)
def test_refusals_say_who_can_mend_them(build: Callable[[str], Directory], reply: Reply, who: str) -> None:
    with Vendor(lambda asked: reply) as vendor, pytest.raises(Failure) as refused:
        build(vendor.url).members("S1", NOW)
    assert refused.value.who == who


class Clock:
    """Seconds that a test moves."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_answers_are_kept_for_a_minute_and_stand_in_for_a_day() -> None:
    state = {"fails": False}

    def answering(_asked: Asked) -> Reply:
        return Reply({}, 400) if state["fails"] else Reply({"oncalls": [duty("PA", 1)]})

    clock = Clock()
    with Vendor(answering) as vendor:
        kept = Remembered(pagerduty(vendor.url), clock)
        assert kept.members("S1", NOW) == kept.members("S1", NOW + timedelta(seconds=10))
        assert len(vendor.asked) == 1
        clock.now = 61
        kept.members("S1", NOW)
        assert len(vendor.asked) == 2
        state["fails"] = True
        clock.now = 3_600
        assert [member.id for member in kept.members("S1", NOW + timedelta(hours=1))] == ["PA"]
        with pytest.raises(Failure):
            kept.members("S2", NOW)
        clock.now = 90_000
        with pytest.raises(Failure):
            kept.members("S1", NOW + timedelta(hours=25))


def test_only_what_is_configured_is_asked() -> None:
    assert dict(build_directories(Settings())) == {}
    settings = Settings(pagerduty=PagerDutyApi(), opsgenie=Opsgenie(api_key=SecretStr("k")))
    assert list(build_directories(settings)) == ["opsgenie"]
