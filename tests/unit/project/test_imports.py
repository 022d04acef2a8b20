"""The one import rule: arrows point down only, and the check that says so really looks."""

import shutil
import subprocess
import sys
from pathlib import Path

from tests.unit.project.compose import ROOT

PACKAGES = ("activities", "autopilot", "cli", "demo", "workflows")


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """Check a tree with the repository's own rules."""
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--config", ROOT / "pyproject.toml"],
        cwd=folder, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def test_the_import_rule_holds() -> None:
    done = lint(ROOT)

    assert done.returncode == 0, done.stdout[-2_000:]


def test_a_violation_is_found(tmp_path: Path) -> None:
    for name in PACKAGES:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("starter.py", "worker.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    planted = tmp_path / "autopilot" / "incident" / "ids.py"
    planted.write_text(planted.read_text() + "\nimport temporalio.workflow\n")

    done = lint(tmp_path)

    assert done.returncode == 1, done.stdout[-2_000:]
    assert "The product does not know Temporal BROKEN" in done.stdout
