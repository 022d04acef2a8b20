"""What Application Auto Scaling does to a table, with its minutes compressed to seconds."""

import math
from dataclasses import dataclass

SECONDS_BETWEEN_STEPS = 1.2
SCALE_IN_AFTER = 900.0
"""Seconds of low use before capacity is taken back."""
LOW_USE = 0.8
"""Of the target: below that, capacity is taken back."""


@dataclass(frozen=True)
class ScalingPolicy:
    """A scalable target, and the utilisation it tracks when it has a policy."""

    low: int
    high: int
    target: float | None


class Scaler:
    """Decides capacities for one table. Pure but for its memory of when it last acted."""

    def __init__(self) -> None:
        self._last_step = -math.inf
        self._low_since: float | None = None

    def decide(self, policy: ScalingPolicy | None, capacity: int, consumed: float, now: float) -> int | None:
        """The capacity to set, or None to leave it. `consumed` in units per second, `now` in seconds."""
        if policy is None or now - self._last_step < SECONDS_BETWEEN_STEPS:
            return None
        wanted = min(max(capacity, policy.low), policy.high)
        if policy.target:
            wanted = self._tracked(policy, policy.target, capacity, consumed, now)
        if wanted == capacity:
            return None
        self._last_step = now
        return wanted

    def _tracked(self, policy: ScalingPolicy, target: float, capacity: int, consumed: float, now: float) -> int:
        utilisation = consumed / max(capacity, 1)
        if utilisation >= target * LOW_USE:
            self._low_since = None
        elif self._low_since is None:
            self._low_since = now
        may_shrink = self._low_since is not None and now - self._low_since >= SCALE_IN_AFTER
        fitting = math.ceil(consumed / target)
        # A band around the target: following every wobble of the load would never come to rest.
        wanted = fitting if utilisation > target * 1.05 or may_shrink else capacity
        return min(max(wanted, policy.low), policy.high)
