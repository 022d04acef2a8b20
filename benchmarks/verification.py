"""`python -m benchmarks.verification`: outcomes of remedies in a small world, and what the verifier said of them.

Each outcome is one incident: it waits for a decision, is read once more before acting, acts, and is watched by the
product's own rules (`judge`, `steady`, `attribute`) on a clock of its own. "fixed" is right only where the action
removed the cause. Two kinds are counted by themselves, since no rule over these readings can judge them:
`unwitnessed` ends by coincidence with nothing that could show it, and in a `retry storm` that a fix ends demand
falls as if users had left.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from autopilot.incident.attribution import attribute
from autopilot.incident.metric import Control, MetricRef, Signal
from autopilot.incident.verification import Reading, Verdict, VerificationPlan, healthy, judge, steady
from benchmarks.demo import wilson
from benchmarks.verification_world import BASE, CAPACITY, DEMAND, World, after, ramp, since

T0 = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
DECIDED = 240.0
"""Seconds after the alert at which somebody chooses."""


def _series(name: str, limit: float = 0.0) -> Signal:
    return Signal(metric=MetricRef(source="world", name=name), threshold=limit)


PLAN = VerificationPlan(
    signals=(_series("latency", 250.0), _series("failing", 0.02)),
    interval=30.0, window=60.0, stabilisation=180.0, deadline=600.0, settle=60.0,
    controls=(
        Control(kind="demand", signal=_series("asked"), of="shop"),
        Control(kind="sibling", signal=_series("other", 250.0), of="search"),
    ),
)  # fmt: skip
"""The product's default rules."""
UNWITNESSED = "unwitnessed"
UNDECIDABLE = (UNWITNESSED, "retry storm")
_Said = tuple[str, Verdict, Verdict]
"""Kind, truth, and what the verifier said."""
LOW = 0.4 * CAPACITY
"""What is left of the capacity while it is sick."""
GAPS = 0.1
"""Share of readings that are lost where data has gaps."""


@dataclass(frozen=True)
class Kind:
    """A kind of outcome: how its world is made, and what is true of it."""

    make: Callable[[int], World]
    truth: Verdict


def _gone_after_acting(world: World, at: float) -> bool:
    return at > world.acted


def _gaps_after_acting(world: World, at: float) -> bool:
    return at > world.acted and world.noise.random() < GAPS


