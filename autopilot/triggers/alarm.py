"""A CloudWatch alarm's change of state, and the `Alert` it becomes. Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import quote

from autopilot.incident.alert import Alert
from autopilot.incident.base import Link, clean
from autopilot.incident.metric import Comparison, MetricRef, Signal
from autopilot.triggers.base import Ignored, Refused, Site, plausible, raw_text
from autopilot.triggers.conventions import SPARSE_COUNTERS, service_of, severity_of

Limit = tuple[Comparison, bool]
"""Comparison, and whether the threshold itself alarms."""
REASON = re.compile(r"(?:was|were) (?:not )?(greater|less) than (or equal to )?the threshold \(([-+.\deE]+)\)")


@dataclass(frozen=True)
class AlarmMetric:
    """The series an alarm watches."""

    namespace: str
    name: str
    dimensions: Mapping[str, str]
    statistic: str
    unit: str = ""


@dataclass(frozen=True)
class AlarmChange:
    """One state change of one alarm."""

    name: str
    state: str
    reason: str = ""
    description: str = ""
    previous: str = ""
    at: datetime | None = None
    region: str = ""
    account: str = ""
    arn: str = ""
    metric: AlarmMetric | None = None
    dimensions: Mapping[str, str] = field(default_factory=dict[str, str])
    limit: Limit | None = None
    threshold: float | None = None
    quiet_is_healthy: bool = False


def number(value: object) -> float | None:
    """A finite number, or None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        parsed = float(value)
    except (ValueError, OverflowError):
        return None
    return parsed if math.isfinite(parsed) else None


def limit_in(reason: str) -> tuple[Limit, float] | None:
    """Comparison and threshold from the sentence that CloudWatch writes as the reason."""
    match = REASON.search(reason)
    threshold = number(match.group(3)) if match else None
    if match is None or threshold is None:
        return None
    return ("above" if match.group(1) == "greater" else "below", bool(match.group(2))), threshold


def _signal(change: AlarmChange, service: str, region: str) -> Signal | None:
    """What verification can watch: a plain series with a fixed threshold."""
    metric = change.metric
    if metric is None or change.limit is None or change.threshold is None:
        return None
    quiet = change.quiet_is_healthy or metric.name in SPARSE_COUNTERS
    return Signal(
        metric=MetricRef(
            source="cloudwatch",
            namespace=metric.namespace,
            name=metric.name,
            dimensions=dict(metric.dimensions),
            statistic=metric.statistic,
            unit=metric.unit,
            region=region,
            service=service,
        ),
        comparison=change.limit[0],
        threshold=change.threshold,
        inclusive=change.limit[1],
        missing="healthy" if quiet else "unknown",
    )


def _labels(change: AlarmChange, via: str) -> dict[str, str]:
    metric = change.metric
    labels = {
        "alarm": change.name,
        "alarm_arn": change.arn,
        "via": via,
        "previous_state": change.previous,
        "namespace": metric.namespace if metric else "",
        "metric": metric.name if metric else "",
        "statistic": metric.statistic if metric else "",
        **{f"dimension.{name}": value for name, value in list(change.dimensions.items())[:30]},
    }
    return {name: value for name, value in labels.items() if value}


def _title(change: AlarmChange) -> str:
    """The rule in words, without the numbers of this firing: equal for repeated firings."""
    if change.metric is None or change.limit is None or change.threshold is None:
        return change.name
    return f"{change.name}: {change.metric.name} {change.limit[0]} {change.threshold:g}"


def to_alert(
    change: AlarmChange, *, external_id: str, via: str, site: Site, now: datetime, raw: str | bytes
) -> Alert | Ignored:
    """The alert of a state change. INSUFFICIENT_DATA is neither firing nor resolved: it starts nothing.

    Raises:
        Refused: 422 for a state that CloudWatch does not have.
    """
    if change.state == "INSUFFICIENT_DATA":
        return Ignored(f"alarm {change.name!r} has insufficient data: neither firing nor resolved")
    if change.state not in ("ALARM", "OK"):
        raise Refused(
            422, f"{change.state!r} is not an alarm state.", field="NewStateValue",
            remedy="Use ALARM, OK or INSUFFICIENT_DATA.",
        )  # fmt: skip
    region = change.region or site.region
    service = service_of(change.dimensions, change.name)
    home = f"https://{region}.console.aws.amazon.com/cloudwatch/home?region={region}"
    link = Link(title="Alarm in CloudWatch", url=f"{home}#alarmsV2:alarm/{quote(change.name, safe='')}")
    return Alert(
        source="cloudwatch",
        external_id=external_id,
        title=_title(change),
        service=service,
        environment=site.environment,
        region=region,
        account=change.account,
        severity=severity_of(change.description, change.name),
        status="firing" if change.state == "ALARM" else "resolved",
        description=clean(f"{change.description}\n{change.reason}", 4_000, lines=True),
        started_at=plausible(change.at, now),
        received_at=now,
        labels=_labels(change, via),
        signal=_signal(change, service, region),
        links=(link,) if region else (),
        raw=raw_text(raw),
    )
