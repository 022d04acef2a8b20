"""Did it help? Pure rules over readings of the symptom, before and after acting."""

import math
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, field_validator

from autopilot.incident.base import Line, Model, Time
from autopilot.incident.finding import Finding
from autopilot.incident.metric import Control, Signal
from autopilot.incident.plan import ExpectedEffect

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
    controls: tuple[Control, ...] = Field(default=(), max_length=4)
    """Read along; they never decide about health."""

    @property
    def asked(self) -> tuple[Signal, ...]:
        """Everything a reading looks at: the signals, then the controls."""
        return (*self.signals, *(control.signal for control in self.controls))


class Reading(Model):
    """One look at the signals. None means the system had no data, which is never health."""

    at: Time
    values: tuple[float | None, ...]

    @field_validator("values")
    @classmethod
    def _no_number_is_no_data(cls, values: tuple[float | None, ...]) -> tuple[float | None, ...]:
        """NaN lies on neither side of a threshold: taken as a number it would count as health."""
        return tuple(None if value is None or math.isnan(value) else value for value in values)


class EffectSeen(Model):
    """Whether what was expected of the chosen option came about."""

    expected: ExpectedEffect
    reached: bool | None = None
    """None: there was no data."""
    value: float | None = None
    """The level when it was reached, else the last one."""
    seconds: float = 0.0
    """After acting."""

    @property
    def in_time(self) -> bool:
        """Whether it was reached before its deadline."""
        return bool(self.reached) and self.seconds <= self.expected.within


class Verification(Model):
    """The record of one verification."""

    verdict: Verdict
    explanation: Line
    before: Reading | None = None
    readings: tuple[Reading, ...] = Field(default=(), max_length=200)
    seconds: float = 0.0
    effect: EffectSeen | None = None
    """None when no measurable effect was expected."""
    otherwise: Line = ""
    """What else explains the recovery, so that it is not put down to what was done."""


def healthy(plan: VerificationPlan, reading: Reading) -> bool:
    """Some signal has data, every one that has is within its limit, and every silent one may be silent."""
    pairs = list(zip(plan.signals, reading.values, strict=False))
    known = [(signal, value) for signal, value in pairs if value is not None]
    silent = [signal for signal, value in pairs if value is None and signal.missing == "unknown"]
    return bool(known) and not silent and not any(signal.breached(value) for signal, value in known)


def blind(plan: VerificationPlan, reading: Reading) -> bool:
    """Nothing speaks against health, but a signal that should speak is silent: that is not health."""
    pairs = list(zip(plan.signals, reading.values, strict=False))
    sick = any(value is not None and signal.breached(value) for signal, value in pairs)
    return not sick and not healthy(plan, reading)


def steady(plan: VerificationPlan, readings: Sequence[Reading]) -> float:
    """For how many seconds up to the last reading all readings have been healthy; -1 when the last is not."""
    since = None
    for reading in reversed(readings):
        if not healthy(plan, reading):
            break
        since = reading.at
    return -1.0 if since is None else (readings[-1].at - since).total_seconds()


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
    if steady(plan, settled) >= plan.stabilisation:
        return "fixed"
    if elapsed < plan.deadline:
        return None
    return "no_data" if not settled or blind(plan, settled[-1]) else "still_broken"


def calm_again(before: Reading, plan: VerificationPlan, readings: Sequence[Reading]) -> bool:
    """After an undo: the last readings are no longer harmed compared with before the action."""
    latest = list(readings[-WORSE_READINGS:])
    return len(latest) == WORSE_READINGS and all(
        any(value is not None for value in r.values) and not _harmed(plan, before, r) for r in latest
    )


def symptom_signals(findings: Sequence[Finding], limit: int = 2) -> tuple[Signal, ...]:
    """Signals for an alert that named no series: the strongest latency and error findings.

    The limit lies at a third of the way from the usual to the present level.
    """
    metrics = [
        f
        for f in findings
        if f.metric is not None and f.baseline is not None and f.observed is not None and f.direction == "up"
    ]
    chosen = sorted(metrics, key=lambda f: (-f.score, f.id))[:limit]
    return tuple(
        Signal(metric=f.metric, threshold=f.baseline + (f.observed - f.baseline) / 3)
        for f in chosen
        if f.metric is not None and f.baseline is not None and f.observed is not None
    )
