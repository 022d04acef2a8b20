"""How activities are called: every one with deadlines and bounded attempts, in seven kinds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypeVar, overload

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.workflow import ActivityCancellationType

A = TypeVar("A")
R = TypeVar("R")

HEARTBEAT = timedelta(seconds=10)
"""A worker that is silent for so long is dead, and its work is given to another."""
_SUMMARY = 180
"""Temporal keeps 200 bytes of a summary."""


@dataclass(frozen=True)
class Kind:
    """Deadlines in seconds: of one attempt, of all attempts together."""

    attempt: float
    total: float
    attempts: int
    wait_when_cancelled: bool = False

    def within(self, seconds: float) -> "Kind":
        """The same within so many seconds, but enough for one quick answer; a further attempt keeps its share."""
        total = max(5.0, min(self.total, seconds))
        return replace(self, attempt=self.attempt * total / self.total, total=total)


QUICK = Kind(15, 90, 5)
"""Reads and rules of our own."""
COLLECT = Kind(60, 100, 2)
"""One source; what it cannot deliver in time becomes a gap."""
THINK = Kind(120, 300, 3)
"""Analysis and model calls."""
ASK = Kind(45, 60, 3)
"""One model call per attempt, within what a time limit leaves. Without an answer code goes on alone."""
TELL = Kind(15, 60, 4)
"""Messages to people; a dead channel must not hold up an incident."""
ACT = Kind(120, 900, 6, wait_when_cancelled=True)
"""A change of a watched system: its tool makes repeating safe."""
UNDO = Kind(120, 3_600, 20)
"""Undoing is tried for long: a half-done change is the worst place to stop."""


@overload
async def call(activity: Callable[[Any, A], Awaitable[R]], arg: A, kind: Kind, summary: str) -> R: ...
@overload
async def call(activity: Callable[[Any, A], R], arg: A, kind: Kind, summary: str) -> R: ...
async def call(activity: Any, arg: object, kind: Kind, summary: str) -> object:
    """Run an activity; `summary` is what a tired operator reads on the timeline."""
    waits = ActivityCancellationType.WAIT_CANCELLATION_COMPLETED
    return await workflow.execute_activity_method(
        activity,
        arg,
        start_to_close_timeout=timedelta(seconds=kind.attempt),
        schedule_to_close_timeout=timedelta(seconds=kind.total),
        heartbeat_timeout=HEARTBEAT,
        cancellation_type=waits if kind.wait_when_cancelled else ActivityCancellationType.TRY_CANCEL,
        retry_policy=RetryPolicy(
            initial_interval=timedelta(seconds=1),
            maximum_interval=timedelta(seconds=20),
            maximum_attempts=kind.attempts,
        ),
        summary=summary.encode()[:_SUMMARY].decode(errors="ignore"),
    )
