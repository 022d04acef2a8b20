"""Whole incidents on real processes: the demo as a program that others call. Half a minute to a minute each."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


def play(*options: str) -> dict[str, Any]:
    """Run the demo; it must exit 0 and print one JSON object as its last line."""
    command = [sys.executable, "starter.py", "demo", "--json", *options]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=220, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    result: dict[str, Any] = json.loads(done.stdout.strip().rsplit("\n", 1)[-1])
    assert Path(result["report"]).is_file()
    return result


def ended(result: dict[str, Any]) -> tuple[str, str]:
    return result["outcome"], result["verdict"]


def writes(result: dict[str, Any]) -> list[tuple[str, int]]:
    return [(write["action"], write["count"]) for write in result["cloud_writes"]]


def test_the_deploy_is_found_rolled_back_and_recovery_is_proven() -> None:
    result = play("--seed", "3")
    assert ended(result) == ("resolved", "fixed")
    first = result["suspects"][0]
    assert (first["service"], first["kind"]) == ("checkout", "bad_deploy")
    assert first["change"]
    assert len(result["joined"]) == 2, "three alarms of one cause end as one incident"
    assert writes(result) == [("lambda:UpdateAlias", 1)]
    assert result["analyst"] == "built-in analyst (no model configured)"
    assert 2 <= len(result["options"]) <= 3
    assert result["incident_seconds"]["to_first_message"] < 30
    assert result["seconds"] < 100


def test_raising_capacity_after_another_analysis_is_a_fix_too() -> None:
    result = play("--choose", "reanalyse:check the deploy,2")
    assert ended(result) == ("resolved", "fixed")
    assert result["chosen"] == ["reanalyse", "2"]
    assert writes(result) == [("dynamodb:UpdateTable", 1)]


def test_a_wrong_fix_is_undone_verified_and_followed_by_a_right_one() -> None:
    result = play("--fault", "wrong-fix")
    assert ended(result) == ("resolved", "fixed")
    assert [step["tool"] for step in result["undone"]] == ["lambda.rollback_alias"]
    assert result["undone"][0]["result"] == "done"
    assert len(result["executed"]) == 2


def test_silence_after_acting_is_no_data_and_goes_to_a_person() -> None:
    result = play("--fault", "no-data")
    assert ended(result) == ("handed_over", "no_data")
    assert result["undone"] == []


def test_nobody_decides_and_the_incident_is_handed_over() -> None:
    result = play("--choose", "none")
    assert ended(result) == ("handed_over", "still_broken")
    assert result["executed"] == []


@pytest.mark.parametrize(
    ("fault", "effects"),
    [
        ("kill-worker", ["lambda:UpdateAlias"]),
        ("kill-worker-between-steps", ["lambda:UpdateAlias", "dynamodb:UpdateTable"]),
        ("kill-temporal", ["lambda:UpdateAlias"]),
        ("kill-gateway", ["lambda:UpdateAlias"]),
    ],
)
def test_a_death_in_the_middle_loses_nothing_and_repeats_nothing(fault: str, effects: list[str]) -> None:
    result = play("--fault", fault)
    assert ended(result) == ("resolved", "fixed")
    assert writes(result) == [(effect, 1) for effect in effects]


def test_dead_sources_are_listed_gaps() -> None:
    result = play("--fault", "source-down", "--choose", "manual")
    assert ended(result) == ("handed_over", "fixed")
    assert any(gap.startswith("xray") for gap in result["gaps"])
    assert any(gap.startswith("servicenow") for gap in result["gaps"])


def test_a_wrong_choice_is_refused_at_once_with_what_is_possible() -> None:
    command = [sys.executable, "starter.py", "demo", "--choose", "explode"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "use 1, 2, 3, manual, reanalyse:TEXT or none" in done.stderr
