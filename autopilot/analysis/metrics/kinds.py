"""What a metric is about, inferred from its name and unit: data, read top to bottom, first match wins."""

import re
from dataclasses import dataclass
from functools import lru_cache

from autopilot.analysis.clue import About, Signal
from autopilot.incident.cause import CauseKind

_RULES: tuple[tuple[Signal, str], ...] = (
    ("throttling", r"throttl|rate_limit|reject|\b429\b"),
    (
        "availability",
        r"availab(?!le_(mem|stor|space|byte|disk|conn))|uptime|^up$|success_(rate|ratio|share)|"
        r"healthy_host|ready",
    ),
    (
        "errors",
        r"error|fault(?!_in)|\b5_?xx\b|\b4_?xx\b|fail|exception|timeout|timed_out|drop|refus|unhealthy|"
        r"abort|retr(y|ies)|restart|oom|panic|crash",
    ),
    ("capacity", r"provisioned|limit|quota|desired|allocat|max_(conn|size|capacity)|replicas"),
    ("headroom", r"free|remaining|headroom|credit_balance|available"),
    (
        "work",
        r"consumed|read_(units|ops|rows)|write_(units|ops)|iops|rows_|queries|db_calls|scanned|syscall|"
        r"system_call",
    ),
    (
        "latency",
        r"latenc|duration|response_time|elapsed|delay|_lag|\blag\b|age_of|_time(_ms|_s|_seconds)?$|"
        r"\bp\d\d\b|\brtt?\b",
    ),
    (
        "saturation",
        r"utili[sz]ation|cpu|mem(ory)?\b|\bheap|\brss\b|working_set|disk_us|\busage|\bused|connection|"
        r"concurren|queue|backlog|\bpool|thread|\bload_?\d|depth|pending|swap|lock|socket|inflight|"
        r"in_flight",
    ),
    ("work_per_request", r"_per_(request|req|call|transaction|operation|message|order)\b"),
    (
        "traffic",
        r"request|invocation|\bcount$|\bcalls?\b|\bhits?\b|\bqps\b|\brps\b|\btps\b|throughput|bytes|"
        r"packet|messages|traffic|workload|\bload$|receive|transmit|network|sent",
    ),
)  # fmt: skip
_BY_UNIT: tuple[tuple[Signal, str], ...] = (
    ("latency", r"^(milliseconds|microseconds|seconds|ms|us|s)$"),
    ("saturation", r"^(percent|%)$"),
    ("traffic", r"^(count|count/second|requests?|requests?/s|1/s|bytes/second)$"),
)
_OUTWARD = re.compile(
    r"\b(client(?! errors?\b)|outbound|outgoing|egress|upstream|downstream_call|dependency|callee)\b"
)
"""Measured where calls leave: what a caller waits for or fails on is not its own doing."""
_SHARED = re.compile(r"\b(node(?! js)|host|machine|instance_group)\b")
"""Measured on what many components share."""
_CAUSES: tuple[tuple[CauseKind, str], ...] = (
    ("throttled", r"throttl|rate_limit|reject|\b429\b"),
    ("memory", r"mem(ory)?\b|heap|\brss\b|working_set|swap|\boom"),
    ("cpu", r"cpu|\bload_?\d"),
    ("connection_pool", r"connection|\bpool|socket"),
    ("disk", r"disk|storage|volume|iops|filesystem|inode"),
    ("lock_contention", r"lock|deadlock"),
    ("capacity", r"concurren|queue|backlog|thread|depth|pending|inflight|in_flight"),
    ("crash", r"restart"),
    ("network", r"packet|\brtt|dns"),
)


RISING: tuple[Signal, ...] = ("latency", "errors", "throttling")
"""What users feel when it rises."""
FALLING: tuple[Signal, ...] = ("availability",)
"""What users feel when it falls."""


@dataclass(frozen=True)
class MetricKind:
    """What a metric tells, and which cause it hints at when it moves to the bad side."""

    signal: Signal
    cause: CauseKind | None
    counter: bool
    """The name says that it only ever grows."""
    about: About = "itself"
    """What it speaks of, seen from the component that reports it."""

    def adverse(self, direction: str) -> bool:
        """Whether this direction is the bad one."""
        if self.signal in ("availability", "headroom", "capacity"):
            return direction == "down"
        return (
            self.signal in ("latency", "errors", "throttling", "saturation", "work_per_request")
            and direction == "up"
        )


def words(name: str) -> str:
    """`ReadThrottleEvents` → `read_throttle_events`, so that one rule fits every naming style."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name[:200])
    return re.sub(r"[^a-z0-9]+", "_", spaced.lower()).strip("_")


def _match(rules: tuple[tuple[Signal, str], ...], text: str) -> Signal | None:
    # Underscores become spaces so that \b marks the edge of a word; rules write `_` for the gap within one.
    spaced = text.replace("_", " ")
    return next((kind for kind, rule in rules if re.search(rule.replace("_", "[ _]"), spaced)), None)


@lru_cache(maxsize=4096)
def kind_of(metric: str, unit: str) -> MetricKind:
    """The kind of a metric. Unknown names fall back to the unit, then to `other`."""
    name = words(metric)
    signal = _match(_RULES, name) or _match(_BY_UNIT, unit.lower()) or "other"
    spaced = name.replace("_", " ")
    cause: CauseKind | None = next(
        (kind for kind, rule in _CAUSES if re.search(rule.replace("_", "[ _]"), spaced)), None
    )
    counter = re.search(r" (total|count|sum)$", spaced) is not None
    about: About = "itself"
    if signal in ("latency", "errors", "availability") and _OUTWARD.search(spaced):
        about = "callees"
    elif _SHARED.search(spaced):
        about = "host"
    names_cause = about != "callees" and signal in ("throttling", "saturation", "headroom", "errors")
    return MetricKind(signal, cause if names_cause else None, counter, about)
