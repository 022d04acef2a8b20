"""Do several things at once: wait for all only so long, or keep what worked when one fails."""

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

WORKERS = 4
"""Parallel requests of one source: quick, and far below any API's rate limit."""


def attempt_all(tasks: Mapping[str, Callable[[], ResultT]], seconds: float) -> dict[str, ResultT | Exception]:
    """Run the tasks in parallel; the result of each, what it raised, or TimeoutError when it was not done in time.

    A late task is left behind on a daemon thread: its own timeouts end it, and nobody waits for it at exit.
    """
    done: queue.SimpleQueue[tuple[str, ResultT | Exception]] = queue.SimpleQueue()

    def run(name: str, task: Callable[[], ResultT]) -> None:
        try:
            done.put((name, task()))
        except Exception as error:  # noqa: BLE001 - handed to the caller, who decides
            done.put((name, error))

    for name, task in tasks.items():
        threading.Thread(target=run, args=(name, task), name=f"source {name}", daemon=True).start()
    outcomes: dict[str, ResultT | Exception] = {}
    until = time.monotonic() + seconds
    while len(outcomes) < len(tasks):
        try:
            name, outcome = done.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        outcomes[name] = outcome
    late = TimeoutError(f"no answer within {seconds:g} s")
    return {name: outcomes.get(name, late) for name in tasks}


def each(work: Callable[[ItemT], ResultT], items: Iterable[ItemT]) -> Iterator[tuple[ItemT, ResultT]]:
    """Work on the items, a few at a time; yields (item, result) in order, then raises the first error if any."""
    first: Exception | None = None
    with ThreadPoolExecutor(WORKERS) as pool:
        for item, future in [(item, pool.submit(work, item)) for item in items]:
            try:
                result = future.result()
            except Exception as error:  # noqa: BLE001 - raised below, after the others' results were used
                first = first or error
                continue
            yield item, result
    if first is not None:
        raise first
