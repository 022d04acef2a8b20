"""Quiet hours, maintenance windows, rate limits, and which alerts a playbook is for."""

from datetime import UTC, datetime, time, timedelta

import pytest

from autopilot.incident.alert import Alert
from autopilot.incident.hours import Hours, Maintenance, suppressed
from autopilot.incident.limits import Changed, quiet, too_often
from autopilot.incident.plan import Option
from autopilot.incident.playbook import (
    Grant,
    Person,
    Playbook,
    Preference,
    RateLimit,
    granted,
    preferred,
    ranked,
)  # fmt: skip
from autopilot.incident.sources import EVIDENCE, asked
from autopilot.incident.trigger import Trigger
from tests.unit.incident.worlds import option, prepared

NOW = datetime(2026, 11, 18, 3, 15, tzinfo=UTC)  # a Wednesday
NIGHT = Hours(days=("tue", "fri"), start=time(22), end=time(6))


def alert(**changes: object) -> Alert:
    values: dict[str, object] = {
        "source": "cloudwatch", "external_id": "1", "title": "slow", "service": "checkout", "started_at": NOW,
        "received_at": NOW, "labels": {"alarm": "checkout-5xx", "slo": "availability", "team": "shop"},
    }  # fmt: skip
    return Alert.model_validate(values | changes)


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        (datetime(2026, 11, 17, 22, 0, tzinfo=UTC), True),
        (datetime(2026, 11, 18, 5, 59, tzinfo=UTC), True),  # Tuesday's night lasts until Wednesday morning
        (datetime(2026, 11, 18, 6, 0, tzinfo=UTC), False),
        (datetime(2026, 11, 18, 22, 30, tzinfo=UTC), False),
        (datetime(2026, 11, 17, 3, 0, tzinfo=UTC), False),  # Monday's night is none
        (datetime(2026, 11, 21, 1, 0, tzinfo=UTC), True),
    ],
)
def test_hours_over_midnight_belong_to_the_day_they_begin(at: datetime, covered: bool) -> None:
    assert NIGHT.covers(at) is covered


def test_a_night_stays_a_night_over_a_change_of_the_clocks() -> None:
    night = Hours(start=time(22), end=time(6), timezone="Europe/Berlin")
    assert night.covers(datetime(2026, 10, 24, 20, 0, tzinfo=UTC))  # 22:00 in summer
    assert not night.covers(datetime(2026, 10, 25, 20, 30, tzinfo=UTC))  # 21:30 in winter
    assert night.covers(datetime(2026, 10, 25, 21, 0, tzinfo=UTC))


def test_quiet_hours_say_why() -> None:
    assert "22:00 to 06:00 UTC, tue, fri" in quiet(Playbook(quiet_hours=(NIGHT,)), NOW)
    assert quiet(Playbook(quiet_hours=(NIGHT,)), NOW + timedelta(hours=12)) == ""
    assert quiet(Playbook(), NOW) == ""


def test_maintenance_is_about_services_environments_and_time() -> None:
    once = Maintenance(name="upgrade", services=("checkout",), start=NOW, end=NOW + timedelta(hours=1))
    weekly = Maintenance(name="batch", environments=("staging",), hours=(NIGHT,))
    windows = (once, weekly)
    assert suppressed(windows, "checkout", "production", NOW) == once
    assert suppressed(windows, "checkout", "production", NOW + timedelta(hours=1)) is None
    assert suppressed(windows, "orders", "production", NOW) is None
    assert suppressed(windows, "orders", "staging", NOW) == weekly
    assert suppressed((Maintenance(name="never"),), "orders", "staging", NOW) is None


def test_changes_are_counted_per_service_within_the_span() -> None:
    playbook = Playbook(rate_limits=(RateLimit(tool="ecs.*", services=("checkout",), times=2, seconds=3_600),))

    def done(tool: str, service: str, minutes: float) -> Changed:
        return Changed(tool=tool, service=service, at=NOW - timedelta(minutes=minutes))

    earlier = [done("ecs.scale", "checkout", 10), done("ecs.rollback", "checkout", 59)]
    assert "changed checkout 2 times within 3600 s; 2 are allowed" in too_often(
        playbook, "ecs.scale", "checkout", earlier, NOW
    )
    assert too_often(playbook, "ecs.scale", "checkout", earlier[:1], NOW) == ""
    assert too_often(playbook, "lambda.rollback_alias", "checkout", earlier, NOW) == ""
    assert too_often(playbook, "ecs.scale", "orders", [done("ecs.scale", "orders", 1)] * 5, NOW) == ""
    others = [done("ecs.scale", "orders", 1), done("rds.reboot", "checkout", 1), done("ecs.scale", "checkout", 61)]
    assert too_often(playbook, "ecs.scale", "checkout", [*others, earlier[0]], NOW) == ""


