"""Whole incidents on real processes. Half a minute to a minute each."""

import subprocess
import sys

import pytest

from tests.e2e.playing import ROOT, ended, play, writes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


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


def test_a_wrong_choice_is_refused_at_once_with_what_is_possible() -> None:
    command = [sys.executable, "starter.py", "demo", "--choose", "explode"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "use 1, 2, 3, manual, reanalyse:TEXT or none" in done.stderr
