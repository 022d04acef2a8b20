"""When the evidence does not decide: what would, which gap hides it, and who may know. Pure."""

import re
from collections.abc import Iterator, Sequence

from autopilot.incident.base import clean
from autopilot.incident.cause import CauseKind
from autopilot.incident.diagnosis import Hypothesis
from autopilot.incident.evidence import NOTE, Gap
from autopilot.incident.finding import Dossier
from autopilot.reasoning.judging import signs
from autopilot.reasoning.judging.verdict import BLINDING

_DECIDES: dict[CauseKind, str] = {
    "bad_deploy": "the work per request and the errors of {place} before and after its last release",
    "config_change": "whether the symptom of {place} ends when the setting or flag is put back",
    "capacity": "how much of its limit {place} used before and during the incident",
    "throttled": "whether {place} rejected requests, and since when",
    "quota": "how much of its quota {place} has used",
    "traffic_surge": "the number of requests to {place} before and during the incident",
    "slow_query": "the rows or units that each request of {place} reads, before and now",
    "lock_contention": "which work of {place} waits for locks, and who holds them",
    "connection_pool": "the open and the waiting connections of {place}",
    "memory": "the memory of {place} against its limit, and whether processes were ended",
    "cpu": "the processor time of {place}, and what uses it",
    "disk": "the free space and the waiting time of the disks of {place}",
    "dependency": "the latency and the errors of what {place} calls, call by call",
    "network": "lost packets, failed connections and name lookups between {place} and what it calls",
    "certificate": "when the certificates that {place} shows and trusts expire",
    "permission": "which identity {place} acts as, and what was denied to it",
    "crash": "with which code and message the processes of {place} ended",
    "startup": "what the health checks of {place} ask, and what they get",
    "scheduling": "why no node takes {place}",
    "image": "whether the image of {place} can be pulled",
    "batch_job": "which jobs ran when {place} became slow",
    "data": "what was migrated or written to {place} before the first symptom",
}
_AUTHOR = re.compile(r"\bby ([\w.@-]{2,60}) at \d")
_MOST = 5


def ways_out(hypotheses: Sequence[Hypothesis], dossier: Dossier, service: str) -> tuple[str, ...]:
    """What a person can do so that the next analysis decides, the most useful first; at most five steps.

    Args:
        hypotheses: The explanations that are left, best first.
        dossier: What was found, and what could not be learned.
        service: The service that alarmed.
    """
    steps = (*_gaps(dossier.gaps), *_deciding(hypotheses), *_people(dossier, service), *_last(service))
    return tuple(dict.fromkeys(steps))[:_MOST]


def _gaps(gaps: Sequence[Gap]) -> Iterator[str]:
    """What hides evidence, before what was simply empty."""
    for gap in sorted(gaps, key=lambda g: g.kind not in BLINDING)[:2]:
        yield clean(f"Close this gap and re-analyse: {gap.source}: {gap.what} {gap.remedy}", 400)


def _deciding(hypotheses: Sequence[Hypothesis]) -> Iterator[str]:
    """For the two best explanations, what would tell whether they are true."""
    for hypothesis in [h for h in hypotheses if h.standing == "inconclusive" and h.cause_kind in _DECIDES][:2]:
        place = signs.short_name(hypothesis.resource) or hypothesis.service
        yield clean(f"This would decide: {_DECIDES[hypothesis.cause_kind].format(place=place)}.", 400)


def _people(dossier: Dossier, service: str) -> Iterator[str]:
    """Who made the last change before the symptom, and where the owners are named."""
    changes = [f for f in dossier.findings if f.kind == "change" and f.service == service]
    last = max(changes, key=signs.happened, default=None)
    author = _AUTHOR.search(last.summary) if last else None
    if last is not None and author is not None:
        yield f"Ask {author[1]}, who made the last change of {service} ({last.id})."
    note = next((f for f in dossier.findings if f.service == service and f.provenance.query.startswith(NOTE)), None)
    if note is not None:
        yield clean(f"Ask the owners of {service}, see its notes ({note.id}).", 400)


def _last(service: str) -> Iterator[str]:
    yield f"Look at the latest changes and the logs of {service} by hand, or re-analyse with a hint."
