"""The benchmark of the demo plays every story unless told otherwise, and refuses what cannot be played."""

from typing import Any

import pytest

from benchmarks import demo
from benchmarks.demo import CAUSES, Run, figures, main, plays
from demo.scenarios import NAMES


def ended(**changes: Any) -> dict[str, Any]:
    first = {"service": "checkout", "kind": "bad_deploy"}
    return {"suspects": [first], "outcome": "resolved", "verdict": "fixed", "seconds": 50.0} | changes


def test_it_is_known_what_every_story_is_about() -> None:
    assert set(CAUSES) == set(NAMES)


def test_every_story_is_played_with_every_seed_and_every_fault() -> None:
    assert plays(("a", "b"), 2, ("no-data",)) == [
        ("a", 1, ""), ("a", 2, ""), ("a", 1, "no-data"), ("b", 1, ""), ("b", 2, ""), ("b", 1, "no-data"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("argument", "value", "said"),
    [
        ("--parallel", "0", "'0' is not a whole number from 1 on"),
        ("--parallel", "-1", "from 1 on"),
        ("--seeds", "-3", "from 0 on"),
        ("--seeds", "0", "nothing to play"),
        ("--scenario", "no-such-story", "invalid choice"),
    ],
)
def test_what_cannot_be_played_is_refused_with_what_is_wrong(
    argument: str, value: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        main([f"{argument}={value}"])
    assert refused.value.code == 2
    assert said in capsys.readouterr().err


def test_a_run_is_solved_when_cause_and_end_are_those_of_its_story() -> None:
    story = "deploy-throttle"
    assert Run(story, 1, "", ended(), 0).solved
    assert not Run(story, 1, "", ended(), 1).solved
    assert not Run(story, 1, "", ended(suspects=[{"service": "orders", "kind": "throttled"}]), 0).solved
    assert not Run(story, 1, "no-data", ended(), 0).solved
    assert Run(story, 1, "no-data", ended(outcome="handed_over", verdict="no_data"), 0).solved


def test_all_stories_are_played_by_default_and_told_one_by_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def played(name: str, seed: int, fault: str) -> Run:
        return Run(name, seed, fault, ended(), 0)

    monkeypatch.setattr(demo, "play", played)
    main(["--seeds", "2", "--parallel", "2"])
    rows = [line for line in capsys.readouterr().out.splitlines() if line.startswith("| ")][1:]
    assert [row.split(" | ")[0] for row in rows] == [f"| {name}" for name in NAMES for _ in range(2)]
    runs = [Run("a", 1, "", {}, -1), Run("deploy-throttle", 1, "", ended(), 0)]
    assert figures(runs)["scenarios"] == {"a": {"n": 1, "solved": 0}, "deploy-throttle": {"n": 1, "solved": 1}}
