"""`python -m benchmarks.demo`: whole incidents of the simulated company, over stories, seeds and faults.

Each run is a process of its own: Temporal server, worker, gateway, cloud and vendors start, one incident goes from
alert to review, everything ends. A run counts as solved when its first suspect is what the story is about and it
ended as its case expects.
"""

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from demo.scenarios import NAMES

ROOT = Path(__file__).resolve().parent.parent
LIMIT = 150
"""Seconds after which a run counts as failed."""
CAUSES: dict[str, tuple[str, str]] = {"deploy-throttle": ("checkout", "bad_deploy")}
"""Story → service and kind of cause that its first suspect must name."""
FIXED = ("resolved", "fixed")
EXPECTED: dict[str, tuple[str, str]] = {
    "self-heal": ("self_healed", "self_healed"),
    "no-data": ("handed_over", "no_data"),
}
"""Fault → outcome and verdict; every other run must end fixed."""


@dataclass(frozen=True)
class Run:
    """One run and what came of it."""

    scenario: str
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
        right = first == CAUSES.get(self.scenario) and ended == EXPECTED.get(self.fault, FIXED)
        return self.code == 0 and right

    @property
    def repeated_writes(self) -> int:
        """Writes that reached the cloud again under the same key."""
        return sum(write["count"] - 1 for write in self.result.get("cloud_writes", []))


def play(scenario: str, seed: int, fault: str) -> Run:
    """Run one incident."""
    command = [sys.executable, "starter.py", "demo", "--json", "--scenario", scenario, "--seed", str(seed)]
    command += ["--fault", fault] if fault else []
    try:
        done = subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, stdin=subprocess.DEVNULL, check=False
        )
        return Run(scenario, seed, fault, json.loads(done.stdout.strip().rsplit("\n", 1)[-1]), done.returncode)
    except (subprocess.TimeoutExpired, ValueError):
        return Run(scenario, seed, fault, {}, -1)


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
        run.scenario, run.seed, run.fault or "none", "yes" if run.solved else "NO", run.result.get("outcome"),
        run.result.get("verdict"), seconds.get("to_options"), seconds.get("to_recovery"),
        run.result.get("seconds"), run.repeated_writes,
    )  # fmt: skip
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def plays(scenarios: Sequence[str], seeds: int, faults: Sequence[str]) -> list[tuple[str, int, str]]:
    """Story, seed and fault of each run: every story with every seed, then with every fault at seed 1."""
    nights = [*((seed, "") for seed in range(1, seeds + 1)), *((1, fault) for fault in faults)]
    return [(scenario, seed, fault) for scenario in scenarios for seed, fault in nights]


def main(arguments: Sequence[str] | None = None) -> int:
    """Play, print a table, and with --json one object; exit code 1 when a run was not solved."""
    parser = _parser()
    args = parser.parse_args(arguments)
    wanted = plays(args.scenario or NAMES, args.seeds, [fault for fault in args.faults.split(",") if fault])
    if not wanted:
        parser.error("nothing to play: --seeds is 0 and --faults names none")
    print(
        "| scenario | seed | fault | solved | outcome | verdict | to options s | to recovery s | run s "
        "| repeated writes |"
    )
    print(f"|{'---|' * 10}")
    runs: list[Run] = []
    with ThreadPoolExecutor(args.parallel) as pool:
        for future in [pool.submit(play, *one) for one in wanted]:
            runs.append(run := future.result())
            print(_row(run), flush=True)
    found = figures(runs)
    low, high = found["interval"]
    print(
        f"\n{found['solved']} of {found['n']} solved (95 % interval {low:.2f} to {high:.2f}), "
        f"median run {found['median_seconds']:.0f} s"
    )
    if args.json:
        print(json.dumps(found))
    return 0 if found["solved"] == found["n"] else 1


def figures(runs: Sequence[Run]) -> dict[str, Any]:
    """How many runs were solved, of all and of each story, and how long they took."""
    solved = sum(run.solved for run in runs)
    low, high = wilson(solved, len(runs))
    stories = {run.scenario: [r for r in runs if r.scenario == run.scenario] for run in runs}
    return {
        "n": len(runs), "solved": solved, "interval": [round(low, 3), round(high, 3)],
        "median_seconds": median([run.result["seconds"] for run in runs if "seconds" in run.result] or [0.0]),
        "repeated_writes": sum(run.repeated_writes for run in runs),
        "scenarios": {
            name: {"n": len(some), "solved": sum(run.solved for run in some)} for name, some in stories.items()
        },
    }  # fmt: skip


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.demo", description=__doc__)
    parser.add_argument("--scenario", action="append", choices=NAMES, help="only this story; again for more")
    parser.add_argument("--seeds", type=_from(0), default=20, help="seeds 1 to N without a fault (default 20)")
    parser.add_argument("--faults", default="", help="faults to play besides, comma-separated, with seed 1")
    parser.add_argument("--parallel", type=_from(1), default=1, help="runs at a time (default 1)")
    parser.add_argument("--json", action="store_true")
    return parser


def _from(least: int) -> Callable[[str], int]:
    """A whole number of at least so much; else the parser says what is wanted."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from {least} on")
        return int(text)

    return read


if __name__ == "__main__":
    sys.exit(main())
