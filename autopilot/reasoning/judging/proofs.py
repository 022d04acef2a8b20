"""What the answer of a probe proves: kind of cause, probe and outcome in one table, which no author can change.

A test counts as *decisive* when its answer settles the matter by itself: a hypothesis that passes such a test could
have been refuted by it. An answer that is not in the table proves nothing, whoever asked for it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Finding
from autopilot.incident.investigation import Probe, ProbeName, ProbeOutcome, ProbeResult
from autopilot.reasoning.judging.signs import SATURATION

Topic = Literal[
    "demand", "cpu", "memory", "disk", "connections", "locks", "limit", "packets",
    "work_per_request", "slow_queries", "throttling", "load", "way", "callees", "callers", "calls", "own_time",
    "change",
    "certificate", "permission", "image", "exit", "startup", "quota", "schedule", "data", "room",
]  # fmt: skip
"""What a probe really asks about, by its arguments and by what was found."""


@dataclass(frozen=True)
class Meaning:
    """What one outcome says of one kind of cause."""

    says: Literal["held", "refuted"]
    decisive: bool = False


HELD, REFUTED = Meaning("held"), Meaning("refuted")
PASSED, KILLED = Meaning("held", decisive=True), Meaning("refuted", decisive=True)

_Outcomes = Mapping[ProbeOutcome, Meaning]


def _when(rose: Meaning | None, unchanged: Meaning | None) -> _Outcomes:
    """What a rise means, and what it means that there is none although it would show."""
    said: dict[ProbeOutcome, Meaning] = {}
    if rose is not None:
        said |= {"rose": rose, "present": rose}
    if unchanged is not None:
        said |= {"unchanged": unchanged, "fell": unchanged, "absent": unchanged}
    return said


_BOUNDED: tuple[CauseKind, ...] = (
    "capacity", "throttled", "quota", "connection_pool", "memory", "cpu", "disk", "scheduling",
)  # fmt: skip
"""Causes that are a limit which is reached."""

PROOFS: Mapping[Topic, Mapping[CauseKind, _Outcomes]] = {
    "demand": {"traffic_surge": _when(HELD, KILLED)},
    "cpu": {"cpu": _when(PASSED, KILLED), "batch_job": _when(HELD, REFUTED)},
    "memory": {"memory": _when(PASSED, KILLED)},
    "disk": {"disk": _when(PASSED, REFUTED)},
    "connections": {"connection_pool": _when(PASSED, KILLED)},
    "locks": {"lock_contention": _when(PASSED, KILLED)},
    "limit": {
        "throttled": _when(PASSED, KILLED), "capacity": _when(PASSED, KILLED), "quota": _when(PASSED, KILLED),
        "network": _when(KILLED, None),
    },
    "throttling": {
        "throttled": _when(PASSED, KILLED), "capacity": _when(PASSED, KILLED), "quota": _when(PASSED, REFUTED),
        "network": _when(KILLED, None),
    },
    "packets": {"network": _when(PASSED, REFUTED)},
    "work_per_request": {
        "bad_deploy": _when(PASSED, REFUTED), "slow_query": _when(PASSED, KILLED),
        "traffic_surge": _when(KILLED, PASSED), "capacity": _when(REFUTED, None), "throttled": _when(REFUTED, None),
    },
    "slow_queries": {"slow_query": _when(PASSED, KILLED), "bad_deploy": _when(HELD, None)},
    "load": {
        "capacity": _when(HELD, KILLED), "batch_job": _when(HELD, KILLED), "traffic_surge": _when(HELD, REFUTED),
    },
    "way": {"network": _when(PASSED, KILLED)},
    # A suspected dependency may be the failing service itself: that what it calls is well does not clear it.
    "callees": {"dependency": _when(HELD, None), "network": _when(None, REFUTED)},
    "callers": {"dependency": _when(HELD, None)},
    # Who never makes such calls (`absent`) cannot say how they are answered.
    "calls": {
        "dependency": {"rose": PASSED, "unchanged": KILLED, "fell": KILLED},
        "network": {"rose": HELD, "unchanged": KILLED, "fell": KILLED},
    },
    "own_time": {"bad_deploy": _when(HELD, REFUTED), "cpu": _when(HELD, REFUTED)},
    "change": {"bad_deploy": _when(None, KILLED), "config_change": _when(None, KILLED)},
    "room": dict.fromkeys(_BOUNDED, _when(PASSED, REFUTED)),
    "certificate": {"certificate": _when(HELD, REFUTED)},
    "permission": {"permission": _when(HELD, REFUTED)},
    "image": {"image": _when(HELD, REFUTED)},
    "exit": {"crash": _when(HELD, REFUTED)},
    "startup": {"startup": _when(HELD, REFUTED)},
    "quota": {"quota": _when(HELD, REFUTED)},
    "schedule": {"batch_job": _when(HELD, REFUTED)},
    "data": {"data": _when(HELD, REFUTED)},
}  # fmt: skip
"""Topic → kind of cause → outcome → what it says. What is missing says nothing."""

_ANY_CASE = re.IGNORECASE
_METRICS: tuple[tuple[Topic, re.Pattern[str]], ...] = (
    ("limit", re.compile(r"throttl|reject|queue_?full", _ANY_CASE)),
    ("connections", re.compile(r"connection|pool|session", _ANY_CASE)),
    ("locks", re.compile(r"deadlock|lock(?!e?r)|wait_?event", _ANY_CASE)),
    ("memory", re.compile(r"mem(?:ory)?|heap|oom|rss", _ANY_CASE)),
    ("cpu", re.compile(r"cpu|processor", _ANY_CASE)),
    ("disk", re.compile(r"disk|storage|volume|iops|filesystem", _ANY_CASE)),
    ("packets", re.compile(r"packet|retrans|network_?(?:drop|loss|error)", _ANY_CASE)),
    (
        "demand",
        re.compile(r"^(?:count|hits|rps|qps|traffic)$|request_?(?:count|rate|s)?$|invocations?$", _ANY_CASE),
    ),
)  # fmt: skip
_LINES: tuple[tuple[Topic, re.Pattern[str]], ...] = (
    ("certificate", re.compile(r"cert(?:ificate)?s?|x\.?509|tls|ssl", _ANY_CASE)),
    (
        "permission",
        re.compile(r"(?:access ?)?denied|forbidden|unauthori[sz]ed|permission|credential", _ANY_CASE),
    ),
    ("image", re.compile(r"image(?:pull\w*)?|registry|manifest", _ANY_CASE)),
    ("exit", re.compile(r"exit(?:ed)?|crash\w*|panic|segfault|killed", _ANY_CASE)),
    ("startup", re.compile(r"ready|readiness|startup|unhealthy", _ANY_CASE)),
    ("quota", re.compile(r"quota(?: exceeded)?", _ANY_CASE)),
    ("schedule", re.compile(r"cron\w*|batch|backup|scheduled", _ANY_CASE)),
    ("data", re.compile(r"migration|schema|corrupt\w*", _ANY_CASE)),
    ("memory", re.compile(r"out of memory|oom\w*|memory|heap", _ANY_CASE)),
    ("disk", re.compile(r"no space(?: left)?|disk(?: full)?", _ANY_CASE)),
    ("connections", re.compile(r"connections?|pool", _ANY_CASE)),
    ("locks", re.compile(r"deadlock|lock", _ANY_CASE)),
    ("throttling", re.compile(r"throttl\w*|rate exceeded|too many requests", _ANY_CASE)),
)
_ASPECTS: Mapping[str, Topic] = {
    "work_per_request": "work_per_request", "slow_queries": "slow_queries", "throttling": "throttling",
    "connections": "connections", "locks": "locks", "load": "load",
}  # fmt: skip


def is_usual(words: str) -> bool:
    """Whether somebody asks in the words that code itself would ask in."""
    return any(pattern.fullmatch(words) for _, pattern in (*_LINES, *_METRICS))


def _text(probe: Probe, name: str) -> str:
    return str(probe.arguments.get(name) or "").strip()


def _of_metric(probe: Probe, findings: Sequence[Finding]) -> Iterator[Topic]:
    """By the series that were found, else by the name that was asked for."""
    found = [f.metric.name for f in findings[:1] if f.metric]
    names = found or [_text(probe, "metric")]
    for topic, pattern in _METRICS:
        if all(pattern.search(name) for name in names):
            yield topic
            return


def _of_lines(probe: Probe) -> Iterator[Topic]:
    """Only short, general words: that no line holds some long text of a model's proves nothing."""
    text = _text(probe, "text")
    for topic, pattern in _LINES:
        if pattern.fullmatch(text):
            yield topic


