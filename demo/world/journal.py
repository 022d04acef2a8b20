"""Requests as log lines, as the function and the API gateway write them."""

import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta

from demo.scenarios import Scenario
from demo.world.model import ATTEMPTS
from demo.world.requests import Visit

Line = tuple[str, datetime, str]
"""(log group, time, text)."""

FINAL = {
    "failed": ("ERROR", "ProvisionedThroughputExceededException when calling the Query operation on table {table} "
               "(reached max retries: {retries}): provisioned throughput exceeded. Consider increasing your "
               "provisioning level with the UpdateTable API."),
    "busy": ("WARN", "answered 429: table {table} has no read capacity left, provisioned throughput exceeded"),
    "broken": ("ERROR", "payment provider closed the connection"),
    "rejected": ("WARN", "basket rejected: item {item} is sold out"),
}  # fmt: skip


def application_group(scenario: Scenario) -> str:
    """The function's log group."""
    return f"/aws/lambda/{scenario.resources.function}"


def access_group(scenario: Scenario) -> str:
    """The API's access log."""
    return f"{scenario.resources.api}-access"


def lines(scenario: Scenario, visit: Visit, seeded: random.Random) -> Iterator[Line]:
    """Everything that is logged about a request."""
    end = visit.at + timedelta(milliseconds=visit.api_ms)
    if visit.outcome != "refused":
        yield from _application(scenario, visit, seeded)
    access: dict[str, object] = {
        "time": end.isoformat(timespec="milliseconds"),
        "requestId": visit.request_id,
        "httpMethod": "POST",
        "resourcePath": "/checkout",
        "status": visit.status,
        "latency_ms": round(visit.api_ms),
        "user": visit.user,
        "stage": scenario.resources.stage,
        "xrayTraceId": visit.trace_id,
    }
    yield access_group(scenario), end, json.dumps(access)


def _application(scenario: Scenario, visit: Visit, seeded: random.Random) -> Iterator[Line]:
    def line(after_ms: float, level: str, message: str) -> Line:
        at = visit.at + timedelta(milliseconds=after_ms)
        record = {
            "timestamp": at.isoformat(timespec="milliseconds"),
            "level": level,
            "message": message,
            "trace_id": visit.trace_id,
            "request_id": visit.request_id,
            "version": visit.release,
            "user": visit.user,
        }
        return application_group(scenario), at, json.dumps(record)

    table = scenario.resources.table
    work = visit.lambda_ms - visit.table_ms
    yield line(5, "INFO", f"checkout started with {seeded.randint(1, 9)} items")
    if visit.throttled > 0:
        reached = min(visit.throttled + 1, ATTEMPTS)
        yield line(
            work / 2 + visit.table_ms / 2, "WARN",
            f"Query on table {table} throttled, attempt {reached} of {ATTEMPTS}: "
            "ProvisionedThroughputExceededException, provisioned throughput exceeded",
        )  # fmt: skip
    for note in scenario.release(visit.release).behaviour.notes if visit.throttled < ATTEMPTS else ():
        yield line(work / 2 + visit.table_ms, "INFO", note.format(n=seeded.randint(3, 20)))
    if visit.outcome in FINAL:
        level, text = FINAL[visit.outcome]
        filled = text.format(table=table, retries=ATTEMPTS - 1, item=f"sku-{seeded.randrange(900):03d}")
        yield line(visit.lambda_ms, level, filled)
    else:
        number = seeded.randrange(10_000, 99_999)
        yield line(visit.lambda_ms, "INFO", f"order {number} placed in {visit.lambda_ms:.0f} ms")
