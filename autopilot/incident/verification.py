"""Did it help? Pure rules over readings of the symptom, before and after acting."""

from collections.abc import Sequence
from typing import Literal

from pydantic import Field

from autopilot.incident.base import Line, Model, Time
from autopilot.incident.metric import Signal

Verdict = Literal["fixed", "self_healed", "no_data", "still_broken", "worse"]

WORSE_FACTOR = 1.5
"""A breached signal this many times beyond its level before acting means the action harmed."""
WORSE_READINGS = 2
"""Consecutive readings needed to call it worse: one spike is noise."""


class VerificationPlan(Model):
    """What to read, how often, and how long it must stay healthy. Durations in seconds."""

    signals: tuple[Signal, ...] = Field(max_length=8)
    """The first is the primary symptom."""
    interval: float = 30.0
    window: float = 60.0
    """Each reading averages this much of the recent past."""
    stabilisation: float = 180.0
    deadline: float = 600.0
    settle: float = 0.0
    """Readings in this span after acting still contain the time before and are only recorded."""


class Reading(Model):
    """One look at the signals. None means the system had no data, which is never health."""

    at: Time
    values: tuple[float | None, ...]


class Verification(Model):
    """The record of one verification."""

    verdict: Verdict
    explanation: Line
    before: Reading | None = None
    readings: tuple[Reading, ...] = Field(default=(), max_length=200)
    seconds: float = 0.0


def healthy(plan: VerificationPlan, reading: Reading) -> bool:
    """All signals that have data are within limits, and the primary one has data."""
    pairs = list(zip(plan.signals, reading.values, strict=False))
    known = [(signal, value) for signal, value in pairs if value is not None]
    return bool(known) and reading.values[0] is not None and not any(s.breached(v) for s, v in known)


def _harmed(plan: VerificationPlan, before: Reading, after: Reading) -> bool:
    """Whether some breached signal is far beyond where it stood before acting."""
    for signal, was, now in zip(plan.signals, before.values, after.values, strict=False):
        if was is None or now is None or not signal.breached(now):
            continue
        if signal.comparison == "above" and now > max(was, signal.threshold) * WORSE_FACTOR:
            return True
        if signal.comparison == "below" and now < min(was, signal.threshold) / WORSE_FACTOR:
            return True
    return False


def judge(
    plan: VerificationPlan, acted_at: Time, before: Reading | None, readings: Sequence[Reading], now: Time
) -> Verdict | None:
    """The verdict that the readings since acting allow, or None to keep watching."""
    elapsed = (now - acted_at).total_seconds()
    settled = [r for r in readings if (r.at - acted_at).total_seconds() >= plan.settle]
    latest = settled[-WORSE_READINGS:]
    if before is not None and len(latest) == WORSE_READINGS and all(_harmed(plan, before, r) for r in latest):
        return "worse"
    healthy_since = None
    for reading in reversed(settled):
        if not healthy(plan, reading):
            break
        healthy_since = reading.at
    if healthy_since is not None and (settled[-1].at - healthy_since).total_seconds() >= plan.stabilisation:
        return "fixed"
    if elapsed < plan.deadline:
        return None
    return "still_broken" if any(value is not None for r in settled for value in r.values) else "no_data"
