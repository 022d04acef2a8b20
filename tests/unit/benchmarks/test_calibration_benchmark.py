"""The calibration benchmark: judged by the truth, fitted without what is judged, told with n and intervals."""

import json
import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks import calibration
from benchmarks.calibration_figures import (
    Group,
    Judged,
    Map,
    by_size,
    errors,
    figures,
    isotonic,
    judge,
    left_out,
    left_out_per_kind,
    parts,
    platt,
    reliability,
    table,
)
from benchmarks.calibration_plot import draw
from benchmarks.reasoning_answers import Answer, Named
from benchmarks.scoring import Truth
from tests.unit.benchmarks.small_cases import fault, write_case, write_samples


def truth(name: str, service: str, fault: str = "") -> Truth:
    return Truth.of({"id": name, "dataset": "s", "services": [service], "fault": fault})


def answer(name: str, *hypotheses: Named) -> Answer:
    return Answer(name, "s", "whole", hypotheses, abstained=False)


def boastful(n: int, sets: int = 4) -> list[Judged]:
    """Answers whose confidence is right only half as often as it says."""
    chance = random.Random(3)
    said = [(0.6, 0.75, 0.9)[i % 3] for i in range(n)]
    return [
        Judged(f"c{i:04}", f"set{i % sets}", "cpu" if i % 4 else "disk", c, chance.random() < c / 2, True)
        for i, c in enumerate(said)
    ]


def test_the_leading_hypothesis_must_name_service_and_known_kind() -> None:
    right = Named("web", "memory", "likely", 0.8)
    answers = [
        answer("a", right),
        answer("b", Named("db", "memory", "likely", 0.7), right),
        answer("c", Named("web", "cpu", "inconclusive", 0.4)),
        answer("d", Named("web", "cpu", "likely", 0.6)),
        answer("no-hypothesis"),
        answer("no-truth", right),
    ]
    truths = {t.id: t for t in (
        truth("a", "web", "oom_killed"), truth("b", "web", "oom_killed"), truth("c", "web", "oom_killed"),
        truth("d", "web", "said nowhere"), truth("no-hypothesis", "web"),
    )}  # fmt: skip
    judged = judge(answers, truths)
    assert [(j.id, j.confidence, j.right, j.service_right) for j in judged] == [
        ("a", 0.8, True, True), ("b", 0.7, False, False), ("c", 0.4, False, True), ("d", 0.6, True, True)
    ]  # fmt: skip


def test_nothing_is_fitted_on_what_it_is_judged_on() -> None:
    judged = boastful(40)
    seen: list[set[str]] = []

    def spy(trained: Sequence[Judged]) -> Map:
        seen.append({j.id for j in trained})
        return platt(trained)

    group = parts(judged, 5)
    left_out(judged, group, spy)
    assert len(seen) == 5
    for trained, name in zip(seen, sorted({group(j) for j in judged}), strict=True):
        assert trained == {j.id for j in judged if group(j) != name}
    sizes = [sum(group(j) == name for j in judged) for name in {group(j) for j in judged}]
    assert sizes == [8] * 5


def test_boasting_is_corrected_by_folds_and_by_whole_sets() -> None:
    judged = boastful(400)
    right = [j.right for j in judged]
    before = errors([j.confidence for j in judged], right)
    groups: tuple[Group, ...] = (parts(judged, 10), lambda judged: judged.dataset)
    assert before["ece"] > 0.3
    for group in groups:
        for fitted in (platt, isotonic):
            after = errors(left_out(judged, group, fitted), right)
            assert after["ece"] < 0.1
            assert after["brier"] < before["brier"]
            assert after["interval"][0] <= after["ece"] <= after["interval"][1]


def test_a_kind_without_enough_outcomes_gets_no_share() -> None:
    judged = boastful(100)
    told = left_out_per_kind(judged, parts(judged, 10))
    assert {j.kind for j, _ in told} == {"cpu"}
    assert len(told) == 75
    assert left_out_per_kind(boastful(30), parts(boastful(30), 10)) == []


def test_small_samples_are_judged_on_the_rest() -> None:
    rows = by_size(boastful(130), draws=12)
    assert [row["outcomes"] for row in rows] == [30, 60]
    for row in rows:
        assert row["isotonic"]["ece"] < row["none"]["ece"] / 2
        assert row["isotonic"]["brier"] < row["none"]["brier"]
    assert by_size(boastful(59)) == []


def test_reliability_counts_every_answer_once_with_an_interval() -> None:
    rows = reliability([0.05, 0.5, 0.55, 1.0], [False, True, False, True])
    assert [(row["bin"], row["n"], row["mean"], row["right"]) for row in rows] == [
        ([0.0, 0.2], 1, 0.05, 0.0), ([0.4, 0.6], 2, 0.525, 0.5), ([0.8, 1.0], 1, 1.0, 1.0)
    ]  # fmt: skip
    assert all(row["interval"][0] <= row["right"] <= row["interval"][1] for row in rows)
    assert errors([], [])["n"] == 0


def test_figures_table_and_diagram_tell_the_same(tmp_path: Path) -> None:
    found = figures(boastful(80), 5)
    assert found["sets"] == {f"set{n}": 20 for n in range(4)}
    assert set(found["after"]) == {"5 folds", "whole sets"}
    assert sum(row["n"] for row in found["reliability_after"]) == found["n"] == 80
    text = table(json.loads(json.dumps(found)))
    assert f"{found['before']['ece']:.3f}" in text
    assert "| without whole sets | Platt | 80 |" in text
    for name in ("diagram.svg", "diagram.png"):
        draw(found, tmp_path / name)
        assert (tmp_path / name).stat().st_size > 5_000
    assert "share that was right" in (tmp_path / "diagram.svg").read_text()
    assert set(figures(boastful(20, sets=1), 5)["after"]) == {"5 folds"}
    with pytest.raises(ValueError, match="not enough"):
        figures(boastful(3), 5)


def test_the_command_measures_cases_of_a_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    truths: list[str] = []
    for number in range(4):
        folder = write_case(tmp_path / "cases" / f"set{number % 2}" / f"c{number}", metrics="metrics.csv.gz")
        write_samples(folder / "metrics.csv.gz", fault("db"))
        told = {"id": f"c{number}", "dataset": f"set{number % 2}", "services": ["db"], "fault": "cpu"}
        truths.append(json.dumps(told))
    (tmp_path / "cases" / "truth.jsonl").write_text("\n".join(truths))
    plot = tmp_path / "plot.svg"
    arguments = [
        "--cases",
        str(tmp_path / "cases"),
        "--folds",
        "2",
        "--processes",
        "1",
        "--plot",
        str(plot),
        "--json",
    ]
    assert calibration.main(arguments) == 0
    shown = capsys.readouterr().out
    found = json.loads(shown.splitlines()[-1])
    assert (found["n"], found["sets"]) == (4, {"set0": 2, "set1": 2})
    assert found["service_right"] == 4
    assert "calibration error" in shown
    assert plot.exists()


def test_the_command_says_what_is_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert calibration.main([]) == 0
    assert "--cases" in capsys.readouterr().err
    for arguments in (["--plot", "x.gif"], [], ["--truth", str(tmp_path / "absent")]):
        with pytest.raises(SystemExit) as stopped:
            calibration.main(["--cases", str(tmp_path), *arguments])
        assert stopped.value.code == 2
