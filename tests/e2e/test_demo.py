"""Whole incidents on real processes. Half a minute to a minute each."""

import subprocess
import sys
from functools import cache
from typing import Any

import pytest

from benchmarks.demo import CAUSES
from demo.scenarios import NAMES
from tests.e2e.playing import ROOT, ended, play, writes

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


@cache
def told(scenario: str) -> dict[str, Any]:
    """One night of a story, played once for all who look at it."""
    return play("--scenario", scenario, "--seed", "3")


@pytest.mark.parametrize("scenario", NAMES)
def test_every_story_is_found_out_and_recovery_is_proven(scenario: str) -> None:
    result = told(scenario)
    assert ended(result) == ("resolved", "fixed")
    first = result["suspects"][0]
    assert (first["service"], first["kind"]) == CAUSES[scenario]
    assert result["executed"]
    assert all(count == 1 for _, count in writes(result))
    assert result["seconds"] < 100


def test_the_deploy_is_rolled_back_and_told_as_one_incident() -> None:
    result = told("deploy-throttle")
    assert result["suspects"][0]["change"]
    assert len(result["joined"]) == 2, "three alarms of one cause end as one incident"
    assert writes(result) == [("lambda:UpdateAlias", 1)]
    assert result["analyst"] == "built-in analyst (no model configured)"
    assert 2 <= len(result["options"]) <= 3
    assert result["incident_seconds"]["to_first_message"] < 30


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
