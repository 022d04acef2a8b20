"""Single requests, drawn from the world's health: what logs and traces tell about."""

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from demo.scenarios import Scenario
from demo.world.metrics import SPREAD
from demo.world.model import (
    ATTEMPTS,
    BACKOFF_MS,
    BUSY_SHARE_OF_FAILURES,
    CLIENT_ERRORS,
    GATEWAY_MS,
    RETRY_WORK_MS,
    CloudState,
    Health,
    load_of,
)

USERS = 4000

Outcome = Literal["ok", "busy", "failed", "broken", "rejected", "refused"]
"""busy: 429 after throttled reads · failed: 502 after throttled reads · broken: a fault of the code itself ·
rejected: the caller's fault · refused: the function had no free execution."""
STATUS: Mapping[Outcome, int] = {
    "ok": 200, "busy": 429, "failed": 502, "broken": 502, "rejected": 400, "refused": 500,
}  # fmt: skip


@dataclass(frozen=True)
class Visit:
    """One request to the API. Times in milliseconds."""

    at: datetime
    trace_id: str
    request_id: str
    user: str
    release: str
    version: str
    throttled: int
    """Attempts on the table that were throttled."""
    table_ms: float
    lambda_ms: float
    outcome: Outcome

    @property
    def api_ms(self) -> float:
        """As the caller felt it."""
        return self.lambda_ms + GATEWAY_MS

    @property
    def status(self) -> int:
        """The HTTP status."""
        return STATUS[self.outcome]


def _hex(seeded: random.Random, digits: int) -> str:
    return f"{seeded.getrandbits(digits * 4):0{digits}x}"


def trace_id(seeded: random.Random, at: datetime) -> str:
    """An X-Ray trace id."""
    return f"1-{int(at.timestamp()):08x}-{_hex(seeded, 24)}"


def _outcome(seeded: random.Random, health: Health, error_share: float, *, gave_up: bool) -> Outcome:
    if seeded.random() < health.lambda_throttled:
        return "refused"
    if gave_up:
        return "busy" if seeded.random() < BUSY_SHARE_OF_FAILURES else "failed"
    if seeded.random() < error_share:
        return "broken"
    return "rejected" if seeded.random() < CLIENT_ERRORS else "ok"


def draw_visit(scenario: Scenario, state: CloudState, health: Health, at: datetime, seeded: random.Random) -> Visit:
    """A request at a moment. Averages over many follow the model."""
    release = seeded.choices(list(state.shares), weights=list(state.shares.values()))[0]
    behaviour = scenario.release(release).behaviour
    _, query_ms = load_of(behaviour, state.layout)
    throttled = 0
    while throttled < ATTEMPTS and seeded.random() < health.throttle_share:
        throttled += 1
    waits = [BACKOFF_MS * 2**retry * seeded.uniform(0.5, 1.5) for retry in range(min(throttled, ATTEMPTS - 1))]
    table_ms = query_ms * seeded.lognormvariate(-(SPREAD**2) / 2, SPREAD) + sum(waits)
    work = behaviour.base_ms * seeded.lognormvariate(-(SPREAD**2) / 2, SPREAD)
    visit = Visit(
        at=at,
        trace_id=trace_id(seeded, at),
        request_id=f"{_hex(seeded, 8)}-{_hex(seeded, 4)}-4{_hex(seeded, 3)}-a{_hex(seeded, 3)}-{_hex(seeded, 12)}",
        user=f"u{seeded.randrange(USERS):05d}",
        release=release,
        version=state.versions.get(release, "1"),
        throttled=throttled,
        table_ms=table_ms,
        lambda_ms=work + table_ms + RETRY_WORK_MS * len(waits),
        outcome=_outcome(seeded, health, behaviour.error_share, gave_up=throttled == ATTEMPTS),
    )
    return replace(visit, lambda_ms=5.0, table_ms=0.0, throttled=0) if visit.outcome == "refused" else visit
