"""The speed benchmark on small sizes: what it writes, measures and compares."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from autopilot.case.reading import load_case
from autopilot.case.store import FolderCaseStore
from benchmarks import analysis
from benchmarks.analysis import measure, only, slope
from benchmarks.log_lines import draw_lines, templates
from benchmarks.speed_ratios import grouping_accuracy, logs_ratio, metrics_ratio
from benchmarks.telemetry import FULL, LIVE, Size, write_case

SMALL = Size(services=20, series=48, points=180, lines=2_000, templates=100, spans=1_000)


def test_the_full_size_is_what_is_claimed() -> None:
    assert (FULL.series, FULL.points, FULL.lines, FULL.spans) == (10_000, 1_440, 1_000_000, 500_000)
    assert FULL.templates >= 2_000
    assert LIVE.services == 20


def test_a_written_case_holds_exactly_its_size(tmp_path: Path) -> None:
    case = load_case(FolderCaseStore(tmp_path), write_case(tmp_path, SMALL))
    assert case.table("metrics").height == SMALL.series * SMALL.points
    assert case.table("logs").height == SMALL.lines
    assert case.table("spans").height == SMALL.spans
    assert case.table("metrics")["service"].cast(pl.String).unique().len() == SMALL.series // 12


def test_a_fresh_process_loads_and_analyses_and_finds_something(tmp_path: Path) -> None:
    run = measure(SMALL, tmp_path)
    assert run.findings > 0
    assert run.seconds > 0
    assert run.peak_mib > 50


def test_parts_of_a_modality_leave_the_others_out() -> None:
    part = only(FULL, "logs", 4)
    assert part == replace(FULL, series=0, spans=0, lines=250_000)
    assert only(FULL, "metrics", 16).series == 625


@pytest.mark.parametrize("exponent", [0.5, 1.0, 2.0])
def test_slope_is_the_exponent_of_growth(exponent: float) -> None:
    sizes = [1 / 16, 1 / 4, 1]
    assert slope(sizes, [3 * size**exponent for size in sizes]) == pytest.approx(exponent)


def test_every_template_is_drawn_and_lines_carry_their_truth() -> None:
    lines = draw_lines(np.random.default_rng(1), 1_000, 200)
    assert lines.truth.n_unique() == 200
    assert not lines.message.str.contains("<", literal=True).any()
    assert len(set(templates(3_000))) == 3_000
    firsts = pl.Series(templates(200)).gather(lines.truth).str.split(" ").list.first()
    assert (firsts == lines.message.str.split(" ").list.first()).all()


def test_grouping_accuracy_counts_lines_of_exact_groups_only() -> None:
    truth = pl.Series([1, 1, 2, 2, 3])
    assert grouping_accuracy(pl.Series(["a", "a", "b", "b", "c"]), truth) == 1
    assert grouping_accuracy(pl.Series(["a", "a", "b", "c", "b"]), truth) == pytest.approx(0.4)


def test_our_robust_scores_rank_as_the_package_does() -> None:
    assert metrics_ratio(count=60, points=200).same


def test_our_groups_are_at_least_as_good_as_the_reference() -> None:
    quality = logs_ratio(lines=4_000, kinds=400).detail
    assert quality is not None
    assert quality[1] >= quality[0]


def pretended(size: Size, folder: Path) -> analysis.Run:
    """Seconds that grow with the lines alone."""
    return analysis.Run(1.0 + size.lines, 1.0 + size.lines, 90, 5)


def test_json_ends_with_one_object(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(analysis, "FULL", SMALL)
    monkeypatch.setattr(analysis, "LIVE", SMALL)
    monkeypatch.setattr(analysis, "_SHARES", (2, 1))
    monkeypatch.setattr(analysis, "measure", pretended)
    monkeypatch.setattr(analysis, "logs_ratio", lambda: logs_ratio(lines=500, kinds=50))
    monkeypatch.setattr(analysis, "metrics_ratio", lambda: metrics_ratio(count=20, points=100))
    assert analysis.main(["--json"]) == 0
    *table, last = capsys.readouterr().out.strip().splitlines()
    told = json.loads(last)
    assert {"seconds", "peak_mib", "ratio_metrics", "ratio_logs", "growth"} <= set(told)
    assert told["growth"] == {"metrics": 0.0, "logs": pytest.approx(1.0, abs=0.01), "spans": 0.0}
    assert any(line.startswith("whole") for line in table)
