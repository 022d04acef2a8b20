"""The scores: strict order, whole denominators, and the answers that a dossier gives."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest

from autopilot.analysis.dossier import analyze
from autopilot.incident.cause import MECHANISMS, CauseKind
from benchmarks import accuracy
from benchmarks.cases import read_case
from benchmarks.fault_types import CAUSE_REMEDIATION, FAULT_MECHANISMS, MECHANISM_FAULT
from benchmarks.predictions import Prediction, predict
from benchmarks.reliability import brier, calibration_error, fit, judge, likelihood, reliability
from benchmarks.report import as_json, compared, misses
from benchmarks.scoring import Truth, rank_of, same_commit, score_set, shares
from tests.unit.benchmarks.small_cases import START, fault, write_case, write_samples
from tests.unit.project.compose import ROOT


def truth(name: str, *services: str, **told: object) -> Truth:
    return Truth.of({"id": name, "dataset": "s", "services": services, **told})


def test_shares_count_ranks_and_misses() -> None:
    found = shares([1, 3, 6, None])
    assert (found["ac1"], found["ac3"], found["avg5"]) == (0.25, 0.5, pytest.approx((1 + 1 + 2 + 2 + 2) / 5 / 4))
    assert found["low"] == pytest.approx(0.0456, abs=1e-3)
    assert found["high"] == pytest.approx(0.6994, abs=1e-3)


def test_an_answer_given_twice_takes_one_place() -> None:
    assert rank_of(["a", "a", "b"], ["b"]) == 2
    assert rank_of(["a"], ["b"]) is None


def test_a_case_without_answer_is_a_miss() -> None:
    found = score_set([truth("1", "web"), truth("2", "db")], {"1": Prediction("1", "s", ("web", "db"))})
    assert (found["n"], found["ac1"]) == (2, 0.5)


def test_joint_needs_component_and_fault_in_one_diagnosis() -> None:
    truths = [truth("1", "app/web", fault="db_read_only", taxonomy="Runtime")]
    apart = Prediction("1", "s", ("app/web",), (("app/web", "oom_killed"), ("app/db", "db_read_only")))
    alias = Prediction("1", "s", ("app/web",), (("app/web", "oom_killed"), ("app/web", "db_readonly_mode")))
    assert score_set(truths, {"1": apart})["joint_a3"] == 0
    found = score_set(truths, {"1": alias})
    assert (found["joint_a1"], found["joint_a3"]) == (0, 1)


def test_commits_are_matched_by_prefix_and_decoys_are_counted() -> None:
    sha, decoy = "a" * 40, "b" * 40
    truths = [
        truth("1", "web", commit=sha, decoy_commits=[decoy], remediation="rollback"),
        truth("2", "web", commit="none", remediation="failover"),
    ]
    answers = {
        "1": Prediction("1", "s", ("web",), commit=decoy[:8], remediation="rollback"),
        "2": Prediction("2", "s", ("web",)),
    }
    found = score_set(truths, answers)
    assert (found["commit_pass"], found["decoys"], found["abstained"], found["remediation"]) == (0.5, 1, 1, 0.5)
    assert same_commit("aaaaaaa", sha)
    assert not same_commit("aaaaaa", sha)
    assert not same_commit("", sha)


def test_tables_speak_of_our_taxonomy_only_and_are_read_both_ways() -> None:
    assert {mechanism for _, mechanism in FAULT_MECHANISMS} <= set(MECHANISMS)
    assert set(CAUSE_REMEDIATION) <= set(get_args(CauseKind))
    assert len({fault for fault, _ in FAULT_MECHANISMS}) == len(FAULT_MECHANISMS) == len(MECHANISM_FAULT)


def test_suspects_come_first_and_every_candidate_is_ranked_once(tmp_path: Path) -> None:
    folder = write_case(
        tmp_path / "s" / "1", inject_time=START + 120, window=[START, START + 179], candidates=["web", "x", "db"]
    )
    write_samples(folder / "metrics.csv.gz", fault("db"))
    public = read_case(folder)
    told = predict(public, analyze(public.case), 0.5)
    assert told.ranking[0] == "db"
    assert sorted(told.ranking) == ["db", "web", "x"]
    assert told.commit == "none"


def test_misses_are_counted_by_fault_and_listed_with_what_was_said_instead() -> None:
    truths = {"s": [
        truth("1", "app/web", fault="oom_killed", taxonomy="T"),
        truth("2", "app/web", fault="oom_killed", taxonomy="T"),
        truth("3", "app/db", fault="taint", taxonomy="T"),
    ]}  # fmt: skip
    answers = {
        "1": Prediction("1", "s", ("app/web",), (("app/web", "oom_killed"),)),
        "2": Prediction("2", "s", ("app/web",), (("app/web", "pod_cpu_overload"),)),
        "3": Prediction("3", "s", ("app/web", "app/db")),
    }
    told = misses(truths, answers)
    assert "| s | oom_killed | 2 | 2 | 1 |" in told
    assert "| s | taint | 1 | 0 | 0 |" in told
    assert "s 2 fault: app/web oom_killed | app/web: pod_cpu_overload" in told
    assert "s 3 object: app/db taint | app/web, app/db" in told
    assert "s 1 " not in told


def test_scores_are_held_against_being_right() -> None:
    assert calibration_error([0.9] * 10 + [0.3] * 10, [True] * 9 + [False] * 11) == pytest.approx(0.15)
    assert brier([0.5, 1.0], [True, True]) == 0.125
    assert calibration_error([], []) == 0
    truths = {"s": [truth(str(n), "web") for n in range(10)], "t": [truth(str(n), "web") for n in range(10, 20)]}
    answers = {
        str(n): Prediction(str(n), "s", (), suspects=(("web" if n % 10 < 9 else "db", 0.6), ("db", 0.5)))
        for n in range(20)
    }
    found = judge(truths, answers)
    assert [(j.place, j.right) for j in found[:2]] == [(1, True), (2, False)]
    constants = fit(found)
    assert constants is not None
    assert likelihood(found[0], constants) == pytest.approx(0.9, abs=0.02), "the share of right ones"
    assert likelihood(found[1], constants) < 0.05
    told = reliability(found)
    assert "| first | 0.8 to 1.0 | 20 | 0.89 | 0.90 (0.70 to 0.97) |" in told
    assert "| second or third | 0.0 to 0.2 | 20 |" in told
    assert fit([]) is None


def test_where_plain_and_cross_validated_figures_part_is_said() -> None:
    plain = {"s": score_set([truth("1", "web")], {"1": Prediction("1", "s", ("web",))})}
    worse = {"s": score_set([truth("1", "web")], {"1": Prediction("1", "s", ("db", "web"))})}
    assert "| s | 1 | service | AC@1 | 1.000 (0.21 to 1.00) | 0.000 (0.00 to 0.79) | -1.000 |" in compared(
        plain, worse, {"s": "service"}
    )
    assert "s AC@1 1.000 → 0.000" in compared(plain, worse, {"s": "service"})
    assert "more than 0.03: nowhere." in compared(plain, plain, {"s": "service"})
    assert set(json.loads(as_json(plain))["s"]) == {"n", "ac1", "ac3", "avg5", "seconds_per_case"}


def test_without_cases_it_says_where_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["accuracy"])
    assert accuracy.main() == 0
    assert "docs/benchmarks.md" in capsys.readouterr().err


def test_a_folder_without_cases_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["accuracy", "--cases", str(tmp_path)])
    with pytest.raises(SystemExit):
        accuracy.main()
    assert f"no <set>/<case>/case.json below {str(tmp_path)!r}" in capsys.readouterr().err


def test_one_command_scores_a_folder_and_survives_a_broken_case(tmp_path: Path) -> None:
    for number, service in enumerate(("db", "web")):
        folder = write_case(tmp_path / "s" / str(number), inject_time=START + 120, window=[START, START + 179])
        write_samples(folder / "metrics.csv.gz", fault(service))
    (write_case(tmp_path / "s" / "2") / "metrics.csv.gz").write_bytes(b"broken")
    lines = [{"id": str(n), "dataset": "s", "services": [service]} for n, service in enumerate(("db", "web", "db"))]
    (tmp_path / "truth.jsonl").write_text("\n".join(map(json.dumps, lines)))
    out = tmp_path / "predictions.jsonl"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.accuracy", "--cases", str(tmp_path), "--json", "--processes", "1",
         "--out", str(out), "--cross-validate", "--baselines", "--misses"],
        cwd=ROOT, capture_output=True, text=True, timeout=60, check=False,
        env=os.environ | {"POLARS_MAX_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])["s"]
    assert (found["n"], found["ac1"]) == (3, pytest.approx(2 / 3, abs=1e-3))
    assert "joint_a1" not in found
    assert "commit_pass" not in found
    assert [json.loads(line)["id"] for line in out.read_text().splitlines()] == ["0", "1", "2"]
    assert "2: " in done.stderr
    for words in ("| s | autopilot | 3 |", "| s | 3 | set | AC@1 |", "s 2 object: db", "calibration error"):
        assert words in done.stdout
