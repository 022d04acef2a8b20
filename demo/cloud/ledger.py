"""What the product did to the cloud, counted on the cloud's side; and calls that are held on their way."""

import asyncio
from collections import Counter
from typing import Literal, TypedDict

from demo.cloud.wire import Call

Stage = Literal["request", "response"]


class CloudWrite(TypedDict):
    """How often one step took effect on one target."""

    key: str
    action: str
    target: str
    count: int


class Held:
    """A write that is stopped on its way: before it reaches the cloud, or before its answer gets back."""

    def __init__(self, stage: Stage, action: str | None) -> None:
        self.stage, self.action = stage, action
        self.call: Call | None = None
        self._arrived, self._released = asyncio.Event(), asyncio.Event()

    def matches(self, call: Call, stage: Stage) -> bool:
        """Whether this is the call to hold."""
        return self.call is None and stage == self.stage and self.action in (None, call.action)

    async def wait(self) -> Call:
        """Until a write is being held; says which."""
        await self._arrived.wait()
        if self.call is None:  # pragma: no cover - set before the event
            raise RuntimeError("nothing is held")
        return self.call

    def release(self) -> None:
        """Let it go on. A request whose sender has gone by then never reaches the cloud."""
        self._released.set()

    async def stop(self, call: Call) -> None:
        """Hold the call until released."""
        self.call = call
        self._arrived.set()
        await self._released.wait()


class Ledger:
    """Counts of effects per step, target and action, in order of first appearance."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, str]] = Counter()
        self._holds: list[Held] = []

    def count(self, call: Call) -> None:
        """A keyed write took effect."""
        self._counts[call.key, call.action, call.target] += 1

    def writes(self) -> list[CloudWrite]:
        """All effects so far."""
        return [
            CloudWrite(key=key, action=action, target=target, count=count)
            for (key, action, target), count in self._counts.items()
        ]

    def hold_next(self, stage: Stage, action: str | None) -> Held:
        """Hold the next write (of an action such as `dynamodb:UpdateTable`, if given)."""
        held = Held(stage, action)
        self._holds.append(held)
        return held

    async def pause(self, call: Call, stage: Stage) -> None:
        """Called by the proxy at each stage; waits where a hold is set."""
        held = next((held for held in self._holds if held.matches(call, stage)), None)
        if held:
            await held.stop(call)

    def release_all(self) -> None:
        """Let everything go on, for the end of a run."""
        for held in self._holds:
            held.release()
