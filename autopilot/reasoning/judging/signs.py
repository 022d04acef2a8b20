"""What certain findings mean for a hypothesis: demand, work, limits. Recognised by the series' own names."""

import re

from autopilot.incident.base import Time
from autopilot.incident.cause import CauseKind
from autopilot.incident.finding import Dossier, Finding

_DEMAND = re.compile(
    r"^(count|invocations|requestcount|requests?|hits|rps|qps)$|request_?(count|rate)", re.IGNORECASE
)
_WORK = re.compile(r"consumed|rows_?(read|examined)|queries|iops|readthroughput|selectlatency", re.IGNORECASE)
_LIMIT_METRIC = re.compile(r"throttl|rejected|queuefull", re.IGNORECASE)
_LIMIT_LOG = re.compile(r"throttl|throughput exceeded|rate exceeded|limit exceeded|too many|quota", re.IGNORECASE)

SATURATION: dict[CauseKind, re.Pattern[str]] = {
    "cpu": re.compile(r"cpu", re.IGNORECASE),
    "memory": re.compile(r"mem|heap|oom", re.IGNORECASE),
    "disk": re.compile(r"disk|storage|iops|volume", re.IGNORECASE),
    "connection_pool": re.compile(r"connection|pool", re.IGNORECASE),
    "lock_contention": re.compile(r"lock|deadlock|wait", re.IGNORECASE),
}
"""Which series and log lines would show that a resource of this kind is used up."""

LIMITS: frozenset[CauseKind] = frozenset({"capacity", "throttled", "quota"})


PER_REQUEST = "per request"
"""The unit of findings that are quotients of work and requests."""


def short_name(resource: str) -> str:
    """What a person calls a resource: an ARN without its coordinates and its type."""
    parts = resource.split(":", 5)
    if len(parts) < 6 or parts[0] != "arn":
        return resource
    return re.split("[:/]", parts[5].lstrip("/"), maxsplit=1)[-1]


def named(finding: Finding) -> str:
    """The name of the finding's series, or its sentence when it has none."""
    return finding.metric.name if finding.metric else finding.summary


def strongest(findings: tuple[Finding, ...]) -> Finding | None:
    """The most unusual of some findings; equal ones by id, so that the choice is stable."""
    return min(findings, key=lambda f: (-f.score, -f.size, f.id), default=None)


def demand(dossier: Dossier) -> Finding | None:
    """The clearest rise of incoming requests."""
    rises = (f for f in dossier.findings if f.kind == "metric" and f.direction == "up" and f.metric)
    return strongest(tuple(f for f in rises if f.metric and _DEMAND.search(f.metric.name)))


def requests_read(dossier: Dossier) -> Finding | None:
    """A series of requests, risen or not: only who looked at one can say that there were no more."""
    return strongest(tuple(f for f in dossier.findings if f.metric and _DEMAND.search(f.metric.name)))


def rejections_read(dossier: Dossier, service: str) -> Finding | None:
    """A series of a service's rejected work, risen or not."""
    own = (f for f in dossier.findings if f.service == service and f.metric)
    return strongest(tuple(f for f in own if f.metric and _LIMIT_METRIC.search(f.metric.name)))


def work(dossier: Dossier, resource: str = "") -> Finding | None:
    """The clearest rise of work done for requests: reads, rows, queries. Preferably on a given resource."""
    rises = tuple(
        f
        for f in dossier.findings
        if f.kind == "metric" and f.direction == "up" and f.metric and _WORK.search(f.metric.name)
    )
    return strongest(tuple(f for f in rises if resource and f.resource == resource)) or strongest(rises)


def limits(dossier: Dossier) -> tuple[Finding, ...]:
    """Findings that show a provider rejecting work above a limit."""
    return tuple(
        f
        for f in dossier.findings
        if (f.metric and _LIMIT_METRIC.search(f.metric.name) and f.direction in ("up", "new"))
        or (f.kind == "log" and _LIMIT_LOG.search(f.summary))
        or (f.kind == "state" and f.cause_kind in LIMITS)
    )


def happened(finding: Finding) -> Time:
    """When a finding began."""
    return finding.onset or finding.window.start


def change(dossier: Dossier, change_id: str) -> Finding | None:
    """The finding about a change."""
    own = (f for f in dossier.findings if change_id and f.change_id == change_id)
    return min(own, key=lambda f: (f.kind != "change", f.id), default=None)


def per_request(dossier: Dossier, resource: str = "") -> tuple[float, Finding, Finding | None] | None:
    """How much more work each request needs than before (ratio), with the findings it is made of.

    A quotient that analysis measured itself counts first; else the rise of work is divided by the rise of requests,
    and without a rise of requests the whole rise of work counts. None when no rise of work was measured.
    """
    quotients = tuple(f for f in dossier.findings if f.unit == PER_REQUEST and f.size > 0)
    near = tuple(f for f in quotients if resource and resource in (f.resource, f.service))
    measured = strongest(near) or strongest(tuple(f for f in quotients if f.cause_kind)) or strongest(quotients)
    asked = demand(dossier)
    if measured is not None:
        return measured.size, measured, asked
    done = work(dossier, resource)
    if done is None or done.size <= 0:
        return None
    return done.size / max(asked.size if asked else 1.0, 1.0), done, asked
