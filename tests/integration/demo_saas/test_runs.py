"""Runs of the demo keep out of each other's way."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from demo import play
from demo.oncall import scripted


def _run() -> play.Play:
    return play.Play("deploy-throttle", 1, "", "advise", scripted(("1",)), lambda _: None)


def test_only_finished_runs_beyond_the_newest_are_forgotten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(play, "RUNS", tmp_path)
    over = subprocess.Popen([sys.executable, "-c", ""])
    over.wait()
    for number in range(8):
        finished = tmp_path / f"finished-{number}"
        finished.mkdir()
        (finished / play.OWNER).write_text(str(over.pid))
        os.utime(finished, (number, number))
    going = tmp_path / "going"
    going.mkdir()
    (going / play.OWNER).write_text(str(os.getpid()))
    os.utime(going, (0, 0))
    mine = _run().folder
    left = sorted(folder.name for folder in tmp_path.iterdir() if folder != mine)
    assert left == ["finished-3", "finished-4", "finished-5", "finished-6", "finished-7", "going"]
