"""What was expected of an option is watched, bounds the last word, and is told afterwards."""

import pytest

from autopilot.incident.effect import expected_words, last_word, seen, seen_words, watched
from autopilot.incident.metric import MetricRef
from autopilot.incident.plan import ExpectedEffect
from autopilot.incident.playbook import VerificationRules
from autopilot.incident.verification import Reading, healthy, judge
from tests.unit.incident.worlds import T0, after, signal, watching

LATENCY = MetricRef(source="fake", namespace="AWS/ApiGateway", name="Latency", service="checkout-api")
FALLS = ExpectedEffect(metric=LATENCY, description="as before", was=1_350.0, to=640.0, within=300.0)
SYMPTOM = signal(1_000, "Latency").model_copy(update={"metric": LATENCY})


def series(*values: float | None) -> list[Reading]:
    """Readings a minute apart."""
    return [Reading(at=after(60 * n), values=(value,)) for n, value in enumerate(values, start=1)]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ((1_350, 655), "reached 655 ms after 120 s"),
        ((1_350, None, 600), "reached 600 ms after 180 s"),
        ((1_350, 1_200, 1_100, 1_000, 900, 690), "reached 690 ms only after 360 s"),
        ((1_350, 980), "not reached, 980 ms after 120 s"),
        ((None, None), "not known, no data"),
        ((), "not known, no data"),
    ],
)
def test_whether_the_expected_level_was_reached_is_told_with_numbers(
    values: tuple[float | None, ...], told: str
) -> None:
    effect = seen(FALLS, watching(SYMPTOM), T0, series(*values))
    assert effect is not None
    assert seen_words(effect) == f"expected checkout-api: latency to fall to 640 ms within 300 s: {told}"


def test_readings_of_before_acting_reach_nothing() -> None:
    early = [Reading(at=after(-30), values=(600.0,)), Reading(at=after(5), values=(600.0,))]
    effect = seen(FALLS, watching(SYMPTOM), T0, early)
    assert effect is not None
    assert (effect.reached, effect.value, effect.in_time) == (None, None, False)


def test_what_should_rise_is_reached_from_below() -> None:
    rises = FALLS.model_copy(update={"direction": "up", "was": 100.0, "to": 500.0})
    down, up = (seen(rises, watching(SYMPTOM), T0, series(value)) for value in (400, 470))
    assert down is not None
    assert up is not None
    assert (down.reached, up.reached) == (False, True)
    assert "to rise to 500 ms" in seen_words(up)


def test_a_level_of_nothing_leaves_room_by_the_way_to_it() -> None:
    gone = FALLS.model_copy(update={"was": 200.0, "to": 0.0})
    some, few = (seen(gone, watching(SYMPTOM), T0, series(value)) for value in (30, 15))
    assert some is not None
    assert few is not None
    assert (some.reached, few.reached) == (False, True)


def test_the_expected_series_is_watched_beside_the_symptom() -> None:
    other = signal(1.0, "Errors")
    assert watched((SYMPTOM, other), FALLS) == (SYMPTOM, other)
    _, added = watched((other,), FALLS)
    assert added.metric == LATENCY
    assert added.comparison == "above"
    assert added.threshold == pytest.approx(640 + (1_350 - 640) / 3)
    assert added.missing == "healthy"
    renamed = SYMPTOM.model_copy(update={"metric": LATENCY.model_copy(update={"unit": "ms", "service": "x"})})
    assert watched((renamed,), FALLS) == (renamed,)


@pytest.mark.parametrize("change", [{"metric": None}, {"to": None}, {"was": None}, {"was": 600.0}])
def test_what_cannot_be_told_from_its_usual_level_is_not_watched(change: dict[str, object]) -> None:
    assert watched((signal(),), FALLS.model_copy(update=change)) == (signal(),)


def test_what_people_are_alarmed_by_makes_room_for_nothing() -> None:
    many = tuple(signal(1.0, f"Errors{n}") for n in range(9))
    assert watched(many, FALLS) == many[:8]
    assert [s.metric for s in watched(many[:7], FALLS)][-1] == LATENCY


def test_recovery_needs_the_expected_series_too_where_it_speaks() -> None:
    plan = watching(*watched((signal(100, "Errors"),), FALLS))
    assert not healthy(plan, Reading(at=T0, values=(5.0, 1_300.0)))
    assert healthy(plan, Reading(at=T0, values=(5.0, 650.0)))
    assert healthy(plan, Reading(at=T0, values=(5.0, None)))
    assert not healthy(plan, Reading(at=T0, values=(None, 650.0)))


def test_an_effect_that_is_overdue_is_not_waited_for_beyond_its_proof() -> None:
    rules = VerificationRules(deadline=600, settle=30, stabilisation=90)
    assert last_word(rules, FALLS) == 30 + 300 + 90
    overdue = watching(SYMPTOM).model_copy(update={"deadline": last_word(rules, FALLS)})
    sick = series(*[1_350] * 7)
    assert judge(overdue, T0, None, sick[:6], after(360)) is None
    assert judge(overdue, T0, None, sick, after(420)) == "still_broken"


def test_the_playbook_has_the_last_word() -> None:
    rules = VerificationRules(deadline=120)
    assert last_word(rules, FALLS) == 120
    assert last_word(rules, FALLS.model_copy(update={"within": 99_999.0})) == 120
    assert last_word(rules, ExpectedEffect(description="the owners know", within=10)) == 120
    assert last_word(rules, FALLS.model_copy(update={"to": None, "within": 1.0})) == 120


def test_without_a_measurable_effect_nothing_is_told() -> None:
    plan = watching(SYMPTOM)
    assert seen(ExpectedEffect(description="the owners know"), plan, T0, series(600)) is None
    assert seen(FALLS.model_copy(update={"to": None}), plan, T0, series(600)) is None
    assert seen(FALLS, watching(signal()), T0, series(600)) is None


def test_what_is_expected_is_said_with_metric_direction_amount_and_deadline() -> None:
    assert expected_words(FALLS) == "checkout-api: latency down to 640 ms within 300 s"
    assert (
        expected_words(ExpectedEffect(description="the owners know", within=900)) == "the owners know within 900 s"
    )
    assert expected_words(ExpectedEffect()) == ""
    share = FALLS.model_copy(update={"metric": LATENCY.model_copy(update={"unit": "share"}), "to": 0.00192})
    assert expected_words(share) == "checkout-api: latency down to 0.192% within 300 s"
