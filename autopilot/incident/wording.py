"""Words for people: names instead of ARNs, numbers with units, sentences instead of identifiers. Pure."""

import re
from datetime import datetime

from autopilot.incident.alert import Alert
from autopilot.incident.base import Scalar, clean
from autopilot.incident.diagnosis import Hypothesis
from autopilot.incident.evidence import Gap, GapKind
from autopilot.incident.metric import MetricRef, Signal
from autopilot.incident.plan import StepResult, StepStatus, TargetState
from autopilot.incident.verification import Verdict, Verification

VERDICTS: dict[Verdict, str] = {
    "fixed": "Fixed",
    "self_healed": "Recovered by itself",
    "no_data": "Not known, no data",
    "still_broken": "Still broken",
    "worse": "Worse",
}
OUTCOMES: dict[str, str] = {
    "resolved": "resolved",
    "self_healed": "recovered by itself",
    "handed_over": "handed over to people",
    "aborted": "stopped by a person",
    "observed": "observed only",
    "joined": "joined another incident",
}
PHASES: dict[str, str] = {
    "open": "opened",
    "collect": "collecting evidence",
    "analyze": "looking for the cause",
    "plan": "preparing options",
    "decide": "waiting for a decision",
    "execute": "carrying out",
    "verify": "checking recovery",
    "handover": "in people's hands",
    "review": "writing the review",
    "closed": "closed",
}
_DONE: dict[str, str] = {
    "dynamodb.set_capacity": "Set the capacity of {name}",
    "dynamodb.enable_autoscaling": "Turned on auto scaling of {name}",
    "dynamodb.restore_autoscaling": "Put the auto scaling of {name} back",
    "ecs.rollback": "Rolled back {name}",
    "ecs.scale": "Scaled {name}",
    "ecs.force_deployment": "Restarted {name} with a new deployment",
    "lambda.rollback_alias": "Moved {name} to another version",
    "lambda.set_concurrency": "Set the concurrency of {name}",
    "rds.scale_instance": "Changed the size of {name}",
    "rds.reboot": "Restarted {name}",
    "page.person": "Paged a person for {name}",
    "ticket.create": "Opened a ticket for {name}",
    "ticket.update": "Updated the ticket of {name}",
}
_STATUS: dict[StepStatus, str] = {
    "done": "",
    "already": "it was already so",
    "changed_world": "not done, the target had changed",
    "refused": "refused",
    "frozen": "not sent, changes are frozen",
    "failed": "failed",
    "unknown": "uncertain, the answer was lost",
}
_GAPS: dict[GapKind, str] = {
    "failed": "failed",
    "denied": "access denied",
    "timeout": "too slow",
    "budget": "limit reached",
    "unsupported": "not available",
    "truncated": "only a part was read",
    "no_data": "nothing there",
}
_METRICS: dict[str, tuple[str, str]] = {
    "Latency": ("latency", "ms"),
    "IntegrationLatency": ("backend latency", "ms"),
    "Duration": ("duration", "ms"),
    "SuccessfulRequestLatency": ("request latency", "ms"),
    "TargetResponseTime": ("response time", "s"),
    "5XXError": ("server errors", ""),
    "4XXError": ("client errors", ""),
    "HTTPCode_Target_5XX_Count": ("server errors", ""),
    "Errors": ("errors", ""),
    "Throttles": ("throttled calls", ""),
    "ReadThrottleEvents": ("throttled reads", ""),
    "WriteThrottleEvents": ("throttled writes", ""),
    "ThrottledRequests": ("throttled requests", ""),
    "ConsumedReadCapacityUnits": ("read units used", ""),
    "ConsumedWriteCapacityUnits": ("write units used", ""),
    "CPUUtilization": ("processor use", "%"),
    "MemoryUtilization": ("memory use", "%"),
    "DatabaseConnections": ("open connections", ""),
    "Invocations": ("calls", ""),
    "Count": ("requests", ""),
}
"""What AWS calls it → what a person calls it, and its unit, which alarms do not tell."""
_UNITS = {"Milliseconds": "ms", "Seconds": "s", "Percent": "%", "Count": "", "None": "", "Bytes": "B"}
_ADDRESS = re.compile(r"[\s:(]*\bhttps?://\S+")
_ARN = re.compile(r"arn:aws[\w-]*:[^\s,;()]*[^\s,;():.]")
_SETTING = re.compile(r"\b[a-z]+(?:_[a-z]+)+\b")


def short(target: str) -> str:
    """A resource's own name: `orders` for the ARN of the table, `checkout:live` for that of a function's alias."""
    if not (target.startswith("arn:") and target.count(":") >= 5):
        return target
    inside = target.split(":", 5)[-1].strip("/")
    if inside.startswith("restapis/"):
        return f"API stage {inside.rsplit('/', 1)[-1]}"
    name = re.split("[:/]", inside, maxsplit=1)[-1]
    return name.rsplit("/", 1)[-1] or inside


def shortened(text: str) -> str:
    """A text with every ARN in it replaced by the resource's own name."""
    return _ARN.sub(lambda found: short(found[0]), text)


