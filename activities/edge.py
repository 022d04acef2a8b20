"""The edge between ports and Temporal: one mapping of failures, one heartbeat for long work."""

import contextvars
import functools
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta
from typing import ParamSpec, TypeVar

import structlog
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from autopilot.incident.ports import Attempt, Failure

P = ParamSpec("P")
R = TypeVar("R")

_BEAT = 1.0
"""Seconds between heartbeats; the SDK sends fewer when the timeout allows."""
_LONGEST_RETRY_AFTER = 60.0
_LONGEST_ATTEMPT = 60.0
_SHORTEST_ATTEMPT = 1.0
_TO_ANSWER = 2.0
"""Seconds that an attempt leaves for telling what came of it."""


@contextmanager
def beating() -> Generator[None]:
    """Heartbeat from a side thread, so that the death of this worker is noticed within seconds."""
    done = threading.Event()

    def beat() -> None:
        while not done.wait(_BEAT):
            activity.heartbeat()

    thread = threading.Thread(target=contextvars.copy_context().run, args=(beat,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def to_application_error(failure: Failure) -> ApplicationError:
    """Who can mend it decides: only what time may mend is tried again."""
    delay = failure.retry_after
    expected = failure.who == "retry"
    return ApplicationError(
        str(failure)[:2_000],
        type=f"Failure.{failure.who}",
        non_retryable=failure.who in ("operator", "developer"),
        next_retry_delay=timedelta(seconds=min(delay, _LONGEST_RETRY_AFTER)) if delay is not None else None,
        category=ApplicationErrorCategory.BENIGN if expected else ApplicationErrorCategory.UNSPECIFIED,
    )


def this_attempt() -> Attempt:
    """Which attempt the running activity is, and how long it may take; 0 when nothing sensible fits any more."""
    info = activity.info()
    limits = [limit.total_seconds() for limit in (info.start_to_close_timeout,) if limit is not None]
    if info.schedule_to_close_timeout is not None:
        # Both times are the server's: no clock of ours is compared with them.
        limits.append((info.schedule_to_close_timeout - (info.started_time - info.scheduled_time)).total_seconds())
    seconds = min(limits, default=_LONGEST_ATTEMPT) - _TO_ANSWER
    return Attempt(number=info.attempt, seconds=seconds if seconds >= _SHORTEST_ATTEMPT else 0.0)


def this_call() -> str:
    """Names this activity over all its attempts, and no other: its id alone is whatever its workflow chose."""
    info = activity.info()
    return f"{(info.workflow_run_id or '')[:12]}.{info.activity_id}"


def guarded(call: Callable[P, R]) -> Callable[P, R]:
    """Run a port under heartbeat and turn its Failure into Temporal's terms."""

    @functools.wraps(call)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        info = activity.info()
        try:
            about = structlog.contextvars.bound_contextvars(incident=info.workflow_id, activity=info.activity_type)
            with about, beating():
                return call(*args, **kwargs)
        except Failure as failure:
            raise to_application_error(failure) from failure

    return run
