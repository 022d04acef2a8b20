"""A clue: a finding on its way into the dossier, with what only the analysis needs to know about it."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from autopilot.analysis.windows import moment
from autopilot.incident.base import TimeWindow
from autopilot.incident.cause import MECHANISMS, CauseKind, Mechanism
from autopilot.incident.finding import Finding, FindingKind, Provenance
from autopilot.incident.metric import MetricRef

Signal = Literal[
    "latency", "errors", "throttling", "traffic", "work", "saturation", "headroom", "capacity", "availability",
    "other", "work_per_request", "utilisation", "log", "self_time", "own_errors", "pattern", "change", "version",
    "state", "alarm", "recurrence", "impact", "trend", "split", "condition",
    "record",
]  # fmt: skip
"""What a clue speaks of; finer than the finding's kind."""

About = Literal["itself", "callees", "host"]
"""Of what a component's series speaks: of it, of what it calls (measured where calls leave), of what it runs on."""

SYMPTOMS: frozenset[Signal] = frozenset(
    {
        "latency",
        "errors",
        "throttling",
        "saturation",
        "headroom",
        "availability",
        "self_time",
        "own_errors",
        "pattern",
    }
)
"""Signals that are bad by themselves. Traffic or capacity that moves is not, until something suffers."""

LOCATED: frozenset[Signal] = frozenset({"self_time", "own_errors", "pattern"})
"""Signals that followed the calls of single traces: they blame where trouble begins, whatever suffers below."""


@dataclass(frozen=True, eq=False)
class Clue:
    """One finding without its number. Equality is identity: two equal facts are still two clues."""

    finding: Finding
    signal: Signal
    onset: int | None = None
    """Microseconds; None when the fact has no beginning."""
    uncertainty: int = 0
    """Microseconds either side of the onset."""
    adverse: bool = False
    """Whether it moved to the bad side."""
    reach: frozenset[str] = frozenset()
    """Further services that depend on what it speaks of: those of a node, of a namespace."""
    follows: float | None = None
    """How closely its series follows the course of the symptom, 0 to 1; None when nothing can be compared."""
    about: About = "itself"
    """Of what it speaks, seen from its service."""
    mentions: str = ""
    """Text in which names of resources and services may be looked for."""

    @property
    def service(self) -> str:
        """The service it speaks of."""
        return self.finding.service

    @property
    def score(self) -> float:
        """How unlike the baseline, 0 to 1."""
        return self.finding.score

    @property
    def plain_symptom(self) -> bool:
        """Whether it is a symptom that names no cause: it says where it hurts, not why."""
        return self.adverse and self.signal in SYMPTOMS and self.finding.cause_kind is None

    def moved_by(self, at: int, tolerance: int = 0) -> bool:
        """Whether its onset may lie at or before `at`."""
        return self.onset is not None and self.onset - self.uncertainty <= at + tolerance


_SHORT = {
    "Milliseconds": " ms", "Seconds": " s", "Percent": "%", "%": "%", "Bytes": " B", "bytes": " B", "Count": "",
    "count": "", "None": "",
}  # fmt: skip


def significant(value: float, digits: int = 6) -> float:
    """Rounded to significant digits, so that the last bits of arithmetic never reach the dossier."""
    if not math.isfinite(value):
        return 0.0
    return float(f"{value:.{digits}g}")


def amount(value: float, unit: str = "") -> str:
    """A number with its unit as a person reads it: three significant digits, plain notation where that is short."""
    if unit == "share":
        return f"{significant(100 * value, 3):g}%"
    rounded = significant(value, 3)
    text = f"{rounded:g}" if abs(rounded) < 1e15 else f"{rounded:.3g}"
    if "e+" in text and abs(rounded) < 1e9:
        text = f"{rounded:.0f}"
    tail = _SHORT.get(unit, f" {unit[:24]}" if unit else "")
    return f"{text}{tail}"


def clock(at: int | datetime) -> str:
    """Time of day in UTC."""
    when = moment(at) if isinstance(at, int) else at
    return f"{when:%H:%M} UTC" if when.second == 0 else f"{when:%H:%M:%S} UTC"


def make_finding(
    kind: FindingKind,
    *,
    service: str,
    window: TimeWindow,
    score: float,
    summary: str,
    provenance: Provenance,
    resource: str = "",
    region: str = "",
    onset: int | None = None,
    uncertainty: int = 0,
    direction: Literal["up", "down", "new", "gone", "none"] = "none",
    size: float = 0.0,
    baseline: float | None = None,
    observed: float | None = None,
    unit: str = "",
    cause_kind: CauseKind | None = None,
    mechanism: Mechanism | None = None,
    change_id: str = "",
    authors: tuple[str, ...] = (),
    metric: MetricRef | None = None,
) -> Finding:
    """A finding without a number yet; figures rounded, text bounded by the model. A mechanism implies its kind."""
    return Finding(
        id="",
        kind=kind,
        service=service or resource or "unknown",
        resource=resource,
        region=region,
        window=window,
        onset=None if onset is None else moment(onset),
        onset_uncertainty=round(uncertainty / 1_000_000, 3),
        direction=direction,
        size=significant(size),
        baseline=None if baseline is None else significant(baseline),
        observed=None if observed is None else significant(observed),
        unit=unit[:40],
        score=round(min(max(score, 0.0), 1.0), 4),
        summary=summary,
        cause_kind=MECHANISMS[mechanism][0] if mechanism else cause_kind,
        mechanism=mechanism,
        change_id=change_id,
        authors=authors,
        metric=metric,
        provenance=provenance,
    )
