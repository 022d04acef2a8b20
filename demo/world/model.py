"""How load, capacity and releases become latency and errors. Pure functions; nothing here knows any action.

Units: rates per second, times in milliseconds, shares between 0 and 1.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from demo.scenarios import Conditions, Scenario
from demo.scenarios.story import Behaviour

BURSTINESS = 0.05
"""Coefficient of variation of demand within a second: why throttling starts before the average is at capacity."""
ATTEMPTS = 4
"""Tries of the AWS SDK per table operation."""
BACKOFF_MS = 125.0
"""Mean wait before the first retry; doubles with each."""
RETRY_WORK_MS = 40.0
GATEWAY_MS = 45.0
ACCOUNT_CONCURRENCY = 1000
BUSY_SHARE_OF_FAILURES = 0.2
"""Of requests whose reads were given up, those answered 429 (try again) instead of failing with 5xx."""
CLIENT_ERRORS = 0.004
ON_DEMAND_READS = 40_000
TASK_RATE = 40.0
"""Requests per second that one task of the neighbour carries at full CPU."""
DATABASE_RATE = {"large": 160.0, "xlarge": 320.0, "2xlarge": 640.0, "4xlarge": 1280.0}


@dataclass(frozen=True)
class CloudState:
    """What the cloud's state really is, as far as physics depends on it."""

    shares: Mapping[str, float]
    """Release name → share of the traffic."""
    versions: Mapping[str, str]
    """Release name → published version number that serves it."""
    read_capacity: int
    write_capacity: int
    on_demand: bool = False
    reserved_concurrency: int | None = None
    tasks: int = 3
    database_class: str = "db.r6g.large"
    database_up: bool = True
    layout: int = 1
    """How the table's data is laid out; a migration changes it."""


@dataclass(frozen=True)
class Health:
    """How everything is at a moment."""

    rate: float
    read_demand: float
    """Read units asked for, without retries."""
    reads_served: float
    throttle_share: float
    """Of attempts on the table."""
    throttle_rate: float
    """Throttled attempts per second."""
    given_up: float
    """Share of requests whose reads failed after all attempts."""
    table_ms: float
    lambda_ms: float
    lambda_errors: float
    lambda_throttled: float
    concurrency: float
    api_ms: float
    server_errors: float
    """Share of requests answered 5xx."""
    client_errors: float
    error_share: float
    """User-facing: 5xx and 429."""
    neighbour_cpu: float
    database_cpu: float

    def towards(self, target: "Health", part: float) -> "Health":
        """The state after covering a part of the way to another one."""
        return Health(**{
            field.name: (1 - part) * float(getattr(self, field.name)) + part * float(getattr(target, field.name))
            for field in fields(Health)
        })  # fmt: skip


def traffic(conditions: Conditions, at: float, subsided: float = 0.0) -> float:
    """Requests per second `at` seconds after T. `subsided`: how much of the rise has gone again."""
    wave = 1 + 0.01 * math.sin(at / 900 + conditions.phase)
    ramp = min(max((at + conditions.rise_before) / conditions.ramp, 0.0), 1.0)
    return conditions.base_rate * wave * (1 + (conditions.rise - 1) * ramp * (1 - subsided))


def overflow(demand: float, capacity: float, burstiness: float = BURSTINESS) -> float:
    """The share of a bursty demand that exceeds capacity: the expected loss of a normal demand."""
    if demand <= 0:
        return 0.0
    spread = demand * burstiness
    z = (capacity - demand) / spread
    density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    tail = 0.5 * math.erfc(z / math.sqrt(2))
    share = spread * (density - z * tail) / demand
    return share if share > 1e-6 else 0.0


def load_of(behaviour: Behaviour, layout: int) -> tuple[float, float]:
    """(reads per request, milliseconds per operation) of a release on a data layout."""
    if layout in behaviour.layouts:
        return behaviour.reads_per_request, behaviour.query_ms
    return behaviour.reads_per_request * behaviour.scan_reads, behaviour.query_ms + behaviour.scan_ms


def equilibrium(scenario: Scenario, state: CloudState, rate: float) -> Health:
    """Where everything settles under a load."""
    mixed = [(scenario.release(name).behaviour, share) for name, share in state.shares.items()]
    loads = [(*load_of(behaviour, state.layout), behaviour, share) for behaviour, share in mixed]
    demand = rate * sum(reads * share for reads, _, _, share in loads)
    query_ms = sum(ms * share for _, ms, _, share in loads)
    base_ms = sum(behaviour.base_ms * share for _, _, behaviour, share in loads)
    own_errors = sum(behaviour.error_share * share for _, _, behaviour, share in loads)

    capacity = ON_DEMAND_READS if state.on_demand else state.read_capacity
    given_up = overflow(demand, capacity)
    # What fails after n attempts that each fail with p is p to the n; load is conserved, so that share is given.
    attempt = given_up ** (1 / ATTEMPTS)
    retries = [attempt**number for number in range(1, ATTEMPTS)]
    backoff = BACKOFF_MS * sum(part * 2**index for index, part in enumerate(retries))
    table_ms = query_ms + backoff
    lambda_ms = base_ms + table_ms + RETRY_WORK_MS * sum(retries)

    concurrency = rate * lambda_ms / 1000
    limit = ACCOUNT_CONCURRENCY if state.reserved_concurrency is None else state.reserved_concurrency
    refused = overflow(concurrency, limit, burstiness=0.1)
    lambda_errors = given_up * (1 - BUSY_SHARE_OF_FAILURES) + own_errors
    server_errors = refused + (1 - refused) * lambda_errors
    busy = (1 - refused) * given_up * BUSY_SHARE_OF_FAILURES
    size = state.database_class.rsplit(".", 1)[-1]
    return Health(
        rate=rate,
        read_demand=demand,
        reads_served=demand * (1 - given_up),
        throttle_share=attempt,
        throttle_rate=rate * (sum(retries) + given_up),
        given_up=given_up,
        table_ms=table_ms,
        lambda_ms=lambda_ms,
        lambda_errors=lambda_errors,
        lambda_throttled=refused,
        concurrency=min(concurrency, limit),
        api_ms=lambda_ms + GATEWAY_MS,
        server_errors=server_errors,
        client_errors=CLIENT_ERRORS + busy,
        error_share=server_errors + busy,
        neighbour_cpu=min(100 * rate / (max(state.tasks, 1) * TASK_RATE), 100.0),
        database_cpu=min(100 * rate / DATABASE_RATE.get(size, 320.0), 100.0) if state.database_up else 0.0,
    )
