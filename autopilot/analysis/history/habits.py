"""Habits: like records that return by the calendar or after each deploy, when the next return is now.

A day of the month, a weekday at an hour or an hour of the day counts when most of the like records fall on it, in
enough different months, weeks or days, and the incident does too. All times are UTC.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from autopilot.analysis.clue import Clue, make_finding
from autopilot.incident.base import TimeWindow, clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Provenance

Row = dict[str, Any]
Rhythm = Literal["deploy", "month", "week", "day"]
_MOST_OF_THEM = 0.6
"""Share of the like records that must keep the rhythm; chance leaves a thirtieth on a day of the month."""
_LEAST: dict[Rhythm, int] = {"deploy": 3, "month": 3, "week": 3, "day": 4}
"""Returns that make a habit."""
_HOUR_OFF = timedelta(hours=1)
"""How far from the hour of the incident a weekly or daily return may lie."""
_AFTER_DEPLOY = timedelta(hours=2)
_SHOWN = 6


@dataclass(frozen=True)
class _Habit:
    rhythm: Rhythm
    rows: tuple[Row, ...]
    words: str
    cause: CauseKind
    advice: str


def habit_clues(rows: Sequence[Row], deploys: Sequence[datetime], now: datetime) -> list[Clue]:
    """At most one finding: the most telling rhythm that the records keep and the incident meets.

    Args:
        rows: Records of like trouble, each with time, id, title, body and service.
        deploys: When something was deployed, as far as it is recorded.
        now: When the alarm fired.
    """
    calendar = (habit for find in (_by_month, _by_week, _by_day) if (habit := find(rows, now)))
    found = _by_deploy(rows, deploys, now) or next(calendar, None)
    return [_clue(found, now)] if found else []


def _by_deploy(rows: Sequence[Row], deploys: Sequence[datetime], now: datetime) -> _Habit | None:
    def follows(at: datetime) -> bool:
        return any(timedelta(0) <= at - deploy <= _AFTER_DEPLOY for deploy in deploys)

    if not follows(now):
        return None
    kept = [row for row in rows if follows(row["time"])]
    return _habit(
        "deploy", rows, kept, lambda at: at, "right after a deploy", "bad_deploy", "look at what deploys do"
    )


def _by_month(rows: Sequence[Row], now: datetime) -> _Habit | None:
    kept = [row for row in rows if row["time"].day == now.day]
    words = f"on day {now.day} of the month"
    return _habit(
        "month", rows, kept, lambda at: (at.year, at.month), words, "batch_job", "look for work scheduled monthly"
    )


def _by_week(rows: Sequence[Row], now: datetime) -> _Habit | None:
    kept = [row for row in rows if row["time"].weekday() == now.weekday() and _same_hour(row["time"], now)]
    words = f"on {now:%A} about {now:%H}:00 UTC"
    return _habit(
        "week", rows, kept, lambda at: at.isocalendar()[:2], words, "batch_job", "look for work scheduled weekly"
    )


def _by_day(rows: Sequence[Row], now: datetime) -> _Habit | None:
    kept = [row for row in rows if _same_hour(row["time"], now)]
    words = f"about {now:%H}:00 UTC"
    return _habit("day", rows, kept, lambda at: at.date(), words, "batch_job", "look for work scheduled daily")


def _same_hour(a: datetime, b: datetime) -> bool:
    apart = abs((a.hour * 60 + a.minute) - (b.hour * 60 + b.minute))
    return min(apart, 24 * 60 - apart) <= _HOUR_OFF.total_seconds() / 60


def _habit(
    rhythm: Rhythm,
    rows: Sequence[Row],
    kept: Sequence[Row],
    turn: Callable[[datetime], Hashable],
    words: str,
    cause: CauseKind,
    advice: str,
) -> _Habit | None:
    """The habit, when enough turns and most of the records keep it; several records of one turn are one return."""
    turns: dict[Hashable, Row] = {}
    for row in sorted(kept, key=lambda r: (r["time"], r["id"])):
        turns.setdefault(turn(row["time"]), row)
    if len(turns) < _LEAST[rhythm] or len(kept) < _MOST_OF_THEM * len(rows):
        return None
    return _Habit(rhythm, tuple(turns.values()), words, cause, advice)


def _clue(habit: _Habit, now: datetime) -> Clue:
    rows = habit.rows
    dates = ", ".join(f"{row['time']:%Y-%m-%d %H:%M}" for row in rows[-_SHOWN:])
    ids = ", ".join(clean(row["id"], 40) for row in rows[-_SHOWN:])
    finding = make_finding(
        "recurrence",
        service=rows[-1]["service"] or "unknown", window=TimeWindow(start=rows[0]["time"], end=now),
        size=float(len(rows)), observed=float(len(rows)), unit="records", score=0.7, cause_kind=habit.cause,
        summary=f"Like records fall {habit.words} {len(rows)} times ({dates}), and so does this: {habit.advice}",
        provenance=Provenance(source="records", query=f"records by {habit.rhythm}: {ids}"[:1_000]),
    )  # fmt: skip
    return Clue(finding, "recurrence")