def clock(at: datetime) -> str:
    """Time of day, such as `23:47:05 UTC`."""
    return f"{at:%H:%M:%S} UTC"


def plain(text: str) -> str:
    """Our own sentence with the names of settings as words: `read_capacity` becomes `read capacity`."""
    return _SETTING.sub(lambda found: found[0].replace("_", " "), text)


def figure(value: float | None, unit: str = "") -> str:
    """A measured value with as many digits as a reader can use, and its unit."""
    if value is None:
        return "no data"
    if value == 0 or abs(value) >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}".removesuffix(".0")
    return f"{text} {unit}" if unit and unit != "%" else f"{text}{unit}"


def unit_of(metric: MetricRef) -> str:
    """A series' unit as it is written behind a number."""
    if metric.unit:
        return _UNITS.get(metric.unit, metric.unit)
    return _METRICS.get(metric.name, ("", ""))[1] if metric.namespace.startswith("AWS/") else ""


def metric_words(metric: MetricRef) -> str:
    """What a series measures, such as `checkout-api: latency`; percentiles and maxima say so."""
    known = _METRICS.get(metric.name) if metric.namespace.startswith("AWS/") else None
    words = known[0] if known else metric.name
    if metric.statistic not in ("Average", "Sum", ""):
        words = f"{metric.statistic} {words}"
    of = metric.service or next(iter(metric.dimensions.values()), "")
    return f"{of}: {words}" if of else words


def headline(alert: Alert) -> str:
    """What broke, in one line: the watched series and its limit when the alert names one, else its title."""
    signal = alert.signal
    if signal is None:
        return alert.title
    limit = figure(signal.threshold, unit_of(signal.metric))
    return clean(f"{metric_words(signal.metric)} {signal.comparison} {limit}", 400)


def _changes(before: TargetState | None, after: TargetState | None) -> str:
    if before is None or after is None:
        return ""
    pairs = [(name, before.settings.get(name), now) for name, now in after.settings.items()]
    return ", ".join(f"{plain(name)} {_scalar(was)} → {_scalar(now)}" for name, was, now in pairs if was != now)


def _scalar(value: Scalar) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return "none" if value is None or value == "" else str(value)


def step_words(result: StepResult, *, undo: bool = False) -> str:
    """What a step did, such as `Set the capacity of orders: read capacity 400 → 800`."""
    name = short(result.target)
    did = _DONE.get(result.tool, f"{result.tool} on {{name}}").format(name=name)
    what = f"Undone: {did[:1].lower()}{did[1:]}" if undo and result.took_effect else f"Undo: {did}" if undo else did
    if not result.took_effect:
        return clean(f"{what}: {_STATUS[result.status]}" + (f" ({result.detail})" if result.detail else ""), 400)
    became = _changes(result.before, result.after) or result.detail
    already = f" ({_STATUS[result.status]})" if _STATUS[result.status] else ""
    return clean(f"{what}{': ' if became else ''}{became}{already}", 400)


def signal_words(signal: Signal, before: float | None, after: float | None) -> str:
    """How a watched series moved, such as `checkout-api: latency 1,250 ms → 885 ms (limit 1,000 ms)`."""
    unit = unit_of(signal.metric)
    limit = figure(signal.threshold, unit)
    return f"{metric_words(signal.metric)} {figure(before, unit)} → {figure(after, unit)} (limit {limit})"


def effects(signals: list[Signal], verification: Verification) -> list[str]:
    """Each watched series before acting and at the last reading."""
    if not verification.readings:
        return []
    last = verification.readings[-1].values
    before = verification.before.values if verification.before else ()
    return [
        signal_words(signal, before[n] if n < len(before) else None, last[n])
        for n, signal in enumerate(signals[: len(last)])
    ]


def gap_words(gap: Gap) -> str:
    """A gap without addresses and query texts, and without saying the same twice."""
    what = clean(_ADDRESS.split(gap.what, maxsplit=1)[0], 200).rstrip(" :(")
    head, _, tail = what.rpartition(": ")
    what = head if tail.lower() == gap.source.lower() else what
    return f"{gap.source}: {what}" + ("" if gap.kind in ("no_data", "truncated") else f" ({_GAPS[gap.kind]})")


def worst_first(gaps: tuple[Gap, ...]) -> list[Gap]:
    """What could not be learned before what was only shortened, and that before what was simply empty."""
    order = list(_GAPS)
    return sorted(gaps, key=lambda gap: order.index(gap.kind))


def certainty(hypothesis: Hypothesis) -> str:
    """How sure we are, and what that figure rests on: `72% (uncalibrated: 4 known outcomes)`."""
    known = f"{hypothesis.outcomes} known outcome{'' if hypothesis.outcomes == 1 else 's'}"
    if hypothesis.likelihood is None:
        return f"{hypothesis.confidence:.0%} (uncalibrated: {known})"
    return f"{hypothesis.likelihood:.0%} (fitted on {hypothesis.outcomes} outcomes)"