def _flaps(world: World, at: float) -> float:
    return CAPACITY if int(at // 75) % 2 and at > world.acted else LOW


KINDS: dict[str, Kind] = {
    "effect at once": Kind(lambda s: World(s, capacity=after(5 + s % 20, CAPACITY, LOW)), "fixed"),
    "delayed effect": Kind(lambda s: World(s, capacity=after(60 + 15 * (s % 9), CAPACITY, LOW)), "fixed"),
    "effect with retries": Kind(lambda s: World(s, capacity=after(20, CAPACITY, LOW), retries=0.35), "fixed"),
    "effect in a quiet hour": Kind(
        lambda s: World(s, capacity=after(20, CAPACITY, LOW), demand=ramp(200, 900, 0.85 * DEMAND, DEMAND)), "fixed"
    ),
    "effect with gaps in data": Kind(
        lambda s: World(s, capacity=after(20, CAPACITY, LOW), silent=_gaps_after_acting),
        "fixed",
    ),
    "effect while another is sick": Kind(
        lambda s: World(s, capacity=after(20, CAPACITY, LOW), sibling=lambda _w, _at: 1.2), "fixed"
    ),
    "no effect": Kind(World, "still_broken"),
    "harm": Kind(lambda s: World(s, capacity=after(10, 0.2 * CAPACITY, 0.65 * CAPACITY)), "worse"),
    "flapping": Kind(lambda s: World(s, capacity=_flaps), "still_broken"),
    "partial": Kind(
        lambda s: World(s, capacity=after(20, CAPACITY, LOW), errors=lambda _w, _at: 0.08), "still_broken"
    ),
    "no data": Kind(lambda s: World(s, capacity=after(20, CAPACITY, LOW), silent=_gone_after_acting), "no_data"),
    "healed while waiting": Kind(lambda s: World(s, capacity=since(20 + s % 30, CAPACITY, LOW)), "self_healed"),
    "healed before acting": Kind(
        lambda s: World(s, capacity=since(DECIDED - 60 - s % 20, CAPACITY, LOW)), "self_healed"
    ),
    "seasonal": Kind(
        lambda s: World(s, demand=ramp(DECIDED + 30 + s % 60, 240, 0.3 * DEMAND, DEMAND)), "self_healed"
    ),
    "surge passes": Kind(
        lambda s: World(
            s, capacity=lambda _w, _at: CAPACITY, demand=since(DECIDED + 60 + 3 * (s % 40), DEMAND, 1.6 * CAPACITY)
        ),
        "self_healed",
    ),
    "coincidence": Kind(
        lambda s: World(
            s,
            capacity=since(DECIDED + 45 + 5 * (s % 12), CAPACITY, LOW),
            sibling=since(DECIDED + 45 + 5 * (s % 12), BASE, 1.4),
        ),
        "self_healed",
    ),
    "recovering already": Kind(
        lambda s: World(s, capacity=ramp(40, DECIDED + 60, CAPACITY, 0.5 * CAPACITY)), "self_healed"
    ),
    "retry storm": Kind(lambda s: World(s, capacity=after(20, 2 * CAPACITY, LOW), retries=1.5), "fixed"),
    UNWITNESSED: Kind(
        lambda s: World(s, capacity=since(DECIDED + 45 + 5 * (s % 12), CAPACITY, LOW)), "self_healed"
    ),
}  # fmt: skip


def _moment(at: float) -> datetime:
    return T0 + timedelta(seconds=at)


class Watcher:
    """The watch as the workflow keeps it, on the world's clock."""

    def __init__(self, world: World) -> None:
        self._world = world

    def look(self) -> Reading:
        """The mean of each series over the window, as sources give it: of the minute before."""
        return Reading(at=_moment(self._world.at), values=self._world.measured(PLAN.window))

    def outcome(self) -> Verdict:
        """Wait for the decision, act, watch."""
        waited: list[Reading] = []
        while self._world.at < DECIDED:
            waited.append(self.look())
            if steady(PLAN, waited) >= PLAN.stabilisation:
                return "self_healed"
            self._world.until(self._world.at + PLAN.interval)
        before = self.look()
        if healthy(PLAN, before):
            return "self_healed"
        return self._verified(waited[-10:], before)

    def _verified(self, earlier: list[Reading], before: Reading) -> Verdict:
        acted = self._world.at
        self._world.acted = acted
        seen: list[Reading] = []
        while True:
            seen.append(self.look())
            verdict = judge(PLAN, _moment(acted), before, seen, _moment(self._world.at))
            if verdict == "fixed" and not attribute(PLAN, _moment(acted), earlier, before, seen).ours:
                return "self_healed"
            if verdict is not None:
                return verdict
            self._world.until(self._world.at + PLAN.interval)


def measure(seeds: int) -> dict[str, Any]:
    """All kinds with so many seeds each: counts, shares with their intervals, the matrix of truth and verdict."""
    said: list[_Said] = [
        (name, kind.truth, Watcher(kind.make(seed)).outcome())
        for name, kind in KINDS.items()
        for seed in range(seeds)
    ]
    judged = [one for one in said if one[0] not in UNDECIDABLE]
    matrix: dict[str, dict[str, int]] = {}
    for (name, verdict), count in sorted(Counter((n, v) for n, _, v in said).items()):
        matrix.setdefault(name, {})[verdict] = count
    return {
        "outcomes": len(judged),
        "false_fixed": sum(truth != "fixed" and verdict == "fixed" for _, truth, verdict in judged),
        **_recall("fixed", judged),
        **_recall("self_healed", judged),
        "unwitnessed_said_fixed": matrix[UNWITNESSED].get("fixed", 0),
        "matrix": matrix,
    }


def _recall(which: Verdict, judged: list[_Said]) -> dict[str, object]:
    true = [verdict for _, truth, verdict in judged if truth == which]
    right = sum(verdict == which for verdict in true)
    low, high = wilson(right, len(true))
    return {
        f"{which}_recall": round(right / len(true), 4),
        f"{which}_n": len(true),
        f"{which}_interval": [round(low, 3), round(high, 3)],
    }


def main(argv: list[str]) -> int:
    """Print a table, or one JSON object; exit code 1 when something was called fixed that was not."""
    parser = argparse.ArgumentParser(prog="benchmarks.verification", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5, help="worlds of each kind (default 5)")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    args = parser.parse_args(argv)
    if args.seeds < 1:
        parser.error("--seeds: at least one world of each kind is needed")
    figures = measure(args.seeds)
    if args.json:
        print(json.dumps(figures))
    else:
        _print(figures)
    return int(bool(figures["false_fixed"]))


def _print(figures: dict[str, Any]) -> None:
    matrix: dict[str, dict[str, int]] = figures["matrix"]
    for name, row in matrix.items():
        print(f"{name:30} truth {KINDS[name].truth:13} said {', '.join(f'{v} {n}' for v, n in row.items())}")
    print()
    for name, value in figures.items():
        if name != "matrix":
            print(f"{name:26} {value}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
