"""Change detection: what is found, since when, and what must not fool it."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autopilot.analysis.metrics.season import without_season
from autopilot.analysis.metrics.series import COLUMNS, Floats, detect, tidy
from autopilot.analysis.windows import MICROS, Windows

MINUTE = 60 * MICROS
START = 1_780_000_200_000_000 // (3_600 * MICROS) * 3_600 * MICROS


def windows(minutes: int, incident: int) -> Windows:
    """`minutes` of baseline and `incident` minutes after it."""
    split = START + minutes * MINUTE
    return Windows(START, split, split + incident * MINUTE, split + incident * MINUTE)


def samples(*series: Floats, step: int = MINUTE) -> pl.DataFrame:
    """Series without gaps from the start of the baseline."""
    return pl.concat(
        pl.DataFrame({"sid": number, "time": START + np.arange(len(values)) * step, "value": values})
        for number, values in enumerate(series)
    )


def noise(seed: int, count: int, level: float = 100.0, spread: float = 8.0) -> Floats:
    return np.random.default_rng(seed).normal(level, spread, count)


def found(values: Floats, span: Windows, step: int = MINUTE) -> dict[str, float]:
    (row,) = detect(tidy(samples(values, step=step)), span).to_dicts()
    return row


def onset_minute(row: dict[str, float]) -> float:
    return (row["onset"] - START) / MINUTE


def test_step_is_dated_at_its_first_sample_and_measured_on_both_sides() -> None:
    values = noise(1, 150)
    values[130:] += 120
    row = found(values, windows(120, 30))
    assert onset_minute(row) == 130
    assert row["score"] > 0.8
    assert (row["baseline"], row["observed"]) == (pytest.approx(100, rel=0.03), pytest.approx(220, rel=0.03))
    assert row["uncertainty"] == MINUTE


def test_change_that_lasts_is_followed_back_into_the_baseline() -> None:
    values = noise(2, 150)
    values[105:] += 120
    assert onset_minute(found(values, windows(120, 30))) == 105


def test_earlier_faults_in_the_baseline_neither_hide_nor_date_the_present_one() -> None:
    values = noise(3, 34, 0.1, 0.01)
    for begin in (3, 12, 21):
        values[begin : begin + 3] = 0.7
    values[31:] = 0.7
    row = found(values, windows(30, 4))
    assert onset_minute(row) == 31
    assert row["score"] > 0.5


def test_a_gradual_rise_begins_early_rather_than_at_its_end() -> None:
    values = noise(4, 180, 100, 3)
    values[150:] += np.linspace(0, 90, 30)
    row = found(values, windows(120, 60))
    assert 150 <= onset_minute(row) <= 165
    assert row["score"] > 0.5


def test_trouble_that_passed_is_told_with_its_end() -> None:
    values = noise(5, 150)
    values[125:135] += 120
    row = found(values, windows(120, 30))
    assert onset_minute(row) == 125
    assert (row["until"] - START) / MINUTE == 134
    assert 0.2 < row["score"] < 0.8


def test_one_spike_is_no_change() -> None:
    values = noise(6, 150)
    values[133] += 400
    assert found(values, windows(120, 30))["score"] < 0.2


@pytest.mark.parametrize("seed", range(10))
def test_noise_alone_is_quiet(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for values in (rng.normal(50, 9, 600), rng.exponential(20, 600), rng.poisson(3, 600).astype(np.float64)):
        assert found(values, windows(570, 30))["score"] < 0.2


def test_traffic_that_vanishes_is_seen_although_it_can_fall_no_further_than_to_zero() -> None:
    values = np.random.default_rng(7).poisson(16, 40).astype(np.float64)
    values[37:] = 0
    row = found(values, windows(36, 4))
    assert row["z"] < -4
    assert row["score"] > 0.2


@pytest.mark.parametrize("step", [MICROS, 10 * MICROS, MINUTE, 5 * MINUTE, 60 * MINUTE])
def test_sampling_does_not_matter(step: int) -> None:
    values = noise(8, 120)
    values[112:] += 120
    split = START + 110 * step
    row = found(values, Windows(START, split, START + 120 * step, START + 120 * step), step)
    assert row["onset"] == START + 112 * step
    assert row["score"] > 0.6


def test_gaps_and_a_missing_baseline_leave_an_answer() -> None:
    values = noise(9, 150)
    values[130:] += 120
    kept = np.r_[0:20, 60:100, 118:150]
    table = samples(values).with_row_index().filter(pl.col("index").is_in(kept.tolist())).drop("index")
    gappy = detect(tidy(table), windows(120, 30)).to_dicts()[0]
    assert (gappy["onset"] - START) / MINUTE == 130
    values[118:140] = noise(9, 22)
    late = detect(tidy(samples(values).filter(pl.col("time") >= START + 120 * MINUTE)), windows(120, 30)).to_dicts()
    assert (late[0]["onset"] - START) / MINUTE == 140


@settings(max_examples=20, deadline=None)
@given(factor=st.sampled_from([1e-9, 1e-3, 1024.0, 1e6, 1e12]), seed=st.integers(0, 100))
def test_units_do_not_matter(factor: float, seed: int) -> None:
    values = np.abs(noise(seed, 150))
    values[125:] *= 1.8
    plain, scaled = (found(v, windows(120, 30)) for v in (values, values * factor))
    assert scaled["score"] == pytest.approx(plain["score"], abs=1e-4)
    assert (scaled["onset"], scaled["uncertainty"]) == (plain["onset"], plain["uncertainty"])


def test_series_are_judged_alone_whatever_stands_beside_them() -> None:
    many = [noise(seed, 150, 10.0 ** (seed % 7)) for seed in range(40)]
    for number, values in enumerate(many):
        values[125 + number % 10 :] *= 1 + number % 3
    together = detect(tidy(samples(*many)), windows(120, 30))
    alone = pl.concat(
        detect(tidy(samples(values)), windows(120, 30)).with_columns(sid=pl.lit(n)) for n, values in enumerate(many)
    )
    for name in ("onset", "until", "uncertainty", "n", "n_base", "baseline"):
        assert together[name].to_list() == alone[name].to_list()
    assert together["score"].to_list() == pytest.approx(alone["score"].to_list(), abs=1e-6)


def test_nothing_and_nonsense_are_survived() -> None:
    assert detect(tidy(samples(np.array([np.nan, np.inf]))), windows(120, 30)).schema == COLUMNS
    row = found(np.array([5.0]), windows(120, 30))
    assert (row["score"], row["n"]) == (0.0, 1)
    assert found(np.full(150, 0.0), windows(120, 30))["score"] == 0.0


def daily(days: int, seed: int = 0) -> Floats:
    """Five-minute samples that swing with the hour of the day."""
    hours = np.arange(days * 288) / 12 % 24
    return noise(seed, days * 288, 0, 4) + 200 + 120 * np.sin(2 * np.pi * (hours - 9) / 24)


def in_days(days: int, incident: int) -> Windows:
    split = START + days * 24 * 60 * MINUTE
    return Windows(START, split, split + incident * 5 * MINUTE, split + incident * 5 * MINUTE)


def test_what_is_usual_at_this_hour_is_no_change_and_what_is_not_usual_is() -> None:
    span = in_days(3, 24)
    usual = daily(4)[: 3 * 288 + 24]
    assert found(usual, span, 5 * MINUTE)["score"] < 0.2
    # At a quiet hour a level that is usual at the busiest one is news.
    odd = usual.copy()
    odd[3 * 288 + 12 :] += 60
    row = found(odd, span, 5 * MINUTE)
    assert row["score"] > 0.4
    assert row["onset"] == START + (3 * 288 + 12) * 5 * MINUTE


def test_season_is_left_alone_where_history_is_short_or_shows_none() -> None:
    count = np.array([576])
    start = np.array([0])
    time = START + np.arange(576) * 5 * MINUTE
    base = np.ones(576, dtype=np.bool_)
    flat, swinging = noise(1, 576), daily(2)
    assert np.array_equal(without_season(time, flat, base, start, count), flat)
    assert np.std(without_season(time, swinging, base, start, count)) < 0.2 * np.std(swinging)
    short = daily(2)[:288]
    assert without_season(time[:288], short, base[:288], start, np.array([288])) is short
