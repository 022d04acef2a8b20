"""What runs unasked, and why what is granted asks nevertheless."""

from datetime import time, timedelta

import pytest

from autopilot.incident.autonomy import (
    PENDING,
    Acted,
    Circumstances,
    PolicyAnswer,
    PolicyOrder,
    look_back,
    policy_answer,
)
from autopilot.incident.hours import Hours
from autopilot.incident.plan import Plan
from autopilot.incident.playbook import Grant, Playbook, RateLimit
from autopilot.incident.track_record import Experience, Move, track_record
from tests.unit.incident.test_track_record import experience
from tests.unit.incident.worlds import INCIDENT, T0, alert, option, plan, prepared

GRANTING = Playbook(mode="autonomous", grants=(Grant(tool="t.act"),))


def asked(
    playbook: Playbook = GRANTING,
    of: Plan | None = None,
    *known: Experience,
    now: Circumstances | None = None,
    **changes: object,
) -> PolicyAnswer:
    values: dict[str, object] = {
        "alert": alert(), "playbook": playbook, "plan": of or plan(option(1)), "environment": "production",
    }  # fmt: skip
    by_move: dict[Move, list[Experience]] = {}
    for one in known:
        by_move.setdefault(Move(service=one.service, tool=one.tool), []).append(one)
    records = tuple(track_record(move, found) for move, found in by_move.items())
    circumstances = (now or Circumstances(now=T0)).model_copy(update={"records": records})
    return policy_answer(PolicyOrder.model_validate(values | changes), circumstances)


def granting(**changes: object) -> Playbook:
    return GRANTING.model_copy(update=changes)


def acted(minutes_ago: float = 1, **changes: object) -> Acted:
    at = T0 - timedelta(minutes=minutes_ago)
    values: dict[str, object] = {"tool": "t.act", "service": "shop", "at": at, "incident_id": "other"}
    return Acted.model_validate(values | changes)


def why(answer: PolicyAnswer) -> str:
    """Why the only option asks."""
    assert answer.decision is None
    assert [one.option for one in answer.asks] == [1]
    return answer.asks[0].why


def test_a_grant_alone_suffices_when_nothing_is_known() -> None:
    answer = asked()
    assert answer.asks == ()
    assert answer.decision is not None
    assert (answer.decision.option, answer.decision.channel) == (1, "policy")


def test_what_is_not_granted_asks_without_a_word() -> None:
    assert asked(of=plan(option(1, risk="high"))) == PolicyAnswer()
    assert asked(granting(mode="advise")) == PolicyAnswer()


CASES: dict[str, tuple[PolicyAnswer, str]] = {
    "frozen": (asked(now=Circumstances(now=T0, frozen="Changes are frozen by kim")), "frozen by kim"),
    "quiet": (asked(granting(quiet_hours=(Hours(start=time(3), end=time(4)),))), "quiet hours"),
    "rate": (
        asked(
            granting(rate_limits=(RateLimit(tool="t.*", times=1, seconds=3_600),)),
            now=Circumstances(now=T0, changes=(acted(tool="t.other"),)),
        ),
        "1 are allowed",
    ),
    "planted": (asked(of=plan(option(1)).model_copy(update={"ask_people": True})), "orders were planted"),
    "failed before": (asked(failed="t.act was tried in this incident and did not help"), "did not help"),
    "demoted": (asked(GRANTING, None, experience(1, verdict="worse")), "incident i1 became worse"),
    "not earned": (
        asked(granting(grants=(Grant(tool="t.act", earned=0.6),)), None, *(experience(n) for n in range(4))),
        "4 of 4 (at least 59 %)",
    ),
    "too few": (
        asked(granting(grants=(Grant(tool="t.act", min_outcomes=5),)), None, *(experience(n) for n in range(4))),
        "5 verified outcomes",
    ),
    "pending": (asked(now=Circumstances(now=T0, changes=(acted(),))), "incident other used t.act on shop"),
}


