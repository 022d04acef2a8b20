"""What the gateway turns away, in the audit record: bounded, so that a flood can neither fill the disk nor hide."""

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import structlog
from starlette.requests import Request

from autopilot.incident.audit import AuditLog, Entry
from autopilot.incident.base import clean
from autopilot.incident.ports import Failure

log = structlog.get_logger()

MOST = 30
"""Entries within `SECONDS`, for proven and for unknown senders apart; what comes beyond is counted in one entry."""
SECONDS = 60.0


class _Window:
    """How much was recorded lately, and what was not."""

    def __init__(self) -> None:
        self.ends = 0.0
        self.recorded = 0
        self.left_out: Counter[str] = Counter()
        self.summary: asyncio.Task[None] | None = None


class Refusals:
    """Puts refusals into the record. For one event loop; a record that cannot be kept stops no answer."""

    def __init__(
        self,
        audit: AuditLog,
        *,
        most: int = MOST,
        seconds: float = SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`clock`: seconds that only grow."""
        self._audit = audit
        self._most = most
        self._seconds = seconds
        self._clock = clock
        self._closing = asyncio.Event()
        self._windows = {True: _Window(), False: _Window()}

    async def record(
        self, request: Request, outcome: str, reason: str, *, actor: str = "", incident_id: str = ""
    ) -> None:
        """Record one.

        Args:
            request: Gives route and address; nothing else of it is kept.
            outcome: The HTTP status, or `unusable`, `closed`, `not_stored` for a click.
            reason: What the sender was told.
            actor: Who it provably was; empty when nothing proves it.
            incident_id: What it was about, as far as a proven sender says.
        """
        known = bool(actor)
        if not self._admits(self._windows[known], outcome, "proven senders" if known else "unknown senders"):
            return
        client = request.client.host if request.client else "unknown"
        route = f"{request.method} {clean(request.url.path, 200)}"
        await self._append(_entry(actor or f"client:{client}", route, outcome, reason, incident_id))

    async def close(self) -> None:
        """Write what is still to be summed up."""
        self._closing.set()
        await asyncio.gather(*(w.summary for w in self._windows.values() if w.summary))

    def _admits(self, window: _Window, outcome: str, of: str) -> bool:
        now = self._clock()
        if now >= window.ends:
            window.ends, window.recorded = now + self._seconds, 0
        if window.recorded < self._most:
            window.recorded += 1
            return True
        window.left_out[outcome] += 1
        if window.summary is None:
            window.summary = asyncio.create_task(self._sum_up(window, of, window.ends - now))
        return False

    async def _sum_up(self, window: _Window, of: str, seconds: float) -> None:
        """One entry for all that was left out, when the minute ends or the gateway stops."""
        try:
            await asyncio.wait_for(self._closing.wait(), seconds)
        except TimeoutError:
            log.info("many requests were turned away", of=of, more=window.left_out.total())
        counts = ", ".join(f"{outcome}: {count}" for outcome, count in window.left_out.most_common())
        told = f"{window.left_out.total()} more within {self._seconds:g} s ({counts})"
        window.left_out, window.summary = Counter(), None
        await self._append(_entry(of, "several requests", "many", told, ""))

    async def _append(self, entry: Entry) -> None:
        try:
            await asyncio.to_thread(self._audit.append, [entry])
        except Failure as failure:
            log.error("refusal not recorded", what=entry.what, outcome=entry.outcome, reason=str(failure))


def _entry(actor: str, what: str, outcome: str, reason: str, incident_id: str) -> Entry:
    return Entry(
        key=f"refusal/{uuid.uuid4()}", at=datetime.now(UTC), kind="refusal", actor=actor, what=what,
        outcome=outcome, reason=reason, incident_id=clean(incident_id, 250),
    )  # fmt: skip
