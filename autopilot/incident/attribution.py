"""Was it us? What else could explain that a symptom went away after acting. Pure rules over readings.

A symptom that goes away after a change need not go away because of it: users go home, a surge passes, a provider
mends what was broken for everybody. What the action does not touch is therefore read along, and the course before
acting is looked at. Recovery that they explain is never counted as ours.
"""

from collections.abc import Sequence
from itertools import pairwise
from statistics import fmean

from autopilot.incident.base import Line, Model, Time
from autopilot.incident.metric import Control
from autopilot.incident.verification import Reading, VerificationPlan, healthy

RELIEF = 0.3
"""Share by which demand must have fallen to explain that something is not overloaded any more."""
UNDER_WAY = 0.5
"""Share of the way to health that was gone before acting, by which recovery was under way already."""
LEAST_COURSE = 3
"""Readings before acting that make a course."""


class Attribution(Model):
    """Whether a recovery is ours."""

    ours: bool
    reason: Line = ""
    """What explains it otherwise."""


def attribute(
    plan: VerificationPlan,
    acted_at: Time,
    earlier: Sequence[Reading],
    before: Reading,
    after: Sequence[Reading],
) -> Attribution:
    """Whether a recovery after acting is to be put down to the action.

    Args:
        plan: What was watched; each reading holds the values of its signals, then those of its controls.
        acted_at: When the last step took effect.
        earlier: Readings while people decided, oldest first; of these only the primary signal is looked at, since
            the plan of that time may have watched fewer signals.
        before: The reading just before acting.
        after: Readings since acting.
    """
    settled = [r for r in after if (r.at - acted_at).total_seconds() >= plan.settle]
    reasons = [
        _under_way(plan, [*earlier, before]),
        *(
            _relieved(control, len(plan.signals) + number, before, settled, plan)
            if control.kind == "demand"
            else _recovered_too(control, len(plan.signals) + number, before, settled)
            for number, control in enumerate(plan.controls)
        ),
    ]
    found = next((reason for reason in reasons if reason), "")
    return Attribution(ours=not found, reason=found)


def _value(reading: Reading, number: int) -> float | None:
    return reading.values[number] if number < len(reading.values) else None


def _under_way(plan: VerificationPlan, before: Sequence[Reading]) -> str:
    """The primary symptom had come most of the way, steadily, before anything was done."""
    course = [v for r in before if (v := _value(r, 0)) is not None]
    if len(course) < LEAST_COURSE or not plan.signals:
        return ""
    signal = plan.signals[0]
    worst = max(course) if signal.comparison == "above" else min(course)
    way = abs(worst - signal.threshold)
    gone = abs(worst - course[-1])
    later = course[course.index(worst) :]
    steps = [abs(one - signal.threshold) - abs(two - signal.threshold) for one, two in pairwise(later)]
    steadily = len(later) >= LEAST_COURSE and all(step >= 0 for step in steps)
    if way > 0 and gone >= UNDER_WAY * way and steadily:
        return f"it was on its way back before anything was done ({gone / way:.0%} of the way)"
    return ""


def _relieved(
    control: Control, number: int, before: Reading, after: Sequence[Reading], plan: VerificationPlan
) -> str:
    """Demand fell no later than the symptom.

    Retries that end with the trouble let demand fall too; where they were so many, nothing tells the two apart, and
    the action is not said to have helped.
    """
    level = _value(before, number)
    if level is None or level <= 0:
        return ""
    fell = next(
        (n for n, r in enumerate(after) if (v := _value(r, number)) is not None and v <= (1 - RELIEF) * level), None
    )
    well = next((n for n, r in enumerate(after) if healthy(plan, r)), None)
    if fell is None or well is None or fell > well:
        return ""
    rest = [v for r in after[fell:] if (v := _value(r, number)) is not None]
    share = 1 - fmean(rest) / level
    if share < RELIEF:
        return ""
    return f"demand on {control.of} fell by {share:.0%} by then"


def _recovered_too(control: Control, number: int, before: Reading, after: Sequence[Reading]) -> str:
    """Something that the action does not touch was sick before and is well now."""
    was, now = _value(before, number), [v for r in after[-2:] if (v := _value(r, number)) is not None]
    if was is None or not now:
        return ""
    sick, well = control.signal.breached(was), not any(control.signal.breached(v) for v in now)
    return f"{control.of}, which was not touched, recovered at the same time" if sick and well else ""