@pytest.mark.parametrize(("answer", "words"), CASES.values(), ids=CASES)
def test_what_speaks_against_it_asks_and_says_so(answer: PolicyAnswer, words: str) -> None:
    assert words in why(answer)
    assert answer.asks[0].words.startswith("Option 1 is granted, but asks: ")


def test_everything_that_speaks_against_it_is_told() -> None:
    now = Circumstances(now=T0, frozen="Changes are frozen by kim")
    said = why(asked(GRANTING, None, experience(1, verdict="worse"), now=now))
    assert "frozen" in said
    assert "worse" in said


def test_an_earned_grant_runs_once_agreement_and_success_bear_it_out() -> None:
    playbook = granting(grants=(Grant(tool="t.act", earned=0.6, min_outcomes=5),))
    assert asked(playbook, None, *(experience(n) for n in range(5))).decision is not None
    unsure = [*(experience(n) for n in range(5)), experience(9, agreed=False, verdict=None)]
    assert "agreed 5 of 6" in why(asked(playbook, None, *unsure))


def test_a_demotion_holds_without_any_demand_of_the_grant() -> None:
    known = [*(experience(n) for n in range(100)), experience(100, verdict="still_broken")]
    assert "demoted after incident i100 was still broken" in why(asked(GRANTING, None, *known))


def test_the_easier_of_two_grants_is_enough() -> None:
    two = granting(grants=(Grant(tool="t.act", earned=0.9), Grant(tool="t.*")))
    assert asked(two).decision is not None


def test_another_granted_option_runs_while_the_first_asks() -> None:
    other = option(2, steps=(prepared("t.other"),))
    playbook = granting(grants=(Grant(tool="t.*"),))
    answer = asked(playbook, plan(option(1), other), experience(1, verdict="worse"))
    assert answer.decision is not None
    assert answer.decision.option == 2
    assert [one.option for one in answer.asks] == [1]


def test_a_record_on_another_service_says_nothing() -> None:
    assert asked(GRANTING, None, experience(1, service="api", verdict="worse")).decision is not None


def test_every_step_of_an_option_has_to_be_trusted() -> None:
    both = plan(option(1, steps=(prepared("t.act"), prepared("t.other"))))
    playbook = granting(grants=(Grant(tool="t.*"),))
    assert asked(playbook, both).decision is not None
    assert "t.other" in why(asked(playbook, both, experience(1, tool="t.other", verdict="worse")))


def test_an_option_does_not_begin_what_a_limit_lets_it_not_end() -> None:
    both = plan(option(1, steps=(prepared("t.act"), prepared("t.other"))))
    limited = granting(grants=(Grant(tool="t.*"),), rate_limits=(RateLimit(tool="t.*", times=1),))
    assert "allowed" in why(asked(limited, both))
    assert asked(limited, plan(option(1))).decision is not None


def test_the_risk_that_a_measured_share_of_errors_justifies_is_taken() -> None:
    playbook = granting(grants=(Grant(tool="t.act", min_error_share=0.5),))
    assert asked(playbook, error_share=0.7).decision is not None
    assert asked(playbook, error_share=0.3) == asked(playbook) == PolicyAnswer()


@pytest.mark.parametrize(
    "change",
    [
        acted(incident_id=INCIDENT), acted(incident_id="i1"), acted(service="api"), acted(tool="t.other"),
        acted(PENDING.total_seconds() / 60 + 1),
    ],
    ids=["its own", "told its end", "another service", "another tool", "long ago"],
)  # fmt: skip
def test_changes_whose_end_is_known_or_that_are_about_something_else_are_not_waited_for(change: Acted) -> None:
    assert asked(GRANTING, None, experience(1), now=Circumstances(now=T0, changes=(change,))).decision is not None


def test_limits_look_back_as_far_as_they_reach() -> None:
    assert look_back(Playbook()) == PENDING
    week = 7 * 86_400.0
    assert look_back(Playbook(rate_limits=(RateLimit(seconds=week),))) == timedelta(seconds=week)
