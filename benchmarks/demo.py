"""`python -m benchmarks.demo`: whole incidents of the simulated company, over seeds and faults.

Each run is a process of its own: Temporal server, worker, gateway, cloud and vendors start, one incident goes from
alert to review, everything ends. A run counts as solved when its first suspect is the deploy and it ended as its
case expects.
"""

import argparse
import json
import math
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 150
"""Seconds after which a run counts as failed."""
FIXED = ("resolved", "fixed")
EXPECTED: dict[str, tuple[str, str]] = {
    "self-heal": ("self_healed", "self_healed"),
    "no-data": ("handed_over", "no_data"),
}
"""Fault → outcome and verdict; every other run must end fixed."""


@dataclass(frozen=True)
class Run:
    """One run and what came of it."""

    seed: int
    fault: str
    result: dict[str, Any]
    code: int

    @property
    def solved(self) -> bool:
        """Whether cause, outcome and verdict are right."""
        suspects: list[dict[str, Any]] = self.result.get("suspects") or [{}]
        first = (suspects[0].get("service"), suspects[0].get("kind"))
        ended = (self.result.get("outcome"), self.result.get("verdict"))
        return self.code == 0 and first == ("checkout", "bad_deploy") and ended == EXPECTED.get(self.fault, FIXED)

    @property
    def repeated_writes(self) -> int:
        """Writes that reached the cloud again under the same key."""
        return sum(write["count"] - 1 for write in self.result.get("cloud_writes", []))


def play(seed: int, fault: str) -> Run:
    """Run one incident."""
    command = [sys.executable, "starter.py", "demo", "--json", "--seed", str(seed)]
    command += ["--fault", fault] if fault else []
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL, check=False
        )
        return Run(seed, fault, json.loads(done.stdout.strip().rsplit("\n", 1)[-1]), done.returncode)
    except (subprocess.TimeoutExpired, ValueError):
        return Run(seed, fault, {}, -1)


def wilson(successes: int, n: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927)."""
    z, share = 1.96, successes / n
    middle = share + z * z / (2 * n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def _row(run: Run) -> str:
    seconds: dict[str, Any] = run.result.get("incident_seconds") or {}
    cells = (
        run.seed, run.fault or "none", "yes" if run.solved else "NO", run.result.get("outcome"),
        run.result.get("verdict"), seconds.get("to_options"), seconds.get("to_recovery"),
        run.result.get("seconds"), run.repeated_writes,
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> int:
    """Play, print a table, and with --json one object; exit code 1 when a run was not solved."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="seeds 1 to N without a fault (default 20)")
    parser.add_argument("--faults", default="", help="faults to play besides, comma-separated, with seed 1")
    parser.add_argument("--parallel", type=int, default=1, help="runs at a time (default 1)")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    print("| seed | fault | solved | outcome | verdict | to options s | to recovery s | run s | repeated writes |")
    print("|---|---|---|---|---|---|---|---|---|")
    runs: list[Run] = []
    faults = [(1, fault) for fault in args.faults.split(",") if fault]
    plays = [*((n, "") for n in range(1, args.seeds + 1)), *faults]
    with ThreadPoolExecutor(args.parallel) as pool:
        for run in pool.map(play, [seed for seed, _ in plays], [fault for _, fault in plays]):
            runs.append(run)
            print(_row(run), flush=True)
    solved = sum(run.solved for run in runs)
    low, high = wilson(solved, len(runs))
    middle = median([run.result["seconds"] for run in runs if "seconds" in run.result] or [0.0])
    print(f"\n{solved} of {len(runs)} solved (95 % interval {low:.2f} to {high:.2f}), median run {middle:.0f} s")
    if args.json:
        repeated = sum(run.repeated_writes for run in runs)
        print(json.dumps({"n": len(runs), "solved": solved, "interval": [round(low, 3), round(high, 3)],
                          "median_seconds": middle, "repeated_writes": repeated}))  # fmt: skip
    return 0 if solved == len(runs) else 1


if __name__ == "__main__":
    sys.exit(main())
