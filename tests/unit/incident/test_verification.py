"""Did it help? Verdicts over readings."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopilot.incident.finding import Finding, Provenance
from autopilot.incident.metric import MetricRef
from autopilot.incident.verification import (
    Reading,
    blind,
    calm_again,
    healthy,
    judge,
    steady,
    symptom_signals,
)
from tests.unit.incident.worlds import T0, after, readings, signal, watching

SICK = Reading(at=T0, values=(900.0,))
LATENCY = watching(signal(100))
SPARSE = signal(1, "Throttles", inclusive=True, missing="healthy")
BOTH = watching(signal(100), SPARSE)


def series(*values: float | None) -> list[Reading]:
    """Readings ten seconds apart, settled from the first on."""
    return [Reading(at=after(10 * n), values=(value,)) for n, value in enumerate(values, start=1)]


def verdict(*values: float | None, at: float | None = None, before: Reading | None = SICK) -> str | None:
    seen = series(*values)
    return judge(LATENCY, T0, before, seen, after(at if at is not None else 10 * len(seen)))


def test_fixed_needs_health_for_the_whole_stabilisation_time() -> None:
    assert verdict(900, 20, 20, 20) is None
    assert verdict(900, 20, 20, 20, 20) == "fixed"
    assert verdict(20, 20, 900, 20, 20) is None


def test_worse_needs_two_readings_far_beyond_the_level_before() -> None:
    assert verdict(5_000) is None
    assert verdict(5_000, 900) is None
    assert verdict(5_000, 5_000) == "worse"
    assert verdict(1_300, 1_300) is None
    assert verdict(5_000, 5_000, before=None) is None


def test_at_the_deadline_silence_and_sickness_are_told_apart() -> None:
    assert verdict(900, at=120) == "still_broken"
    assert verdict(900, None, at=120) == "no_data"
    assert verdict(at=120) == "no_data"


def test_readings_of_the_time_before_acting_do_not_count() -> None:
    early = [Reading(at=after(n), values=(5_000.0,)) for n in (1, 5)]
    assert judge(LATENCY, T0, SICK, early, after(9)) is None


def test_a_counter_that_is_silent_while_nothing_happens_is_healthy_beside_a_signal_that_speaks() -> None:
    assert healthy(BOTH, Reading(at=T0, values=(20.0, None)))
    assert not healthy(BOTH, Reading(at=T0, values=(None, None)))
    assert not healthy(BOTH, Reading(at=T0, values=(20.0, 1.0)))
    assert blind(BOTH, Reading(at=T0, values=(None, None)))
    assert not blind(BOTH, Reading(at=T0, values=(None, 5.0)))


def test_what_is_no_number_is_no_data() -> None:
    reading = Reading(at=T0, values=(math.nan,))
    assert reading.values == (None,)
    assert not healthy(LATENCY, reading)


@given(readings(2), st.floats(0, 300))
def test_silence_is_never_health(seen: list[Reading], now: float) -> None:
    plan = watching(signal(100), signal(5, "Errors"))
    silent = [r.model_copy(update={"values": (None, r.values[1])}) for r in seen]
    assert not any(healthy(plan, r) for r in silent)
    assert steady(plan, silent) == -1
    assert judge(plan, T0, None, silent, after(now)) in (None, "no_data", "still_broken")


@given(readings(), st.one_of(st.none(), readings(most=1)), st.floats(0, 300))
def test_a_verdict_is_what_its_readings_allow(
    seen: list[Reading], before: list[Reading] | None, now: float
) -> None:
    was = before[0] if before else None
    found = judge(LATENCY, T0, was, seen, after(now))
    if found == "fixed":
        assert healthy(LATENCY, seen[-1])
        assert steady(LATENCY, seen) >= LATENCY.stabilisation
    if found == "worse":
        assert was is not None
        assert not healthy(LATENCY, seen[-1])
    if found in ("still_broken", "no_data"):
        assert now >= LATENCY.deadline
    assert found != "self_healed"
    assert found is not None or now < LATENCY.deadline


@given(readings())
def test_steady_is_the_length_of_the_healthy_end(seen: list[Reading]) -> None:
    length = steady(LATENCY, seen)
    assert (length >= 0) == bool(seen and healthy(LATENCY, seen[-1]))
    assert steady(LATENCY, [*seen, Reading(at=after(900), values=(900.0,))]) == -1


@given(readings())
def test_after_an_undo_silence_is_not_calm(seen: list[Reading]) -> None:
    silent = [r.model_copy(update={"values": (None,)}) for r in seen]
    assert not calm_again(SICK, LATENCY, silent)
    assert calm_again(SICK, LATENCY, [*seen, *series(900, 900)])


@pytest.mark.parametrize(("comparison", "harmed"), [("above", 2_000.0), ("below", 1.0)])
def test_harm_is_judged_on_the_side_of_the_threshold(comparison: str, harmed: float) -> None:
    plan = watching(signal(100, comparison=comparison))
    before = Reading(at=T0, values=(900.0 if comparison == "above" else 50.0,))
    seen = series(harmed, harmed)
    assert judge(plan, T0, before, seen, after(20)) == "worse"
    mild = before.values[0]
    assert judge(plan, T0, before, series(mild, mild), after(20)) is None


def test_signals_for_an_alert_without_one_are_the_strongest_rises() -> None:
    def finding(number: int, score: float, **changes: object) -> Finding:
        values: dict[str, object] = {
            "id": f"F{number}", "kind": "metric", "service": "shop", "score": score, "summary": "up",
            "window": {"start": T0, "end": after(60)}, "direction": "up", "baseline": 100.0, "observed": 400.0,
            "metric": MetricRef(source="fake", name=f"m{number}"), "provenance": Provenance(source="fake"),
        }  # fmt: skip
        return Finding.model_validate(values | changes)

    found = [finding(1, 0.5), finding(2, 0.9), finding(3, 1.0, direction="down"), finding(4, 0.7, metric=None)]
    chosen = symptom_signals(found)
    assert [(s.metric.name, s.threshold) for s in chosen] == [("m2", 200.0), ("m1", 200.0)]