@pytest.mark.parametrize(
    ("trigger", "fits"),
    [
        (Trigger(alarms=("checkout-*",)), True),
        (Trigger(alarms=("CHECKOUT-5XX",), severities=("high",)), True),
        (Trigger(alarms=("cart-*",)), False),
        (Trigger(alarms=("severity-high",), alarm_severity="high"), True),
        (Trigger(alarms=("severity-critical",), alarm_severity="critical"), False),
        (Trigger(services=("check*",), sources=("cloudwatch",), environments=("production",)), True),
        (Trigger(services=("checkout",), environments=("staging",)), False),
        (Trigger(objectives=("availability",), labels={"team": "sh*"}), True),
        (Trigger(objectives=("latency",)), False),
        (Trigger(labels={"region": "*"}), True),
        (Trigger(labels={"region": "?*"}), False),
        (Trigger(), False),
    ],
)
def test_every_condition_of_a_trigger_must_hold(trigger: Trigger, fits: bool) -> None:
    assert trigger.fits(alert()) is fits


def test_an_alarm_without_label_is_known_by_its_title() -> None:
    assert Trigger(alarms=("slow*",)).fits(alert(labels={}))


def test_a_grant_may_be_a_pattern_and_demand_measured_harm() -> None:
    one = option(steps=(prepared("ecs.rollback", "shop", undo=True, feasible=True),), risk="low")
    unconditional = Playbook(mode="autonomous", grants=(Grant(tool="*.rollback*"),))
    assert granted(unconditional, one)
    demanding = Playbook(mode="autonomous", grants=(Grant(tool="*.rollback*", min_error_share=0.05),))
    assert not granted(demanding, one)
    assert not granted(demanding, one, 0.04)
    assert granted(demanding, one, 0.05)
    zero = Playbook(mode="autonomous", grants=(Grant(tool="*.rollback*", min_error_share=0.0),))
    assert not granted(zero, one, None)


def test_what_the_playbook_prefers_comes_first_in_every_mode() -> None:
    def offer(number: int, tool: str, service: str) -> Option:
        made = option(steps=(prepared(tool, service, undo=True, feasible=True),))
        return made.model_copy(update={"id": number})

    playbook = Playbook(
        preferences=(
            Preference(name="autoScale", tools=("*.scale",), services=("shop",)),
            Preference(name="autoRollback", tools=("*.rollback*",)),
        )
    )
    offers = [offer(1, "rds.reboot", "shop"), offer(2, "ecs.scale", "cart"), offer(3, "ecs.rollback", "cart")]
    found = ranked(playbook, offers)
    assert [one.id for one in found] == [3, 1, 2]
    assert preferred(playbook, found[0]) == "autoRollback"
    assert preferred(playbook, found[1]) == ""


def test_evidence_can_be_left_out_and_what_can_be_acted_on_cannot() -> None:
    configured = ("cloudwatch", "xray", "ecs", "knowledge", "something_new")
    assert asked((), configured) == configured
    assert asked(("xray",), configured) == ("xray", "ecs", "knowledge", "something_new")
    assert {"cloudwatch", "xray"} <= set(EVIDENCE)


@pytest.mark.parametrize(
    ("name", "known"),
    [("kim", True), ("Kim Lee <kim@shop.example>", True), ("@kim-gh", True), ("KIM@SHOP.EXAMPLE", True),
     ("kimberly", False), ("", False), ("<>", False)],
)  # fmt: skip
def test_a_person_is_known_by_every_name(name: str, known: bool) -> None:
    person = Person(name="kim", email="kim@shop.example", aliases=("kim-gh",))
    assert person.is_called(name) is known
