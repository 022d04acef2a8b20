"""CI accepts no skip: what a test needs is installed by .ci/run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.project.compose import ROOT

SKIPPING = """
import pytest

def test_needs_something():
    pytest.skip("no browser here")

@pytest.mark.xfail(reason="known")
def test_known():
    raise AssertionError
"""


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_skip_fails_only_in_ci(tmp_path: Path, ci: str, code: int) -> None:
    (tmp_path / "test_it.py").write_text(SKIPPING)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-ra", "test_it.py"],
        cwd=tmp_path, env=os.environ | {"CI": ci, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        timeout=60, check=False,
    )  # fmt: skip

    assert done.returncode == code, done.stdout[-2_000:]
    assert "no browser here" in done.stdout
    assert "1 xfailed" in done.stdout
