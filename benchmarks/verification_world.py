"""A small world for the verifier: a service with a capacity, users with a day, and what may happen around an act.

Latency follows utilisation as in an M/M/1 queue, with a backlog where more arrives than can be served. Users repeat
what fails. Noise is multiplicative. The truth of an outcome is what the world did, not what was measured.
"""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

STEP = 5.0
"""Seconds of one step of the world."""
CAPACITY, DEMAND = 100.0, 60.0
"""Requests per second that can be served, and that usually arrive."""
BASE = 0.05
"""Seconds of an unhurried request."""
LONGEST = 5.0
"""Seconds after which a request is given up."""


@dataclass
class World:
    """The state of one incident. Times in seconds since the alert; `acted` is set when the action takes place."""

    seed: int
    capacity: Callable[["World", float], float] = lambda _world, _at: 0.4 * CAPACITY
    demand: Callable[["World", float], float] = lambda _world, _at: DEMAND
    errors: Callable[["World", float], float] = lambda _world, _at: 0.0
    """Share of requests that fail whatever the load."""
    sibling: Callable[["World", float], float] | None = None
    """Latency in seconds of something unrelated; None where nothing else is sick."""
    silent: Callable[["World", float], bool] = lambda _world, _at: False
    """Whether metrics are missing."""
    acted: float = math.inf
    retries: float = 0.0
    """Further requests for each that fails."""
    at: float = 0.0
    backlog: float = 0.0
    latency: float = BASE
    failing: float = 0.0
    asked: float = DEMAND
    course: list[tuple[float, ...]] = field(default_factory=list[tuple[float, ...]])
    """What could be measured at each step."""
    noise: random.Random = field(default_factory=random.Random)

    def __post_init__(self) -> None:
        self.noise = random.Random(self.seed)
        # The trouble began ten minutes before the alert.
        self.at = -600.0
        self.until(0.0)

    def until(self, at: float) -> None:
        """Let time pass."""
        while self.at < at:
            self.at += STEP
            again = 1.0 + self.retries * self.failing
            self.asked = self.demand(self, self.at) * again
            room = self.capacity(self, self.at)
            self.backlog = min(max(self.backlog + (self.asked - room) * STEP, 0.0), room * LONGEST)
            load = min(self.asked / room, 0.98)
            self.latency = min(BASE / (1 - load) + self.backlog / room, LONGEST)
            self.failing = max(self.errors(self, self.at), 1.0 if self.latency >= LONGEST else 0.0)
            other = self.sibling(self, self.at) if self.sibling else BASE
            self.course.append((self.latency * 1_000, self.failing, self.asked, other * 1_000))

    def measured(self, seconds: float) -> tuple[float | None, ...]:
        """Latency in ms, failing share, requests per second, the sibling's latency in ms; None where silent.

        As sources give them: each the mean of so many last seconds.
        """
        if self.silent(self, self.at):
            return None, None, None, None
        last = self.course[-round(seconds / STEP) :]
        means = (sum(one) / len(last) for one in zip(*last, strict=True))
        return tuple(max(mean * self.noise.gauss(1.0, 0.05), 0.0) for mean in means)


def after(seconds: float, then: float, before: float) -> Callable[[World, float], float]:
    """A level that changes some seconds after acting."""
    return lambda world, at: then if at >= world.acted + seconds else before


def since(seconds: float, then: float, before: float) -> Callable[[World, float], float]:
    """A level that changes some seconds after the alert, whatever is done."""
    return lambda _world, at: then if at >= seconds else before


def ramp(start: float, length: float, then: float, before: float) -> Callable[[World, float], float]:
    """A level that moves evenly over some time after the alert, whatever is done."""
    return lambda _world, at: before + (then - before) * min(max((at - start) / length, 0.0), 1.0)
