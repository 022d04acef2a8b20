"""The demo as a program that others call."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


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
