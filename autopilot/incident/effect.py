"""The effect that was expected of an option: watched like the symptom, and told whether it came about. Pure."""

from collections.abc import Sequence

from autopilot.incident.base import Time
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.plan import ExpectedEffect
from autopilot.incident.playbook import VerificationRules
from autopilot.incident.verification import EffectSeen, Reading, VerificationPlan
from autopilot.incident.wording import figure, metric_words, unit_of

MAX_SIGNALS = 8
TOLERANCE = 0.1
"""Share of the level, or of the way to it, by which a reading may miss it and still count as there."""


def same_series(one: MetricRef, other: MetricRef) -> bool:
    """Whether two references read the same series, however they call it."""
    return all(
        getattr(one, name) == getattr(other, name)
        for name in ("source", "namespace", "name", "dimensions", "statistic", "region")
    )


def watched(signals: Sequence[Signal], effect: ExpectedEffect) -> tuple[Signal, ...]:
    """The signals of the symptom, and the series that the option under way should move when there is room for it.

    Its limit lies at a third of the way from the level it should reach to where it was. It may be silent: what
    people are alarmed by decides about health where there is no data.
    """
    metric, to, was = effect.metric, effect.to, effect.was
    known = tuple(signals[:MAX_SIGNALS])
    if metric is None or to is None or was is None or len(known) == MAX_SIGNALS:
        return known
    if any(same_series(s.metric, metric) for s in known):
        return known
    if (was <= to) if effect.direction == "down" else (was >= to):
        return known
    comparison = "above" if effect.direction == "down" else "below"
    added = Signal(metric=metric, comparison=comparison, threshold=to + (was - to) / 3, missing="healthy")
    return (*known, added)


def last_word(rules: VerificationRules, effect: ExpectedEffect) -> float:
    """Seconds after acting at which it is either healthy or still broken.

    An effect that is not there when it was due, and has had the time to prove stable, is not waited for any longer;
    the playbook's deadline is never exceeded.
    """
    if effect.metric is None or effect.to is None:
        return rules.deadline
    return min(rules.deadline, rules.settle + effect.within + rules.stabilisation)


def seen(
    effect: ExpectedEffect, plan: VerificationPlan, acted_at: Time, readings: Sequence[Reading]
) -> EffectSeen | None:
    """Whether and when the expected level was reached after acting; None when no measurable effect was expected."""
    metric, to = effect.metric, effect.to
    number = next(
        (n for n, s in enumerate(plan.signals) if metric is not None and same_series(s.metric, metric)), None
    )
    if number is None or to is None:
        return None
    passed = [((r.at - acted_at).total_seconds(), r.values[number]) for r in readings if number < len(r.values)]
    known = [(at, value) for at, value in passed if value is not None and at >= plan.settle]
    there = next(((at, value) for at, value in known if _reached(effect, to, value)), None)
    last = there or (known[-1] if known else None)
    return EffectSeen(
        expected=effect,
        reached=there is not None if last else None,
        value=last[1] if last else None,
        seconds=last[0] if last else 0.0,
    )


def _reached(effect: ExpectedEffect, to: float, value: float) -> bool:
    way = abs(effect.was - to) if effect.was is not None else 0.0
    room = TOLERANCE * max(abs(to), way)
    return value <= to + room if effect.direction == "down" else value >= to - room


def _level(value: float | None, metric: MetricRef) -> str:
    if value is not None and metric.unit == "share":
        return figure(100 * value, "%")
    return figure(value, unit_of(metric))


def expected_words(effect: ExpectedEffect) -> str:
    """What should happen and until when: `checkout-api: latency down to 640 ms within 300 s`."""
    metric, within = effect.metric, f"within {effect.within:.0f} s"
    if metric is None or effect.to is None:
        return f"{effect.description} {within}" if effect.description else ""
    return f"{metric_words(metric)} {effect.direction} to {_level(effect.to, metric)} {within}"


def seen_words(effect: EffectSeen) -> str:
    """Whether it came about: `expected latency to fall to 640 ms within 300 s: reached 655 ms after 120 s`."""
    expected, metric = effect.expected, effect.expected.metric
    if metric is None:
        return ""
    to, verb = _level(expected.to, metric), "fall" if expected.direction == "down" else "rise"
    head = f"expected {metric_words(metric)} to {verb} to {to} within {expected.within:.0f} s"
    level, when = _level(effect.value, metric), f"after {effect.seconds:.0f} s"
    if effect.reached is None:
        return f"{head}: not known, no data"
    if not effect.reached:
        return f"{head}: not reached, {level} {when}"
    return f"{head}: reached {level} {'' if effect.in_time else 'only '}{when}"
