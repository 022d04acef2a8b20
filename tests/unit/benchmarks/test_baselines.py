"""The published scorers: what they count, and what they find."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.baselines import (
    BASELINES,
    Values,
    baselines,
    correlations,
    n_sigma,
    read_matrix,
    robust_scores,
)
from benchmarks.cases import read_case
from tests.unit.benchmarks.small_cases import START, fault, write_case, write_samples


def columns(*series: list[float]) -> Values:
    return np.array(series, dtype=np.float64).T


def test_the_robust_scorer_counts_rises_above_the_median_in_quartile_ranges() -> None:
    before = columns([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], [7, 7, 7, 7, 7], [0, 0, 0, 0, 1], [1, 2, 3, 4, 5])
    after = columns([3, 9], [-9, 2], [8, 9], [0, 4], [6, 6])
    found = robust_scores(before, after)
    assert found[:2].tolist() == [3.0, -0.5]  # a fall counts for nothing
    assert np.isnan(found[[2, 4]]).all()  # constant before, constant after
    assert found[3] == 4.0  # a quartile range of zero counts as one


def test_sigma_counts_deviations_in_both_directions() -> None:
    before, after = columns([1, 3, 1, 3], [1, 3, 1, 3], [2, 2, 2, 2]), columns([2, 7], [-8, 2], [3, 4])
    found = n_sigma(before, after)
    assert found[:2].tolist() == [5.0, 10.0]
    assert np.isnan(found[2])


def test_correlation_is_pearson_over_the_times_that_both_have() -> None:
    random = np.random.default_rng(5)
    values = random.normal(size=(30, 3))
    symptom = values[:, 0] * -2 + 5
    values[4, 0] = np.nan
    values[:, 2] = 1.0
    found = correlations(values, symptom)
    assert found[0] == pytest.approx(1.0)
    assert found[1] == pytest.approx(abs(np.corrcoef(values[:, 1], symptom)[0, 1]))
    assert np.isnan(found[2])


def test_gaps_take_the_last_value_and_series_keep_their_component(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "s" / "1", inject_time=START + 3, window=[START, START + 5])
    write_samples(folder / "metrics.csv.gz", [
        (START, "web", "cpu", 1.0), (START + 2, "web", "cpu", 3.0), (START + 4, "db", "mem", 7.0),
        (START + 4, "stranger", "cpu", 9.0),
    ])  # fmt: skip
    matrix = read_matrix(read_case(folder))
    assert matrix.components == ("db", "", "web")
    assert matrix.filled.tolist() == [[0, 0, 1], [0, 0, 3], [7, 9, 3]]
    assert matrix.during.tolist() == [False, False, True]


@pytest.mark.parametrize("name", ["N-sigma", "BARO robust scorer"])
def test_baselines_find_the_component_that_moved(tmp_path: Path, name: str) -> None:
    folder = write_case(tmp_path / "s" / "1", inject_time=START + 120, window=[START, START + 179])
    write_samples(folder / "metrics.csv.gz", fault("db"))
    assert baselines(read_case(folder))[name].ranking[0] == "db"


def test_correlation_ranks_what_moves_with_the_symptom_and_the_symptom_itself_last(tmp_path: Path) -> None:
    folder = write_case(
        tmp_path / "s" / "1", inject_time=START + 120, window=[START, START + 179], candidates=["web", "x", "db"],
        symptom={"service": "web", "metric": "cpu"},
    )  # fmt: skip
    shape = [(START + t, float(t % 7 + (t > 150) * 9)) for t in range(180)]
    samples = [(t, "web", "cpu", v) for t, v in shape] + [(t, "db", "cpu", 50 - 2 * v) for t, v in shape]
    samples += [(t, "x", "cpu", float(t % 5)) for t, _ in shape] + [(t, "x", "other", v) for t, v in shape]
    write_samples(folder / "metrics.csv.gz", samples)
    found = baselines(read_case(folder))
    assert found["ranked correlation"].ranking == ("db", "x", "web")
    assert found["symptom's service"].ranking[0] == "web"


def test_baselines_without_metrics_do_not_answer(tmp_path: Path) -> None:
    folder = write_case(tmp_path / "s" / "1", inject_time=START + 120, window=[START, START + 179])
    assert set(baselines(read_case(folder))) == {"random", "symptom's service"} < set(BASELINES)
