"""How the review puts things to a reader who is tired or not an engineer."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from autopilot.incident.base import Scalar, Time
from autopilot.incident.cause import CAUSE_MEANING, CauseKind
from autopilot.incident.plan import StepStatus, TargetState
from autopilot.incident.reasoning_words import (
    dropped_words,
    order_words,
    planted_words,
    questions_words,
    standing_words,
    stopped_words,
    trial_words,
)
from autopilot.incident.state import Outcome
from autopilot.incident.verification import Verdict
from autopilot.incident.wording import certainty, figure, gap_words, headline, metric_words, plain, short, unit_of

__all__ = [
    "certainty", "dropped_words", "figure", "gap_words", "headline", "metric_words", "order_words", "plain",
    "planted_words", "questions_words", "short", "standing_words", "stopped_words", "trial_words", "unit_of",
]  # fmt: skip

OUTCOMES: dict[Outcome, str] = {
    "resolved": "Resolved: the service recovered after the action",
    "self_healed": "Recovered by itself: no action was needed",
    "handed_over": "Handed over to people",
    "aborted": "Stopped by a person",
    "observed": "Observed only: nothing was changed",
    "joined": "Joined another incident",
}
VERDICTS: dict[Verdict, str] = {
    "fixed": "fixed: healthy for the whole observation time",
    "self_healed": "self-healed: healthy before anything was changed",
    "no_data": "no data: the symptom could not be read, so recovery is not proven",
    "still_broken": "still broken: the symptom did not go away in time",
    "worse": "worse: the symptom grew after the action",
}
STATUSES: dict[StepStatus, str] = {
    "done": "done",
    "already": "not needed: it was already so",
    "changed_world": "not done: the target had changed since it was inspected",
    "refused": "refused by the system",
    "frozen": "not sent: changes were frozen",
    "failed": "failed",
    "unknown": "uncertain: the answer was lost",
}
MILESTONES = {
    "to_first_message": "First message",
    "to_diagnosis": "Diagnosis",
    "to_options": "Options",
    "to_decision": "Decision",
    "to_recovery": "Recovery",
}


def duration(seconds: float | None) -> str:
    """Such as `45 s`, `5 min 12 s` or `2 h 5 min`; a dash when it did not happen."""
    if seconds is None:
        return "\N{EN DASH}"
    total = round(seconds)
    if abs(total) < 60:
        return f"{total} s"
    minutes, rest = divmod(total, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def clock(at: Time | datetime) -> str:
    """The time of day in UTC."""
    return f"{at.astimezone(UTC):%H:%M:%S}"


def date(at: Time | datetime) -> str:
    """Date and time of day in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def number(value: float | None) -> str:
    """A measured value with as many digits as a reader can use."""
    if value is None:
        return "no data"
    if value == 0 or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def share(value: float | None) -> str:
    """A share of 1 as a percentage."""
    return "not measurable" if value is None else f"{value:.1%}".replace(".0%", "%")


def count(value: int | None) -> str:
    """A number of things, with thousands separated."""
    return "not measurable" if value is None else f"{value:,}"


def meaning(kind: CauseKind) -> str:
    """What a kind of cause means."""
    return CAUSE_MEANING[kind]


def setting_changes(before: TargetState | None, after: TargetState | None) -> list[tuple[str, str, str]]:
    """(setting, before, after) for each setting that differs."""
    was: Mapping[str, Scalar] = before.settings if before else {}
    now: Mapping[str, Scalar] = after.settings if after else {}
    names = [n for n in {**was, **now} if before and after and was.get(n) != now.get(n)]
    return [(name, _scalar(was.get(name)), _scalar(now.get(name))) for name in names]


def _scalar(value: Scalar) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)