def topics(probe: Probe, findings: Sequence[Finding] = ()) -> tuple[Topic, ...]:
    """What a probe, or its answer with these findings, is about."""
    by_name = probe.name
    single: Mapping[ProbeName, Topic] = {"network": "way", "deploy_diff": "change", "settings": "room"}
    if by_name in single:
        return (single[by_name],)
    if by_name == "metric":
        return tuple(_of_metric(probe, findings))
    if by_name == "logs":
        return tuple(_of_lines(probe))
    if by_name == "database":
        aspect = _ASPECTS.get(_text(probe, "aspect"))
        return (aspect,) if aspect else ()
    if by_name == "trace":
        return ("calls",) if _text(probe, "callee") else ("own_time",)
    around: Mapping[str, Topic] = {"callees": "callees", "callers": "callers"}
    topic = around.get(_text(probe, "direction")) if by_name == "neighbours" else None
    return (topic,) if topic else ()


def outcome_of(kind: CauseKind, result: ProbeResult) -> ProbeOutcome:
    """The outcome as the table reads it: settings tell by whether the limit that matters is reached."""
    if result.probe.name != "settings" or result.outcome == "unknown":
        return result.outcome
    own = SATURATION.get(kind)
    limits = [f for f in result.findings if f.kind == "state" and f.observed is not None]
    mine = [f for f in limits if own is None or own.search(f.summary.partition(" ")[0])]
    return "unknown" if not mine else "present" if any(f.cause_kind == "capacity" for f in mine) else "absent"


def meaning(kind: CauseKind, topic: Topic, outcome: ProbeOutcome) -> Meaning | None:
    """What an outcome says of a kind of cause; None when it says nothing."""
    return PROOFS.get(topic, {}).get(kind, {}).get(outcome)


def concerns(kind: CauseKind, topic: Topic) -> bool:
    """Whether any answer about a topic could say something of a kind of cause."""
    return kind in PROOFS.get(topic, {})


def refutes(kind: CauseKind, topic: Topic) -> bool:
    """Whether some answer about a topic would speak against a kind of cause."""
    return any(said.says == "refuted" for said in PROOFS.get(topic, {}).get(kind, {}).values())
